"""LSTM, GRU and RNN classifiers against a dense replica of the rules, and their gradient against torch's autograd.

    python tests/oracle/recurrent_parity.py                 compares the binary
    python tests/oracle/recurrent_parity.py --goldens       writes tests/golden/recurrent, which `cargo test` reads

The replica (`recurrent/replica.py`) works in float64 on the formulas of the cells, step by step, with one explicit
matrix of shares for every linear map. It follows Arras et al. 2017: gates are coefficients, the signal of a product
takes all, epsilon on linear maps and sums; what biases and stabilizers take is lost (their δ = 0). The networks come
from torch (`recurrent/networks.py`), by its exporter, or from onnx's helper where torch has no such cell. Exits with 1
where the relevance is further off than 1e-4 of the largest, or five times what a replica in float32 is off by.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from program import Answer, Program, distance
from recurrent.networks import NETWORKS, Recurrent
from recurrent.replica import explain

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "recurrent"
LIMIT, ROUNDING_FACTOR = 1e-4, 5.0
GRADIENT_LIMIT = 1e-4
SEEDS = (0, 1, 2)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--goldens", action="store_true", help="write tests/golden/recurrent instead")
    arguments = parser.parse_args()
    if arguments.goldens:
        write()
        return 0
    program, failures = Program(arguments.onnxplain), 0
    print("| network | seed | logits | gradient | relevance | replica in float32 |")
    print("|---|---:|---:|---:|---:|---:|")
    for network in (build(seed) for build in NETWORKS for seed in SEEDS):
        with tempfile.TemporaryDirectory() as name:
            failures += not compare(program, network, Path(name))
    return 1 if failures else 0


def compare(program: Program, network: Recurrent, folder: Path) -> bool:
    """A line of the table; whether it holds."""
    onnx.save(network.model, folder / "model.onnx")
    np.save(folder / "input.npy", network.x)
    logits, relevance = explain(network, np.float64)
    single = distance(explain(network, np.float32)[1], relevance)
    target = int(logits.argmax())
    words = ("--target", target)
    forward = program.explain(folder / "model.onnx", folder / "input.npy", "--composite", "epsilon", *words)
    backward = program.explain(folder / "model.onnx", folder / "input.npy", "--method", "gradient", *words)
    if not isinstance(forward, Answer) or not isinstance(backward, Answer):
        print(f"| {network.name} | {network.seed} | {forward} | {backward} |")
        return False
    listed = forward.prediction
    scores = [listed[index]["logit"] for index in sorted(listed)]
    errors = [
        distance(np.array(scores), logits[sorted(listed)]),
        distance(backward.relevance, network.gradient(target)),
        distance(forward.relevance, relevance),
    ]
    print(f"| {network.name} | {network.seed} | " + " | ".join(f"{error:.0e}" for error in [*errors, single]) + " |", flush=True)
    return errors[0] <= LIMIT and errors[1] <= GRADIENT_LIMIT and errors[2] <= max(LIMIT, ROUNDING_FACTOR * single)


def write() -> None:
    """A golden for every network: the model, the input, the logits, the gradient and the replica's relevance."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*"):
        old.unlink()
    index = []
    for network in (build(SEEDS[0]) for build in NETWORKS):
        file = network.name.replace(" ", "-").replace(",", "") + ".onnx"
        onnx.save(network.model, FOLDER / file)
        logits, relevance = explain(network, np.float64)
        target = int(logits.argmax())
        index.append(
            {
                "name": network.name,
                "file": file,
                "shape": list(network.x.shape),
                "input": [float(value) for value in network.x.ravel()],
                "logits": rounded(logits),
                "target": target,
                "gradient": rounded(network.gradient(target)),
                "relevance": rounded(relevance),
                "float32_error": distance(explain(network, np.float32)[1], relevance),
            }
        )
    lines = ",\n".join(json.dumps(row) for row in index)
    (FOLDER / "index.json").write_text(f"[\n{lines}\n]\n")


def rounded(values: np.ndarray) -> list[float]:
    """Eight digits."""
    return [float(f"{value:.8g}") for value in np.ravel(values)]


if __name__ == "__main__":
    sys.exit(main())
