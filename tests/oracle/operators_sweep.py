"""Generated one-operator classifiers: which operators, with which attributes, are right, refused, or wrong?

    python tests/oracle/operators_sweep.py --results operators.jsonl --table operators.md

Every case is a picture, an operator with its attributes (opset 9 to 24), and a dense layer (`operators/`). The
prediction is compared with onnxruntime (1e-4 of the largest logit), the gradient with central differences (2e-3 of the
largest entry), and LRP under `auto` has to be finite and conserved. A refusal is a result; a wrong answer is a fault.

The results are a line of JSON per case; a case that has one is not run again. Exits with 1 where one is wrong.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from operators import blocks, elementwise, endings, heads, lookalikes, loops, movement, others, preprocessing, products, quantized, recurrent, reductions, spatial
from operators.case import OperatorCase
from operators.judge import examine
from operators.tables import combinations, details, summary
from program import Program


def all_cases() -> Iterator[OperatorCase]:
    """Every case once."""
    seen = set()
    for module in (elementwise, reductions, lookalikes, blocks, preprocessing, heads, endings, products, recurrent, loops, quantized, movement, others, spatial):
        for case in module.cases():
            if case.name not in seen:
                seen.add(case.name)
                yield case


def main() -> int:
    """Command line."""
    arguments = parse()
    cases = [case for case in all_cases() if arguments.only.search(f"{case.family} {case.name}")]
    if arguments.list:
        print("\n".join(f"{case.family}: {case.name}" for case in cases))
        return 0
    program = Program(arguments.onnxplain, timeout=120)
    if not program.path.exists():
        print(f"{program.path} is missing: build it, or name it with --onnxplain", file=sys.stderr)
        return 2
    known = read(arguments.results)
    for number, case in enumerate(cases, 1):
        if case.name in known and not (arguments.again and arguments.again.search(known[case.name]["verdict"])):
            continue
        row = run(program, case, arguments.keep)
        known[case.name] = row
        with arguments.results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        if row["verdict"] != "right" or arguments.verbose:
            print(f"[{number}/{len(cases)}] {case.name}: {row['verdict']} ({row['reason']})", flush=True)
    rows = [known[case.name] for case in cases if case.name in known]
    if arguments.table:
        arguments.table.write_text("\n".join(page(rows)) + "\n")
    print("\n".join(summary(rows)))
    return 1 if any(row["verdict"] in ("WRONG", "BROKEN") for row in rows) else 0


def page(rows: list[dict]) -> Iterator[str]:
    """The page of the docs."""
    yield from (
        "# Operators against onnxruntime",
        "",
        "Written by `tests/oracle/operators_sweep.py`; do not edit. Every case is a small classifier around an operator or",
        "a block of operators: prediction within 1e-4 of onnxruntime's (onnx's own evaluator where onnxruntime has no such",
        "operator), gradient within 2e-3 of central differences, relevance under `auto` finite and conserved.",
        "",
    )
    yield from summary(rows)
    yield from ("", "## What is not right", "")
    yield from details(rows)
    yield from ("", "## What was tried", "")
    yield from combinations(rows)


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument(
        "--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="of `family operator-opset attributes`"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("operators.jsonl"), metavar="FILE", help="[operators.jsonl]"
    )
    parser.add_argument(
        "--again", type=re.compile, metavar="REGEX", help="run again what has such a verdict: WRONG|refused"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="write tables in Markdown")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the models and inputs of what is wrong there")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("--verbose", action="store_true", help="a line for what is right, too")
    return parser.parse_args()


def read(path: Path) -> dict[str, dict]:
    """The last result of every case."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {row["name"]: row for row in map(json.loads, lines)}


def run(program: Program, case: OperatorCase, keep: Path | None) -> dict:
    """Examines a case in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        row = examine(program, case, Path(folder))
        if keep and row["verdict"] in ("WRONG", "BROKEN"):
            place = keep / re.sub(r"[^A-Za-z0-9.=_-]+", "_", case.name)
            place.mkdir(parents=True, exist_ok=True)
            onnx.save(onnx.load(Path(folder) / "model.onnx"), place / "model.onnx")
            np.save(place / "input.npy", case.tensor())
    return row


if __name__ == "__main__":
    sys.exit(main())
