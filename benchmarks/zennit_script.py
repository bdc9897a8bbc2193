"""The script that a zennit user would write: import, load, explain pictures, write heatmap, relevance and report.

    zennit_script.py MODULE CANONIZER PICTURE_OR_FOLDER OUTPUT [--threads N] [--batch N]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer, SequentialMergeBatchNorm
from zennit.composites import EpsilonPlusFlat
from zennit.image import CMAPS
from zennit.torchvision import ResNetCanonizer

CANONIZERS: dict[str, list[Canonizer]] = {
    "residual": [ResNetCanonizer()],
    "sequential": [SequentialMergeBatchNorm()],
    "none": [],
}
PREPROCESS = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)


def write(output: Path, name: str, logits: torch.Tensor, relevance: np.ndarray) -> None:
    """The three files of one picture."""
    np.save(output / f"{name}.relevance.npy", relevance)
    summed = relevance.sum(0)
    colours = CMAPS["coldnhot"](summed / (2 * np.abs(summed).max()) + 0.5)
    Image.fromarray((colours * 255).round().astype(np.uint8)).save(output / f"{name}.heatmap.png")
    values, classes = logits.topk(5)
    report = {"prediction": classes.tolist(), "logits": values.tolist(), "input_sum": float(relevance.sum())}
    (output / f"{name}.json").write_text(json.dumps(report))


def explain(attributor: Gradient, pictures: list[Path], output: Path) -> None:
    """Relevance of the strongest class of each picture, its logit being put in."""
    batch = torch.stack([PREPROCESS(Image.open(path).convert("RGB")) for path in pictures])

    def strongest(logits: torch.Tensor) -> torch.Tensor:
        return logits * torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1])

    logits, relevance = attributor(batch, strongest)
    for path, row, values in zip(pictures, logits.detach(), relevance.numpy(), strict=True):
        write(output, path.stem, row, values)


def main() -> None:
    """Explain the pictures in batches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module", type=Path)
    parser.add_argument("canonizer", choices=CANONIZERS)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch", type=int, default=1)
    words = parser.parse_args()
    if words.threads:
        torch.set_num_threads(words.threads)
    words.output.mkdir(parents=True, exist_ok=True)
    pictures = sorted(words.pictures.iterdir()) if words.pictures.is_dir() else [words.pictures]
    network = torch.load(words.module, weights_only=False).eval()
    composite = EpsilonPlusFlat(canonizers=CANONIZERS[words.canonizer])
    with Gradient(network, composite) as attributor:
        for start in range(0, len(pictures), words.batch):
            explain(attributor, pictures[start : start + words.batch], words.output)


if __name__ == "__main__":
    main()
