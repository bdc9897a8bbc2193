"""The torchvision networks of the parity table, and how zennit is told about each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torchvision import models
from zennit.canonizers import Canonizer

import canonizers

Canonizers = Callable[[], list[Canonizer]]


@dataclass(frozen=True)
class Family:
    """One network of the table."""

    build: Callable[[], torch.nn.Module]
    shipped: Canonizers
    """The canonizers that zennit has for it."""
    completed: Canonizers | None = None
    """Those with ours added, for presets that divide relevance, where zennit's do not see all of the network."""
    completed_gradients: Canonizers | None = None
    """The same for the gradient and its kin, under which a gate passes its own derivative."""
    size: int = 224
    """Height and width of the input."""
    seeds: tuple[int, ...] = (0,)
    """Each draws other parameters and another image."""
    has_flat_pooling_too: bool = False
    """Whether to compare with flat average pooling as well, because rounding decides under the norm rule."""
    is_beyond_zennit: bool = False
    """Whether it has what zennit cannot be made to divide relevance by: BatchNorm in front of a ReLU."""


def _torchvision(name: str, **settings: object) -> Callable[[], torch.nn.Module]:
    return partial(getattr(models, name), weights=None, **settings)


SEQUENTIAL = canonizers.sequential
GATED = canonizers.residual_sums_and_gates
THREE = (0, 1, 2)
FAMILIES: dict[str, Family] = {
    "alexnet": Family(_torchvision("alexnet"), SEQUENTIAL, seeds=THREE),
    "squeezenet1_1": Family(_torchvision("squeezenet1_1"), SEQUENTIAL, seeds=THREE),
    "resnet18": Family(_torchvision("resnet18"), canonizers.residual, seeds=THREE),
    "resnet50": Family(_torchvision("resnet50"), canonizers.residual),
    "vgg16": Family(_torchvision("vgg16"), SEQUENTIAL),
    "vgg16_bn": Family(_torchvision("vgg16_bn"), SEQUENTIAL),
    "googlenet": Family(
        _torchvision("googlenet", aux_logits=False, init_weights=False, transform_input=False),
        SEQUENTIAL,
        completed_gradients=canonizers.relu_modules,
    ),
    "mobilenet_v2": Family(_torchvision("mobilenet_v2"), SEQUENTIAL, canonizers.residual_sums, seeds=THREE),
    "mobilenet_v3_small": Family(_torchvision("mobilenet_v3_small"), SEQUENTIAL, GATED, seeds=THREE),
    "mobilenet_v3_large": Family(_torchvision("mobilenet_v3_large"), SEQUENTIAL, GATED),
    "efficientnet_b0": Family(_torchvision("efficientnet_b0"), SEQUENTIAL, GATED),
    "densenet_2_2": Family(
        partial(models.DenseNet, 16, (2, 2), 32, num_classes=100),
        canonizers.none,
        completed_gradients=canonizers.last_relu_module,
        size=32,
        seeds=THREE,
        has_flat_pooling_too=True,
        is_beyond_zennit=True,
    ),
    "densenet121": Family(
        _torchvision("densenet121"),
        canonizers.none,
        completed_gradients=canonizers.last_relu_module,
        has_flat_pooling_too=True,
        is_beyond_zennit=True,
    ),
}
"""To compare one more network, add its line here."""
