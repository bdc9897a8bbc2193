"""Layer-wise relevance propagation by torch's autograd: the reference that knows no zennit and no onnxplain.

Each rule is written from its paper. What they share is the division of Bach et al. (2015): an
output's relevance goes to the contributions that make up its denominator, in proportion to them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assignment import Composite, Setting
from canonization import canonized
from composites import InputRange
from exported import Normalization
from graph import WEIGHTED, Graph, Layer

Contribution = tuple[Tensor, Tensor]
"""An input and a weight, whose product is a part of the denominator."""


def explain(graph: Graph, composite: Composite, image: Tensor, target: int) -> Tensor:
    """Relevance of an image [1, C, H, W], one being put in at the logit `target`.

    `graph` is the network as built; composites that divide relevance get it canonized.
    """
    if not composite.is_gradient:
        if composite.canonize != "all":
            raise NotImplementedError(f"{composite.name} is canonized by {composite.canonize}")
        graph = canonized(graph, image)
    values = graph.values(image)
    settings = composite.assign(graph)
    arrived: list[Tensor | None] = [None] * len(values)
    arrived[-1] = torch.zeros_like(values[-1])
    arrived[-1][0, target] = 1.0
    for index in range(len(values) - 1, 0, -1):
        relevance, layer = arrived[index], graph.layers[index]
        if relevance is None:
            continue
        inputs = [values[at] for at in layer.inputs]
        coefficients = tuple(graph.comes_from(at, "softmax") for at in layer.inputs)
        shares = Step(layer, inputs, values[index], settings[index], coefficients).shares(relevance)
        for at, share in zip(layer.inputs, shares, strict=True):
            if share is not None:
                arrived[at] = share if arrived[at] is None else arrived[at] + share
        arrived[index] = None
    if arrived[0] is None:
        raise ArithmeticError("no relevance arrives at the input")
    return arrived[0]


@dataclass(frozen=True)
class Step:
    """One layer with its rule, its inputs and its output."""

    layer: Layer
    inputs: list[Tensor]
    output: Tensor
    setting: Setting
    coefficients: tuple[bool, ...] = ()
    """For each input whether it comes from a softmax."""

    def shares(self, arrived: Tensor) -> Sequence[Tensor | None]:
        """The relevance of every input; `None` is nothing at all."""
        match self.setting.rule, self.layer.kind:
            case "gradient", _:
                return self._gradient(arrived)
            case "guided-backprop", "activation":
                return self._gradient(arrived.clamp(min=0.0))
            case "deconvnet", "activation":
                return [arrived.clamp(min=0.0)]
            case "pass", "activation" | "normalization" | "layer-normalization":
                return [arrived]
            case "epsilon", "normalization" | "layer-normalization":
                return [self._normalized(arrived)]
            case "taylor", "softmax":
                return self._softmax(arrived)
            case "taylor", "matmul":
                quotient = arrived / stabilized(2.0 * self.output, self.setting)
                gradients = self._gradient(quotient)
                return [value * gradient for value, gradient in zip(self.inputs, gradients, strict=True)]
            case "epsilon", "matmul":
                return self._mixed(arrived)
            case "pass", "product":
                return [arrived / 2.0, arrived / 2.0]
            case "pass", "gate":
                return [arrived if at == self.layer.signal else None for at in (0, 1)]
            case "norm" | "epsilon", "sum" | "average-pool":
                gradients = self._gradient(arrived / stabilized(self.output, self.setting))
                return [value * gradient for value, gradient in zip(self.inputs, gradients, strict=True)]
            case "flat", "average-pool":
                taps = self.inputs[0].numel() // self.output.numel()
                quotient = arrived / (taps + self.setting.stabilizer.epsilon)
                return [taps * gradient for gradient in self._gradient(quotient)]
            case _, kind if kind in WEIGHTED:
                return [self._weighted(arrived)]
        raise NotImplementedError(f"{self.setting.rule} on {self.layer.kind}")

    def _gradient(self, arrived: Tensor) -> Sequence[Tensor]:
        leaves = [value.detach().requires_grad_() for value in self.inputs]
        return torch.autograd.grad(self.layer.value(*leaves), leaves, arrived)

    def _softmax(self, arrived: Tensor) -> Sequence[Tensor]:
        """Achtibat et al. (2024): the first-order Taylor expansion at the input, x (R - s sum R)."""
        total = arrived.sum(self.layer.function.keywords["dim"], keepdim=True)
        return [self.inputs[0] * (arrived - self.output * total)]

    def _mixed(self, arrived: Tensor) -> Sequence[Tensor | None]:
        """Ali et al. (2022): attention weights are coefficients, what they mix takes all."""
        if True not in self.coefficients:
            return [None, None]
        gradients = self._gradient(arrived / stabilized(self.output, self.setting))
        return [
            None if is_coefficient else value * gradient
            for value, gradient, is_coefficient in zip(self.inputs, gradients, self.coefficients, strict=True)
        ]

    def _normalized(self, arrived: Tensor) -> Tensor:
        """Ali et al. (2022): the standard deviation is a constant; the shift absorbs as a bias does."""
        function = self.layer.function
        if isinstance(function, Normalization):
            function = function.with_constant_deviation(self.inputs[0])
        bias = self.layer.bias if self.setting.with_bias else None
        return self._divided([(self.inputs[0], self.layer.weight)], bias, arrived, function)

    def _weighted(self, arrived: Tensor) -> Tensor:
        value, weight = self.inputs[0], self.layer.weight
        bias = self.layer.bias if self.setting.with_bias else None
        number = self.setting.parameters.get
        match self.setting.rule:
            case "epsilon" | "norm":
                return self._divided([(value, weight)], bias, arrived)
            case "z-plus":
                return self._same_sign(arrived)
            case "alpha-beta":
                alpha, beta = number("alpha", 2.0), number("beta", 1.0)
                return alpha * self._same_sign(arrived) - beta * self._other_sign(arrived)
            case "gamma":
                return self._gamma(number("gamma", 0.25), bias, arrived)
            case "z-box":
                low, high = (bound.to(value).expand_as(value) for bound in InputRange.imagenet().bounds())
                box = [(value, weight), (low, -positive(weight)), (high, -negative(weight))]
                return self._divided(box, None, arrived)
            case "w-square":
                squared = None if bias is None else bias**2
                return self._divided([(torch.ones_like(value), weight**2)], squared, arrived)
            case "flat":
                return self._divided([(torch.ones_like(value), torch.ones_like(weight))], None, arrived)
        raise NotImplementedError(f"the rule {self.setting.rule}")

    def _same_sign(self, arrived: Tensor) -> Tensor:
        """Over the positive contributions: input and weight have the same sign."""
        value, weight = self.inputs[0], self.layer.weight
        bias = self.layer.bias if self.setting.with_bias else None
        parts = [(positive(value), positive(weight)), (negative(value), negative(weight))]
        return self._divided(parts, None if bias is None else positive(bias), arrived)

    def _other_sign(self, arrived: Tensor) -> Tensor:
        """Over the negative contributions: input and weight have different signs."""
        value, weight = self.inputs[0], self.layer.weight
        bias = self.layer.bias if self.setting.with_bias else None
        parts = [(positive(value), negative(weight)), (negative(value), positive(weight))]
        return self._divided(parts, None if bias is None else negative(bias), arrived)

    def _gamma(self, gamma: float, bias: Tensor | None, arrived: Tensor) -> Tensor:
        """Andeol et al. (2021): contributions of the output's sign count 1 + gamma times."""
        value, weight = self.inputs[0], self.layer.weight
        more = weight + gamma * positive(weight)
        less = weight + gamma * negative(weight)
        bias_more = None if bias is None else bias + gamma * positive(bias)
        bias_less = None if bias is None else bias + gamma * negative(bias)
        upward = self._divided(
            [(positive(value), more), (negative(value), less)], bias_more, arrived * (self.output > 0.0)
        )
        downward = self._divided(
            [(positive(value), less), (negative(value), more)], bias_less, arrived * (self.output < 0.0)
        )
        return upward + downward

    def _divided(
        self,
        parts: list[Contribution],
        bias: Tensor | None,
        arrived: Tensor,
        function: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Relevance in proportion to the contributions to `z`, the bias being one that absorbs."""
        function = function or self.layer.function
        leaves = [value.detach().clone().requires_grad_() for value, _ in parts]
        weights = [weight for _, weight in parts]
        z = sum(function(leaf, weight) for leaf, weight in zip(leaves, weights, strict=True))
        if bias is not None:
            z = z + bias
        quotient = arrived / stabilized(z.detach(), self.setting)
        gradients = torch.autograd.grad(z, leaves, quotient)
        return sum(leaf.detach() * gradient for leaf, gradient in zip(leaves, gradients, strict=True))


def stabilized(z: Tensor, setting: Setting) -> Tensor:
    """`z + sign(z) epsilon`, the sign of zero being one."""
    return z + torch.where(z < 0.0, -setting.stabilizer.epsilon, setting.stabilizer.epsilon)


def positive(values: Tensor) -> Tensor:
    """max(x, 0)."""
    return values.clamp(min=0.0)


def negative(values: Tensor) -> Tensor:
    """min(x, 0)."""
    return values.clamp(max=0.0)
