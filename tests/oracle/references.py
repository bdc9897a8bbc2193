"""The torchvision networks of the parity test, and zennit's relevance for them, kept on disk."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
import torchvision
from zennit.canonizers import Canonizer

import canonizers
from attribution import Array, Difference, Reference, attribute, forward
from composites import COMPOSITES, InputRange
from networks import check_export, export, prepare, random_image

RECIPE = 1
"""Raise when the networks, inputs or references change: older caches are then made anew."""


@dataclass(frozen=True)
class Network:
    """One row of the table: a torchvision network and how zennit canonizes it."""

    build: Callable[..., torch.nn.Module]
    canonizers: Callable[[], list[Canonizer]]
    size: int = 224
    seed: int = 0
    """Moves the random input and parameters. Not 0 where a decision inside float32 rounding (a ReLU, a
    pooling window) hid everything else; docs/parity.md says which seeds were tried."""


NETWORKS: dict[str, Network] = {
    "vgg16": Network(torchvision.models.vgg16, canonizers.sequential, seed=3),
    "vgg16_bn": Network(torchvision.models.vgg16_bn, canonizers.sequential),
    "resnet18": Network(torchvision.models.resnet18, canonizers.residual),
    "alexnet": Network(torchvision.models.alexnet, canonizers.sequential, seed=5),
}
"""To compare one more network, add its line here."""


@dataclass(frozen=True)
class Case:
    """A network with its input, written to `folder`, and the class to explain."""

    network: Network
    folder: Path
    target: int

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / "model.onnx"

    @property
    def image(self) -> Path:
        """The preprocessed input, float32 [3, H, W]."""
        return self.folder / "input.npy"

    def reference(self, preset: str, rebuild: Callable[[], torch.nn.Module]) -> Reference:
        """zennit's relevance for `preset`, from the disk where it was computed before."""
        relevance, figures = self.folder / f"{preset}.npy", self.folder / f"{preset}.json"
        if figures.exists():
            return Reference(np.load(relevance), Difference(**json.loads(figures.read_text())))
        image: Array = np.load(self.image)
        reference = attribute(
            rebuild(),
            COMPOSITES[preset],
            self.network.canonizers(),
            InputRange.imagenet(),
            image,
            self.target,
        )
        np.save(relevance, reference.relevance)
        figures.write_text(json.dumps(asdict(reference.float32)))
        return reference


def fingerprint(name: str) -> str:
    """What a cached case depends on; the cache's folder carries it in its name."""
    libraries = "-".join(version(library) for library in ("torch", "torchvision", "zennit"))
    return f"{name}-{NETWORKS[name].seed}-{RECIPE}-{libraries}"


def build(name: str) -> tuple[torch.nn.Module, Array]:
    """The network with its random parameters and the random image; the same on each call."""
    network = NETWORKS[name]
    seed = crc32(name.encode()) + network.seed
    image = random_image(np.random.default_rng(seed), network.size, network.size)
    torch.manual_seed(seed)
    return prepare(network.build(weights=None), image), image


def open_case(name: str, work: Path) -> Case:
    """The case of `name`, exported to a folder below `work` unless it is there already."""
    folder = work / fingerprint(name)
    target = folder / "target.json"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        network, image = build(name)
        case = Case(NETWORKS[name], folder, int(forward(network, image).argmax()))
        np.save(case.image, image)
        export(network, image, case.model)
        check_export(network, image, case.model)
        target.write_text(json.dumps(case.target))
    return Case(NETWORKS[name], folder, json.loads(target.read_text()))
