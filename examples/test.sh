#!/usr/bin/env bash
# Runs every example against a real server. Needs what `make run` needs, Node 20, Python 3.11 and curl; what the examples
# themselves need is installed below target/.
set -euo pipefail
cd "$(dirname "$0")/.."

# The servers here have a database of their own, whatever this shell is set up for.
unset DATABASE_URL
root=$PWD
work=$root/target/examples
# TANGGAP_BIN names another build than the one of this tree.
if [ -z "${TANGGAP_BIN:-}" ]; then
  cargo build --bin tanggap
  export TANGGAP_BIN=${CARGO_TARGET_DIR:-$root/target}/debug/tanggap
fi

mkdir -p "$work"
data=$(mktemp -d)
server=""
end() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$data"
}
trap end EXIT

step() { printf '\n== %s\n' "$*"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_server() {
  # PostgreSQL, which does not run as root, has to be able to enter.
  chmod 755 "$data"
  local api sandbox
  api=$(free_port)
  sandbox=$(free_port)
  TANGGAP_LISTEN=127.0.0.1:$api TANGGAP_SANDBOX_LISTEN=127.0.0.1:$sandbox TANGGAP_DATA_DIR=$data/tanggap \
    "$TANGGAP_BIN" dev >"$data/log" 2>&1 &
  server=$!
  export TANGGAP_URL=http://127.0.0.1:$api TANGGAP_SANDBOX_URL=http://127.0.0.1:$sandbox
  local began=$SECONDS
  until grep -q 'Tanggap is ready' "$data/log"; do
    if ! kill -0 "$server" 2>/dev/null || [ $((SECONDS - began)) -gt 180 ]; then cat "$data/log" >&2; exit 1; fi
    sleep 0.2
  done
}

step "a client of the stream, in TypeScript"
mkdir -p "$work/typescript-stream"
cp -R examples/typescript-stream/. "$work/typescript-stream/"
(
  cd "$work/typescript-stream"
  npm ci --no-audit --no-fund --loglevel=error
  TANGGAP_ASYNCAPI=$root/openapi/asyncapi.yaml npm test
)

step "the server, for the others"
start_server

step "curl"
examples/http/walk.sh "$TANGGAP_URL" "$TANGGAP_SANDBOX_URL"

step "requests for editors"
node examples/http/run.mjs --api "$TANGGAP_URL" --sandbox "$TANGGAP_SANDBOX_URL" examples/http/*.http

step "a bot, in Python"
[ -x "$work/python/bin/python" ] || python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check --requirement examples/python-bot/requirements.txt \
  --constraint examples/python-bot/constraints.txt
(cd examples/python-bot && PYTHONDONTWRITEBYTECODE=1 "$work/python/bin/python" -m unittest)

step "all examples work"
