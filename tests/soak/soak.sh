#!/usr/bin/env bash
# A long batch: memory and file handles stay level, two writers in one folder, a disk that fills up at every step.
# usage: tests/soak/soak.sh [PICTURES] [BINARY], by default 10000 and target/release/onnxplain (or target/debug). Needs root
# for the disk that fills up (a tmpfs of its own), and about 500 MB below $TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-10000}
binary=$(realpath "${2:-$([ -x target/release/onnxplain ] && echo target/release/onnxplain || echo target/debug/onnxplain)}")
model=$(realpath sample-models/fashion_vgg.onnx)
photos=$(realpath sample-models/photos/fashion)
work=$(mktemp -d)
trap 'mountpoint -q "$work/small" && umount "$work/small"; rm -rf "$work"' EXIT
failed=0
check() { # check WHAT CONDITION...
    local what=$1
    shift
    if "$@"; then echo "ok: $what"; else
        echo "FAILED: $what"
        failed=1
    fi
}

echo "== $count pictures through one process"
mkdir "$work/pictures"
names=("$photos"/*.png)
for ((i = 0; i < count; i++)); do
    ln "${names[i % ${#names[@]}]}" "$work/pictures/$(printf %06d "$i").png" 2> /dev/null ||
        cp "${names[i % ${#names[@]}]}" "$work/pictures/$(printf %06d "$i").png"
done
"$binary" explain "$model" "$work/pictures" -o "$work/out" --save heatmap,report --quiet > /dev/null &
pid=$!
early=0 early_handles=0 late=0 late_handles=0
while kill -0 $pid 2> /dev/null; do
    done_now=$(cat "$work/out/report.jsonl" 2> /dev/null | wc -l)
    memory=$(awk '/^VmRSS/ {print $2}' /proc/$pid/status 2> /dev/null || true)
    handles=$(ls /proc/$pid/fd 2> /dev/null | wc -l || true)
    if [ -n "$memory" ] && [ "$done_now" -ge $((count / 10)) ]; then
        if [ $early = 0 ]; then early=$memory early_handles=$handles; fi
        if [ "$handles" -gt 0 ]; then late=$memory late_handles=$handles; fi
    fi
    sleep 0.2
done
wait $pid
echo "memory after a tenth: $early kB, at the end: $late kB; file handles: $early_handles and $late_handles"
check "memory at the end is within 5 % of that after a tenth" test $((late * 100)) -le $((early * 105))
check "no file handle is kept" test "$late_handles" -le $((early_handles + 2))
check "every picture has a result" test "$(wc -l < "$work/out/report.jsonl")" = "$count"

echo "== two writers in one folder"
mkdir "$work/few"
for ((i = 0; i < 200; i++)); do cp "${names[i % ${#names[@]}]}" "$work/few/$i.png"; done
writer() { "$binary" explain "$model" "$work/few" -o "$work/both" --save heatmap,report --resume --quiet > /dev/null; }
writer 2> "$work/first" & one=$!
writer 2> "$work/second" & two=$!
first=0 second=0
wait $one || first=$?
wait $two || second=$?
echo "exit codes $first and $second; $(head -c 300 "$work/second" "$work/first" | tr '\n' ' ')"
writer || true
check "all results are there" test "$(find "$work/both" -name '*.heatmap.png' | wc -l)" = 200
check "nothing half is left" test -z "$(find "$work/both" -name '.*' -newer "$work/few" -type f -print -quit)"
check "every line of the report is whole" python3 - "$work/both/report.jsonl" << 'END'
import json, sys
lines = open(sys.argv[1]).read().splitlines()
assert len({json.loads(line)["input"] for line in lines}) == 200, len(lines)
END

echo "== a disk that is full, at every step"
if [ "$(id -u)" != 0 ]; then
    echo "skipped: mounting a tmpfs needs root"
    exit $failed
fi
mkdir "$work/small" "$work/twenty"
for ((i = 0; i < 20; i++)); do cp "${names[i % ${#names[@]}]}" "$work/twenty/$i.png"; done
mount -t tmpfs -o size=16k tmpfs "$work/small"
sizes=0 full=0
for ((kilobytes = 16; kilobytes <= 1200; kilobytes += 12)); do
    mount -o remount,size=${kilobytes}k "$work/small"
    sizes=$((sizes + 1))
    code=0
    "$binary" explain "$model" "$work/twenty" -o "$work/small/out" --save heatmap,report --resume --quiet > /dev/null 2> "$work/said" || code=$?
    for picture in $(find "$work/small" -name '*.png'); do
        tail -c 8 "$picture" | head -c 4 | grep -q IEND || { echo "half: $picture at $kilobytes kB"; failed=1; }
    done
    if [ -e "$work/small/out/report.jsonl" ] && ! python3 -c '
import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$work/small/out/report.jsonl"; then
        echo "a torn line in the report at $kilobytes kB"
        failed=1
    fi
    if [ $code = 0 ]; then break; fi
    full=$((full + 1))
    if ! grep -qiE 'space|full|quota|inode' "$work/said"; then
        echo "FAILED: at $kilobytes kB it does not say that the disk is full: $(head -3 "$work/said")"
        failed=1
    fi
done
echo "$sizes sizes tried, the disk was full at $full of them"
check "with room enough, the batch is complete" test "$(find "$work/small/out" -name '*.heatmap.png' | wc -l)" = 20
exit $failed
