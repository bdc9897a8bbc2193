"""The torchvision networks of the parity table, and what zennit makes of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torchvision import models
from zennit.canonizers import Canonizer

import canonizers




FUNCTIONAL_RELU = "ReLU is called as a function, which zennit's rules for ReLU do not see"
ADDITION = "residual sums are a plain `+`, for which zennit has no canonizer"
GATES = "residual sums and gates are plain `+` and `*`, for which zennit has no canonizer"
NO_RELU = "zennit's rules for ReLU do not see the other activations"
BEFORE_RELU = "zennit has no canonizer for BatchNorm in front of ReLU"

LRP = (
    "epsilon",
    "epsilon-plus",
    "epsilon-plus-flat",
    "epsilon-gamma-box",
    "epsilon-alpha2-beta1",
    "epsilon-alpha2-beta1-flat",
    "excitation-backprop",
    "gamma",
    "w-square-plus",
)
RELU_RULES = ("guided-backprop", "deconvnet")


@dataclass(frozen=True)
class Family:
    """One network of the table."""

    build: Callable[[], torch.nn.Module]
    canonizers: Callable[[], list[Canonizer]]
    """zennit's."""
    size: int = 224
    """Height and width of the input."""
    seeds: tuple[int, ...] = (0,)
    """Each draws other parameters and another image."""
    zennit_is_off: dict[str, str] = field(default_factory=dict)
    """Presets for which zennit does something else than the preset says, and why."""


def _off(lrp: str, relu_rules: str | None = None) -> dict[str, str]:
    reasons = dict.fromkeys(LRP, lrp)
    return reasons | dict.fromkeys(RELU_RULES, relu_rules) if relu_rules else reasons


def _torchvision(name: str, **settings: object) -> Callable[[], torch.nn.Module]:
    return partial(getattr(models, name), weights=None, **settings)


THREE = (0, 1, 2)
FAMILIES: dict[str, Family] = {
    "alexnet": Family(_torchvision("alexnet"), canonizers.sequential, seeds=THREE),
    "squeezenet1_1": Family(_torchvision("squeezenet1_1"), canonizers.sequential, seeds=THREE),
    "resnet18": Family(_torchvision("resnet18"), canonizers.residual, seeds=THREE),
    "mobilenet_v2": Family(
        _torchvision("mobilenet_v2"), canonizers.sequential, seeds=THREE, zennit_is_off=_off(ADDITION)
    ),
    "mobilenet_v3_small": Family(
        _torchvision("mobilenet_v3_small"),
        canonizers.sequential,
        seeds=THREE,
        zennit_is_off=_off(GATES, NO_RELU),
    ),
    "mobilenet_v3_large": Family(
        _torchvision("mobilenet_v3_large"),
        canonizers.sequential,
        zennit_is_off=_off(GATES, NO_RELU),
    ),
    "efficientnet_b0": Family(
        _torchvision("efficientnet_b0"),
        canonizers.sequential,
        zennit_is_off=_off(GATES, NO_RELU),
    ),
    "googlenet": Family(
        _torchvision("googlenet", aux_logits=False, init_weights=False, transform_input=False),
        canonizers.sequential,
        zennit_is_off=dict.fromkeys(RELU_RULES, FUNCTIONAL_RELU),
    ),
    "densenet_2_2": Family(
        partial(models.DenseNet, 16, (2, 2), 32, num_classes=100),
        canonizers.dense,
        size=32,
        seeds=THREE,
        zennit_is_off=_off(BEFORE_RELU, FUNCTIONAL_RELU),
    ),
    "densenet121": Family(
        _torchvision("densenet121"),
        canonizers.dense,
        zennit_is_off=_off(BEFORE_RELU, FUNCTIONAL_RELU),
    ),
    "resnet50": Family(_torchvision("resnet50"), canonizers.residual),
    "vgg16": Family(_torchvision("vgg16"), canonizers.sequential),
    "vgg16_bn": Family(_torchvision("vgg16_bn"), canonizers.sequential),
}
"""To compare one more network, add its line here."""
