"""Small random valid graphs against onnxruntime, and their gradient against central differences.

    python tests/oracle/random_graphs.py --count 2000 --results graphs.jsonl --keep /tmp/graphs

A graph is one to seven random nodes with random attributes (`graphs/steps.py`) for a random version of the operators,
with a dense layer behind. Each node is run by onnxruntime when it is added, so the graph is valid. The prediction must
be that of onnxruntime (1e-4 of the largest logit), the gradient along random directions that of central differences
(2e-3 of the largest of them); or the file is refused with an error that names the node. Directions along which the
quotients of two steps disagree have a kink, and are left out.

Exits with 1 where an answer is wrong, or a refusal names no node. The same seed gives the same graphs.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

from graphs.growing import Graph, Unfit, session
from graphs.steps import STEPS
from program import Answer, Breakdown, Program, Refusal, distance

SHAPES = [(1, 3, 6, 5), (1, 4, 7), (1, 12), (1, 2, 5, 8), (1, 1, 4, 3, 5), (1, 5, 4), (1, 8, 4, 4)]
OPSETS = [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
CLASSES = 4
PREDICTION_LIMIT = 1e-4
GRADIENT_LIMIT = 2e-3
DIRECTIONS = 6
OFTEN = ["convolution", "transposed_convolution", "pool", "normalization", "resize", "reduction", "pad", "product", "recurrent", "dense"]
"""Steps with many attributes, or that few values fit: they are tried more often."""
STEP = 0.02


def build(seed: int) -> tuple[Graph, onnx.ModelProto]:
    """The graph of a seed."""
    random = np.random.default_rng(seed)
    graph = Graph(int(random.choice(OPSETS)), random)
    shape = SHAPES[int(random.integers(len(SHAPES)))]
    graph.values["x"] = random.uniform(-1.5, 1.5, shape).astype(np.float32)
    value, left = "x", int(random.integers(1, 8))
    for _ in range(80):
        if left == 0:
            break
        before = len(graph.nodes)
        try:
            value = STEPS[str(random.choice([*STEPS, *OFTEN * 4]))](graph, value)
            left -= 1
        except (Unfit, IndexError, ValueError):
            del graph.nodes[before:]
    size = graph.known(value).size
    if graph.known(value).dtype != np.float32:
        value = graph.add("Cast", value, to=onnx.TensorProto.FLOAT)
    flat = graph.add("Reshape", value, graph.constant([1, size]))
    weight, bias = graph.normal(size, CLASSES, scale=size**-0.5), graph.normal(CLASSES, scale=0.1)
    return graph, graph.model(graph.add("Gemm", flat, weight, bias))


def slopes(model: onnx.ModelProto, x: np.ndarray, target: int, seed: int, step: float) -> list[tuple[np.ndarray, float]]:
    """Directions and the derivative of the target along them, where it is known."""
    run = session(model)

    def logit(place: np.ndarray) -> float:
        return float(run.run(None, {"x": place.astype(np.float32)})[0].ravel()[target])

    random, found = np.random.default_rng(seed + 1), []
    for _ in range(DIRECTIONS):
        direction = random.normal(size=x.shape) * (random.random(x.shape) < 0.3)
        direction /= max(np.linalg.norm(direction), 1e-9)
        wide, narrow, least = (
            (logit(x + way * direction) - logit(x - way * direction)) / (2 * way) for way in (step, step / 2, step / 4)
        )
        # a smooth function comes four times as close when the step is halved
        if abs(wide - narrow) <= 1e-3 + 0.02 * abs(narrow) and abs(narrow - least) <= 5e-4 + 0.01 * abs(narrow):
            found.append((direction, (4 * narrow - wide) / 3))
    return found


def examine(program: Program, seed: int, folder: Path) -> dict:
    """The row of a seed."""
    try:
        graph, model = build(seed)
    except Unfit as error:
        return {"seed": seed, "verdict": "not built", "reason": str(error)[:100]}
    x = graph.values["x"]
    row = {"seed": seed, "opset": graph.opset, "operators": [node.op_type for node in model.graph.node]}
    onnx.save(model, folder / "model.onnx")
    np.save(folder / "input.npy", x)
    if not any("x" in node.input for node in model.graph.node):
        return row | {"verdict": "not built", "reason": "the output does not depend on the input"}
    try:
        wanted = session(model).run(None, {"x": x})[0].ravel()
    except Exception as error:  # onnxruntime raises kinds of its own
        return row | {"verdict": "not built", "reason": str(error)[:100]}
    outcome = program.explain(folder / "model.onnx", folder / "input.npy", "--method", "gradient")
    return row | verdict(model, x, wanted, outcome, seed)


def verdict(model: onnx.ModelProto, x: np.ndarray, wanted: np.ndarray, outcome: object, seed: int) -> dict:
    """What is to be said of an outcome."""
    if isinstance(outcome, Breakdown):
        return {"verdict": "BROKEN", "reason": outcome.reason[:400]}
    if isinstance(outcome, Refusal):
        names = [node.name for node in model.graph.node]
        is_named = any(re.search(rf"\b{re.escape(name)}\b", outcome.reason) for name in names)
        return {"verdict": "refused" if is_named else "REFUSED WITHOUT NODE", "reason": outcome.reason[:400]}
    assert isinstance(outcome, Answer)
    listed = outcome.prediction
    found = np.array([np.nan if listed[index]["logit"] is None else listed[index]["logit"] for index in sorted(listed)])
    off = distance(found, wanted)
    if not off <= PREDICTION_LIMIT:
        return {"verdict": "WRONG", "reason": f"prediction off by {off:.1e}: {found.tolist()}, not {wanted.tolist()}"}
    target = int(np.argmax(found))
    relevance = outcome.relevance.reshape(x.shape)
    # a kink that three wide steps do not show is not within a narrow one
    for step in (STEP, STEP / 8):
        known = slopes(model, x, target, seed, step)
        pairs = [(float((relevance * direction).sum()), slope) for direction, slope in known]
        scale = max([abs(slope) for _, slope in pairs] + [float(np.abs(wanted).max()) * 0.05, 0.02])
        errors = [abs(ours - theirs) / scale for ours, theirs in pairs]
        if not errors or float(np.median(errors)) <= GRADIENT_LIMIT:
            break
    if not np.isfinite(relevance).all() or (errors and not float(np.median(errors)) <= GRADIENT_LIMIT):
        return {"verdict": "WRONG", "reason": f"gradient off by {max(errors, default=np.nan):.1e}: {pairs}"}
    return {"verdict": "right", "directions": len(known), "prediction": off, "gradient": max(errors, default=0.0)}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--count", type=int, default=2000, metavar="N", help="graphs [2000]")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="seed of the first [0]")
    parser.add_argument("--results", type=Path, metavar="FILE", help="a line of JSON per graph")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what is wrong there")
    arguments = parser.parse_args()
    program = Program(arguments.onnxplain, timeout=60)
    counts: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for seed in range(arguments.first, arguments.first + arguments.count):
        with tempfile.TemporaryDirectory() as name:
            row = examine(program, seed, Path(name))
            counts[row["verdict"]] += 1
            operators.update(row.get("operators", []))
            if row["verdict"] not in ("right", "not built"):
                print(f"{seed} (opset {row['opset']}): {row['verdict']}: {row['reason']}", flush=True)
                if arguments.keep and row["verdict"] != "refused":
                    place = arguments.keep / str(seed)
                    place.mkdir(parents=True, exist_ok=True)
                    for file in Path(name).iterdir():
                        (place / file.name).write_bytes(file.read_bytes())
        if arguments.results:
            with arguments.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print(f"{dict(counts)}; operators: {dict(operators.most_common())}")
    return 1 if any(verdict.isupper() for verdict in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
