"""BatchNorm merged into the linear layers beside it, on the reference's own graph.

With g, h the scale and shift of a BatchNorm per channel:

- behind a linear layer: `g (W x + b) + h = (g W) x + (g b + h)`;
- in front of a ReLU and a linear layer: `ReLU(g x + h) = g T(x) + h`, where T(x) is x if the ReLU is
  active and -h/g if not. So `W ReLU(g x + h) + b = (W g) T(x) + (W h + b)`. A convolution pads with
  zeros behind the ReLU, and T(x) with zeros too, so that `W h` is the convolution's answer to a
  plane of h, which differs at the borders. Where g = 0 the ReLU gives the constant ReLU(h) =: h, T = 0.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from graph import WEIGHTED, Graph

COMMUTING = ("average-pool", "reshape")
"""Kinds that answer to g x + h with g y + h, y being their answer to x (without padding)."""


def canonized(graph: Graph, image: Tensor) -> Graph:
    """A copy of the graph without BatchNorm, which computes the same.

    Raises:
        NotImplementedError: when a BatchNorm has another place than those above.
        ArithmeticError: when the copy does not compute the same.
    """
    result = Graph(list(graph.layers))
    index = 0
    while index < len(result.layers):
        if result.layers[index].is_batch_norm and _merge_behind(result, index):
            continue
        index += 1
    shapes = [value.shape for value in result.values(image)]
    for index in reversed(range(len(result.layers))):
        if result.layers[index].is_batch_norm:
            _merge_in_front(result, index, shapes[index])
    before, after = graph.values(image)[-1], result.values(image)[-1]
    limit = 1e3 * torch.finfo(image.dtype).eps * float(before.abs().max())
    if not float((before - after).abs().max()) <= limit:
        raise ArithmeticError("the canonized network computes something else")
    return result


def _merge_behind(graph: Graph, index: int) -> bool:
    norm = graph.layers[index]
    (before,) = norm.inputs
    linear = graph.layers[before]
    if linear.kind != "convolution" or graph.only_consumer(before) != index:
        return False
    bias = norm.bias if linear.bias is None else norm.weight * linear.bias + norm.bias
    graph.layers[before] = replace(linear, weight=linear.weight * norm.weight[0, :, None], bias=bias)
    graph.remove(index)
    return True


def _merge_in_front(graph: Graph, index: int, shape: torch.Size) -> None:
    norm = graph.layers[index]
    relu = graph.only_consumer(index)
    if relu is None or graph.layers[relu].name != "relu":
        raise NotImplementedError(f"a BatchNorm between {norm.inputs} and {relu}")
    scale, shift = norm.weight, norm.bias
    shift = torch.where(scale == 0.0, shift.relu(), shift)
    linear, (scales, shifts) = _way_to_linear(graph, relu, [scale.expand(shape), shift.expand(shape)])
    layer = graph.layers[linear]
    answer = layer.function(shifts, layer.weight)
    bias = answer if layer.bias is None else answer + layer.bias
    weight = layer.weight * _per_input_channel(scales).reshape(1, -1, *[1] * (layer.weight.dim() - 2))
    graph.layers[linear] = replace(layer, weight=weight, bias=bias)
    graph.layers[relu] = replace(graph.layers[relu], name="shifted relu", function=threshold(scale, shift))
    graph.remove(index)


def threshold(scale: Tensor, shift: Tensor) -> Callable[[Tensor], Tensor]:
    """T of the module's documentation."""

    def function(value: Tensor) -> Tensor:
        resting = torch.where(scale == 0.0, torch.zeros_like(scale), -shift / scale)
        is_active = (scale * value + shift > 0.0) & (scale != 0.0)
        return torch.where(is_active, value, resting)

    return function


def _way_to_linear(graph: Graph, start: int, planes: list[Tensor]) -> tuple[int, list[Tensor]]:
    """The linear layer behind `start`, and what the planes are when they arrive there."""
    at = graph.only_consumer(start)
    while at is not None and graph.layers[at].kind in COMMUTING:
        planes = [graph.layers[at].value(plane) for plane in planes]
        at = graph.only_consumer(at)
    if at is None or graph.layers[at].kind not in WEIGHTED:
        raise NotImplementedError(f"a BatchNorm and ReLU in front of {at}")
    return at, planes


def _per_input_channel(plane: Tensor) -> Tensor:
    """One number per channel of [1, C, H, W], or per element of [1, C]."""
    numbers = plane[0].reshape(plane.shape[1], -1)
    if not torch.equal(numbers, numbers[:, :1].expand_as(numbers)):
        raise NotImplementedError("a scale that varies in space")
    return numbers[:, 0]
