"""A torch network as a list of layers, in the terms that composites and rules speak in.

The independent reference works on this list: `canonization.py` rewrites it, `assignment.py` gives
each layer its rule, `relevance.py` runs it forwards and backwards.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

WEIGHTED = ("convolution", "dense")
GATES = ("sigmoid", "hardsigmoid")


@dataclass(frozen=True)
class Layer:
    """One layer; its inputs are indices of earlier layers."""

    kind: str
    """The word composites match on."""
    inputs: list[int]
    function: Callable[..., Tensor]
    """What it computes of its inputs; where it has a weight, of its input and the weight, without bias."""
    name: str
    """Name of the node in torch's graph, or of the activation function."""
    weight: Tensor | None = None
    bias: Tensor | None = None
    """In a shape that broadcasts to the output."""
    signal: int = 0
    """Of a gate: which input is the signal."""
    is_batch_norm: bool = False
    """Whether canonization may merge it into a layer beside it."""

    def value(self, *inputs: Tensor) -> Tensor:
        """The output for these inputs."""
        if self.weight is None:
            return self.function(*inputs)
        output = self.function(inputs[0], self.weight)
        return output if self.bias is None else output + self.bias


@dataclass
class Graph:
    """Layers in topological order; the first is the input, the last the output."""

    layers: list[Layer] = field(default_factory=list)

    def add(self, layer: Layer) -> int:
        """Append a layer and return its index."""
        self.layers.append(layer)
        return len(self.layers) - 1

    def values(self, image: Tensor) -> list[Tensor]:
        """The value of every layer for an image [1, C, H, W]."""
        values: list[Tensor] = [image]
        with torch.no_grad():
            for layer in self.layers[1:]:
                values.append(layer.value(*(values[index] for index in layer.inputs)))
        return values

    def only_consumer(self, index: int) -> int | None:
        """The layer that alone reads this one's value."""
        readers = [at for at, layer in enumerate(self.layers) if index in layer.inputs]
        return readers[0] if len(readers) == 1 else None

    def comes_from(self, index: int, kind: str) -> bool:
        """Whether a layer is of the kind, or a rearrangement of one that is."""
        while self.layers[index].kind == "reshape":
            (index,) = self.layers[index].inputs
        return self.layers[index].kind == kind

    def remove(self, index: int) -> None:
        """Take out a layer of one input: its readers read that input."""
        (before,) = self.layers[index].inputs

        def renumbered(at: int) -> int:
            at = before if at == index else at
            return at - 1 if at > index else at

        del self.layers[index]
        for at, layer in enumerate(self.layers):
            self.layers[at] = replace(layer, inputs=[renumbered(at) for at in layer.inputs])


def convolution(module: nn.Conv2d, inputs: list[int], name: str) -> Layer:
    """A convolution; padding is zeros."""
    function = partial(
        functional.conv2d,
        bias=None,
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
    )
    bias = None if module.bias is None else module.bias.detach()[None, :, None, None]
    return Layer("convolution", inputs, function, name, module.weight.detach(), bias)


def dense(module: nn.Linear, inputs: list[int], name: str) -> Layer:
    """A fully connected layer."""
    bias = None if module.bias is None else module.bias.detach()[None]
    return Layer("dense", inputs, functional.linear, name, module.weight.detach(), bias)


def normalization(module: nn.BatchNorm2d, inputs: list[int], name: str) -> Layer:
    """BatchNorm as the scale `weight` and the shift `bias` per channel."""
    scale = module.weight / torch.sqrt(module.running_var + module.eps)
    shift = module.bias - module.running_mean * scale
    parts = (part.detach()[None, :, None, None] for part in (scale, shift))
    return Layer("normalization", inputs, operator.mul, name, *parts, is_batch_norm=True)


def activation(name: str, function: Callable[[Tensor], Tensor]) -> Callable[..., Layer]:
    """What makes a layer of an activation."""
    return lambda _module, inputs, _name: Layer("activation", inputs, function, name)


def called(kind: str) -> Callable[..., Layer]:
    """What makes a layer of a module without parameters."""
    return lambda module, inputs, name: Layer(kind, inputs, module, name)


MODULES: dict[type[nn.Module], Callable[..., Layer]] = {
    nn.Conv2d: convolution,
    nn.Linear: dense,
    nn.BatchNorm2d: normalization,
    nn.ReLU: activation("relu", functional.relu),
    nn.ReLU6: activation("relu6", functional.relu6),
    nn.SiLU: activation("silu", functional.silu),
    nn.Sigmoid: activation("sigmoid", torch.sigmoid),
    nn.Hardswish: activation("hardswish", functional.hardswish),
    nn.Hardsigmoid: activation("hardsigmoid", functional.hardsigmoid),
    nn.MaxPool2d: called("max-pool"),
    nn.AvgPool2d: called("average-pool"),
    nn.AdaptiveAvgPool2d: called("average-pool"),
    nn.Flatten: called("reshape"),
}
IDENTITIES = ("stochastic_depth", "dropout")
"""Functions that do nothing in evaluation mode."""


def of(network: nn.Module) -> Graph:
    """The layers of a network in evaluation mode, with its parameters in their precision.

    Raises:
        NotImplementedError: for an operation that no layer is known for.
    """
    traced = fx.symbolic_trace(network)
    graph = Graph()
    places: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            places[node] = graph.add(Layer("input", [], lambda: torch.empty(0), node.name))
        elif node.op == "call_module":
            module = traced.get_submodule(str(node.target))
            inputs = [places[node.args[0]]]
            if isinstance(module, nn.Dropout):
                places[node] = inputs[0]
            else:
                places[node] = graph.add(MODULES[type(module)](module, inputs, node.name))
        elif node.op == "call_function":
            places[node] = _function(graph, node, places)
    return graph


def _function(graph: Graph, node: fx.Node, places: dict[fx.Node, int]) -> int:
    """The index of the layer that a called function becomes."""
    word = getattr(node.target, "__name__", str(node.target))
    if word in IDENTITIES:
        return places[node.args[0]]
    if word == "cat":
        parts, dimension = node.args[0], node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        inputs = [places[part] for part in parts]
        return graph.add(Layer("concat", inputs, lambda *parts: torch.cat(parts, dimension), node.name))
    inputs = [places[argument] for argument in node.args if isinstance(argument, fx.Node)]
    rest = node.args[1:]
    match word:
        case "add" | "iadd":
            layer = Layer("sum", inputs, torch.add, node.name)
        case "mul":
            gates = [graph.layers[index].name in GATES for index in inputs]
            if sum(gates) != 1:
                raise NotImplementedError(f"{node.name} multiplies two signals")
            layer = Layer("gate", inputs, torch.mul, node.name, signal=gates.index(False))
        case "relu":
            layer = Layer("activation", inputs, functional.relu, "relu")
        case "flatten":
            layer = Layer("reshape", inputs, lambda value: torch.flatten(value, *rest), node.name)
        case "adaptive_avg_pool2d":
            layer = Layer("average-pool", inputs, lambda x: functional.adaptive_avg_pool2d(x, *rest), node.name)
        case _:
            raise NotImplementedError(f"{node.name} calls {word}")
    return graph.add(layer)
