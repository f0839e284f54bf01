#!/usr/bin/env bash
# Remakes the locks: names, versions and hashes, never addresses. The lock tool itself is locked, too.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.cache/lock-venv
[ -x "$venv/bin/uv" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --require-hashes -r requirements/lock.txt; }
options=(--universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command "make lock")
compile() { "$venv/bin/uv" pip compile "${options[@]}" "$@"; }
compile pyproject.toml -o requirements.txt ${UPGRADE:+--upgrade}
for group in build dev lock ui; do
  compile --group "$group" -c requirements.txt -o "requirements/$group.txt"
done
# without -c: these share nothing with the gateway's own environment
"$venv/bin/uv" pip compile "${options[@]}" --group clients -o requirements/clients.txt
compile pyproject.toml --extra bridge -c requirements.txt -o requirements/bridge.txt
if grep -nE 'https?://|--(extra-)?index-url|--find-links' requirements.txt requirements/*.txt; then
  echo "a lock names an address" >&2
  exit 1
fi
if grep -nE '^litellm==1\.82\.[78]\b' requirements/*.txt; then
  echo "litellm 1.82.7 and 1.82.8 are poisoned releases" >&2
  exit 1
fi
