#!/usr/bin/env bash
# Makes the pictures of README and docs with the tool. From the root of the repository:
#     cargo build --release && docs/images/make.sh target/release/onnxplain
set -euo pipefail
onnxplain=$(realpath "${1:?give the binary: docs/images/make.sh target/release/onnxplain}")
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
figure() { # NAME MODEL PHOTO OPTIONS...
    local name=$1 model=sample-models/$2.onnx photo=$3
    shift 3
    "$onnxplain" explain "$model" "sample-models/photos/$photo" -o "$out" --save figure --overwrite --quiet "$@" > "$out/text"
    photo=$(basename "$photo")
    mv "$out/${photo%.*}.figure.png" "docs/images/$name.png"
}

network=efficientnet_lite0
figure contrast $network cat_and_coffee.jpg --target "tiger cat" --against espresso
figure classes $network cat_and_coffee.jpg --target "tiger cat,espresso"
figure presets $network chelsea.png \
    --composite mobilenet,epsilon-gamma-box,epsilon-plus-flat,epsilon-alpha2-beta1-flat
figure methods $network chelsea.png --method lrp,gradient,guided-backprop,grad-cam
figure transformers fashion_vit fashion/coat.png --target top:4
