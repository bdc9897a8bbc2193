"""Measure how faithful composites are: flip regions in the order of their relevance, watch the class.

    python tests/oracle/region_flipping.py --model sample-models/efficientnet_lite0.onnx \\
        --images PHOTOS --composite epsilon-gamma-box epsilon-plus-flat my.yaml

The picture is cut into a grid of 14 x 14 regions, which are replaced by a blurred picture, most relevant first and
least relevant first (Samek et al. 2017; Schulz et al. 2020). The figure is the area between the two curves of the
probability of the predicted class: higher is better, 0 is what a random order gets. Prints a Markdown table, the
best composite first, with the standard error of the mean over the pictures, and the mean of the paired difference
to the first composite named.

The presets of rules/ were chosen with it; each says with what result.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from scipy.ndimage import gaussian_filter

from binary import BinaryError, Onnxplain
from cards import Array, Card

GRID = 14
STEPS = 14
"""Points of a curve behind its first; an even share of the regions is flipped from one to the next."""

BLUR = 0.1
"""Standard deviation of the blur, as a share of the picture's height."""



class Classifier:
    """An ONNX file, one picture at a time or in batches where it takes them."""

    def __init__(self, path: Path, channels_last: bool):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.channels_last = channels_last

    def probabilities(self, pictures: Array) -> Array:
        """Class probabilities [N, classes] of inputs [N, C, H, W]."""
        if self.channels_last:
            pictures = pictures.transpose(0, 2, 3, 1)
        size = 1 if self.input.shape[0] == 1 else 8
        parts = [pictures[at : at + size] for at in range(0, len(pictures), size)]
        output = np.concatenate([self.session.run(None, {self.input.name: part})[0] for part in parts])
        output = output.reshape(len(pictures), -1)
        if np.all(output >= 0) and np.allclose(output.sum(axis=1), 1.0, atol=1e-3):
            return output
        powers = np.exp(output - output.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def regions(height: int, width: int) -> Array:
    """The number of the region that each pixel belongs to, [H, W]."""
    rows = np.minimum(np.arange(height) * GRID // height, GRID - 1)
    columns = np.minimum(np.arange(width) * GRID // width, GRID - 1)
    return rows[:, None] * GRID + columns[None, :]


def area(classifier: Classifier, picture: Array, relevance: Array, target: int) -> float:
    """The area between the curves least relevant first and most relevant first."""
    region = regions(*picture.shape[1:])
    blurred = gaussian_filter(picture, sigma=(0, *[BLUR * picture.shape[1]] * 2))
    order = np.argsort(-np.bincount(region.ravel(), relevance.sum(axis=0).ravel()), kind="stable")
    curves = []
    for sequence in (order, order[::-1]):
        rank = np.empty(GRID * GRID, dtype=int)
        rank[sequence] = np.arange(GRID * GRID)
        counts = [step * GRID * GRID // STEPS for step in range(STEPS + 1)]
        flipped = [np.where(rank[region] < count, blurred, picture) for count in counts]
        curves.append(classifier.probabilities(np.stack(flipped))[:, target])
    return float(np.trapezoid(curves[1] - curves[0], dx=1.0 / STEPS))


def explain(arguments: argparse.Namespace, card: Card, inputs: Path, composite: str) -> dict[str, Array]:
    """The relevance [C, H, W] of every input below `inputs`, by its stem."""
    with tempfile.TemporaryDirectory() as output:
        words = ["explain", str(arguments.model), str(inputs), "--composite", composite]
        words += ["--save", "relevance", "-o", output, "--quiet", f"--input-range={card.input_range()}"]
        try:
            Onnxplain(arguments.onnxplain).run(*words)
        except BinaryError as error:
            raise SystemExit(f"{composite}: {error}") from error
        relevances = {path.name.removesuffix(".relevance.npy"): np.load(path) for path in Path(output).rglob("*.npy")}
    if card.channels_last:
        relevances = {stem: relevance.transpose(2, 0, 1) for stem, relevance in relevances.items()}
    return {stem: np.nan_to_num(relevance) for stem, relevance in relevances.items()}


def measure(arguments: argparse.Namespace) -> dict[str, Array]:
    """For every composite, the area of every picture."""
    card = Card.read(arguments.card or arguments.model.with_suffix(".yaml"))
    classifier = Classifier(arguments.model, card.channels_last)
    files = sorted(path for path in arguments.images.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    pictures = {path.stem: card.apply(Image.open(path)) for path in files[:: arguments.every]}
    targets = {stem: int(classifier.probabilities(x[None])[0].argmax()) for stem, x in pictures.items()}
    areas = {}
    with tempfile.TemporaryDirectory() as folder:
        for stem, picture in pictures.items():
            stored = picture.transpose(1, 2, 0) if card.channels_last else picture
            np.save(Path(folder) / f"{stem}.npy", stored)
        for composite in arguments.composite:
            relevances = explain(arguments, card, Path(folder), composite)
            areas[composite] = np.array(
                [area(classifier, x, relevances[stem], targets[stem]) for stem, x in pictures.items()]
            )
            print(f"{composite}: {areas[composite].mean():.3f}", file=sys.stderr, flush=True)
    return areas


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--card", type=Path, help="default: the .yaml beside the model")
    parser.add_argument("--images", type=Path, required=True, help="a folder of pictures")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th picture")
    parser.add_argument("--composite", nargs="+", required=True, metavar="NAME|FILE")
    areas = measure(parser.parse_args())
    reference = next(iter(areas.values()))
    print(f"{len(reference)} pictures\n\n| composite | area | standard error | against the first |\n|---|---:|---:|---:|")
    for composite, values in sorted(areas.items(), key=lambda item: -item[1].mean()):
        gain, count = values - reference, len(values) ** 0.5
        print(
            f"| {Path(composite).stem} | {values.mean():.3f} | {values.std(ddof=1) / count:.3f} "
            f"| {gain.mean():+.3f} ± {gain.std(ddof=1) / count:.3f} |"
        )


if __name__ == "__main__":
    main()
