#!/usr/bin/env bash
# A-03: openapi-generator understands the OpenAPI document: it writes a Kotlin and a TypeScript client without a word of
# complaint, and the second compiles strictly.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node
use_python
need java "Java 17 or newer"

# Said of every document of our kind, whatever is in it.
said_of_all=(
  -e 'OPENAPI 3.1 support is still in beta'
  # Of `additionalProperties: false`, which it then heeds.
  -e 'Failed to get the schema name: null'
)

generate() {
  local generator=$1
  local log=$built/generator/$generator.log
  if ! openapi-generator-cli generate --generator-name "$generator" --input-spec "$openapi" \
    --output "$built/generator/$generator" >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  if grep -E 'WARN|ERROR|Exception' "$log" | grep -v -i "${said_of_all[@]}" >&2; then
    echo "openapi-generator complains about the document, see above" >&2
    return 1
  fi
  echo "openapi-generator: $generator, $(grep -c 'writing file' "$log") files"
}

rm -rf "$built/generator"
mkdir -p "$built/generator"
generate kotlin
generate typescript-fetch
tsc --project "$contract/generator/tsconfig.json"
