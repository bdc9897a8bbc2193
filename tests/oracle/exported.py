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

Value = Tensor | int
"""A constant, or the index of the layer that computes it."""

ROUTES = {
    "alias", "clone", "contiguous", "expand", "flatten", "pad", "permute", "reshape", "roll", "select", "slice",
    "squeeze", "transpose", "unflatten", "unsqueeze", "view",
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


@dataclass
class Reader:
    """Goes through the exported operations in order."""

    program: fx.GraphModule
    image: Tensor
    graph: Graph = field(default_factory=Graph)
    values: dict[fx.Node, object] = field(default_factory=dict)
    """For each node a constant, a layer, or a list of them."""

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
            return self._value(node.args[0])[node.args[1]]
        if word == "new_zeros":
            return torch.zeros(node.args[1], dtype=self.image.dtype)
        if not any(isinstance(self._value(argument), int) for argument in node.all_input_nodes) and not (
            any(isinstance(self._value(argument), list) for argument in node.all_input_nodes)
        ):
            arguments = fx.map_arg(node.args, self._value)
            return node.target(*arguments, **fx.map_arg(node.kwargs, self._value))
        return self._layers(word.removesuffix("_"), node)

    def _value(self, node: fx.Node) -> object:
        return self.values[node]

    def _layers(self, word: str, node: fx.Node) -> object:
        """The index of the last layer that an operation on a signal becomes."""
        arguments: list[object] = list(fx.map_arg(node.args, lambda node: Operand(self._value(node))))
        first, rest = unpacked(arguments[0]), [unpacked(argument) for argument in arguments[1:]]
        call = partial(node.target, **node.kwargs)
        name = node.name
        if word == "dropout":
            return first
        if word == "cat":
            return self._concatenated(arguments[0], rest, name)
        if word in PARTS:
            return self._parts(node, call, rest)
        if word in ROUTES or word == "index":
            return self._add("reshape", [first], lambda value: call(value, *rest), name)
        if word in ACTIVATIONS:
            return self._add("activation", [first], lambda value: call(value, *rest), word)
        match word:
            case "linear" | "conv2d":
                weight_node = node.args[1]
                return self._weighted(word, first, rest, str(weight_node.target), call)
            case "layer_norm" | "rms_norm":
                return self._normalized(word, first, rest, name)
            case "softmax":
                return self._add("softmax", [first], partial(torch.softmax, dim=rest[0]), name)
            case "adaptive_avg_pool2d" | "mean":
                return self._add("average-pool", [first], lambda value: call(value, *rest), name)
            case "matmul":
                return self._add("matmul", [first, rest[0]], torch.matmul, name)
            case "scaled_dot_product_attention":
                return self._attention(first, rest, node)
            case "add":
                return self._sum(first, rest[0], name)
            case "mul":
                return self._product(first, rest[0], name)
        raise NotImplementedError(f"{name} calls {node.target}")

    def _add(self, kind: str, inputs: Sequence[object], function: Callable[..., Tensor], name: str) -> int:
        if not all(isinstance(index, int) for index in inputs):
            raise NotImplementedError(f"{name}: {kind} of a constant")
        return self.graph.add(Layer(kind, [int(str(index)) for index in inputs], function, name))

    def _concatenated(self, parts: object, rest: list[object], name: str) -> int:
        dimension = rest[0] if rest else 0
        values = [unpacked(part) for part in parts]
        signals = [value for value in values if isinstance(value, int)]

        def function(*tensors: Tensor) -> Tensor:
            remaining = iter(tensors)
            filled = [next(remaining) if isinstance(value, int) else value for value in values]
            return torch.cat(filled, dimension)

        return self._add("concat", signals, function, name)

    def _parts(self, node: fx.Node, call: Callable[..., Sequence[Tensor]], rest: list[object]) -> list[int]:
        count = len(node.meta["val"])
        source = self._value(node.args[0])
        return [
            self._add("reshape", [source], lambda value, at=at: call(value, *rest)[at], f"{node.name}_{at}")
            for at in range(count)
        ]

    def _weighted(self, word: str, value: object, rest: list[object], name: str, call: Callable[..., Tensor]) -> int:
        weight, bias, *more = [*rest, None][: max(2, len(rest))]
        if word == "linear":
            kind, function, shape = "dense", functional.linear, [1, -1]
        else:
            kind, function, shape = "convolution", lambda x, w: call(x, w, None, *more), [1, -1, 1, 1]
        layer = Layer(kind, [value], function, name, weight, None if bias is None else bias.reshape(shape))
        return self.graph.add(layer)

    def _normalized(self, word: str, value: object, rest: list[object], name: str) -> int:
        shape, weight, bias, epsilon = ([*rest, None, None, None][:4] if word == "layer_norm" else
                                        [rest[0], [*rest, None][1], None, ([*rest, None, None][2])])  # fmt: skip
        dimensions = tuple(range(-len(shape), 0))
        is_centred = word == "layer_norm"
        epsilon = epsilon if epsilon is not None else 1e-5 if is_centred else torch.finfo(self.image.dtype).eps
        normalization = Normalization(dimensions, is_centred, float(epsilon))
        scale = torch.ones(shape, dtype=self.image.dtype) if weight is None else weight
        return self.graph.add(Layer("layer-normalization", [value], normalization, name, scale, bias))

    def _attention(self, query: object, rest: list[object], node: fx.Node) -> int:
        """softmax(q kᵀ scale + mask) v, layer by layer."""
        key, value, mask = [*rest, None][:3]
        if any(rest[3:]) or set(node.kwargs) - {"scale", "attn_mask"}:
            raise NotImplementedError(f"{node.name}: attention with {node.args[3:]}, {node.kwargs}")
        if "attn_mask" in node.kwargs:
            mask = self._value(node.kwargs["attn_mask"])
        scale = node.kwargs.get("scale") or node.args[0].meta["val"].shape[-1] ** -0.5
        name = node.name
        transposed = self._add("reshape", [key], lambda k: k.transpose(-2, -1), f"{name}_transposed")
        scores = self._add("matmul", [query, transposed], torch.matmul, f"{name}_scores")
        scaled = self._product(scores, scale, f"{name}_scaled")
        masked = scaled if mask is None else self._sum(scaled, mask, f"{name}_masked")
        weights = self._add("softmax", [masked], partial(torch.softmax, dim=-1), f"{name}_weights")
        return self._add("matmul", [weights, value], torch.matmul, f"{name}_mixed")

    def _sum(self, first: object, second: object, name: str) -> int:
        match first, second:
            case int(), int():
                return self._add("sum", [first, second], torch.add, name)
            case int(), _:
                return self._affine(first, 1.0, second, name)
        return self._affine(second, 1.0, first, name)

    def _product(self, first: object, second: object, name: str) -> int:
        match first, second:
            case int(), int():
                gates = [self.graph.layers[index].name == "sigmoid" for index in (first, second)]
                if sum(gates) != 1:
                    return self._add("product", [first, second], torch.mul, name)
                return self.graph.add(Layer("gate", [first, second], torch.mul, name, signal=gates.index(False)))
            case int(), _:
                return self._affine(first, second, None, name)
        return self._affine(second, first, None, name)

    def _affine(self, value: int, scale: object, shift: object, name: str) -> int:
        """Elements times a constant, plus a constant: a layer without mixing."""
        scale = torch.as_tensor(scale, dtype=self.image.dtype)
        shift = None if shift is None else torch.as_tensor(shift, dtype=self.image.dtype)
        return self.graph.add(Layer("normalization", [value], lambda x, s: x * s, name, scale, shift))


@dataclass(frozen=True)
class Operand:
    """A value where an operation's argument stands, so that a layer's index is told from a number."""

    value: object


def unpacked(argument: object) -> object:
    """The constant or layer of an operand; every other argument as it is, operands in lists unpacked."""
    if isinstance(argument, Operand):
        return argument.value
    if isinstance(argument, list | tuple):
        return [unpacked(part) for part in argument]
    return argument


@dataclass(frozen=True)
class Normalization:
    """LayerNorm or RMSNorm without its shift: `(x - mean) / sqrt(variance + epsilon) * scale`."""

    dimensions: tuple[int, ...]
    is_centred: bool
    epsilon: float

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
