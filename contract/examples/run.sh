#!/usr/bin/env bash
# The examples for users work against a real server.
set -euo pipefail
exec "$(dirname "$0")/../../examples/test.sh"
