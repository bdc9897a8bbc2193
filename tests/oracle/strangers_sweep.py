"""Classifiers as strangers export them against onnxruntime and its central differences: right, refused, or wrong?

    python tests/oracle/strangers_sweep.py --table docs/sweeps/strangers.md

Torch's modules (`strangers/torch_modules.py`) go through TorchScript and dynamo, and their gradient is autograd's in
float64; `strangers/idioms.py` has what other exporters write. The limits are those of `operators_sweep.py`. Exits with 1 where one is wrong.
"""

import argparse
import copy
import io
import logging
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from operators.judge import GRADIENT_LIMIT, IMBALANCE_LIMIT, PREDICTION_LIMIT, column
from operators.reference import Function, Gradient, evaluator, gradient, reference
from program import Answer, Breakdown, Outcome, Program, distance, input_range
from strangers.idioms import idioms, pipelines
from strangers.torch_modules import Written, parts

RIGHT, REFUSED, WRONG, BROKEN = "right", "refused", "WRONG", "BROKEN"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="of the names")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write a table in Markdown")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the models and inputs there")
    arguments = parser.parse_args()
    program, rows = Program(arguments.onnxplain, timeout=120), []
    for name, way, model, x, module in cases(arguments.only):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if arguments.keep:
                folder = arguments.keep / re.sub(r"\W+", "-", f"{name} {way}")
                folder.mkdir(parents=True, exist_ok=True)
            if isinstance(model, str):
                row = (name, way, "not exported", model)
            else:
                row = (name, way, *Examination(program, model, x, module, folder).verdict())
        rows.append(row)
        print(f"{name} ({way}): {row[2]}: {row[3]}", flush=True)
    counts = Counter(row[2] for row in rows)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    if arguments.table:
        arguments.table.write_text("\n".join(page(rows, counts)) + "\n")
    return 1 if counts[WRONG] or counts[BROKEN] else 0


def cases(only: re.Pattern) -> Iterator[tuple[str, str, onnx.ModelProto | str, np.ndarray, torch.nn.Module | None]]:
    """Name, exporter, the model or why there is none, the input, and torch's module."""
    torch.manual_seed(0)
    for name, shape, forward, pieces in parts():
        if not only.search(name):
            continue
        module = Written(pieces, forward).eval()
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        for way in ("torchscript", "dynamo"):
            yield name, way, exported(module, x, way), x.numpy(), module
    for name, model, x in (*idioms(), *pipelines()):
        if only.search(name):
            yield name, "by hand" if "scikit" not in name else "skl2onnx", model, x, None


