"""Small recurrent classifiers: torch's, by its exporter, and cells that torch does not have, by onnx's helper."""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

STEPS, INPUTS, HIDDEN, CLASSES = 7, 5, 6, 4


@dataclass(frozen=True)
class Direction:
    """The parameters of one direction of one layer, in torch's order of gates (i f g o; r z n)."""

    kind: str
    input_weight: np.ndarray
    state_weight: np.ndarray
    input_bias: np.ndarray
    state_bias: np.ndarray
    is_reversed: bool = False
    resets_sum: bool = True
    """Of a GRU: whether the reset gate is behind the linear map of the state."""

    def cast(self, kind: type) -> "Direction":
        """In float32 or float64."""
        names = ("input_weight", "state_weight", "input_bias", "state_bias")
        return replace(self, **{name: getattr(self, name).astype(kind) for name in names})


@dataclass(frozen=True)
class Recurrent:
    """A classifier: recurrent layers over `[1, T, I]` (or several sequences side by side), pooling, a dense layer."""

    name: str
    seed: int
    model: onnx.ModelProto
    x: np.ndarray
    layers: list[list[Direction]]
    dense_weight: np.ndarray
    dense_bias: np.ndarray
    pooling: str
    """`last`: the state at the last step, of all directions; `mean`: over all steps; `all`: all of them, flattened."""
    torch_network: nn.Module | None = None
    lengths: tuple[int, ...] = (STEPS,)

    def sequences(self) -> np.ndarray:
        """The input as `[sequences, T, I]`."""
        return self.x.reshape(len(self.lengths), -1, INPUTS)

    def each(self, values: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Every sequence and its length."""
        return zip(values, self.lengths, strict=True)

    def pooled(self, values: np.ndarray) -> np.ndarray:
        """What the dense layer reads of the states `[sequences, T, D]`."""
        if self.pooling == "last":
            return values[0, -1]
        return values[0].mean(axis=0) if self.pooling == "mean" else values.ravel()

    def unpooled(self, values: np.ndarray, relevance: np.ndarray, split: Callable) -> np.ndarray:
        """Relevance of the states."""
        result = np.zeros_like(values)
        if self.pooling == "last":
            result[0, -1] = relevance
        elif self.pooling == "mean":
            result[0] = split([row / len(values[0]) for row in values[0]], relevance)
        else:
            result = relevance.reshape(values.shape)
        return result

    def gradient(self, target: int) -> np.ndarray:
        """By autograd in float64; by central differences of the replica where torch has no such cell."""
        if self.torch_network is not None:
            x = torch.from_numpy(self.x.astype(np.float64)).requires_grad_(True)
            (found,) = torch.autograd.grad(self.torch_network.double()(x)[0, target], x)
            return found.numpy()
        from recurrent.replica import explain

        found, step = np.zeros(self.x.shape), 1e-5
        for place in np.ndindex(*self.x.shape):
            up, down = self.x.astype(np.float64), self.x.astype(np.float64)
            up[place] += step
            down[place] -= step
            ends = [explain(replace(self, x=moved), np.float64)[0][target] for moved in (up, down)]
            found[place] = (ends[0] - ends[1]) / (2 * step)
        return found


class Classifier(nn.Module):
    """torch's."""

    def __init__(self, kind: str, pooling: str, *, layers: int, bidirectional: bool) -> None:
        super().__init__()
        self.pooling = pooling
        self.recurrent = getattr(nn, kind)(INPUTS, HIDDEN, layers, batch_first=True, bidirectional=bidirectional)
        self.dense = nn.Linear(HIDDEN * (2 if bidirectional else 1), CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        states, _ = self.recurrent(x)
        return self.dense(states[:, -1] if self.pooling == "last" else states.mean(dim=1))


def torch_builder(kind: str, pooling: str, layers: int = 1, bidirectional: bool = False) -> Callable[[int], Recurrent]:
    """A classifier of a seed."""

    def build(seed: int) -> Recurrent:
        torch.manual_seed(seed)
        network = Classifier(kind, pooling, layers=layers, bidirectional=bidirectional).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.5)
        x = np.random.default_rng(seed).normal(0, 1, (1, STEPS, INPUTS)).astype(np.float32)
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, (torch.from_numpy(x),), file, dynamo=False, opset_version=17, input_names=["input"])
        recurrent = network.recurrent
        ends = ["", "_reverse"] if bidirectional else [""]
        words = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")

        def direction(layer: int, end: str) -> Direction:
            numbers = [getattr(recurrent, f"{word}{layer}{end}").detach().numpy().copy() for word in words]
            return Direction(kind, *numbers, is_reversed=bool(end))

        return Recurrent(
            name=f"{kind}{' of 2 layers' if layers > 1 else ''}{', bidirectional' if bidirectional else ''}, {pooling} state",
            seed=seed,
            model=onnx.load_from_string(file.getvalue()),
            x=x,
            layers=[[direction(layer, end) for end in ends] for layer in range(layers)],
            dense_weight=network.dense.weight.detach().numpy().copy(),
            dense_bias=network.dense.bias.detach().numpy().copy(),
            pooling=pooling,
            torch_network=network,
        )

    return build


ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX's gates (i o f g; z r n) are in torch's order."""


def helper_builder(kind: str, lengths: tuple[int, ...], resets_sum: bool = True) -> Callable[[int], Recurrent]:
    """A bidirectional layer over sequences of several lengths side by side, all of whose states are read."""

    def build(seed: int) -> Recurrent:
        random, gates, count = np.random.default_rng(seed), len(ORDER[kind]), len(lengths)

        def normal(*shape: int, scale: float) -> np.ndarray:
            return random.normal(0, scale, shape).astype(np.float32)

        rows = gates * HIDDEN
        layer = [
            Direction(
                kind,
                normal(rows, INPUTS, scale=0.5),
                normal(rows, HIDDEN, scale=0.5),
                normal(rows, scale=0.2),
                normal(rows, scale=0.2),
                is_reversed,
                resets_sum,
            )
            for is_reversed in (False, True)
        ]

        def in_onnx_order(values: np.ndarray) -> np.ndarray:
            parts = np.split(values, gates)
            return np.concatenate([parts[at] for at in ORDER[kind]])

        def stacked(name: str) -> np.ndarray:
            return np.stack([in_onnx_order(getattr(direction, name)) for direction in layer])

        size = count * STEPS * 2 * HIDDEN
        weight, bias = normal(CLASSES, size, scale=size**-0.5 * 2), normal(CLASSES, scale=0.1)
        constants = {
            "shape": np.array([count, STEPS, INPUTS], np.int64),
            "w": stacked("input_weight"),
            "r": stacked("state_weight"),
            "b": np.concatenate([stacked("input_bias"), stacked("state_bias")], axis=1),
            "lengths": np.array(lengths, np.int32),
            "flat": np.array([1, -1], np.int64),
            "weight": weight,
            "bias": bias,
        }
        attributes = {"hidden_size": HIDDEN, "direction": "bidirectional"}
        if kind == "GRU":
            attributes["linear_before_reset"] = int(resets_sum)
        nodes = [
            helper.make_node("Reshape", ["input", "shape"], ["sequences"], name="sequences"),
            helper.make_node("Transpose", ["sequences"], ["steps"], name="steps", perm=[1, 0, 2]),
            helper.make_node(kind, ["steps", "w", "r", "b", "lengths"], ["states"], name="recurrent", **attributes),
            helper.make_node("Transpose", ["states"], ["ordered"], name="ordered", perm=[2, 0, 1, 3]),
            helper.make_node("Reshape", ["ordered", "flat"], ["all"], name="all"),
            helper.make_node("Gemm", ["all", "weight", "bias"], ["logits"], name="dense", transB=1),
        ]
        graph = helper.make_graph(
            nodes,
            "sequences",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, count * STEPS, INPUTS])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, CLASSES])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return Recurrent(
            name=f"{kind}{'' if resets_sum else ' that resets the state'}, {count} sequence{'s of several lengths' if count > 1 else ''}",
            seed=seed,
            model=model,
            x=normal(1, count * STEPS, INPUTS, scale=1),
            layers=[layer],
            dense_weight=weight,
            dense_bias=bias,
            pooling="all",
            lengths=lengths,
        )

    return build


NETWORKS: list[Callable[[int], Recurrent]] = [
    *(torch_builder(kind, pooling) for kind in ("LSTM", "GRU", "RNN") for pooling in ("last", "mean")),
    *(torch_builder(kind, "mean", bidirectional=True) for kind in ("LSTM", "GRU")),
    *(torch_builder(kind, "last", layers=2) for kind in ("LSTM", "GRU")),
    *(helper_builder(kind, (7, 3, 5)) for kind in ("LSTM", "GRU", "RNN")),
    helper_builder("GRU", (STEPS,), resets_sum=False),
    helper_builder("GRU", (7, 3, 5), resets_sum=False),
]
"""Builders of classifiers, by seed."""
