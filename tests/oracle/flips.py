"""Which decisions float32 took otherwise than float64: what the difference of two gradients is made of.

A gradient of a ReLU network is a sum over paths, which ReLUs and pooling windows open and close. A unit within rounding
of its threshold may be decided either way, and the gradient jumps. Here the float64 network is run with its decisions
laid open: every undecided one is turned over by itself, which gives the jump that belongs to it, and those are looked
for that add up to the difference. Then these are turned over together: what is left must be rounding.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn import functional

from decisions import SAFE, thresholds_of


@dataclass
class Decision:
    """What a ReLU or a pooling layer lets back."""

    inputs: Tensor
    """In float64, [1, C, H, W] or [1, K]."""
    choice: Tensor
    """Of a ReLU the open units, as 0 and 1; of a pooling layer the place in the input that each window takes."""
    other: Tensor
    """The choice turned over."""
    margins: Tensor
    """How far each unit is from its threshold."""


class _Relu(torch.autograd.Function):
    """A ReLU that reads its decision when the gradient arrives; `rule` as in `Decided`."""

    @staticmethod
    def forward(ctx, values, decision, rule):
        ctx.decision, ctx.rule = decision, rule
        return values * decision.choice

    @staticmethod
    def backward(ctx, arrived):
        if ctx.rule != "gradient":
            arrived = arrived.clamp(min=0.0)
        return (arrived if ctx.rule == "deconvnet" else arrived * ctx.decision.choice), None, None


class _MaxPool(torch.autograd.Function):
    """A max pooling that reads its decision when the gradient arrives."""

    @staticmethod
    def forward(ctx, values, decision):
        ctx.decision = decision
        return values.flatten(2).gather(2, decision.choice.flatten(2)).reshape(decision.choice.shape)

    @staticmethod
    def backward(ctx, arrived):
        back = torch.zeros_like(ctx.decision.inputs).flatten(2)
        back.scatter_add_(2, ctx.decision.choice.flatten(2), arrived.flatten(2))
        return back.reshape(ctx.decision.inputs.shape), None


class Decided(fx.Interpreter):
    """A ReLU network that has run on an image, and whose gradient can be asked for under other decisions."""

    def __init__(self, network: nn.Module, image: Tensor, target: int, rule: str) -> None:
        """Run the network. `rule`: "gradient", "guided" or "deconvnet", for what ReLUs let back."""
        super().__init__(fx.symbolic_trace(network))
        self.rule = rule
        self.decisions: dict[str, Decision] = {}
        self.image = image.detach().clone().requires_grad_(True)
        self.logit = self.run(self.image)[0, target]

    def gradient(self) -> Tensor:
        """The gradient of the target's logit under the decisions as they are now."""
        (found,) = torch.autograd.grad(self.logit, self.image, retain_graph=True)
        return found

    def run_node(self, node: fx.Node) -> object:
        """Run one node; ReLUs and pooling layers write down their decision."""
        module = self.module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if thresholds_of(self.module, node) == (0.0,):
            values = self.env[node.args[0]]
            is_open = (values > 0.0).to(values.dtype)
            decision = Decision(values.detach(), is_open, 1.0 - is_open, values.detach().abs())
            self.decisions[node.name] = decision
            return _Relu.apply(values, decision, self.rule)
        if isinstance(module, nn.MaxPool2d):
            values = self.env[node.args[0]]
            decision = self.decisions[node.name] = pooling(values.detach(), module)
            return _MaxPool.apply(values, decision)
        return super().run_node(node)


