"""A torch network as a list of layers, from what `torch.export` writes: vision transformers and ConvNeXt.

`graph.py` reads modules, which `torch.fx` cannot always trace, and which hide what attention does. Here every
operation of torch (ATen) becomes a layer; fused attention becomes scores, scale, mask, softmax and mixing. What
does not depend on the image is computed once, and is no layer.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from graph import Graph, Layer

ROUTES = {
    "alias", "clone", "contiguous", "expand", "flatten", "index", "pad", "permute", "reshape", "roll", "select",
    "slice", "squeeze", "transpose", "unflatten", "unsqueeze", "view",
}  # fmt: skip
"""Operations that move elements, and add zeros."""
PARTS = {"unbind", "split", "chunk", "split_with_sizes"}
"""Operations with several outputs, each a part of the input."""
ACTIVATIONS = {"gelu", "relu", "sigmoid", "silu", "tanh"}


def of(network: nn.Module, image: Tensor) -> Graph:
    """The layers of a network in evaluation mode for an image [1, C, H, W] of its precision.

    Raises:
        NotImplementedError: for an operation that no layer is known for.
    """
    program = torch.export.export(network, (image,)).module()
    reader = Reader(program, image)
    for node in program.graph.nodes:
        reader.read(node)
    return reader.graph


@dataclass(frozen=True)
class Signal:
    """The value of a layer where an operation's argument stands, told from a number."""

    layer: int


