#!/usr/bin/env bash
# A-09: nothing in the OpenAPI document breaks programs that were written for the last released one, unless the version says
# so. First the comparison is tested itself.
set -euo pipefail
source "$(dirname "$0")/../tools.sh"
need python3 "Python 3.11 or newer"

export PYTHONDONTWRITEBYTECODE=1
python3 -m unittest discover --quiet --start-directory "$contract/breaking"
released=$contract/released/openapi.json
if [ -f "$released" ]; then
  python3 "$contract/breaking/compare.py" "$released" "$openapi"
else
  echo "nothing is released yet: nothing to break"
fi
