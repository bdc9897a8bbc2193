"""Biases of a transformer shifted so that no decision of the gamma rule hangs on rounding.

Gamma treats positive and negative inputs of a layer differently, so an input within float32 rounding of zero moves
relevance by more than rounding, whoever computes it. The inputs of a transformer's dense layers come from a
LayerNorm, from a GELU behind a dense layer, or from attention, whose weights sum to one: the bias of the LayerNorm,
of that layer, or of the values shifts them. Each is shifted into the middle of the widest gap that its channel leaves
around zero. Inputs that come from a sum of branches (depthwise convolutions of ConvNeXt) are left as they are.
"""

import copy
from contextlib import AbstractContextManager
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from construction import rounded, shifts

LINEAR, GELU, LAYER_NORM = functional.linear, functional.gelu, functional.layer_norm


class Calibration:
    """Stands in for functions of torch, and changes the biases of a float64 network while it runs."""

    def __init__(self) -> None:
        """Nothing has run yet."""
        self.last_linear: tuple[Tensor, Tensor | None] = (torch.empty(0, 0), None)
        """Weight and bias of the linear layer that was called last."""

    def functions(self) -> AbstractContextManager[object]:
        """A context in which torch's modules call this."""
        return mock.patch.multiple(functional, linear=self.linear, gelu=self.gelu, layer_norm=self.layer_norm)

    def linear(self, value: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """A dense layer; behind attention its input is shifted by the bias of the values."""
        before, bias_before = self.last_linear
        is_behind_attention = before.shape[0] == 3 * weight.shape[0] and weight.shape[0] == weight.shape[1]
        if is_behind_attention and bias_before is not None:
            value = shifted(value, bias_before[2 * weight.shape[0] :])
        self.last_linear = (weight, bias)
        return LINEAR(value, weight, bias)

    def gelu(self, value: Tensor, **settings: str) -> Tensor:
        """A GELU of shifted values."""
        return GELU(shifted(value, self.last_linear[1]), **settings)

    def layer_norm(
        self, value: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float = 1e-5
    ) -> Tensor:
        """A LayerNorm with another shift."""
        return shifted(LAYER_NORM(value, shape, weight, bias, epsilon), bias)


def shifted(value: Tensor, bias: Tensor | None) -> Tensor:
    """The value [..., C] with its bias [C] changed, in place, such that no channel comes close to zero."""
    if bias is None:
        return value
    channels = value.reshape(-1, value.shape[-1]).T[None]
    old = bias.clone()
    bias.copy_(rounded(old + shifts([(channels, 0.0)])))
    return value + (bias - old)


def calibrated(network: nn.Module, pixels: Tensor) -> nn.Module:
    """A copy of a float32 network with biases fitted to an image [1, C, H, W]."""
    double = copy.deepcopy(network).double()
    has_fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), Calibration().functions():
        double(pixels.double())
    torch.backends.mha.set_fastpath_enabled(has_fast_path)
    result = copy.deepcopy(network)
    result.load_state_dict(double.state_dict())
    return result
