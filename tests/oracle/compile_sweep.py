"""Compiled graphs of small models that no test of the emitter was written for, against `onnxplain explain`.

    python tests/oracle/compile_sweep.py --cases strangers operators random --results sweep.jsonl

The cases are those of the other sweeps: modules as strangers export them, 1700 classifiers of one operator, random
graphs. Each is compiled under `auto`, the gradient and a composite of many rules, in the standard and the portable
form, and run by onnxruntime. A relevance may be off by 1e-4 of the largest, or by three times what the engine's own
moves where it computes with other instructions or on an input whose last bits moved. What cannot be compiled must be
refused by an error that names the layer or the node. Exits with 1 where a graph is wrong or cannot be run.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

import operators_sweep
import random_graphs
import strangers_sweep
from compile_parity import distance, moved
from compiling import session
from program import Answer, Breakdown, Program, Refusal, failure, input_range

LIMIT = 1e-4
MIXED = """
name: mixed
stabilizer: 1e-4
rules:
  - when: { kind: [convolution, dense], first: true }
    rule: w-square
  - when: { kind: convolution, depth: [0, 0.5] }
    rule: { alpha-beta: { alpha: 2, beta: 1 } }
  - when: { kind: convolution }
    rule: { gamma: { gamma: 0.3, stabilizer: { epsilon: 1e-3, kind: relative } } }
  - when: { kind: dense, last: true }
    rule: { epsilon: { epsilon: 0.1, bias: false } }
  - when: { kind: dense }
    rule: z-plus
  - when: { kind: average-pool }
    rule: flat
  - when: { kind: [sum, resize] }
    rule: norm
  - when: { kind: [activation, normalization, gate, product] }
    rule: pass
  - when: { kind: [softmax, matmul] }
    rule: taylor
  - when: { kind: layer-normalization }
    rule: epsilon
"""
Case = tuple[str, onnx.ModelProto, np.ndarray]


def of_strangers(only: re.Pattern) -> Iterator[Case]:
    """What `strangers_sweep.py` reads."""
    for name, way, model, x, _ in strangers_sweep.cases(only):
        if isinstance(model, onnx.ModelProto):
            yield f"{name} ({way})", model, np.asarray(x)


def of_operators(only: re.Pattern) -> Iterator[Case]:
    """What `operators_sweep.py` reads, where onnxruntime runs the operator."""
    for case in operators_sweep.all_cases():
        if not only.search(f"{case.family} {case.name}"):
            continue
        x = case.tensor()
        try:
            alone = random_graphs.session(case.operator_alone())
            shape = np.asarray(alone.run(None, {alone.get_inputs()[0].name: x})[0]).shape
            yield case.name, case.classifier(shape), x
        except Exception:  # onnxruntime raises kinds of its own
            continue


def of_random(only: re.Pattern, count: int = 600) -> Iterator[Case]:
    """What `random_graphs.py` reads, of other seeds."""
    for seed in range(50_000, 50_000 + count):
        try:
            graph, model = random_graphs.build(seed)
        except random_graphs.Unfit:
            continue
        operators = " ".join(node.op_type for node in model.graph.node)
        if any("x" in node.input for node in model.graph.node) and only.search(operators):
            yield f"seed {seed}: {operators}", model, graph.values["x"]


CASES = {"strangers": of_strangers, "operators": of_operators, "random": of_random}


def by_graph(path: Path, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Relevance of the strongest class, and how far the same is off in a batch of three."""
    graph = session(path)
    inputs = [it for it in graph.get_inputs() if it.name != "target"]
    shape = inputs[0].shape[1:]
    kind = np.uint8 if inputs[0].type == "tensor(uint8)" else np.float32
    one = x.astype(kind).reshape(1, *shape)
    (alone,) = graph.run(["relevance"], {inputs[0].name: one, "target": np.array([-1])})
    batch = np.concatenate([one[:, ..., ::-1], one, one * kind(0.5) if kind == np.float32 else one])
    (together,) = graph.run(["relevance"], {inputs[0].name: batch, "target": np.array([0, -1, 0])})
    return alone[0], distance(together[1], alone[0]) if np.abs(alone).max() > 0 else 0.0


