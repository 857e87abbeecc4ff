#!/usr/bin/env bash
# A-03: AsyncAPI's own parser accepts the document of the live stream.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node

node "$contract/asyncapi/check.mjs" "$asyncapi"
