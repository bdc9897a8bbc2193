#!/usr/bin/env bash
# Writes what the page needs beside it: the graph, the labels, the runtime.
set -euo pipefail
cd "$(dirname "$0")"
onnxplain=${1:-../../target/debug/onnxplain}
samples=../../sample-models
"$onnxplain" compile "$samples/efficientnet_lite0.onnx" --input picture --outputs logits,heatmap \
    -o explainer.onnx --overwrite
cp "$samples/imagenet1k.txt" labels.txt
npm install --no-audit --no-fund --ignore-scripts
