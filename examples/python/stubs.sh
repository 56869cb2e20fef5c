#!/usr/bin/env bash
# Makes the Python stubs from proto/ beside ingest.py, or in another folder: stubs.sh [FOLDER].
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here}
cd "$here/../../proto"
"${PYTHON:-python3}" -m grpc_tools.protoc --proto_path=. --python_out="$out" --grpc_python_out="$out" tagwerk/v1/*.proto
