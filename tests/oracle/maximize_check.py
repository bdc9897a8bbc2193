"""Ask onnxruntime about the pictures of `onnxplain maximize`: the files, prepared by Pillow and numpy.

    onnxplain maximize sample-models/efficientnet_lite0.onnx --target 1,254,283 -o maximized
    python tests/oracle/maximize_check.py sample-models/efficientnet_lite0.onnx maximized

Prints a Markdown table; exits with 1 if a class has a probability below --least, is not the strongest, or onnxruntime says
something else than the report.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resized(picture: Image.Image, steps: dict) -> Image.Image:
    """The picture after the resizing step."""
    resize, (height, width) = steps["resize"], steps["size"]
    filter_ = FILTERS[resize.get("filter", "bilinear")]
    if side := resize.get("short-side"):
        shorter = min(picture.size)
        size = [side * length // shorter for length in picture.size]
    elif fraction := resize.get("crop-fraction"):
        covered = [int(height / fraction), int(width / fraction)]
        ratio = min(picture.size[1] / covered[0], picture.size[0] / covered[1])
        size = [round(length / ratio) for length in picture.size]
    else:
        size = [width, height]
    return picture if list(picture.size) == size else picture.resize(size, filter_)


def prepared(path: Path, steps: dict) -> np.ndarray:
    """The network's input."""
    picture = Image.open(path).convert("L" if steps["channels"] == "GRAY" else "RGB")
    picture = resized(picture, steps)
    height, width = steps["size"]
    left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
    values = np.asarray(picture.crop((left, top, left + width, top + height)), np.float64)
    values = values.reshape(height, width, -1)
    if steps["channels"] == "BGR":
        values = values[:, :, ::-1]
    values = (values * steps["scale"] - np.array(steps["mean"])) / np.array(steps["std"])
    if steps["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    return values[None].astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path, help="what onnxplain maximize wrote")
    parser.add_argument("--least", type=float, default=0.99, help="the least probability")
    options = parser.parse_args()
    report = json.loads((options.folder / "report.json").read_text())
    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    print("| picture | logit | probability | strongest | onnxplain |\n|---|---|---|---|---|")
    failed = 0
    for picture in report["pictures"]:
        objective = picture["objective"]
        if objective["kind"] != "class":
            continue
        (output,) = session.run(None, {name: prepared(options.folder / picture["file"], report["preprocessing"])})[:1]
        logits = output.reshape(-1).astype(np.float64)
        probabilities = softmax(logits)
        index = objective["class"]["index"]
        value = logits[index]
        if against := objective.get("against"):
            value -= logits[against["index"]]
        probability, strongest = probabilities[index], int(logits.argmax())
        is_same = abs(value - picture["value"]) <= 1e-3 * max(1.0, abs(value)) and (
            abs(probability - picture["probability"]) <= 1e-3
        )
        is_good = bool(probability >= options.least and strongest == index and is_same)
        failed += not is_good
        said = f"{picture['value']:.3f}, {picture['probability']:.5f}"
        mark = "" if is_good else " **no**"
        print(f"| {picture['file']} | {value:.3f} | {probability:.5f} | {strongest} | {said}{mark} |")
    print(f"\n{len(report['pictures']) - failed} of {len(report['pictures'])} pictures are as they should be")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
