"""Time `onnxplain evaluate` and Quantus 0.6 on the same pictures, model, maps and settings, one core each.

What is counted is processor time, so that other work on the machine does not matter: of the Python process and of the
processes that it starts for Quantus, of the binary for onnxplain. Quantus explains noisy pictures by calling the binary, which is
what is there for an ONNX file: once for each draw, with all pictures.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import quantus
import torch

from evaluate_run import SAMPLE_MODELS, Array, Pictures, evaluate, pictures
from quantus_model import OnnxModule

PRESETS = [
    "efficientnet",
    "epsilon-plus-flat",
    "epsilon-gamma-box",
    "epsilon-alpha2-beta1-flat",
    "epsilon-plus",
    "gamma",
    "w-square-plus",
    "epsilon",
]
COUNT = 10
STEPS = 32
SUBSETS = 100
DRAWS = 10
RADIUS = 0.05
CALL = {"device": "cpu", "channel_first": True, "softmax": True}
QUIET = {"normalise": False, "disable_warnings": True}


@dataclass(frozen=True)
class Part:
    """A metric on both sides."""

    name: str
    ours: dict | str
    quantus: Callable[["Rival"], object]


@dataclass
class Rival:
    """Quantus on the maps of one preset."""

    binary: Path
    subject: Pictures
    model: OnnxModule
    classes: Array
    preset: str
    maps: Array

    def run(self, metric: object) -> None:
        """Calls a metric of Quantus as its documentation does."""
        metric(
            model=self.model,
            x_batch=self.subject.inputs.copy(),
            y_batch=self.classes,
            a_batch=self.maps.copy(),
            explain_func=lambda model, inputs, targets, **_: explained(
                self.binary, replace(self.subject, inputs=np.asarray(inputs)), self.preset, targets
            ),
            **CALL,
        )


def explained(binary: Path, subject: Pictures, preset: str, targets: Array) -> Array:
    """Maps [N, 1, H, W] by one call of the binary for each class among the pictures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for target in np.unique(targets):
            (folder / f"in-{target}").mkdir()
        for stem, picture, target in zip(subject.stems, subject.inputs, targets, strict=True):
            np.save(folder / f"in-{target}" / f"{stem}.npy", picture.astype(np.float32))
        for target in np.unique(targets):
            words = [str(binary), "explain", str(subject.model), str(folder / f"in-{target}"), "--composite", preset]
            words += [f"--input-range={subject.input_range}", "--target", str(target), "--save", "relevance", "-o", str(folder / f"out-{target}"), "--quiet", "-j", "1"]
            subprocess.run(words, check=True, capture_output=True, env=one_core())
        maps = [np.load(next(folder.rglob(f"{stem}.relevance.npy"))).sum(axis=0) for stem in subject.stems]
        return np.stack(maps)[:, None].astype(np.float32)


def one_core() -> dict[str, str]:
    """The environment of programs that keep to one core."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}


PARTS = [
    Part(
        f"pixel flipping, {STEPS} steps",
        {"name": "flipping", "metric": "morf", "regions": "pixels", "fill": "black", "levels": STEPS},
        lambda rival: rival.run(
            quantus.PixelFlipping(
                features_in_step=rival.maps[0].size // STEPS, perturb_baseline=rival.subject.lowest, **QUIET
            )
        ),
    ),
    Part(
        f"faithfulness correlation, {SUBSETS} subsets",
        {"name": "correlation", "metric": "faithfulness-correlation", "fill": "black"},
        lambda rival: rival.run(
            quantus.FaithfulnessCorrelation(
                nr_runs=SUBSETS,
                subset_size=rival.maps[0].size // 5,
                perturb_baseline=rival.subject.lowest,
                return_aggregate=False,
                **QUIET,
            )
        ),
    ),
    Part("sparseness", "sparseness", lambda rival: rival.run(quantus.Sparseness(abs=True, **QUIET))),
    Part(
        f"maximum sensitivity, {DRAWS} draws",
        "max-sensitivity",
        lambda rival: rival.run(
            # The sample model's inputs go from -1 to 1.
            quantus.MaxSensitivity(nr_samples=DRAWS, lower_bound=2.0 * RADIUS, **QUIET)
        ),
    ),
]


def processor_seconds() -> float:
    """Of this process and of all that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work: Callable[[], None]) -> float:
    """Processor seconds of some work."""
    begin = processor_seconds()
    work()
    return processor_seconds() - begin


def section(binary: Path) -> str:
    """The section of the page."""
    files = sorted(path for path in (SAMPLE_MODELS / "photos").iterdir() if path.suffix in (".png", ".jpg"))
    subject = replace(pictures("efficientnet_lite0", files, crops=COUNT), maps={})
    model = fastest(subject)
    classes = model(torch.from_numpy(subject.inputs)).argmax(1).numpy()
    rivals = [
        Rival(binary, subject, model, classes, preset, explained(binary, subject, preset, classes)) for preset in PRESETS
    ]
    theirs = {part.name: sum(timed(lambda: part.quantus(rival)) for rival in rivals) for part in PARTS}
    methods = [{"name": preset, "method": "lrp", "composite": preset} for preset in PRESETS]
    # Quantus has no controls.
    ours = lambda metrics: timed(  # noqa: E731
        lambda: evaluate(binary, subject, metrics, methods, controls=False, core="0")
    )
    empty = ours(["sparseness"])
    rows = {part.name: ours([part.ours]) for part in PARTS}
    together = ours([part.ours for part in PARTS])
    total = sum(theirs.values())
    text = f"""
## Speed

{COUNT} crops of the sample photos, EfficientNet-Lite0, the maps of {len(PRESETS)} presets of LRP; one core each, processor seconds. onnxplain's
seconds include opening the model, the maps and the report; Quantus got its maps for nothing. What does not depend on the map,
onnxplain computes once for all presets; Quantus starts anew for each.

| | Quantus 0.6 with onnxruntime | onnxplain | times |
|---|---:|---:|---:|
"""
    for name, seconds in theirs.items():
        text += f"| {name} | {seconds:.1f} | {rows[name]:.1f} | {seconds / rows[name]:.1f} |\n"
    text += f"| **all four together** | **{total:.1f}** | **{together:.1f}** | **{total / together:.1f}** |\n"
    return text + f"\nThe maps and the report alone take onnxplain {empty:.1f} s.\n"


def fastest(subject: Pictures) -> OnnxModule:
    """The file with its batch of one, or with the batch opened: what onnxruntime is faster with."""
    candidates = [OnnxModule(subject.model, is_batched=is_batched) for is_batched in (False, True)]
    batch = torch.from_numpy(subject.inputs)
    seconds = []
    for model in candidates:
        model(batch)
        seconds.append(min(timed(lambda: model(batch)) for _ in range(3)))
    return candidates[int(np.argmin(seconds))]