def exported(module: torch.nn.Module, x: torch.Tensor, way: str) -> onnx.ModelProto | str:
    """The model, or what the exporter says."""
    logging.disable(logging.WARNING)
    file = io.BytesIO()
    words = {"input_names": ["x"], "output_names": ["y"]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if way == "torchscript":
                torch.onnx.export(module, (x,), file, dynamo=False, opset_version=17, **words)
            else:
                return torch.onnx.export(module, (x,), dynamo=True, opset_version=20, verbose=False, **words).model_proto
    except Exception as error:  # exporters raise whatever they like
        return f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
    return onnx.load_from_string(file.getvalue())


@dataclass(frozen=True)
class Examination:
    """A case, and what it takes to judge it."""

    program: Program
    model: onnx.ModelProto
    x: np.ndarray
    module: torch.nn.Module | None
    folder: Path

    def explain(self, *options: object) -> Outcome:
        """The last output; files of classes have the scores there."""
        output = [output.name for output in self.model.graph.output][-1]
        chosen = ("--output-name", output) if len(self.model.graph.output) > 1 else ()
        return self.program.explain(self.folder / "model.onnx", self.folder / "input.npy", *options, *chosen)

    def function(self) -> tuple[Function, str]:
        """The last output by onnxruntime."""
        cut = onnx.ModelProto()
        cut.CopyFrom(self.model)
        last = self.model.graph.output[-1]
        del cut.graph.output[:]
        cut.graph.output.append(last)
        return reference(cut, self.x)

    def gradient(self, function: Function, target: int, *, is_logarithm: bool = False) -> Gradient:
        """By torch's autograd in float64, where there is a module; else by central differences, of onnx's evaluator in
        float64 where it can run the file."""
        if self.module is None:

            def value(run: Function, x: np.ndarray) -> np.ndarray:
                output = np.asarray(run(x), np.float64)
                return np.log(np.maximum(output, 1e-300)) if is_logarithm else output

            try:
                exact = evaluator(in_double(self.model))
                fine, wider = (
                    fine_differences(lambda x: value(exact, x), self.x.astype(np.float64), target, step) for step in (1e-6, 2e-6)
                )
                # some of its operators work in float32 whatever they are given
                if fine.distance(wider.values) < GRADIENT_LIMIT / 10:
                    return fine
                return gradient(lambda x: value(function, x), self.x, target)
            except Exception:  # it knows less, and says so in many ways
                return gradient(lambda x: value(function, x), self.x, target)
        torch.set_default_dtype(torch.float64)
        try:
            x = torch.from_numpy(self.x).double().requires_grad_(True)
            output = copy.deepcopy(self.module).double()(x).flatten()[target]
            (found,) = torch.autograd.grad(output.log() if is_logarithm else output, x)
        finally:
            torch.set_default_dtype(torch.float32)
        return Gradient(found.numpy(), np.ones(found.shape, bool))

    def verdict(self) -> tuple[str, str]:
        """Verdict and figures."""
        onnx.save(self.model, self.folder / "model.onnx")
        np.save(self.folder / "input.npy", self.x)
        backward, forward = self.explain("--method", "gradient"), self.explain(input_range(self.x))
        for answer in (backward, forward):
            if not isinstance(answer, Answer):
                return (BROKEN if isinstance(answer, Breakdown) else REFUSED), answer.reason[:400]
        assert isinstance(backward, Answer) and isinstance(forward, Answer)
        function, by = self.function()
        wanted = np.asarray(function(self.x), np.float64).ravel()
        target = backward.report["target"]["index"]
        by_output, p = self.gradient(function, target), float(wanted[target])
        factors = [1.0] + ([1 / (p * (1 - p))] if is_distribution(wanted) and 0 < p < 1 else [])
        errors = [by_output.distance(backward.relevance, factor) for factor in factors]
        if is_distribution(wanted) and wanted.size > 1 and not min(errors) <= GRADIENT_LIMIT:
            errors.append(self.error_of_logits(function, wanted))
        return judged(backward, forward, wanted, float(np.nanmin(errors)), float(by_output.is_known.mean()), by)

    def error_of_logits(self, function: Function, wanted: np.ndarray) -> float:
        """Where the logits of a softmax are explained: d log p = dz - sum of p dz over all classes."""
        explained = []
        for index in range(wanted.size):
            answer = self.explain("--method", "gradient", "--target", index)
            if not isinstance(answer, Answer):
                return float("inf")
            explained.append(answer.relevance.ravel())
        target = int(wanted.argmax())
        known = self.gradient(function, target, is_logarithm=True)
        return known.distance(explained[target] - np.tensordot(wanted, np.stack(explained), 1))


def in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """The file with float64 in the place of float32, and the last output alone."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    last = model.graph.output[-1]
    del double.graph.output[:]
    double.graph.output.append(last)
    for value in (*double.graph.input, *double.graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    for tensor in double.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for node in double.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT:
                attribute.i = onnx.TensorProto.DOUBLE
    return double


def fine_differences(function: Function, x: np.ndarray, entry: int, step: float = 1e-6) -> Gradient:
    """d function(x)[entry] / d x in float64: a kink within so small a step is unlikely."""
    values = np.zeros(x.size)
    for place in range(x.size):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved.flat[place] += sign * step
            ends.append(float(function(moved).flat[entry]))
        values[place] = (ends[0] - ends[1]) / (2 * step)
    return Gradient(values.reshape(x.shape), np.ones(x.shape, bool))


def is_distribution(wanted: np.ndarray) -> bool:
    """Whether the output is a probability, or one for each class."""
    return bool(wanted.min() >= 0 and (abs(wanted.sum() - 1) < 1e-4 if wanted.size > 1 else wanted[0] < 1))


def judged(
    backward: Answer, forward: Answer, wanted: np.ndarray, error: float, share: float, by: str
) -> tuple[str, str]:
    """Verdict and figures of an answer."""
    listed = backward.prediction
    logits, probabilities = column(listed, "logit"), column(listed, "probability")
    known = wanted[list(listed)] if max(listed) < wanted.size else np.full(1, np.nan)
    candidates = [probabilities] if is_distribution(wanted) else [logits, probabilities, np.log(np.abs(probabilities) + 1e-30)]
    prediction = min(distance(values, known) for values in candidates)
    is_finite = forward.relevance is not None and bool(np.isfinite(forward.relevance).all())
    figures = (
        f"prediction {prediction:.0e}, gradient {error:.0e} ({share:.0%} known), imbalance {forward.imbalance:.0e}, "
        f"{forward.report['composite']}, by {by}"
    )
    is_right = is_finite and forward.imbalance <= IMBALANCE_LIMIT and forward.relevance.any()
    is_right = is_right and prediction <= PREDICTION_LIMIT and (error <= GRADIENT_LIMIT or share < 0.3)
    return (RIGHT if is_right else WRONG), figures


def page(rows: list[tuple], counts: Counter) -> Iterator[str]:
    """The page of the docs."""
    yield from (
        "# Classifiers as strangers export them",
        "",
        "Written by `tests/oracle/strangers_sweep.py`; do not edit. Small modules with random weights: prediction within 1e-4 of",
        "onnxruntime's, gradient within 2e-3 of autograd's in float64 (of central differences where the file is not torch's),",
        "relevance under `auto` finite and conserved to 1e-3.",
        "",
        "- " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()),
        "",
        "| classifier | exporter | | figures, or the reason |",
        "|---|---|---|---|",
    )
    for name, way, verdict, reason in rows:
        text = re.sub(r"\s+", " ", reason).replace("|", "\\|")[:250]
        yield f"| {name} | {way} | {verdict} | {text} |"


if __name__ == "__main__":
    sys.exit(main())
