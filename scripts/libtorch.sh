#!/usr/bin/env bash
# Finds libtorch, or installs it from PyTorch's wheels, and tells cargo about it in .cargo/config.toml.
#
#   LIBTORCH=DIR              use this libtorch and no other
#   LIBTORCH_SOURCE=download  leave it to the build (cargo build --features download-libtorch)
set -euo pipefail

readonly version=2.4.0
readonly marker='# Written by scripts/libtorch.sh, which replaces it. Delete this line to keep a file of your own.'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly scripts="$root/scripts"
readonly config="$root/.cargo/config.toml"
work=''

say() { printf '%s\n' "$*" >&2; }

give_up() {
    say "No libtorch $version: $1"
    say "Do one of these and run the command again:
  - Unpack a libtorch $version distribution and name its folder (the one with lib/ and include/):
      export LIBTORCH=/path/to/libtorch
  - Let the build fetch libtorch from the PyTorch site:
      export LIBTORCH_SOURCE=download          (cargo alone: --features download-libtorch)
  - On Linux, x86-64 or aarch64, provide Python 3 with pip and a package index that pip can reach:
      apt-get install python3 python3-venv"
    exit 1
}

clean_up() { [[ -z $work ]] || rm -rf "$work"; }
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What is wrong with the libtorch in a folder; nothing where it is complete and of the right version.
flaw_of() {
    local dir=$1 header="$1/include/torch/csrc/api/include/torch/version.h" found
    if [[ ! -e $dir/lib/libtorch_cpu.so && ! -e $dir/lib/libtorch_cpu.dylib ]]; then
        echo "it has no lib/libtorch_cpu.so"
    elif [[ ! -e $dir/lib/libc10.so && ! -e $dir/lib/libc10.dylib ]]; then
        echo "it has no lib/libc10.so"
    elif [[ ! -f $header ]]; then
        echo "it has no include/torch with the C++ headers"
    else
        found=$(awk '/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { v = v sep $3; sep = "." } END { print v }' \
            "$header")
        [[ $found == "$version" ]] || echo "it is version ${found:-unknown}"
    fi
}

# Which C++ ABI a libtorch was built with, as _GLIBCXX_USE_CXX11_ABI has it. The constructor of c10::Error
# takes a std::string, whose name differs between the two; std's own symbols occur in both builds.
abi_of() {
    local constructor='_ZN3c105ErrorC[12]ENS_14SourceLocationE'
    if [[ ! -e $1/lib/libc10.so ]] || LC_ALL=C grep -qaE "${constructor}NSt7__cxx11" "$1/lib/libc10.so"; then
        echo 1
    elif LC_ALL=C grep -qaE "${constructor}Ss" "$1/lib/libc10.so"; then
        echo 0
    else
        give_up "can't tell with which C++ ABI $1/lib/libc10.so was built."
    fi
}

is_own_config() { [[ -f $config ]] && grep -qxF "$marker" "$config"; }

# The value of LIBTORCH in a configuration that somebody wrote by hand.
configured_libtorch() {
    [[ -f $config ]] && ! is_own_config || return 0
    sed -nE "s/^[[:space:]]*LIBTORCH[[:space:]]*=[^\"']*[\"']([^\"']+)[\"'].*/\1/p" "$config" | head -n 1
}

write_config() {
    local dir=$1 abi=$2 quoted new
    quoted=${dir//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    new="$marker
[env]
LIBTORCH = \"$quoted\"
LIBTORCH_CXX11_ABI = \"$abi\""
    if [[ -f $config ]] && ! is_own_config; then
        say "libtorch: $config is not this script's and names no LIBTORCH. Add to it:
$(tail -n +2 <<<"$new")"
        exit 1
    fi
    if [[ -f $config && $(<"$config") == "$new" ]]; then
        return
    fi
    mkdir -p "${config%/*}"
    printf '%s\n' "$new" >"$config.$$"
    mv -f "$config.$$" "$config"
}

use() {
    local dir=$1 origin=$2 abi
    dir=$(cd "$dir" && pwd)
    abi=$(abi_of "$dir")
    write_config "$dir" "$abi"
    echo "libtorch $version: $dir ($origin; LIBTORCH_CXX11_ABI=$abi)"
}

platform() {
    local machine
    [[ $(uname -s) == Linux ]] || give_up "there is no prepared one for $(uname -s)."
    getconf GNU_LIBC_VERSION >/dev/null 2>&1 || give_up "the prepared ones need glibc, which this system lacks."
    machine=$(uname -m)
    case $machine in
        x86_64 | amd64) echo x86_64 ;;
        aarch64 | arm64) echo aarch64 ;;
        *) give_up "there is no prepared one for Linux on $machine." ;;
    esac
}

