#!/usr/bin/env bash
# Measures a model package on every held split through the service's own code and prints one table.
#
# usage: evaluate.sh MODEL_DIRECTORY [SPLIT...]
#
# Gold files are made under target/eval the first time (KEEP_GOLD= makes them anew), reports are written beside them.
# TAGWERK names the program (default: the release build, else the debug build), PYTHON the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

model=${1:?usage: evaluate.sh MODEL_DIRECTORY [SPLIT...]}
shift
gold=target/eval
python=${PYTHON:-python3}
reports=$gold/$(basename "$(realpath "$model")")
program=${TAGWERK:-target/release/tagwerk}
[[ -x $program ]] || program=target/debug/tagwerk

if [[ ! -f $gold/tone.tsv || -z ${KEEP_GOLD-yes} ]]; then
    "$python" training/gold.py "$gold" >&2
fi
mkdir -p "$reports"

splits=("$@")
if [[ ${#splits[@]} -eq 0 ]]; then
    splits=(written-de written-de-articles written-others written-others-articles
        germeval-last-1500 uner-de-pud smartdata-test newsmtsc-rw tone)
fi
for split in "${splits[@]}"; do
    file=$gold/$split.jsonl
    [[ -f $file ]] || file=$gold/$split.tsv
    "$program" model eval "$file" --model "$model" --json >"$reports/$split.json"
    echo "measured $split" >&2
done
"$python" training/table.py "$reports" "${splits[@]}"
