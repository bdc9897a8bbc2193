"""What onnxplain is compared with, in this process: zennit, captum, torch's gradient, onnxruntime."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from captum.attr import LRP
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import EpsilonAlpha2Beta1Flat, EpsilonGammaBox, EpsilonPlusFlat
from zennit.core import Composite

from networks import INPUT_HIGH, INPUT_LOW, Architecture
from zennit_script import CANONIZERS

Work = Callable[[], object]

COMPOSITES: dict[str, Callable[[Architecture], Composite]] = {
    "epsilon-plus-flat": lambda entry: EpsilonPlusFlat(canonizers=CANONIZERS[entry.canonizer]),
    "epsilon-gamma-box": lambda entry: EpsilonGammaBox(
        low=INPUT_LOW, high=INPUT_HIGH, canonizers=CANONIZERS[entry.canonizer]
    ),
    "epsilon-alpha2-beta1-flat": lambda entry: EpsilonAlpha2Beta1Flat(canonizers=CANONIZERS[entry.canonizer]),
}
TARGET = 0


@contextmanager
def zennit(network: nn.Module, composite: Composite, image: torch.Tensor) -> Iterator[Work]:
    """Forward and backward under zennit's hooks, which stay registered between calls."""
    with Gradient(network, composite) as attributor:
        initial = torch.eye(1000)[[TARGET]]
        yield lambda: attributor(image, initial)


@contextmanager
def captum_lrp(network: nn.Module, image: torch.Tensor) -> Iterator[Work]:
    """captum's LRP as it is: the epsilon rule on every layer."""
    lrp = LRP(network)
    leaf = image.clone().requires_grad_()
    yield lambda: lrp.attribute(leaf, target=TARGET)


@contextmanager
def input_gradient(network: nn.Module, image: torch.Tensor) -> Iterator[Work]:
    """Forward and backward to the input alone; gradients of the weights are not computed."""
    leaf = image.clone().requires_grad_()
    for weights in network.parameters():
        weights.requires_grad_(False)
    yield lambda: torch.autograd.grad(network(leaf)[0, TARGET], leaf)


def three_forwards(model: Path, image: torch.Tensor, threads: int) -> Work:
    """Three forward passes of onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.numpy()}

    def work() -> None:
        for _ in range(3):
            session.run(None, feed)

    return work


def load_image(path: Path) -> torch.Tensor:
    """A preprocessed input as a batch of one."""
    return torch.from_numpy(np.load(path))[None]
