"""The networks that are timed, with random weights: torch modules, their ONNX exports, and inputs."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision import models

SIDE = 224
INPUT_LOW, INPUT_HIGH = -2.2, 2.7
"""About what ImageNet's preprocessing makes of black and white."""


@dataclass(frozen=True)
class Architecture:
    """A torchvision network, and which of zennit's own canonizers it needs."""

    name: str
    build: Callable[..., nn.Module]
    canonizer: str
    """A key of `zennit_script.CANONIZERS`; none where merging BatchNorm would change the function."""
    in_captum: bool = False
    """Whether captum's LRP is timed on it too."""


ARCHITECTURES = {
    entry.name: entry
    for entry in (
        Architecture("vgg16", models.vgg16, "sequential", in_captum=True),
        Architecture("resnet18", models.resnet18, "residual", in_captum=True),
        Architecture("resnet50", models.resnet50, "residual"),
        Architecture("densenet121", models.densenet121, "none"),
        Architecture("efficientnet_b0", models.efficientnet_b0, "sequential"),
        Architecture("mobilenet_v2", models.mobilenet_v2, "sequential"),
    )
}


@dataclass(frozen=True)
class Network:
    """One network on disk, as onnxplain reads it and as torch does."""

    architecture: Architecture
    onnx: Path
    module: Path

    @property
    def name(self) -> str:
        """Its name in torchvision."""
        return self.architecture.name

    def load(self) -> nn.Module:
        """The torch module, for inference."""
        module: nn.Module = torch.load(self.module, weights_only=False)
        return module.eval()


def _build(architecture: Architecture) -> nn.Module:
    """Random weights, and BatchNorms that are no identity, the same in every run."""
    torch.manual_seed(0)
    network = architecture.build(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def prepare(architecture: Architecture, folder: Path) -> Network:
    """The network's files in `folder`, made unless they are there."""
    network = Network(architecture, folder / f"{architecture.name}.onnx", folder / f"{architecture.name}.pt")
    if network.onnx.exists() and network.module.exists():
        return network
    module = _build(architecture)
    torch.save(module, network.module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, SIDE, SIDE),),
            str(network.onnx),
            dynamo=False,
            opset_version=17,
            input_names=["input"],
            output_names=["logits"],
        )
    return network


def write_inputs(folder: Path, count: int) -> list[Path]:
    """Preprocessed inputs of shape [3, 224, 224], float32, as .npy files."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(0)
    paths = [folder / f"{number}.npy" for number in range(count)]
    for path in paths:
        np.save(path, dice.normal(size=(3, SIDE, SIDE)).clip(INPUT_LOW, INPUT_HIGH).astype(np.float32))
    return paths
