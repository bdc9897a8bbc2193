"""One architecture in one export: from the file to the verdict."""

import copy
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from architectures.build import CALIBRATION, HIGH, LOW, Architecture, export
from program import Answer, Outcome, Program, Refusal, distance

PREDICTION_LIMIT, PREDICTION_CAP = 1e-4, 1e-2
GRADIENT_LIMIT = 1e-3
ROUNDING = 1e-5
"""What torch's float32 gradient is off by where no decision falls the other way, at most."""
ROUNDING_FACTOR = 5.0
"""How many times further off than float32 is elsewhere (torch's from float64, onnxruntime's from torch's) may we be?"""
EDGE = 1e-4
"""1 - cosine of a gradient in which one ReLU or one pooling window decided the other way, at most."""
IMBALANCE_LIMIT = 1e-3
RIGHT, REFUSED, WRONG, BROKEN, NOT_EXPORTED = "right", "refused", "WRONG", "BROKEN", "not exported"
ATTEMPTS = 2
"""Pictures that are tried: a ReLU next to zero is decided by rounding, and the next picture has it elsewhere."""


def prepare(architecture: Architecture, ways: Sequence[str], folder: Path) -> None:
    """Writes what is right for an architecture, and its exports in a folder each."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "pictures.json").exists():
        points = [point(architecture, seed) for seed in CALIBRATION[:ATTEMPTS]]
        if any(known["rounding"] >= ROUNDING for known, _ in points):
            points += [point(architecture, seed) for seed in CALIBRATION[ATTEMPTS:]]
        # the pictures on which torch itself rounds least: the fewest decisions on the edge
        points.sort(key=lambda pair: np.nan_to_num(pair[0]["rounding"]))
        for attempt, (_, arrays) in enumerate(points[:ATTEMPTS]):
            for word, array in arrays.items():
                np.save(folder / f"{word}-{attempt}.npy", array)
        (folder / "pictures.json").write_text(json.dumps([known for known, _ in points[:ATTEMPTS]]))
    for way in ways:
        export_one(architecture, way, folder)


def export_one(architecture: Architecture, way: str, folder: Path) -> None:
    """Writes `model.onnx`, and into `truth.json` what onnxruntime makes of it, or why there is no model."""
    (folder / way).mkdir(exist_ok=True)
    truth: dict = {"size": architecture.size, "logits": []}
    begin = time.monotonic()
    model = folder / way / "model.onnx"
    try:
        export(architecture, way, model)
    except Exception as error:  # exporters raise whatever they like
        truth["not_exported"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    truth["export_seconds"] = round(time.monotonic() - begin, 1)
    try:
        for picture in sorted(folder.glob("input-*.npy")) if model.exists() else ():
            truth["logits"].append(runtime(model, np.load(picture)).tolist())
    except Exception as error:  # onnxruntime's errors are of kinds of its own
        truth |= {"logits": [], "not_exported": f"onnxruntime cannot run it: {' '.join(str(error).split())[:300]}"}
    (folder / way / "truth.json").write_text(json.dumps(truth))


def point(architecture: Architecture, seed: int) -> tuple[dict, dict[str, np.ndarray]]:
    """What is known about one picture: figures, and the picture with its gradient."""
    pictures = architecture.pictures(seed)
    with torch.no_grad():
        logits = architecture.network(pictures)[0].numpy().astype(np.float64)
    target = int(logits.argmax())
    gradient, rounding = gradient_and_rounding(architecture, pictures, target)
    known = {"seed": seed, "torch": logits.tolist(), "target": target, "rounding": rounding}
    return known, {"input": pictures[:1].numpy(), "gradient": gradient}


def gradient_and_rounding(architecture: Architecture, pictures: torch.Tensor, target: int) -> tuple[np.ndarray, float]:
    """The gradient in float64, and how far torch's float32 is from it.

    By autograd at batch two: torch 2.15 on CPUs is wrong at batch one (BatchNorm, flatten(2), transpose(1, 2)).
    """

    def gradient(network: torch.nn.Module, kind: torch.dtype) -> np.ndarray:
        points = pictures.detach().clone().to(kind).requires_grad_(True)
        network(points)[0, target].backward()
        return points.grad[0].numpy().astype(np.float64)

    single = gradient(architecture.network, torch.float32)
    try:
        double = gradient(copy.deepcopy(architecture.network).double(), torch.float64)
    except (RuntimeError, TypeError, ValueError, AssertionError):  # a buffer that is made in float32 on the way
        return single, float("nan")
    return double, distance(single, double)


def examine(program: Program, folder: Path) -> dict:
    """What the program makes of an export."""
    truth = json.loads((folder / "truth.json").read_text())
    row = {"size": truth["size"], "export_seconds": truth["export_seconds"]}
    if not truth["logits"]:
        return row | {"verdict": NOT_EXPORTED, "reason": truth.get("not_exported", "no reason")}
    begin = time.monotonic()
    found = []
    pictures = json.loads((folder.parent / "pictures.json").read_text())
    for attempt, (known, logits) in enumerate(zip(pictures, truth["logits"], strict=True)):
        found.append(compare(program, folder, attempt, known | {"logits": logits}))
        if found[-1]["verdict"] != WRONG:
            break
    best = min(found, key=lambda one: (one["verdict"] != RIGHT, one.get("gradient", 0.0)))
    if best["verdict"] == WRONG and not best["faults"] and best["edge"] <= EDGE:
        best |= {"verdict": RIGHT, "reason": f"{best['reason']}, 1 - cosine {best['edge']:.0e}: a decision on the edge"}
    return row | best | {"seconds": round(time.monotonic() - begin, 1)}


def compare(program: Program, folder: Path, attempt: int, known: dict) -> dict:
    """One picture."""
    model, tensor = folder / "model.onnx", folder.parent / f"input-{attempt}.npy"
    backward = program.explain(model, tensor, "--method", "gradient", "--target", known["target"])
    if not isinstance(backward, Answer):
        return failed("gradient", backward)
    logits, listed = np.array(known["logits"]), backward.prediction
    scores = np.array([np.nan if row["logit"] is None else row["logit"] for row in listed.values()])
    prediction = distance(scores, logits[list(listed)]) if max(listed) < logits.size else float("inf")
    exported = distance(logits, np.array(known["torch"]))
    allowed_prediction = max(PREDICTION_LIMIT, min(ROUNDING_FACTOR * exported, PREDICTION_CAP))
    wanted = np.load(folder.parent / f"gradient-{attempt}.npy")
    error = distance(backward.relevance, wanted)
    allowed = max(GRADIENT_LIMIT, ROUNDING_FACTOR * np.nan_to_num(known["rounding"]))
    row = {"prediction": prediction, "gradient": error, "rounding": known["rounding"], "export_error": exported}
    forward = program.explain(model, tensor, f"--input-range={LOW},{HIGH}")
    if not isinstance(forward, Answer):
        return row | failed("lrp", forward)
    is_finite = forward.relevance is not None and bool(np.isfinite(forward.relevance).all())
    row |= {"composite": forward.report["composite"], "imbalance": forward.imbalance}
    faults = [
        text
        for is_wrong, text in (
            (not prediction <= allowed_prediction, f"prediction off by {prediction:.1e}"),
            (not is_finite, "relevance is not finite"),
            (is_finite and not forward.imbalance <= IMBALANCE_LIMIT, f"imbalance {forward.imbalance:.1e}"),
        )
        if is_wrong
    ]
    off = [] if error <= allowed else [f"gradient off by {error:.1e} (torch's float32: {known['rounding']:.1e})"]
    verdict = {"verdict": WRONG if faults or off else RIGHT, "reason": "; ".join(faults + off)}
    return row | verdict | {"faults": len(faults), "edge": one_minus_cosine(backward.relevance, wanted)}


def one_minus_cosine(found: np.ndarray, wanted: np.ndarray) -> float:
    """Zero for arrays that point the same way."""
    product, lengths = found.ravel() @ wanted.ravel(), np.linalg.norm(found) * np.linalg.norm(wanted)
    return float(1 - product / lengths) if lengths > 0 else 1.0


def failed(what: str, outcome: Outcome) -> dict:
    """The verdict where there is no answer."""
    return {
        "verdict": REFUSED if isinstance(outcome, Refusal) else BROKEN,
        "reason": f"{what}: {outcome.reason}"[:1500],
    }


def runtime(model: Path, picture: np.ndarray) -> np.ndarray:
    """The logits by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: picture})[0], np.float64).ravel()
