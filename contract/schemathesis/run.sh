#!/usr/bin/env bash
# Tries every operation of the document on a real server, as everybody who may call it, and fails on whatever differs from the
# document (docs/contract.md, "Schemathesis").
set -euo pipefail
cd "$(dirname "$0")/../.."

requirements=contract/schemathesis/requirements.txt
environment=target/schemathesis

# A new environment whenever the requirements are others than those it was made for.
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$environment/requirements.txt"
fi

cargo build --quiet --bin tanggap
exec "$environment/bin/python" -B contract/schemathesis/run.py "${CARGO_TARGET_DIR:-target}/debug/tanggap"
