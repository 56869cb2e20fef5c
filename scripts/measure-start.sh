#!/usr/bin/env bash
# Measures how long the server takes from its start to the first answer, and how much memory it then holds.
#
# usage: measure-start.sh [OPTION OF tagwerk serve...]
#
# Five starts with two workers; each answers one article, then fifty. TAGWERK names the program (default: the release
# build). Resident memory includes the pages of libtorch's files that are in use; "own" is what is not backed by a file.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${TAGWERK:-target/release/tagwerk}
article=examples/article-de.txt
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
grpc=$(free_port)
http=$(free_port)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for i in $(seq 50); do cp "$article" "$folder/$i.txt"; done

kilobytes() { awk -v name="$2:" '$1 == name { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }

echo "| start | ready, ms | first answer, ms | resident, MB | own, MB | resident after 50 articles, MB |"
echo "|---|---|---|---|---|---|"
for run in $(seq 5); do
    log=$(mktemp -p "$folder")
    begun=$(date +%s%N)
    "$program" serve --listen "127.0.0.1:$grpc" --http-listen "127.0.0.1:$http" --workers 2 "$@" >"$log" 2>&1 &
    server=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$http" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && grep -q ' 200 ' <&3) 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || {
            cat "$log" >&2
            exit 1
        }
        sleep 0.01
    done
    ready=$(date +%s%N)
    "$program" tag --server "127.0.0.1:$grpc" "$article" >/dev/null
    answered=$(date +%s%N)
    resident=$(kilobytes "$server" VmRSS)
    own=$(kilobytes "$server" RssAnon)
    "$program" tag --server "127.0.0.1:$grpc" "$folder"/*.txt >/dev/null
    after=$(kilobytes "$server" VmRSS)
    kill "$server"
    wait "$server" || true
    echo "| $run | $(((ready - begun) / 1000000)) | $(((answered - begun) / 1000000)) | $resident | $own | $after |"
done
