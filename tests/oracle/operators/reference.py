"""What a one-operator classifier computes, by onnxruntime or onnx's own evaluator; its gradient by central differences.

onnxruntime runs unoptimised and in float32, so a derivative is taken with wide steps and extrapolated (Richardson):
with h = 0.03 its rounding is 1e-5 of a logit per unit, and the error of truncation h⁴. Where the quotients for h and
h / 2 disagree, or the left and the right one do not come twice as close when h is halved, a kink or a jump lies between
(ReLU, Floor, the maximum of a window), and the element is left out.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

STEP = 0.03
DISAGREEMENT = 2e-3
Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Gradient:
    """A derivative by the picture, and where it is known."""

    values: np.ndarray
    is_known: np.ndarray

    @property
    def size(self) -> float:
        """The largest known entry."""
        return float(np.abs(self.values[self.is_known]).max(initial=0.0))

    def distance(self, found: np.ndarray, factor: float = 1.0) -> float:
        """max|found - factor · values| / max|factor · values|, where known."""
        found = found.reshape(self.values.shape)
        if not np.isfinite(found).all():
            return float("inf")
        difference = np.abs(found - factor * self.values)[self.is_known].max(initial=0.0)
        return float(difference / max(abs(factor) * self.size, 1e-2))


class LRN(OpRun):
    """As the standard says: onnx 1.23's own walks over the batch where it should over channels.

    onnxruntime knows odd sizes only.
    """

    op_domain = ""

    def _run(self, x, alpha=None, beta=None, bias=None, size=None):  # noqa: ANN001, ANN202, PLR0913
        before, after = (size - 1) // 2, size // 2
        channels = x.shape[1]
        sums = [
            (x[:, max(0, at - before) : min(channels, at + after + 1)] ** 2).sum(1, keepdims=True)
            for at in range(channels)
        ]
        return ((x / (bias + alpha / size * np.concatenate(sums, 1)) ** beta).astype(x.dtype),)


def runtime(model: onnx.ModelProto) -> Function:
    """The model's first output by onnxruntime.

    Raises:
        Exception: whatever onnxruntime says to a model that it cannot run.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: np.asarray(session.run(None, {name: x})[0])


def evaluator(model: onnx.ModelProto) -> Function:
    """The model's first output by onnx's reference implementation.

    Raises:
        Exception: whatever it says to a model that it cannot run.
    """
    session = ReferenceEvaluator(model, new_ops=[LRN])
    name = session.input_names[0]

    def run(x: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(session.run(None, {name: x})[0])

    return run


def reference(model: onnx.ModelProto, x: np.ndarray) -> tuple[Function, str]:
    """The first of both that can run the model, and its name.

    Raises:
        NotImplementedError: when none can.
    """
    reasons = []
    for name, build in (("onnxruntime", runtime), ("onnx", evaluator)):
        try:
            function = build(model)
            function(x)
        except Exception as error:  # each library raises kinds of its own
            reasons.append(f"{name}: {str(error).splitlines()[0][:150] if str(error) else type(error).__name__}")
        else:
            return function, name
    raise NotImplementedError("; ".join(reasons))


def gradient(function: Function, x: np.ndarray, entry: int) -> Gradient:
    """d function(x)[entry] / d x."""

    centre = float(function(x).flat[entry])

    def quotients(step: float) -> tuple[np.ndarray, np.ndarray]:
        """Central quotients, and the right minus the left ones."""
        central, bend = np.zeros(x.size), np.zeros(x.size)
        for place in range(x.size):
            ends = []
            for sign in (1, -1):
                moved = x.copy()
                moved.flat[place] += sign * step
                ends.append((float(moved.flat[place]), float(function(moved).flat[entry])))
            (right, above), (left, below) = ends
            here = float(x.flat[place])
            central[place] = (above - below) / (right - left)
            bend[place] = (above - centre) / (right - here) - (centre - below) / (here - left)
        return central.reshape(x.shape), bend.reshape(x.shape)

    with np.errstate(all="ignore"):
        (wide, wide_bend), (narrow, narrow_bend) = quotients(STEP), quotients(STEP / 2)
        is_known = np.isfinite(wide) & np.isfinite(narrow)
        for _ in range(2):
            allowed = max(DISAGREEMENT * np.abs(narrow[is_known]).max(initial=0.0), 1e-4)
            is_known &= (np.abs(wide - narrow) <= allowed) & (np.abs(wide_bend - 2 * narrow_bend) <= 3 * allowed)
    return Gradient((4 * narrow - wide) / 3, is_known)