# A Python with pip: the system's, else that of a virtual environment made for this.
python_with_pip() {
    local venv="$work/venv"
    command -v python3 >/dev/null || give_up "python3 is missing."
    if python3 -m pip --version >/dev/null 2>&1; then
        command -v python3
    elif python3 -m venv "$venv" >/dev/null 2>&1; then
        echo "$venv/bin/python"
    else
        give_up "python3 has neither pip nor venv."
    fi
}

download() {
    local python=$1 arch=$2 wheels=$3 tag
    case $arch in
        x86_64) tag=manylinux1_x86_64 ;;
        aarch64) tag=manylinux2014_aarch64 ;;
    esac
    # The libraries are the same for every Python; naming 3.11 lets any Python fetch them.
    "$python" -m pip download --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
        --only-binary=:all: --platform "$tag" --python-version 3.11 --implementation cp \
        --dest "$wheels" --requirement "$scripts/libtorch-$arch.txt" >&2 ||
        give_up "pip couldn't fetch the wheels that scripts/libtorch-$arch.txt names (see its message above)."
}

# Installs beside the destination and renames: what has the final name is complete.
install() {
    local destination=$1 arch=$2 python flaw
    work=$(mktemp -d "$destination.partial.XXXXXX") || give_up "can't write to ${destination%/*}."
    python=$(python_with_pip)
    say "libtorch: fetching version $version for Linux on $arch into $destination"
    download "$python" "$arch" "$work/wheels"
    "$python" "$scripts/unpack-libtorch.py" "$work/wheels" "$work/libtorch" ||
        give_up "the wheels couldn't be unpacked into ${destination%/*} (is the disk full?)."
    flaw=$(flaw_of "$work/libtorch")
    [[ -z $flaw ]] || give_up "the wheels don't hold what they should: $flaw."
    "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$work/libtorch/lib/libtorch.so" ||
        give_up "the library that was unpacked can't be loaded (see the message above)."
    chmod 755 "$work/libtorch"
    mv -T "$work/libtorch" "$destination" 2>/dev/null || [[ -z $(flaw_of "$destination") ]] ||
        give_up "can't put it at $destination: a folder that is no libtorch is in the way."
    clean_up
    work=''
}

# Installs unless another run has done so while this one waited for it.
install_once() {
    local destination=$1 arch=$2
    if command -v flock >/dev/null; then
        exec 9>"$destination.lock"
        flock 9
        # Left over from a run that was killed.
        rm -rf "$destination".partial.*
    fi
    [[ -z $(flaw_of "$destination") ]] || install "$destination" "$arch"
    exec 9>&-
}

main() {
    local flaw configured arch cache

    if [[ ${LIBTORCH_SOURCE:-} == download ]]; then
        if is_own_config; then rm -f "$config"; fi
        echo "libtorch: left to the build (--features download-libtorch)"
        return
    fi
    if [[ -n ${LIBTORCH:-} ]]; then
        [[ $LIBTORCH == /* ]] || give_up "LIBTORCH is set to $LIBTORCH, which is no absolute path."
        flaw=$(flaw_of "$LIBTORCH")
        [[ -z $flaw ]] || give_up "LIBTORCH is set to $LIBTORCH, but $flaw."
    fi
    configured=$(configured_libtorch)
    if [[ -n ${LIBTORCH:-} && -z $configured ]]; then
        use "$LIBTORCH" 'named by LIBTORCH'
        return
    fi
    if [[ -n ${LIBTORCH:-} ]]; then
        echo "libtorch $version: $LIBTORCH (named by LIBTORCH; $config is left as it is)"
        return
    fi
    if [[ -n $configured ]]; then
        flaw=$(flaw_of "$configured")
        [[ -z $flaw ]] || give_up "$config names $configured, but $flaw."
        echo "libtorch $version: $configured (from $config, which is left as it is)"
        return
    fi
    if [[ -z $(flaw_of "$root/target/libtorch") ]]; then
        use "$root/target/libtorch" 'installed under target'
        return
    fi
    arch=$(platform)
    # Empty, and so not to be written to, where the machine knows no home directory.
    cache="${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}"
    cache="${cache:+$cache/tagwerk}"
    if [[ -z $(flaw_of "$cache/libtorch-$version-$arch") ]]; then
        use "$cache/libtorch-$version-$arch" 'in the user cache'
    elif mkdir -p "$cache" 2>/dev/null && [[ -w $cache ]]; then
        install_once "$cache/libtorch-$version-$arch" "$arch"
        use "$cache/libtorch-$version-$arch" 'installed now'
    else
        mkdir -p "$root/target"
        install_once "$root/target/libtorch" "$arch"
        use "$root/target/libtorch" 'installed now'
    fi
}

main
