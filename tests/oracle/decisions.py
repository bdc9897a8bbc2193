"""How far the decisions of a network are from their thresholds, in units of rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

THRESHOLDS: dict[object, tuple[float, ...]] = {
    nn.ReLU: (0.0,),
    nn.functional.relu: (0.0,),
    nn.ReLU6: (0.0, 6.0),
    nn.Hardswish: (-3.0, 3.0),
    nn.Hardsigmoid: (-3.0, 3.0),
}
"""Where an activation has no derivative."""

SAFE = 4.0
"""The safety every network has: a program four times less exact than torch's float32 decides alike."""


def thresholds_of(network: nn.Module, node: fx.Node) -> tuple[float, ...]:
    """The thresholds of a node's activation; none where it is no activation with a kink."""
    if node.op == "call_module":
        return THRESHOLDS.get(type(network.get_submodule(str(node.target))), ())
    return THRESHOLDS.get(node.target, ()) if node.op == "call_function" else ()


class Decisions(fx.Interpreter):
    """Runs a network and keeps, for each node that decides, its input and each channel's margin."""

    def __init__(self, network: nn.Module, pixels: Tensor) -> None:
        """Run the network on an image [1, C, H, W], in the network's precision."""
        super().__init__(fx.symbolic_trace(network))
        self.inputs: dict[fx.Node, Tensor] = {}
        self.margins: dict[fx.Node, Tensor] = {}
        self.widths: dict[fx.Node, int] = {}
        with torch.no_grad():
            self.run(pixels.to(next(network.parameters()).dtype))

    def run_node(self, node: fx.Node) -> object:
        """Run one node and measure its decisions."""
        margin = self._margin(node)
        if margin is not None:
            self.inputs[node] = self.env[node.args[0]].clone()
            self.margins[node] = margin
        value = super().run_node(node)
        self.widths[node] = value.shape[1]
        return value

    def _margin(self, node: fx.Node) -> Tensor | None:
        if thresholds := thresholds_of(self.module, node):
            value = self.env[node.args[0]]
            channels = value[0].reshape(value.shape[1], -1)
            return torch.stack([(channels - threshold).abs().amin(1) for threshold in thresholds]).amin(0)
        module = self.module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.MaxPool2d):
            return pooling_margins(self.env[node.args[0]], module)
        return None

    def is_pooling(self, node: fx.Node) -> bool:
        """Whether the node decides between the values of a window."""
        return not thresholds_of(self.module, node)

    def filter_of(self, node: fx.Node, channel: int) -> tuple[str, int]:
        """The convolution, and its output channel, that a channel of a node's value comes from."""
        if node.op == "call_module":
            if isinstance(self.module.get_submodule(str(node.target)), nn.Conv2d):
                return str(node.target), channel
        elif node.target is torch.cat:
            for part in node.args[0]:
                if channel < self.widths[part]:
                    return self.filter_of(part, channel)
                channel -= self.widths[part]
        return self.filter_of(node.args[0], channel)


@dataclass(frozen=True)
class Safety:
    """The safety of a network, and what to change where it is small."""

    smallest: float
    """Smallest distance of a decision from its threshold / largest float32 error of torch there."""
    close_filters: list[tuple[str, int]]
    """Convolution and output channel, for every channel of the first pooling layer that is too close."""

    @classmethod
    def of(cls, double: Decisions, single: Decisions) -> "Safety":
        """Compare the run in float64 with the run in float32."""
        smallest = float("inf")
        close: list[tuple[str, int]] = []
        for (node, margins), other in zip(double.margins.items(), single.inputs.values(), strict=True):
            error = max(float((double.inputs[node] - other.double()).abs().max()), 1e-30)
            smallest = min(smallest, float(margins.min()) / error)
            if double.is_pooling(node) and not close:
                channels = (margins < SAFE * error).nonzero().flatten().tolist()
                close = sorted({double.filter_of(node.args[0], channel) for channel in channels})
        return cls(smallest, close)


def pooling_margins(value: Tensor, pooling: nn.MaxPool2d) -> Tensor:
    """For each channel half the smallest difference of the two largest values of a window.

    Equal values are left out: behind a ReLU (zeros) and in constant channels they are equal in any
    precision, and the first of them wins everywhere.
    """
    kernel, stride, padding = (
        (number, number) if isinstance(number, int) else number
        for number in (pooling.kernel_size, pooling.stride, pooling.padding)
    )
    shape = pooling(value).shape[2:]
    below, right = (
        max(0, (shape[axis] - 1) * stride[axis] + kernel[axis] - padding[axis] - value.shape[2 + axis])
        for axis in (0, 1)
    )
    border = (padding[1], right, padding[0], below)
    padded = nn.functional.pad(value, border, value=float("-inf"))
    windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])
    largest = windows[0].flatten(3).topk(2).values.flatten(1, 2)
    difference = largest[..., 0] - largest[..., 1]
    return difference.where(difference > 0.0, float("inf")).amin(1) / 2.0
