"""Recurrent networks against torch's autograd, quantised files against onnxruntime and the network before quantisation.

    python tests/oracle/files_parity.py --onnxplain target/release/onnxplain

Prints the tables of docs/sweeps/parity.md. Weights are random, everything is small: it takes a few minutes.
"""

import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402  (the threads are said before)
import torch  # noqa: E402
from onnxruntime.quantization import (  # noqa: E402
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from architectures.judge import one_minus_cosine, runtime  # noqa: E402
from program import Answer, Program, distance  # noqa: E402


class Recurrent(nn.Module):
    """A recurrent layer, and a dense one on its last state or on the mean of all."""

    def __init__(self, kind: type[nn.RNNBase], of_states: bool = False, **options: object) -> None:
        super().__init__()
        self.layer = kind(6, 9, batch_first=True, **options)
        self.head = nn.Linear(18 if options.get("bidirectional") else 9, 5)
        self.of_states = of_states

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        states, last = self.layer(x)
        last = last[0] if isinstance(last, tuple) else last
        if self.of_states:
            return self.head(states.mean(1))
        return self.head(torch.cat([last[-2], last[-1]], 1) if self.layer.bidirectional else last[-1])


class Convolutional(nn.Module):
    """A residual block with a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 7)
        self.norm.running_mean.normal_(0, 0.3)
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        x = functional.relu(self.norm(self.first(x)))
        x = x + functional.hardswish(self.second(x))
        return self.head((x * torch.sigmoid(x.mean((2, 3), keepdim=True))).mean((2, 3)))


class Transformer(nn.Module):
    """A layer of a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.positions = nn.Conv2d(3, 16, 4, 4), nn.Parameter(torch.randn(1, 16, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.layer(tokens).mean(1))


class Noise(CalibrationDataReader):
    """Pictures of noise to calibrate with, wider than those that are explained, so that nothing is cut off."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        self.pictures = iter(random.uniform(-3, 3, (8, 1, 1, 3, 16, 16)).astype(np.float32)[:, 0])

    def get_next(self) -> dict | None:
        """The next one."""
        picture = next(self.pictures, None)
        return None if picture is None else {"x": picture}


def autograd(network: nn.Module, x: np.ndarray, target: int) -> np.ndarray:
    """The gradient in float64."""
    point = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    network.double()(point)[0, target].backward()
    network.float()
    return point.grad.numpy()


def export(network: nn.Module, x: np.ndarray, way: str, path: Path) -> None:
    """TorchScript, or dynamo."""
    options = {"dynamo": True, "verbose": False} if way == "dynamo" else {"dynamo": False, "opset_version": 17}
    torch.onnx.export(network, (torch.tensor(x),), str(path), input_names=["x"], **options)


def figures(program: Program, path: Path, x: np.ndarray, network: nn.Module) -> tuple[float, np.ndarray, np.ndarray]:
    """The error of the prediction, our gradient, and autograd's.

    Raises:
        RuntimeError: when it is refused.
    """
    np.save(path.with_suffix(".npy"), x)
    answer = program.explain(path, path.with_suffix(".npy"), "--method", "gradient")
    if not isinstance(answer, Answer):
        raise RuntimeError(answer.reason)
    wanted = runtime(path, x)
    found = np.array([row["logit"] for row in answer.prediction.values()])
    target = answer.report["target"]["index"]
    return distance(found, wanted[list(answer.prediction)]), answer.relevance, autograd(network, x, target)


def recurrent(program: Program, folder: Path) -> Iterator[str]:
    """A row per recurrent network and export."""
    yield "| network | export | prediction, of onnxruntime's | gradient, of autograd's | imbalance of LRP |"
    yield "|---|---|---:|---:|---:|"
    x = np.random.default_rng(0).uniform(-2, 2, (1, 11, 6)).astype(np.float32)
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        for label, options in {
            "last state": {},
            "two layers, both directions": {"num_layers": 2, "bidirectional": True},
            "mean of all states": {"of_states": True},
        }.items():
            torch.manual_seed(0)
            network = Recurrent(kind, **options).eval()
            for way in ("TorchScript", "dynamo"):
                path = folder / "model.onnx"
                export(network, x, way, path)
                error, found, wanted = figures(program, path, x, network)
                relevance = program.explain(path, path.with_suffix(".npy"))
                imbalance = relevance.imbalance if isinstance(relevance, Answer) else float("nan")
                row = [f"{kind.__name__}, {label}", way, f"{error:.1e}", f"{distance(found, wanted):.1e}"]
                yield "| " + " | ".join([*row, f"{imbalance:.1e}"]) + " |"


def quantized(program: Program, folder: Path) -> Iterator[str]:
    """A row per network and way to quantise it."""
    yield "| network | quantised | prediction, of onnxruntime's | gradient, 1 - cosine to the float network's |"
    yield "|---|---|---:|---:|"
    x = np.random.default_rng(0).uniform(-2, 2, (1, 3, 16, 16)).astype(np.float32)
    networks = {
        "convolutions, a gate": Convolutional,
        "transformer": Transformer,
        "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.ReLU(), nn.Linear(32, 6)),
    }
    for name, make in networks.items():
        torch.manual_seed(0)
        network = make().eval()
        source, path = folder / "float.onnx", folder / "model.onnx"
        export(network, x, "TorchScript", source)
        for form in (QuantFormat.QDQ, QuantFormat.QOperator):
            for per_channel in (False, True):
                kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
                quantize_static(str(source), str(path), Noise(), quant_format=form, per_channel=per_channel, **kinds)
                label = f"{form.name}, {'per channel' if per_channel else 'per tensor'}"
                yield quantized_row(name, label, *figures(program, path, x, network))
        quantize_dynamic(str(source), str(path), weight_type=QuantType.QUInt8)
        yield quantized_row(name, "dynamic", *figures(program, path, x, network))


def quantized_row(name: str, label: str, error: float, found: np.ndarray, wanted: np.ndarray) -> str:
    """The figures of one file."""
    return f"| {name} | {label} | {error:.1e} | {one_minus_cosine(found, wanted):.1e} |"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    program = Program(parser.parse_args().onnxplain)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        for table in (recurrent, quantized):
            for row in table(program, Path(scratch)):
                print(row, flush=True)
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