@dataclass
class Reader:
    """Goes through the exported operations in order."""

    program: fx.GraphModule
    image: Tensor
    graph: Graph = field(default_factory=Graph)
    values: dict[fx.Node, object] = field(default_factory=dict)
    """For each node a constant, the index of a layer, or a list of indices."""

    def read(self, node: fx.Node) -> None:
        """Turn one node into a constant or into layers."""
        match node.op:
            case "placeholder":
                self.values[node] = self.graph.add(Layer("input", [], torch.empty, node.name))
            case "get_attr":
                constant = operator.attrgetter(str(node.target))(self.program)
                self.values[node] = constant.detach().clone()
            case "call_function":
                self.values[node] = self._called(node)

    def _called(self, node: fx.Node) -> object:
        word = str(node.target).removeprefix("aten.").partition(".")[0]
        if node.target is operator.getitem:
            return self.values[node.args[0]][node.args[1]]
        if word == "new_zeros":
            return torch.zeros(node.args[1], dtype=self.image.dtype)
        if all(isinstance(self.values[argument], Tensor) for argument in node.all_input_nodes):
            arguments, settings = fx.map_arg((node.args, node.kwargs), self.values.__getitem__)
            return node.target(*arguments, **settings)
        # an in-place operation is read as the one it is named after
        return self._layers(word.removesuffix("_"), node)

    def _layers(self, word: str, node: fx.Node) -> object:
        """The index of the last layer that an operation on a signal becomes."""
        first, *rest = (self._argument(argument) for argument in node.args)
        name = node.name

        def function(value: Tensor) -> Tensor:
            return node.target(value, *rest, **node.kwargs)

        if word in ROUTES:
            return self._add("reshape", [first], function, name)
        if word in ACTIVATIONS:
            return self._add("activation", [first], function, word)
        if word in PARTS:
            return self._parts(first, function, len(node.meta["val"]), name)
        match word:
            case "dropout":
                return first
            case "cat":
                return self._concatenated(first, *rest, name=name)
            case "linear":
                return self._dense(first, *rest, name=str(node.args[1].target))
            case "conv2d":
                return self._convolution(first, *rest, name=str(node.args[1].target))
            case "layer_norm":
                return self._layer_norm(first, *rest, name=name)
            case "rms_norm":
                return self._rms_norm(first, *rest, name=name)
            case "softmax":
                return self._add("softmax", [first], partial(torch.softmax, dim=rest[0]), name)
            case "adaptive_avg_pool2d" | "mean":
                return self._add("average-pool", [first], function, name)
            case "matmul":
                return self._add("matmul", [first, *rest], torch.matmul, name)
            case "scaled_dot_product_attention":
                settings = {key: self._argument(value) for key, value in node.kwargs.items()}
                return self._attention(first, *rest, width=node.args[0].meta["val"].shape[-1], name=name, **settings)
            case "add":
                return self._sum(first, *rest, name=name)
            case "mul":
                return self._product(first, *rest, name=name)
            case "div" if not isinstance(rest[0], Signal):
                return self._product(first, 1.0 / rest[0], name=name)
        raise NotImplementedError(f"{name} calls {node.target}")

    def _argument(self, argument: object) -> object:
        """What stands for an argument: a :class:`Signal`, a constant, or a list of both."""
        if isinstance(argument, fx.Node):
            value = self.values[argument]
            return Signal(value) if isinstance(value, int) else value
        if isinstance(argument, list | tuple):
            return [self._argument(part) for part in argument]
        return argument

    def _add(self, kind: str, inputs: Sequence[object], function: Callable[..., Tensor], name: str) -> int:
        if not all(isinstance(signal, Signal) for signal in inputs):
            raise NotImplementedError(f"{name}: {kind} of a constant")
        return self.graph.add(Layer(kind, [signal.layer for signal in inputs], function, name))

    def _concatenated(self, parts: list[object], dimension: int = 0, *, name: str) -> int:
        signals = [part for part in parts if isinstance(part, Signal)]

        def function(*tensors: Tensor) -> Tensor:
            remaining = iter(tensors)
            return torch.cat([next(remaining) if isinstance(part, Signal) else part for part in parts], dimension)

        return self._add("concat", signals, function, name)

    def _parts(self, signal: Signal, function: Callable[..., Sequence[Tensor]], count: int, name: str) -> list[int]:
        return [
            self._add("reshape", [signal], lambda value, at=at: function(value)[at], f"{name}_{at}")
            for at in range(count)
        ]

    def _dense(self, signal: Signal, weight: Tensor, bias: Tensor | None = None, *, name: str) -> int:
        shift = None if bias is None else bias[None]
        return self.graph.add(Layer("dense", [signal.layer], functional.linear, name, weight, shift))

    def _convolution(
        self, signal: Signal, weight: Tensor, bias: Tensor | None = None, *settings: object, name: str
    ) -> int:
        def function(value: Tensor, kernel: Tensor) -> Tensor:
            return torch.conv2d(value, kernel, None, *settings)

        shift = None if bias is None else bias[None, :, None, None]
        return self.graph.add(Layer("convolution", [signal.layer], function, name, weight, shift))

    def _layer_norm(
        self, signal: Signal, shape: list[int], weight: Tensor | None = None, bias: Tensor | None = None,
        epsilon: float = 1e-5, _cudnn: bool = False, *, name: str,
    ) -> int:  # fmt: skip
        normalization = Normalization(len(shape), is_centred=True, epsilon=epsilon)
        scale = torch.ones(shape, dtype=self.image.dtype) if weight is None else weight
        return self.graph.add(Layer("layer-normalization", [signal.layer], normalization, name, scale, bias))

    def _rms_norm(
        self, signal: Signal, shape: list[int], weight: Tensor | None = None, epsilon: float | None = None, *, name: str
    ) -> int:
        smallest = torch.finfo(self.image.dtype).eps
        normalization = Normalization(len(shape), is_centred=False, epsilon=smallest if epsilon is None else epsilon)
        scale = torch.ones(shape, dtype=self.image.dtype) if weight is None else weight
        return self.graph.add(Layer("layer-normalization", [signal.layer], normalization, name, scale))

    def _attention(
        self, query: Signal, key: Signal, value: Signal, attn_mask: object = None, *,
        width: int, name: str, scale: float | None = None,
    ) -> int:  # fmt: skip
        """softmax(q kᵀ scale + mask) v, layer by layer."""
        transposed = self._add("reshape", [key], lambda k: k.transpose(-2, -1), f"{name}_transposed")
        scores = self._add("matmul", [query, Signal(transposed)], torch.matmul, f"{name}_scores")
        scaled = self._product(Signal(scores), width**-0.5 if scale is None else scale, name=f"{name}_scaled")
        masked = scaled if attn_mask is None else self._sum(Signal(scaled), attn_mask, name=f"{name}_masked")
        weights = self._add("softmax", [Signal(masked)], partial(torch.softmax, dim=-1), f"{name}_weights")
        return self._add("matmul", [Signal(weights), value], torch.matmul, f"{name}_mixed")

    def _sum(self, first: object, second: object, *, name: str) -> int:
        match first, second:
            case Signal(), Signal():
                return self._add("sum", [first, second], torch.add, name)
            case Signal(), _:
                return self._affine(first, 1.0, second, name)
        return self._affine(second, 1.0, first, name)

    def _product(self, first: object, second: object, *, name: str) -> int:
        match first, second:
            case Signal(), Signal():
                gates = [self.graph.layers[signal.layer].name == "sigmoid" for signal in (first, second)]
                if sum(gates) != 1:
                    return self._add("product", [first, second], torch.mul, name)
                inputs = [first.layer, second.layer]
                return self.graph.add(Layer("gate", inputs, torch.mul, name, signal=gates.index(False)))
            case Signal(), _:
                return self._affine(first, second, None, name)
        return self._affine(second, first, None, name)

    def _affine(self, signal: Signal, scale: object, shift: object, name: str) -> int:
        """Elements times a constant, plus a constant: a layer without mixing."""
        scale = torch.as_tensor(scale, dtype=self.image.dtype)
        shift = None if shift is None else torch.as_tensor(shift, dtype=self.image.dtype)
        return self.graph.add(Layer("normalization", [signal.layer], lambda x, s: x * s, name, scale, shift))


@dataclass(frozen=True)
class Normalization:
    """LayerNorm or RMSNorm without its shift: `(x - mean) / sqrt(variance + epsilon) * scale`."""

    axes: int
    """How many of the last axes are normalised together."""
    is_centred: bool
    epsilon: float

    @property
    def dimensions(self) -> tuple[int, ...]:
        """These axes, counted from the last."""
        return tuple(range(-self.axes, 0))

    def __call__(self, value: Tensor, scale: Tensor) -> Tensor:
        """The normalised value."""
        return self.centred(value) / self.deviation(value) * scale

    def centred(self, value: Tensor) -> Tensor:
        """The value without its mean (RMSNorm: as it is)."""
        return value - value.mean(self.dimensions, keepdim=True) if self.is_centred else value

    def deviation(self, value: Tensor) -> Tensor:
        """The standard deviation (RMSNorm: the root mean square)."""
        return (self.centred(value).square().mean(self.dimensions, keepdim=True) + self.epsilon).sqrt()

    def with_constant_deviation(self, at: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """The same function with the deviation of `at`, which makes it linear."""
        deviation = self.deviation(at).detach()
        return lambda value, scale: self.centred(value) / deviation * scale
