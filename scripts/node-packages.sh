#!/usr/bin/env bash
# Installs what clients/node/package-lock.json names, with the Node of target/tools (tools.sh node).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly lock=$root/clients/node/package-lock.json installed=$root/clients/node/node_modules/.installed.json

exec 9>"$root/target/node-packages.lock"
if command -v flock >/dev/null; then
    flock 9
fi
if ! cmp -s "$lock" "$installed"; then
    PATH="$root/target/tools/bin:$PATH" npm ci --prefix "$root/clients/node" --ignore-scripts --no-audit --no-fund --silent || {
        echo 'npm could not install what clients/node/package-lock.json names (see its message above).' >&2
        exit 1
    }
    cp "$lock" "$installed"
fi
