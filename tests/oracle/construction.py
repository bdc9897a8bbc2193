"""Random networks in which no decision hangs on rounding.

A ReLU whose input lies within float32 rounding of zero, or a pooling window with two nearly equal
maxima, may be decided otherwise by another program that is as right as torch. Such a flip moves
relevance by a thousand times the rounding that caused it and would hide everything else. So the
networks are built, with a look at nothing but torch's forward pass, such that there is none:

1. every channel's bias (or BatchNorm bias) is shifted a little, into the middle of the widest gap
   that the channel's values leave around the thresholds of the activation behind it;
2. filters whose channel has nearly equal maxima in a pooling window are changed until it has none.

What is left is measured by `decisions.py`: the safety.
"""

import copy
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
    """Smallest distance of a decision from its threshold / largest float32 error of torch there."""
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
        """Run one node, its BatchNorm's statistics or the bias before it set first."""
        if node.op == "call_module":
            module = self.module.get_submodule(str(node.target))
            if isinstance(module, nn.BatchNorm2d):
                set_statistics(module, self.env[node.args[0]])
                if not self._is_convolution(node.args[0]):
                    module.weight.data[torch.rand(module.num_features) < ZERO] = 0.0
        if thresholds := thresholds_of(self.module, node):
            before = node.args[0]
            bias = self.bias_before(before)
            old = bias.data.clone()
            bias.data = rounded(old + shifts(self.env[before], thresholds))
            shape = [1, -1] + [1] * (self.env[before].dim() - 2)
            self.env[before] = self.env[before] + (bias.data - old).reshape(shape)
        return super().run_node(node)

    def _is_convolution(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self.module.get_submodule(str(node.target)), nn.Conv2d)

    def bias_before(self, node: fx.Node) -> nn.Parameter:
        """The bias that shifts each channel of a node's value: of its own module, or of a summand."""
        if node.op == "call_module":
            return self.module.get_submodule(str(node.target)).bias
        return self.bias_before(node.args[0])


def set_statistics(module: nn.BatchNorm2d, value: Tensor) -> None:
    """Statistics near those of the value, but not the same, so that no BatchNorm is an identity."""
    variance, mean = torch.var_mean(value, dim=(0, 2, 3), correction=0)
    variance = variance.clamp(min=1e-3 * float(variance.mean()))
    noise = torch.empty_like(mean).normal_(std=0.3)
    module.running_mean = rounded(mean + noise * variance.sqrt())
    module.running_var = rounded(variance * torch.empty_like(mean).uniform_(0.5, 1.5))


def shifts(value: Tensor, thresholds: tuple[float, ...]) -> Tensor:
    """For each channel of [1, C, ...] the shift into the middle of the widest gap around the thresholds."""
    channels = value[0].reshape(value.shape[1], -1).numpy()
    limit = SHIFT * float(np.sqrt((channels**2).mean()))
    return torch.from_numpy(np.array([_shift(channel, thresholds, limit) for channel in channels]))


def _shift(channel: NDArray[np.float64], thresholds: tuple[float, ...], limit: float) -> float:
    forbidden = np.concatenate([threshold - channel for threshold in thresholds])
    inside = forbidden[np.abs(forbidden) < limit]
    edges = np.sort(np.concatenate([inside, [-limit, limit]]))
    widest = int(np.diff(edges).argmax())
    return float((edges[widest] + edges[widest + 1]) / 2.0)
