"""The presets of onnxplain, written as zennit composites.

Each entry of :data:`COMPOSITES` says how zennit spells one preset. Where zennit
ships the composite, its own class is used untouched; the others are put together
from zennit's rules, over the base map zennit's own composites share
(activation: pass; sum and average pooling: norm).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from zennit.canonizers import Canonizer
from zennit.composites import (
    DeconvNet,
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
    ExcitationBackprop,
    GuidedBackprop,
    LayerMapComposite,
    SpecialFirstLayerMapComposite,
    layer_map_base,
)
from zennit.core import Composite, Hook
from zennit.rules import Epsilon, Gamma, ReLUDeconvNet, ReLUGuidedBackprop, WSquare, ZPlus
from zennit.types import Activation, Convolution, Linear

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

LayerMap: TypeAlias = list[tuple[object, Hook]]


@dataclass(frozen=True)
class InputRange:
    """Lowest and highest value of the network's input, one number per channel."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def imagenet(cls) -> "InputRange":
        """What pixels in 0..1 become under ImageNet's mean and standard deviation."""
        channels = list(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
        return cls(
            low=tuple((0.0 - mean) / std for mean, std in channels),
            high=tuple((1.0 - mean) / std for mean, std in channels),
        )

    def bounds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Low and high as float64 tensors of shape [1, C, 1, 1]."""
        low = torch.tensor(self.low, dtype=torch.float64)
        high = torch.tensor(self.high, dtype=torch.float64)
        return low[None, :, None, None], high[None, :, None, None]

    def argument(self) -> str:
        """The value of onnxplain's ``--input-range``: ``l0;l1;l2,h0;h1;h2``."""
        return ",".join(";".join(repr(value) for value in bound) for bound in (self.low, self.high))


CompositeFactory: TypeAlias = Callable[[list[Canonizer], InputRange], Composite | None]


def _epsilon_gamma_box(canonizers: list[Canonizer], input_range: InputRange) -> Composite:
    low, high = input_range.bounds()
    return EpsilonGammaBox(low=low, high=high, canonizers=canonizers)


def _epsilon(canonizers: list[Canonizer], _: InputRange) -> Composite:
    layer_map: LayerMap = [*layer_map_base(), (Linear, Epsilon(epsilon=1e-6))]
    return LayerMapComposite(layer_map, canonizers=canonizers)


def _gamma(canonizers: list[Canonizer], _: InputRange) -> Composite:
    layer_map: LayerMap = [*layer_map_base(), (Linear, Gamma(gamma=0.25))]
    return LayerMapComposite(layer_map, canonizers=canonizers)


def _w_square_plus(canonizers: list[Canonizer], _: InputRange) -> Composite:
    layer_map: LayerMap = [
        *layer_map_base(),
        (Convolution, ZPlus()),
        (torch.nn.Linear, Epsilon(epsilon=1e-6)),
    ]
    first_map: LayerMap = [(Linear, WSquare())]
    return SpecialFirstLayerMapComposite(layer_map, first_map, canonizers=canonizers)


def _guided_backprop(canonizers: list[Canonizer], _: InputRange) -> Composite:
    # zennit's own map names torch.nn.ReLU only and would leave the other activations their gradient.
    layer_map: LayerMap = [(Activation, ReLUGuidedBackprop())]
    return GuidedBackprop(layer_map=layer_map, canonizers=canonizers)


def _deconvnet(canonizers: list[Canonizer], _: InputRange) -> Composite:
    layer_map: LayerMap = [(Activation, ReLUDeconvNet())]
    return DeconvNet(layer_map=layer_map, canonizers=canonizers)


def _gradient(_canonizers: list[Canonizer], _: InputRange) -> None:
    return None


COMPOSITES: dict[str, CompositeFactory] = {
    "epsilon": _epsilon,
    "epsilon-plus": lambda canonizers, _: EpsilonPlus(canonizers=canonizers),
    "epsilon-plus-flat": lambda canonizers, _: EpsilonPlusFlat(canonizers=canonizers),
    "epsilon-gamma-box": _epsilon_gamma_box,
    "epsilon-alpha2-beta1": lambda canonizers, _: EpsilonAlpha2Beta1(canonizers=canonizers),
    "epsilon-alpha2-beta1-flat": lambda canonizers, _: EpsilonAlpha2Beta1Flat(canonizers=canonizers),
    "excitation-backprop": lambda canonizers, _: ExcitationBackprop(canonizers=canonizers),
    "gamma": _gamma,
    "w-square-plus": _w_square_plus,
    "gradient": _gradient,
    "guided-backprop": _guided_backprop,
    "deconvnet": _deconvnet,
}
"""Preset name to zennit composite; ``None`` is the plain gradient."""

PRESETS_WITH_INPUT_RANGE = frozenset({"epsilon-gamma-box"})
"""Presets that use z-box and so need ``--input-range``."""
