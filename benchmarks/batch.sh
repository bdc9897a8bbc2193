#!/usr/bin/env bash
# Does memory stay flat, and how much of the time is arithmetic?
#   benchmarks/batch.sh [MODEL [COUNT [PAIRS]]]     needs python3 with Pillow, jq, GNU time
#   ONNXPLAIN=... names the binary, PYTHON=... the interpreter.
# On a shared machine single figures mean little: every pair of runs (one job, two jobs) is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-sample-models/efficientnet_lite0.onnx}
count=${2:-1000}
pairs=${3:-2}
onnxplain=${ONNXPLAIN:-target/release/onnxplain}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" benchmarks/make_photos.py "$work/photos" "$count"
mkdir "$work/tenth"
find "$work/photos" -name '*.jpg' | sort | head -n $((count / 10)) | xargs cp -t "$work/tenth"

# Peak memory and wall time are GNU time's. The pure rate is what the arithmetic of the same run would reach alone:
# jobs / (mean seconds of forward + propagate).
measure() { # FOLDER JOBS
    rm -rf "$work/out"
    /usr/bin/time -o "$work/time" -f '%e %M' \
        "$onnxplain" explain "$model" "$work/$1" -o "$work/out" -j "$2" --quiet > "$work/stdout"
    jq -rs --arg folder "$1" --argjson jobs "$2" --rawfile time "$work/time" '
        ($time | split(" ") | map(tonumber)) as [$wall, $memory]
        | (map(.seconds.forward + .seconds.propagate) | add / length) as $arithmetic
        | (map(.seconds.decode) | add / length) as $decode
        | (map(.seconds.render) | add / length) as $render
        | (length / $wall) as $rate | ($jobs / $arithmetic) as $pure
        | [$jobs, length, $wall, ($memory / 1024 | round), ($rate * 100 | round / 100),
           ($pure * 100 | round / 100), ($rate / $pure * 1000 | round / 10),
           ($decode * 1e4 | round / 10), ($arithmetic * 1e4 | round / 10), ($render * 1e4 | round / 10)]
        | @tsv' "$work/out/report.jsonl"
}

printf 'jobs\timages\twall s\tpeak MiB\timages/s\tpure/s\t%% of pure\tdecode ms\tarithmetic ms\trender ms\n'
for _ in $(seq "$pairs"); do
    for jobs in 1 2; do
        measure tenth "$jobs"
        measure photos "$jobs"
    done
done
