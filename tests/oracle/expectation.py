"""What a case's `expected.json` states, and how far an answer is from it.

`output` is what onnxruntime computes, `logits` what is to be explained in float64, `target` the strongest of them,
`gradient.npy` its derivative by the input. Three things make the comparison more than a subtraction:

- A file may give probabilities while logits are to be explained (a softmax written out): then the reported logits may
  differ from the expected by a constant, and the reported probabilities must be the file's.
- A file may give probabilities for which nothing but the probability is expected (an ensemble, `[1 - p, p]`). A program
  that finds the logit behind p explains that: its gradient is dp / (p (1 - p)), or dp / p for log p. Both are accepted.
- A file with the exporter's batch size inside answers with more rows than it was asked. The first row is the answer.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from program import Answer, distance

PREDICTION_LIMIT = 1e-4
GRADIENT_LIMIT = 1e-3


@dataclass(frozen=True)
class Expectation:
    """The right answer to a case."""

    about: str
    options: list[str]
    scores: np.ndarray
    """What is to be explained, one per class."""
    output: np.ndarray | None
    """What the file's output is, where it has an entry per class."""
    target: int
    gradient: np.ndarray | None
    steps: float
    """Size of a quantisation step of the output; zero where nothing is quantised."""
    has_frozen_batch: bool

    @classmethod
    def read(cls, folder: Path) -> "Expectation":
        """Reads a case."""
        expected = json.loads((folder / "expected.json").read_text())
        rows = np.load(folder / "input.npy", mmap_mode="r").shape[0]
        output = np.array(expected["output"]) if "output" in expected else None
        shape = expected.get("output_shape", [])
        has_frozen_batch = len(shape) > 1 and shape[0] > rows and "logits" not in expected
        if has_frozen_batch:
            output = output.reshape(shape[0], -1)[0]
        scores = np.array(expected["logits"]) if "logits" in expected else output
        gradient = folder / "gradient.npy"
        return cls(
            about=expected["about"],
            options=expected.get("options", []),
            scores=scores,
            output=output if output is not None and output.size == scores.size else None,
            target=expected.get("target", int(scores.argmax())),
            gradient=np.load(gradient) if gradient.exists() else None,
            steps=output_step(folder / "model.onnx") if "logits" not in expected else 0.0,
            has_frozen_batch=has_frozen_batch,
        )

    @property
    def is_distribution(self) -> bool:
        """Whether the file's output is a probability per class."""
        output = self.output
        return output is not None and output.size > 1 and output.min() >= 0 and abs(output.sum() - 1) < 1e-5

    @property
    def explains_probability(self) -> bool:
        """Whether the probability itself is what the case expects to be explained."""
        return self.is_distribution and np.allclose(self.output, self.scores, atol=1e-5)

    def welcomes(self, refusal: str) -> bool:
        """Whether a refusal is an answer: a frozen batch need not be repaired, but must be called by its name."""
        return self.has_frozen_batch and "batch" in refusal

    def prediction_error(self, answer: Answer) -> tuple[float, float, str]:
        """Error of the predicted scores and probabilities, what is allowed, and what was compared."""
        allowed = PREDICTION_LIMIT + self.steps / max(np.abs(self.scores).max(), 1e-12)
        listed = answer.prediction
        if max(listed) >= self.scores.size or len(listed) != min(5, self.scores.size):
            return float("inf"), allowed, f"of {self.scores.size} classes, {len(listed)} are listed up to {max(listed)}"
        top = answer.report["target"]["index"]
        if top != self.target and not self.steps:
            return float("inf"), allowed, f"class {top} instead of {self.target}"
        indices = list(listed)
        wanted, found = self.scores[indices], column(listed, "logit")
        errors = {"of the logit": distance(found, wanted)}
        if self.is_distribution:
            errors["of the probability"] = distance(column(listed, "probability"), self.output[indices])
            logs = np.log(np.maximum(self.output[indices], 1e-30))
            odds = logs - np.log1p(-np.minimum(self.output[indices], 1 - 1e-12))
            shifted = [distance(found - found.mean(), form - form.mean()) for form in (wanted, logs)]
            errors["of the logit"] = min(errors["of the logit"], *shifted, distance(found, odds))
        what = max(errors, key=errors.__getitem__)
        return errors[what], allowed, what

    def gradient_error(self, answer: Answer) -> tuple[float, float, str]:
        """Error of the gradient, what is allowed, and what was compared."""
        if answer.relevance is None or not np.isfinite(answer.relevance).all():
            return float("inf"), GRADIENT_LIMIT, "is not finite"
        if self.gradient is None:
            return 0.0, GRADIENT_LIMIT, "no gradient is expected"
        forms = {"": self.gradient}
        if self.explains_probability:
            p = self.scores[self.target]
            forms |= {"(of log p)": self.gradient / p, "(of the logit)": self.gradient / (p * (1 - p))}
        errors = {name: distance(answer.relevance, form) for name, form in forms.items()}
        name = min(errors, key=errors.__getitem__)
        return errors[name], GRADIENT_LIMIT, name


def column(listed: dict[int, dict], name: str) -> np.ndarray:
    """A figure of all listed classes; what is not finite in the program is null in its report."""
    return np.array([np.nan if row[name] is None else row[name] for row in listed.values()], np.float64)


def output_step(model: Path) -> float:
    """Scale of the last DequantizeLinear, zero where there is none."""
    if not model.exists():
        return 0.0
    import onnx

    graph = onnx.load(model).graph
    scales = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    last = [node.input[1] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[1] in scales]
    return float(scales[last[-1]].max()) if last else 0.0
