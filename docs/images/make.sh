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

# Pages, as Chromium shows them.
page() { # NAME FOLDER HEIGHT
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1100,"$3" \
        --screenshot="$out/page.png" "file://$out/$2/index.html" > "$out/text" 2>&1
    mv "$out/page.png" "docs/images/$1.png"
}

fashion=(sample-models/fashion_vgg.onnx sample-models/photos/fashion --quiet)
"$onnxplain" evaluate "${fashion[@]}" --methods lrp,lrp:epsilon-plus-flat,saliency -o "$out/evaluation" > "$out/text"
page evaluation evaluation 1570
"$onnxplain" sanity "${fashion[@]}" -o "$out/sanity" > "$out/text"
page sanity sanity 2950
