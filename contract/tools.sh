# What the steps share: where things are, and the tools, which are installed below target/ and nowhere else.
# Sourced by the steps, which have `set -euo pipefail`.

contract=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$contract")
built=$root/target/contract
openapi=$root/openapi/openapi.json
asyncapi=$root/openapi/asyncapi.yaml

need() {
  command -v "$1" >/dev/null 2>&1 || { echo "make contract needs $2" >&2; exit 1; }
}

# The npm packages of the lock file. Installed anew only when that has changed.
# Node finds them by the link, also from this folder.
use_node() {
  need npm "Node 20.19 or 22.12, or newer, with npm"
  if ! cmp -s "$contract/package-lock.json" "$built/installed/package-lock.json"; then
    echo "installing the npm packages"
    mkdir -p "$built/installed"
    cp "$contract/package.json" "$contract/package-lock.json" "$contract/.npmrc" "$built/"
    (cd "$built" && npm ci --loglevel=error --no-progress)
    cp "$contract/package-lock.json" "$built/installed/"
  fi
  ln -sfn ../target/contract/node_modules "$contract/node_modules"
  PATH=$built/node_modules/.bin:$PATH
}

# The Python packages of requirements.txt, likewise.
use_python() {
  need python3 "Python 3.11 or newer, with venv and pip"
  if ! cmp -s "$contract/requirements.txt" "$built/installed/requirements.txt"; then
    echo "installing the Python packages"
    mkdir -p "$built/installed"
    rm -rf "$built/python"
    python3 -m venv "$built/python"
    "$built/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$contract/requirements.txt"
    cp "$contract/requirements.txt" "$built/installed/"
  fi
  PATH=$built/python/bin:$PATH
}
