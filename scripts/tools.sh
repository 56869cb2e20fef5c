#!/usr/bin/env bash
# Installs development tools into target/tools: tools.sh GROUP…, each a list scripts/tools-GROUP.txt, and where there is
# a folder scripts/npm-GROUP also what its package-lock.json names, with the npm that the list brings.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly tools="$root/target/tools"

give_up() {
    printf '%s\n' "The development tools can't be installed: $1" >&2
    exit 1
}

create() {
    command -v python3 >/dev/null || give_up "python3 is missing (apt-get install python3 python3-venv)."
    python3 -m venv --clear "$tools" ||
        give_up "python3 can't make a virtual environment (apt-get install python3-venv)."
}

install() {
    local group=$1 list="$root/scripts/tools-$1.txt" installed="$tools/installed-$1.txt"
    [[ -f $list ]] || give_up "there is no group \"$group\"."
    if cmp -s "$list" "$installed" && has_npm_packages "$group"; then
        return
    fi
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list" ||
        give_up "pip couldn't install what scripts/tools-$group.txt names (see its message above)."
    install_npm_packages "$group"
    cp "$list" "$installed"
}

has_npm_packages() {
    local lock="$root/scripts/npm-$1/package-lock.json"
    [[ ! -f $lock ]] || cmp -s "$lock" "$tools/npm-$1/package-lock.json"
}

install_npm_packages() {
    local group=$1 packages="$root/scripts/npm-$1" folder="$tools/npm-$1"
    if has_npm_packages "$group"; then
        return
    fi
    rm -rf "$folder"
    mkdir -p "$folder.part"
    cp "$packages/package.json" "$packages/package-lock.json" "$folder.part"
    "$tools/bin/npm" ci --prefix "$folder.part" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
        give_up "npm couldn't install what scripts/npm-$group names (see its message above)."
    mv "$folder.part" "$folder"
}

(($# > 0)) || give_up 'name a group: a list scripts/tools-GROUP.txt.'
mkdir -p "$root/target"
if command -v flock >/dev/null; then
    exec 9>"$root/target/tools.lock"
    flock 9
fi
"$tools/bin/python" -c '' 2>/dev/null || create
for group in "$@"; do
    install "$group"
done
