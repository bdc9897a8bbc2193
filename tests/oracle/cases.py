"""Run onnxplain over the cases: small files that went wrong once, each with the answer that is right.

    python tests/oracle/cases.py ../shared/cases/models

A case is a folder with `model.onnx`, `input.npy`, `expected.json` and mostly `gradient.npy`. Each is explained by the
gradient, and by LRP under `auto` with and without the tensor's range. These are held against what is expected:

- the prediction: the strongest class, its logit or score, and its probability where the file gives probabilities;
- the gradient of the strongest class;
- LRP: finite, not all zero, and conserved;
- the default: LRP without `--input-range` must not refuse the rule that `auto` has chosen.

Prints a line per case: right, refused (with the reason), or WRONG (with a number). Exits with 1 where one is wrong.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from expectation import Expectation
from program import REPOSITORY, Answer, Outcome, Program, Refusal, input_range

IMBALANCE_LIMIT = 1e-3
RIGHT, REFUSED, WRONG = "right", "refused", "WRONG"


@dataclass(frozen=True)
class Finding:
    """What one of the comparisons gave."""

    verdict: str
    detail: str


def main() -> int:
    """Command line."""
    arguments = parse()
    program = Program(arguments.onnxplain)
    if not program.path.exists():
        print(f"{program.path} is missing: build it, or name it with --onnxplain", file=sys.stderr)
        return 2
    folders = sorted(path.parent for path in arguments.cases.glob("*/expected.json"))
    if not folders:
        print(f"{arguments.cases} holds no cases", file=sys.stderr)
        return 2
    counts: Counter[str] = Counter()
    rows = []
    for folder in folders:
        if arguments.only and not any(word in folder.name for word in arguments.only):
            continue
        findings = examine(program, folder)
        verdict = overall(findings)
        counts[verdict] += 1
        rows.append(
            {"case": folder.name, "verdict": verdict, **{name: vars(found) for name, found in findings.items()}}
        )
        details = "; ".join(
            f"{name}: {found.detail}"
            for name, found in shortened(findings)
            if found.verdict == verdict or arguments.verbose
        )
        print(f"{folder.name}: {verdict}" + (f" ({details})" if details else ""), flush=True)
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in (RIGHT, REFUSED, WRONG)))
    if arguments.json:
        arguments.json.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return 1 if counts[WRONG] or (arguments.strict and counts[REFUSED]) else 0


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = REPOSITORY.parent / "shared" / "cases" / "models"
    parser.add_argument("cases", type=Path, nargs="?", default=default, help="folder of cases [../shared/cases/models]")
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="only cases whose name holds one of these")
    parser.add_argument("--strict", action="store_true", help="a refusal makes the exit code 1 too")
    parser.add_argument("--verbose", action="store_true", help="the numbers of what is right, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a line of JSON per case")
    return parser.parse_args()


def examine(program: Program, folder: Path) -> dict[str, Finding]:
    """Explains a case by gradient and by LRP, and compares."""
    expectation = Expectation.read(folder)
    with tempfile.TemporaryDirectory() as scratch:
        model = folder / "model.onnx"
        if not model.exists():
            model = made_again(folder, Path(scratch))
        if model is None:
            return {"model": Finding(REFUSED, "there is no model.onnx, and make.py does not make it here")}
        tensor = folder / "input.npy"
        options = [*expectation.options, input_range(np.load(tensor))]
        gradient = program.explain(model, tensor, "--method", "gradient", *expectation.options)
        relevance = program.explain(model, tensor, *options)
        default = program.explain(model, tensor, *expectation.options)
    answer = next((outcome for outcome in (relevance, gradient) if isinstance(outcome, Answer)), None)
    findings = {}
    if answer is not None:
        findings["prediction"] = judged(expectation.prediction_error(answer))
        findings["gradient"] = told(gradient, expectation) or judged(expectation.gradient_error(gradient))
        findings["lrp"] = told(relevance, expectation) or Finding(*lrp_verdict(relevance))
        findings["default"] = told(default, expectation) or Finding(*lrp_verdict(default))
    else:
        findings["gradient"] = told(gradient, expectation)
        findings["lrp"] = told(relevance, expectation)
    return findings


def made_again(folder: Path, scratch: Path) -> Path | None:
    """Runs the case's make.py in a copy, for a model that is left out of the collection."""
    copy = scratch / folder.name
    shutil.copytree(folder, copy)
    if (folder.parent / "_common.py").exists():
        shutil.copy(folder.parent / "_common.py", scratch)
    subprocess.run([sys.executable, str(copy / "make.py")], capture_output=True, check=False)
    return copy / "model.onnx" if (copy / "model.onnx").exists() else None


def told(outcome: Outcome, expectation: Expectation) -> Finding | None:
    """The finding where there was no answer."""
    if isinstance(outcome, Answer):
        return None
    if isinstance(outcome, Refusal):
        return Finding(RIGHT if expectation.welcomes(outcome.reason) else REFUSED, outcome.reason)
    return Finding(WRONG, outcome.reason)


def judged(error: tuple[float, float, str]) -> Finding:
    """Whether an error is within what is allowed."""
    found, allowed, what = error
    return Finding(RIGHT if found <= allowed else WRONG, f"{found:.1e} {what}".strip())


def lrp_verdict(answer: Answer) -> tuple[str, str]:
    """Whether relevance is finite, there, and conserved."""
    values, composite = answer.relevance, answer.report["composite"]
    if values is None or not np.isfinite(values).all():
        return WRONG, f"{composite}: relevance is not finite"
    if not values.any():
        return WRONG, f"{composite}: relevance is zero everywhere"
    if not answer.imbalance <= IMBALANCE_LIMIT:
        return WRONG, f"{composite}: imbalance {answer.imbalance:.1e}"
    return RIGHT, f"{composite}: imbalance {answer.imbalance:.1e}"


def overall(findings: dict[str, Finding]) -> str:
    """The worst of the verdicts."""
    verdicts = {found.verdict for found in findings.values()}
    return next(verdict for verdict in (WRONG, REFUSED, RIGHT) if verdict in verdicts)


def shortened(findings: dict[str, Finding]) -> Iterator[tuple[str, Finding]]:
    """The findings, the same reason told once."""
    seen: dict[str, list[str]] = {}
    for name, found in findings.items():
        seen.setdefault(found.detail, []).append(name)
    for detail, names in seen.items():
        yield ", ".join(names), Finding(findings[names[0]].verdict, detail)


if __name__ == "__main__":
    sys.exit(main())
