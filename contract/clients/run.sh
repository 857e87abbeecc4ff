#!/usr/bin/env bash
# A-03: two generators of TypeScript clients understand the OpenAPI document, and what they write compiles strictly.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node

clients=$built/clients
rm -rf "$clients"
mkdir -p "$clients"
openapi-typescript "$openapi" --output "$clients/openapi-typescript/api.ts"
openapi-ts --file "$contract/clients/openapi-ts.config.mjs"
tsc --project "$contract/clients/tsconfig.json"
