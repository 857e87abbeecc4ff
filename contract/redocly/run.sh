#!/usr/bin/env bash
# A-01: redocly finds nothing in the OpenAPI document, by its strictest rules. What is let pass, and why, is in
# .redocly.lint-ignore.yaml.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
redocly lint "$openapi" --config "$contract/redocly/redocly.yaml"
