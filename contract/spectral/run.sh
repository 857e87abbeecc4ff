#!/usr/bin/env bash
# A-01: spectral finds nothing in the OpenAPI document, by its own rules and OWASP's. What is let pass, and why, is in
# spectral.yaml.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
use_node

spectral lint "$openapi" --ruleset "$contract/spectral/spectral.yaml" --fail-severity hint
