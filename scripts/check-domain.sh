#!/usr/bin/env bash
# The rules must be true without a database, a runtime and HTTP: `domain` depends on none of them, with any feature.
set -euo pipefail
cd "$(dirname "$0")/.."

tree=$(cargo tree --package domain --edges normal --all-features --prefix none --format '{p}')
if found=$(grep -E '^(diesel|r2d2|pq-sys|tokio|actix-web|actix-rt|reqwest) ' <<<"$tree" | sort -u); then
  echo "domain must not depend on:" >&2
  echo "$found" >&2
  exit 1
fi
