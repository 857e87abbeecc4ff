#!/usr/bin/env bash
# The contract gate, see docs/contract.md: `contract/run.sh` takes every step, `contract/run.sh redocly journey` those named.
# A step is a folder with a `run.sh`.
set -euo pipefail
cd "$(dirname "$0")"

steps=("$@")
if [ ${#steps[@]} -eq 0 ]; then
  steps=(redocly spectral asyncapi breaking clients generator journey examples schemathesis)
fi

started=$SECONDS
report=""
for step in "${steps[@]}"; do
  from=$SECONDS
  echo "== contract: $step"
  if ! "./$step/run.sh"; then
    echo "== contract: $step FAILED after $((SECONDS - from)) s" >&2
    exit 1
  fi
  report+=$(printf '%6d s  contract: %s' $((SECONDS - from)) "$step")$'\n'
done
printf '\n%s%6d s  in all\n' "$report" $((SECONDS - started))
