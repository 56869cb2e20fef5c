#!/usr/bin/env bash
# Writes the code of clients/ that is made from proto/. With --check it says what is out of date instead.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly files=(tagwerk/v1/document.proto tagwerk/v1/tagging_service.proto)
readonly python=clients/python/src/tagwerk/v1
readonly node=clients/node/src/proto

check=''
case "${1:-}" in
    '') ;;
    --check) check=1 ;;
    *)
        echo "clients.sh: only --check is known, not $1" >&2
        exit 2
        ;;
esac

"$root/scripts/tools.sh" node
"$root/scripts/node-packages.sh"

# In a folder of its own: the tools beside it want another protobuf.
generator=$root/target/protoc
if ! cmp -s "$root/scripts/tools-protoc.txt" "$generator/installed.txt"; then
    rm -rf "$generator"
    "$root/target/tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$generator" \
        --requirement "$root/scripts/tools-protoc.txt"
    cp "$root/scripts/tools-protoc.txt" "$generator/installed.txt"
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir "$out/python" "$out/node"
cd "$root/proto"
protoc() { PATH="$root/target/tools/bin:$PATH" PYTHONPATH="$generator" "$root/target/tools/bin/python" -m grpc_tools.protoc "$@"; }
protoc --proto_path=. --python_out="$out/python" --pyi_out="$out/python" "${files[@]}"
protoc --proto_path=. --proto_path="$generator" \
    --plugin="protoc-gen-es=$root/clients/node/node_modules/.bin/protoc-gen-es" \
    --es_out="$out/node" --es_opt=target=ts,import_extension=js \
    "${files[@]}" google/rpc/status.proto google/rpc/error_details.proto

cd "$root"
if [[ $check ]]; then
    if ! diff -r "$out/python/tagwerk/v1" "$python" --exclude __init__.py --exclude __pycache__ ||
        ! diff -r "$out/node" "$node"; then
        echo 'The code in clients/ is not what proto/ gives: make clients' >&2
        exit 1
    fi
    exit
fi
mkdir -p "$python"
rm -rf "$node" "$python"/*_pb2.py*
cp "$out/python/tagwerk/v1/"* "$python"
cp -r "$out/node" "$node"