def pooling(values: Tensor, module: nn.MaxPool2d) -> Decision:
    """The two largest of every window; windows of equal values are decided (the first of them wins everywhere)."""
    kernel, stride, padding = module.kernel_size, module.stride, module.padding
    _, winners = functional.max_pool2d(values, kernel, stride, padding, return_indices=True)
    height, width = values.shape[2:]
    # Room for windows that stick out, as they do where sizes are rounded up.
    border = (padding, padding + kernel, padding, padding + kernel)
    padded = functional.pad(values, border, value=float("-inf"))
    places = torch.arange(height * width, dtype=torch.float64).reshape(1, 1, height, width)
    places = functional.pad(places, border).long()

    def windows(of: Tensor) -> Tensor:
        cut = of.unfold(2, kernel, stride).unfold(3, kernel, stride)
        return cut[:, :, : winners.shape[2], : winners.shape[3]].flatten(4)

    largest = windows(padded).topk(2)
    second = windows(places).expand(1, values.shape[1], -1, -1, -1).gather(4, largest.indices[..., 1:])[..., 0]
    margins = (largest.values[..., 0] - largest.values[..., 1]) / 2.0
    return Decision(values, winners, second, margins.where(margins > 0.0, float("inf")))


@dataclass(frozen=True)
class Flip:
    """An undecided unit: a term of the attribution, its layer, its place there."""

    term: int
    layer: str
    place: int
    safety: float
    """Distance from the threshold / largest float32 error of torch in that layer."""


@dataclass(frozen=True)
class Explained:
    """What a difference is made of."""

    undecided: int
    """Units that float32 may decide otherwise."""
    flips: list[Flip] = field(default_factory=list)
    """Those that it did."""
    rest: float = float("inf")
    """max|R - reference with these decisions| / max|reference|"""


@dataclass(frozen=True)
class Term:
    """One gradient of an attribution that is a sum of them."""

    network: nn.Module
    image: Tensor
    factor: Tensor | float


def undecided(term: int, double: Decided, single: Decided) -> list[Flip]:
    """The units whose distance from their threshold is at most SAFE float32 errors of torch."""
    found = []
    for layer, decision in double.decisions.items():
        error = max(float((decision.inputs - single.decisions[layer].inputs.double()).abs().max()), 1e-30)
        safety = decision.margins.flatten() / error
        found += [Flip(term, layer, int(place), float(safety[place])) for place in (safety < SAFE).nonzero()]
    return found


def turn(network: Decided, flip: Flip) -> None:
    """Turn a decision over, or back."""
    decision = network.decisions[flip.layer]
    choice, other = decision.choice.flatten(), decision.other.flatten()
    kept = choice[flip.place].clone()
    choice[flip.place], other[flip.place] = other[flip.place], kept


def explained(
    double: list[Term], single: list[Term], target: int, rule: str, found: NDArray[np.floating]
) -> Explained:
    """Look for the decisions that make the float64 terms' attribution that which was found, [C, H, W]."""
    networks = [Decided(term.network, term.image, target, rule) for term in double]
    flips: list[Flip] = []
    for index, term in enumerate(single):
        flips += undecided(index, networks[index], Decided(term.network, term.image, target, rule))

    def attribution(index: int) -> NDArray[np.floating]:
        return (double[index].factor * networks[index].gradient())[0].detach().numpy().ravel()

    parts = [attribution(index) for index in range(len(double))]
    reference = sum(parts)
    largest = np.abs(reference).max()
    difference = found.astype(np.float64).ravel() - reference
    jumps, jumping = [], []
    for flip in flips:
        turn(networks[flip.term], flip)
        jump = attribution(flip.term) - parts[flip.term]
        turn(networks[flip.term], flip)
        # Closed paths behind a unit: it decides nothing.
        if np.abs(jump).max() > 1e-7 * largest:
            jumps.append(jump)
            jumping.append(flip)
    if not jumps:
        return Explained(len(flips), [], float(np.abs(difference).max() / largest))
    shares, *_ = np.linalg.lstsq(np.stack(jumps, axis=1), difference, rcond=None)
    taken = [flip for flip, share in zip(jumping, shares, strict=True) if share > 0.5]
    for flip in taken:
        turn(networks[flip.term], flip)
    changed = sum(attribution(index) for index in range(len(double)))
    rest = np.abs(found.ravel() - changed).max() / largest
    return Explained(len(flips), taken, float(rest))
