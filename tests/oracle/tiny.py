"""Tiny networks for the goldens: together they hold every kind of layer with a rule of its own.

Inputs have shape [1, 3, 16, 16], outputs [1, 10].
"""

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock
from zennit.canonizers import Canonizer

import canonizers
from attribution import Array
from networks import export

SIDE = 16
CLASSES = 10


@dataclass(frozen=True)
class TinyNetwork:
    """How to build a network, how zennit canonizes it, and one inner convolution by name."""

    build: Callable[[], nn.Module]
    canonizers: Callable[[], list[Canonizer]]
    inner_convolution: str
    gain: float = 1.0
    """Scales the convolutions' initial weights, where activations have to become large."""


class BottomRightPaddedConv2d(nn.Conv2d):
    """Convolution that pads below and to the right only, as TensorFlow's SAME does."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features [N, C, H, W] with one more row and column of zeros, convolved."""
        padded = nn.functional.pad(features, (0, 1, 0, 1))
        return nn.functional.conv2d(
            padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def plain() -> nn.Module:
    """Overlapping max pooling, a grouped convolution with stride 2 and uneven padding, two dense layers."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 8, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(8),
            relu1=nn.ReLU(),
            max_pool=nn.MaxPool2d(3, stride=2, padding=1),
            conv2=BottomRightPaddedConv2d(8, 12, 3, stride=2, padding=1, groups=2),
            bn2=nn.BatchNorm2d(12),
            relu2=nn.ReLU(),
            average_pool=nn.AvgPool2d(2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(48, 16),
            relu3=nn.ReLU(),
            dense2=nn.Linear(16, CLASSES),
        )
    )


def residual() -> nn.Module:
    """A block with the identity as shortcut, one with a strided 1x1 convolution, global average pooling."""
    shortcut = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12))
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            bn1=nn.BatchNorm2d(8),
            relu1=nn.ReLU(),
            block1=BasicBlock(8, 8),
            block2=BasicBlock(8, 12, stride=2, downsample=shortcut),
            average_pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dense=nn.Linear(12, CLASSES),
        )
    )


def depthwise() -> nn.Module:
    """Depthwise and pointwise convolutions, ReLU6 with saturated units, one layer without activation."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            bn1=nn.BatchNorm2d(8),
            relu1=nn.ReLU6(),
            depthwise1=nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
            bn2=nn.BatchNorm2d(8),
            relu2=nn.ReLU6(),
            project=nn.Conv2d(8, 6, 1, bias=False),
            bn3=nn.BatchNorm2d(6),
            expand=nn.Conv2d(6, 16, 1, bias=False),
            bn4=nn.BatchNorm2d(16),
            relu3=nn.ReLU6(),
            depthwise2=nn.Conv2d(16, 32, 5, stride=2, padding=2, groups=16, bias=False),
            bn5=nn.BatchNorm2d(32),
            relu4=nn.ReLU6(),
            average_pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dense=nn.Linear(32, CLASSES),
        )
    )


class Branches(nn.Module):
    """Parallel branches (one signed, one dilated, one with padded average pooling), concatenated."""

    def __init__(self) -> None:
        """Layers in the order the data passes them."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, (3, 5), padding=(1, 2))
        self.relu1 = nn.ReLU()
        self.pointwise = nn.Conv2d(8, 4, 1)
        self.relu2 = nn.ReLU()
        self.dilated = nn.Conv2d(8, 4, 3, padding=2, dilation=2, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.average_pool = nn.AvgPool2d(3, stride=1, padding=1)
        self.pooled = nn.Conv2d(8, 4, 1)
        self.relu3 = nn.ReLU()
        self.max_pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = nn.Conv2d(12, 8, 3, stride=3, padding=1)
        self.relu4 = nn.ReLU()
        self.dense = nn.Linear(72, CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Image [N, 3, 16, 16] to logits [N, 10]."""
        stem = self.relu1(self.conv1(image))
        pointwise = self.relu2(self.pointwise(stem))
        dilated = self.bn(self.dilated(stem))
        pooled = self.relu3(self.pooled(self.average_pool(stem)))
        features = self.max_pool(torch.cat([pointwise, dilated, pooled], dim=1))
        return self.dense(torch.flatten(self.relu4(self.conv2(features)), 1))


TINY_NETWORKS: dict[str, TinyNetwork] = {
    "plain": TinyNetwork(plain, canonizers.sequential, "conv2"),
    "residual": TinyNetwork(residual, canonizers.residual, "block1.conv1"),
    "depthwise": TinyNetwork(depthwise, canonizers.sequential, "depthwise1", gain=1.5),
    "branches": TinyNetwork(Branches, canonizers.sequential, "conv2"),
}


def initialize(network: nn.Module, gain: float) -> nn.Module:
    """Draw all weights so that activations neither vanish nor explode, and return the network."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, nn.Conv2d):
                with torch.no_grad():
                    module.weight.mul_(gain)
    return network


def export_tiny(network: nn.Module, image: Array, path: Path) -> None:
    """Write ONNX in which the uneven padding is the convolution's own attribute, not a Pad node.

    torch cannot say that, so a twin with even padding and the same output shape is
    exported, and its padding corrected in the file.
    """
    twin = copy.deepcopy(network)
    uneven = [name for name, module in twin.named_modules() if isinstance(module, BottomRightPaddedConv2d)]
    for name in uneven:
        twin.get_submodule(name).__class__ = nn.Conv2d
    model = export(twin, image, path)
    nodes = {node.name: node for node in model.graph.node}
    for name in uneven:
        attributes = nodes[node_name(name)].attribute
        next(entry for entry in attributes if entry.name == "pads").ints[:] = [0, 0, 1, 1]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def node_name(module: str) -> str:
    """Name the exporter gives to the node of the convolution `module`."""
    return f"/{module.replace('.', '/')}/Conv"
