"""Random networks in which no decision hangs on rounding.

A ReLU whose input lies within float32 rounding of zero, or a pooling window with two nearly equal
maxima, may be decided otherwise by another program that is as right as torch. Such a flip moves
relevance by a thousand times the rounding that caused it and would hide everything else. So the
networks are built, with a look at nothing but torch's forward pass, such that there is none:

1. every channel's bias (or BatchNorm bias) is shifted a little, into the middle of the widest gap
   that the channel's values leave around the thresholds of the activation behind it. Zero counts as
   a threshold for every biased value and residual sum: a denominator within rounding of the
   stabilizer is divided by something else in each program;
2. filters whose channel has nearly equal maxima in a pooling window are changed until it has none.

What is left is measured by `decisions.py`: the safety.
"""

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from attribution import Array
from decisions import SAFE, Decisions, Safety, thresholds_of
from networks import LARGEST_LOGIT, random_image

LINEAR_LAYERS = (nn.Conv2d, nn.Linear)
ROUNDS = 200
SHIFT = 0.05
"""The largest shift of a bias, in units of the layer's root mean square."""
NEGATIVE = 0.05
"""How many of BatchNorm's scales are negative."""
ZERO = 0.02
"""How many are zero where BatchNorm stands in front of a ReLU and a convolution. Behind a convolution a scale of
zero would leave nothing but a bias, with no input to give relevance to."""


@dataclass(frozen=True)
class Construction:
    """A network without decisions on the edge, and the image for which it has none."""

    network: nn.Module
    image: Array
    safety: float
    """Smallest distance of a decision from its threshold / largest float32 error of torch there; NaN: not measured."""
    changed_filters: int
    """Filters changed because of nearly equal maxima."""


def construct(build: Callable[[], nn.Module], seed: int, size: int) -> Construction:
    """The random network and image of a seed; the same on each call.

    Raises:
        ValueError: when no safe network is found in :data:`ROUNDS`.
    """
    image = random_image(np.random.default_rng(seed), size, size)
    pixels = torch.from_numpy(image)[None]
    torch.manual_seed(seed)
    drawn = randomized(build())
    changed = 0
    for _ in range(ROUNDS):
        torch.manual_seed(seed + 1)
        network = calibrated(drawn, pixels)
        safety = Safety.of(Decisions(copy.deepcopy(network).double(), pixels), Decisions(network, pixels))
        if safety.smallest >= SAFE:
            return Construction(network, image, safety.smallest, changed)
        change_filters(drawn, safety.close_filters, seed + changed)
        changed += len(safety.close_filters)
    raise ValueError(f"after {ROUNDS} rounds the safety is {safety.smallest:.2f}, not {SAFE}")


def randomized(network: nn.Module) -> nn.Module:
    """Draw biases and BatchNorm's scale and shift; some scales are negative."""
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
        if isinstance(module, nn.BatchNorm2d):
            scale = torch.empty(module.num_features).uniform_(0.5, 1.5)
            scale[torch.rand(module.num_features) < NEGATIVE] *= -1.0
            module.weight.data = scale
            nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, LINEAR_LAYERS) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


def calibrated(drawn: nn.Module, pixels: Tensor) -> nn.Module:
    """A copy with statistics and biases fitted to the image, and logits of order one to ten."""
    calibration = Calibration(copy.deepcopy(drawn).double())
    with torch.no_grad():
        logits = calibration.run(pixels.double())
    network = copy.deepcopy(drawn)
    network.load_state_dict(calibration.module.state_dict(), strict=False)
    last = [module for module in network.modules() if isinstance(module, LINEAR_LAYERS)][-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(LARGEST_LOGIT / float(logits.abs().max()))
    return network


def change_filters(network: nn.Module, filters: list[tuple[str, int]], seed: int) -> None:
    """Change the weights of some output channels by a tenth, in place."""
    generator = torch.Generator().manual_seed(seed)
    for module, channel in filters:
        weight = network.get_submodule(module).weight.data
        noise = torch.empty_like(weight[channel]).normal_(std=0.1, generator=generator)
        weight[channel] *= 1.0 + noise


def rounded(values: Tensor) -> Tensor:
    """The nearest float32 numbers, in the precision of `values`."""
    return values.float().to(values.dtype)


class Calibration(fx.Interpreter):
    """Runs a float64 network once and sets its statistics and biases on the way, rounded to float32."""

    def __init__(self, network: nn.Module) -> None:
        """Trace the network, whose parameters will be changed."""
        super().__init__(fx.symbolic_trace(network))

    def run_node(self, node: fx.Node) -> object:
        """Run one node, its BatchNorm's statistics set first, and shift the value where its use asks for it."""
        module = self.module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.BatchNorm2d):
            set_statistics(module, self.env[node.args[0]])
            if not self._is_convolution(node.args[0]):
                module.weight.data[torch.rand(module.num_features) < ZERO] = 0.0
        value = super().run_node(node)
        if isinstance(module, nn.BatchNorm2d) or (isinstance(module, LINEAR_LAYERS) and module.bias is not None):
            return self._shifted(node, module.bias, value)
        return value

    def _is_convolution(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self.module.get_submodule(str(node.target)), nn.Conv2d)

    def _shifted(self, node: fx.Node, bias: nn.Parameter, value: Tensor) -> Tensor:
        """The value with a bias that keeps it, and the sum it is added to, off zero and the thresholds."""
        near = [(value, threshold) for threshold in (0.0, *self._thresholds_behind(node))]
        for user in node.users:
            others = [self.env.get(argument) for argument in user.args if argument is not node]
            if is_addition(user) and others[0] is not None:
                total = value + others[0]
                near += [(total, threshold) for threshold in (0.0, *self._thresholds_behind(user))]
        old = bias.data.clone()
        bias.data = rounded(old + shifts(near))
        shape = [1, -1] + [1] * (value.dim() - 2)
        return value + (bias.data - old).reshape(shape)

    def _thresholds_behind(self, node: fx.Node) -> list[float]:
        return [threshold for user in node.users for threshold in thresholds_of(self.module, user)]


def is_addition(node: fx.Node) -> bool:
    """Whether a node adds two values."""
    return node.op == "call_function" and node.target in (operator.add, operator.iadd)


def set_statistics(module: nn.BatchNorm2d, value: Tensor) -> None:
    """Statistics near those of the value, but not the same, so that no BatchNorm is an identity."""
    variance, mean = torch.var_mean(value, dim=(0, 2, 3), correction=0)
    variance = variance.clamp(min=1e-3 * float(variance.mean()))
    noise = torch.empty_like(mean).normal_(std=0.3)
    module.running_mean = rounded(mean + noise * variance.sqrt())
    module.running_var = rounded(variance * torch.empty_like(mean).uniform_(0.5, 1.5))


def shifts(near: list[tuple[Tensor, float]]) -> Tensor:
    """For each channel the shift into the middle of the widest gap that values [1, C, ...] leave at thresholds."""
    distances = torch.cat([(threshold - value[0]).reshape(value.shape[1], -1) for value, threshold in near], dim=1)
    limit = SHIFT * float(near[0][0].square().mean().sqrt())
    return torch.from_numpy(np.array([_middle_of_gap(channel, limit) for channel in distances.numpy()]))


def _middle_of_gap(forbidden: NDArray[np.float64], limit: float) -> float:
    inside = forbidden[np.abs(forbidden) < limit]
    edges = np.sort(np.concatenate([inside, [-limit, limit]]))
    widest = int(np.diff(edges).argmax())
    return float((edges[widest] + edges[widest + 1]) / 2.0)