def examine(programs: tuple[Program, Program], model: onnx.ModelProto, x: np.ndarray, folder: Path) -> dict:
    """The verdict about a case."""
    path, tensor, mixed = folder / "model.onnx", folder / "input.npy", folder / "mixed.yaml"
    onnx.save(model, path)
    np.save(tensor, x)
    mixed.write_text(MIXED)
    notes = {}
    for rules, options in {
        "auto": [input_range(x)],
        "gradient": ["--method", "gradient"],
        "mixed": ["--composite", mixed, input_range(x)],
    }.items():
        expected = programs[0].explain(path, tensor, *options)
        for form in ("standard", "portable"):
            words = ["--portable"] if form == "portable" else []
            graph = folder / f"{rules}-{form}.onnx"
            code, _, errors = programs[0].call("compile", path, "-o", graph, "--no-check", *words, *options)
            verdict, reason = judged(programs, expected, failure(code, errors) if code else graph, (path, x, options))
            notes[f"{rules} {form}"] = [verdict, reason]
    return notes


def judged(programs: tuple[Program, Program], expected: object, graph: object, case: tuple) -> tuple[str, str]:
    """Verdict and reason of one graph."""
    if isinstance(graph, Breakdown) or isinstance(expected, Breakdown):
        return "BROKEN", str(graph)[:300]
    if isinstance(graph, Refusal):
        if isinstance(expected, Refusal):
            return "refused by explain too", graph.reason[:300]
        named = re.search(r"node|layer|input \"|--portable", graph.reason)
        return ("refused" if named else "REFUSED WITHOUT NODE"), graph.reason[:300]
    if not isinstance(expected, Answer) or expected.relevance is None:
        return "COMPILED, BUT NOT EXPLAINED", str(expected)[:300]
    path, x, options = case
    try:
        found, in_batch = by_graph(graph, x)
    except Exception as error:  # onnxruntime raises kinds of its own
        return "CANNOT BE RUN", " ".join(str(error).split())[:300]
    wanted = expected.relevance
    if found.size != wanted.size:
        return "WRONG", f"shape {found.shape}, not {wanted.shape}"
    found = found.reshape(wanted.shape)
    if not np.abs(wanted).max() > 0:
        return ("right" if not np.abs(found).max() > 0 else "WRONG"), f"zero, and {np.abs(found).max():.0e}"
    off, allowed = distance(found, wanted), LIMIT
    if off > LIMIT or in_batch > LIMIT:
        allowed = max(LIMIT, 3 * rounding(programs, wanted, path, x, options))
    is_right = off <= allowed and in_batch <= allowed
    return ("right" if is_right else "WRONG"), f"off {off:.0e}, in a batch {in_batch:.0e}, allowed {allowed:.0e}"


def rounding(programs: tuple[Program, Program], wanted: np.ndarray, path: Path, x: np.ndarray, options: list) -> float:
    """How far the engine's own relevance moves."""
    worst = 0.0
    tensor = path.with_name("moved.npy")
    for seed, program in enumerate((programs[1], programs[0], programs[0], programs[0])):
        np.save(tensor, moved(x, seed) if seed else x)
        answer = program.explain(path, tensor, *options)
        worst = max(worst, distance(answer.relevance, wanted) if isinstance(answer, Answer) else 0.0)
    return worst


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="of the names")
    parser.add_argument("--results", type=Path, default=Path("compile_sweep.jsonl"), metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files of what is not right there")
    arguments = parser.parse_args()
    program = Program(arguments.onnxplain, timeout=120)
    slower = Program(arguments.onnxplain, 120, {**program.environment, "ONNXPLAIN_ISA": "portable"})
    counts: Counter = Counter()
    with arguments.results.open("a") as file:
        for kind in arguments.cases:
            for name, model, x in CASES[kind](arguments.only):
                with tempfile.TemporaryDirectory() as scratch:
                    folder = Path(scratch)
                    notes = examine((program, slower), model, x, folder)
                    bad = {where: note for where, note in notes.items() if note[0].isupper()}
                    if bad and arguments.keep:
                        kept = arguments.keep / re.sub(r"\W+", "-", name)[:80]
                        folder.rename(kept) if not kept.exists() else None
                        folder.mkdir(exist_ok=True)
                counts.update(note[0] for note in notes.values())
                print(json.dumps({"case": name, "kind": kind, "notes": notes}), file=file, flush=True)
                for where, (verdict, reason) in bad.items():
                    print(f"{name}: {where}: {verdict}: {reason}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 1 if any(verdict.isupper() for verdict in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
