#!/usr/bin/env bash
# A-03: a program that knows Tanggap only from a generated client does the main job with a real server: `tanggap dev`, in a
# folder and on ports of its own.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node
need cargo "Rust"

if [ ! "$built/clients/hey-api/index.ts" -nt "$openapi" ]; then "$contract/clients/run.sh"; fi
rm -rf "$built/journey"
tsc --project "$contract/journey/tsconfig.json"
(cd "$root" && cargo build --bin tanggap)
target=$(cd "$root" && cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
node "$built/journey/contract/journey/main.js" "$target/debug/tanggap"
