#!/usr/bin/env bash
# Says which of the tools that must come with the machine are missing.
set -euo pipefail

missing=()
packages=()
command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || {
    missing+=('a C++ compiler')
    packages+=(g++)
}
command -v python3 >/dev/null || {
    missing+=(python3)
    packages+=(python3 python3-venv)
}
command -v cargo >/dev/null || missing+=('Rust with cargo')

if ((${#missing[@]} > 0)); then
    printf 'Missing: %s.\n' "$(printf '%s, ' "${missing[@]}" | sed 's/, $//')"
    if ((${#packages[@]} > 0)); then
        printf 'On Debian and Ubuntu: apt-get install %s\n' "${packages[*]}"
    fi
    if ! command -v cargo >/dev/null; then
        echo 'Rust: install the stable toolchain with rustup and see that cargo is in PATH.'
    fi
    exit 1
fi >&2
