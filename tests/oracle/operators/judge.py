"""One case, from the model to the verdict."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from operators.case import OperatorCase
from operators.reference import Function, Gradient, evaluator, gradient, reference
from program import Answer, Outcome, Program, Refusal, distance, input_range

PREDICTION_LIMIT = 1e-4
GRADIENT_LIMIT = 2e-3
IMBALANCE_LIMIT = 1e-3
RIGHT, REFUSED, WRONG, BROKEN, UNKNOWN = "right", "refused", "WRONG", "BROKEN", "no reference"


@dataclass(frozen=True)
class Truth:
    """What is right for a case."""

    by: str
    """Who says so."""
    output: np.ndarray
    target: int
    shape: tuple[int, ...]
    """Of the operator's result."""
    function: Function
    hidden: Function | None
    """In front of a head: the dense layer."""

    @property
    def is_distribution(self) -> bool:
        """Whether the output is a probability per class."""
        return self.output.size > 1 and self.output.min() >= 0 and abs(self.output.sum() - 1) < 1e-4

    def gradients(self, x: np.ndarray, listed: dict[int, dict]) -> list[tuple[Gradient, float]]:
        """What may be explained, each with a factor: the output; behind a head also log p, the logit of p, and what is
        in front of it, where the listed logits are a multiple of that plus a constant."""
        direct = gradient(self.function, x, self.target)
        forms = [(direct, 1.0)]
        if self.hidden is not None:
            p = float(self.output.flat[self.target])
            if 0 < p < 1:
                forms += [(direct, 1 / p), (direct, 1 / (p * (1 - p)))]
            values = np.asarray(self.hidden(x), np.float64).ravel()
            hidden = gradient(self.hidden, x, min(self.target, values.size - 1))
            forms += [(hidden, 1.0), (hidden, -1.0)] if values.size == 1 else [(hidden, slope(values, listed))]
        return forms


def slope(values: np.ndarray, listed: dict[int, dict]) -> float:
    """The factor by which the listed logits are larger than the values, but for a constant; NaN if there is none."""
    found, wanted = column(listed, "logit"), values[list(listed)]
    found, wanted = found - found.mean(), wanted - wanted.mean()
    factor = float(found @ wanted / max(wanted @ wanted, 1e-30))
    return factor if distance(found, factor * wanted) <= 1e-3 else float("nan")


def column(listed: dict[int, dict], name: str) -> np.ndarray:
    """A figure of the listed classes; what is not finite in the program is null in its report."""
    return np.array([np.nan if row[name] is None else row[name] for row in listed.values()], np.float64)


def examine(program: Program, case: OperatorCase, folder: Path) -> dict:
    """The row of a case."""
    row = {
        "name": case.name,
        "family": case.family,
        "operator": case.operator,
        "opset": case.opset,
        "label": case.label,
    }
    x = case.tensor()
    model, tensor = folder / "model.onnx", folder / "input.npy"
    np.save(tensor, x)
    try:
        truth = truth_of(case, x, model)
    except NotImplementedError as error:
        if not model.exists():
            onnx.save(case.classifier(case.result), model)
        return row | without_truth(program.explain(model, tensor, "--method", "gradient"), str(error))
    row["by"] = truth.by
    backward = program.explain(model, tensor, "--method", "gradient")
    forward = program.explain(model, tensor, *([input_range(x)] if case.is_ranged else []))
    verdicts = []
    if isinstance(backward, Answer):
        verdicts += [prediction_verdict(case, truth, x, backward), gradient_verdict(case, truth, x, backward)]
    else:
        verdicts.append(failed("gradient", backward))
        row["allowed"] = with_gradient_allowed(program, case, truth, x, model, tensor, backward)
    verdicts.append(lrp_verdict(forward) if isinstance(forward, Answer) else failed("lrp", forward))
    for verdict in (BROKEN, WRONG, REFUSED, RIGHT):
        reasons = [reason for found, reason in verdicts if found == verdict]
        if reasons:
            return row | {"verdict": verdict, "reason": "; ".join(dict.fromkeys(reasons))}
    raise AssertionError("a case has a verdict")


def with_gradient_allowed(
    program: Program, case: OperatorCase, truth: Truth, x: np.ndarray, model: Path, tensor: Path, outcome: Outcome
) -> str | None:
    """What the gradient is off by when the operators that the refusal offers to pass are passed; None if it offers
    none."""
    offered = list(dict.fromkeys(re.findall(r"`--allow-gradient (\w+)`", outcome.reason)))
    if not offered:
        return None
    answer = program.explain(model, tensor, "--method", "gradient", "--allow-gradient", ",".join(offered))
    if not isinstance(answer, Answer):
        return f"refused all the same: {answer.reason}"
    verdict, reason = gradient_verdict(case, truth, x, answer)
    return f"{verdict}: {reason}"


def truth_of(case: OperatorCase, x: np.ndarray, path: Path) -> Truth:
    """Builds and writes the classifier, and runs it elsewhere.

    Raises:
        NotImplementedError: when nothing else runs it.
    """
    alone, _ = reference(case.operator_alone(), x)
    shape = alone(x).shape
    model = case.classifier(shape)
    onnx.save(model, path)
    function, by = reference(model, x)
    hidden = reference(case.in_front_of_head(), x)[0] if case.dense_before else None
    if case.is_decision or case.output_type != onnx.TensorProto.FLOAT:
        # the file ends in classes: what they are chosen by is to be explained
        function, hidden = hidden, None
    output = np.asarray(function(x), np.float64).ravel()
    return Truth(by, output, int(output.argmax()), shape, function, hidden)


def without_truth(outcome: Outcome, reason: str) -> dict:
    """Nobody knows what this is: a refusal is right, an answer is made up."""
    if isinstance(outcome, Answer):
        return {"verdict": UNKNOWN if "org.example" not in reason else WRONG, "reason": f"answered, though {reason}"}
    return {"verdict": REFUSED if isinstance(outcome, Refusal) else BROKEN, "reason": outcome.reason}


def failed(what: str, outcome: Outcome) -> tuple[str, str]:
    """The verdict where there is no answer."""
    return (REFUSED if isinstance(outcome, Refusal) else BROKEN), f"{what}: {outcome.reason}"


def prediction_verdict(case: OperatorCase, truth: Truth, x: np.ndarray, answer: Answer) -> tuple[str, str]:
    """The listed classes against the reference."""
    listed = answer.prediction
    if not np.isfinite(truth.output).all():
        return WRONG, "answered, though the reference is not finite"
    if max(listed) >= truth.output.size:
        return WRONG, f"prediction: class {max(listed)} of {truth.output.size}"
    wanted = truth.output[list(listed)]
    logits, probabilities = column(listed, "logit"), column(listed, "probability")
    if truth.hidden is None:
        error = distance(logits, wanted)
    elif truth.is_distribution:
        # a probability must be told as it is, whatever is explained
        error = distance(probabilities, wanted)
    else:
        error = min(distance(logits, wanted), distance(probabilities, wanted), distance(probabilities, np.exp(wanted)))
    if error <= case.tolerance:
        return RIGHT, f"prediction off by {error:.1e}"
    return WRONG, f"prediction off by {error:.1e}{second_opinion(case, truth, x, answer)}"


def second_opinion(case: OperatorCase, truth: Truth, x: np.ndarray, answer: Answer) -> str:
    """With whom onnx's own evaluator agrees, where it is not onnxruntime."""
    if truth.by != "onnxruntime" or case.is_decision or case.output_type != onnx.TensorProto.FLOAT:
        return ""
    try:
        other = evaluator(case.classifier(truth.shape))(x)
    except Exception as error:  # it knows less, and says so in many ways
        return f" (onnx's evaluator: {type(error).__name__})"
    if distance(other, truth.output) <= PREDICTION_LIMIT:
        return ""
    listed = answer.prediction
    is_ours = distance(column(listed, "logit"), other.ravel()[list(listed)]) <= PREDICTION_LIMIT
    return f" (onnx's evaluator says {'what onnxplain says' if is_ours else 'a third thing'})"


def gradient_verdict(case: OperatorCase, truth: Truth, x: np.ndarray, answer: Answer) -> tuple[str, str]:
    """The gradient against central differences."""
    if answer.relevance is None:
        return WRONG, "gradient: not written"
    if case.family == "quantized" or case.tolerance > PREDICTION_LIMIT:
        is_zero = not answer.relevance.any()
        return (
            (WRONG, "gradient: zero (rounding is not passed through)") if is_zero else (RIGHT, "gradient: not compared")
        )
    target = answer.report["target"]["index"]
    if target != truth.target:
        return WRONG, f"gradient: of class {target}, not {truth.target}"
    forms = truth.gradients(x, answer.prediction)
    known = forms[0][0].is_known.mean()
    if known < 0.3:
        return RIGHT, "gradient: not compared (kinks everywhere)"
    error = np.nanmin([form.distance(answer.relevance, factor) for form, factor in forms])
    return (RIGHT if error <= GRADIENT_LIMIT else WRONG), f"gradient off by {error:.1e} of the largest entry"


def lrp_verdict(answer: Answer) -> tuple[str, str]:
    """Finite and conserved."""
    if answer.relevance is None or not np.isfinite(answer.relevance).all():
        return WRONG, f"lrp ({answer.report['composite']}): relevance is not finite"
    if not answer.imbalance <= IMBALANCE_LIMIT:
        return WRONG, f"lrp ({answer.report['composite']}): imbalance {answer.imbalance:.1e}"
    return RIGHT, f"lrp imbalance {answer.imbalance:.1e}"
