"""`onnxplain evaluate`, run as a user runs it, on maps that other programs can judge too."""

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from cards import Array, Card

SAMPLE_MODELS = Path(__file__).parents[2] / "sample-models"


@dataclass(frozen=True)
class Pictures:
    """Inputs of a network with maps and masks, the same for every program."""

    model: Path
    stems: list[str]
    inputs: Array
    """[N, C, H, W], normalised."""
    lowest: float
    """The lowest network input: black, where it is the same in all channels."""
    input_range: str
    """Lowest and highest input, as `--input-range` wants them."""
    maps: dict[str, Array]
    """By method, [N, H, W]."""
    masks: Array
    """[N, H, W], of booleans."""

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.stems)


def pictures(name: str, files: list[Path], crops: int = 0, seed: int = 0) -> Pictures:
    """The pictures of files, or so many random crops of them; with maps of noise that has no ties, and masks."""
    model = SAMPLE_MODELS / f"{name}.onnx"
    card = Card.read(model.with_suffix(".yaml"))
    generator = np.random.default_rng(seed)
    opened = [(path.stem, Image.open(path)) for path in files]
    if crops:
        opened = [crop(*opened[index % len(opened)], index, generator) for index in range(crops)]
    inputs = np.stack([card.apply(picture) for _, picture in opened])
    height, width = inputs.shape[2:]
    # Smooth noise and fine noise together: regions differ, and no two pixels are equal.
    coarse = generator.normal(size=(len(opened), 14, 14)).repeat(height // 14, axis=1).repeat(width // 14, axis=2)
    maps = (coarse + 0.1 * generator.normal(size=coarse.shape)).astype(np.float32)
    masks = np.zeros_like(maps, dtype=bool)
    for mask in masks:
        top, left = generator.integers(0, height // 2, size=2)
        mask[top : top + height // 2, left : left + width // 3] = True
    lowest = float(((0.0 - card.mean) / card.std).min())
    stems = [stem for stem, _ in opened]
    return Pictures(model, stems, inputs, lowest, card.input_range(), {"noise": maps}, masks)


def crop(stem: str, picture: Image.Image, index: int, generator: np.random.Generator) -> tuple[str, Image.Image]:
    """A square of at least half the picture's shorter side."""
    side = int(min(picture.size) * generator.uniform(0.5, 1.0))
    left, top = (int(generator.integers(0, whole - side + 1)) for whole in picture.size)
    return f"{stem}-{index:02}", picture.convert("RGB").crop((left, top, left + side, top + side))


@dataclass
class Evaluation:
    """What `onnxplain evaluate` wrote."""

    lines: dict[tuple[str, str], dict] = field(default_factory=dict)
    """By method and stem."""
    summary: dict = field(default_factory=dict)
    seconds: float = 0.0

    def value(self, method: str, stem: str, metric: str) -> float:
        """A value; NaN where it is undefined."""
        found = self.lines[method, stem]["metrics"][metric]
        return float("nan") if found is None else found

    def curve(self, method: str, stem: str, metric: str, order: str) -> Array:
        """The scores of a curve."""
        return np.array(self.lines[method, stem]["curves"][metric][order])


def write(subject: Pictures, folder: Path) -> None:
    """Inputs, maps and masks as files."""
    for kind in ("inputs", "masks", *(f"maps-{name}" for name in subject.maps)):
        (folder / kind).mkdir(parents=True)
    for index, stem in enumerate(subject.stems):
        np.save(folder / "inputs" / f"{stem}.npy", subject.inputs[index])
        np.save(folder / "masks" / f"{stem}.npy", subject.masks[index].astype(np.uint8))
        for name, maps in subject.maps.items():
            np.save(folder / f"maps-{name}" / f"{stem}.npy", maps[index])


def evaluate(
    binary: Path, subject: Pictures, metrics: list, methods: list | None = None, *, controls: bool = True, core: str = ""
) -> Evaluation:
    """Runs the binary on these pictures; the maps are methods of their names. `core` is the only one it may use."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(subject, folder)
        plan = {
            "model": str(subject.model),
            "inputs": str(folder / "inputs"),
            "methods": [{"name": name, "maps": str(folder / f"maps-{name}")} for name in subject.maps] + (methods or []),
            "metrics": metrics,
            "masks": str(folder / "masks"),
            "controls": controls,
        }
        (folder / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
        words = [str(binary), "evaluate", "--plan", str(folder / "plan.yaml"), "-o", str(folder / "out"), "--quiet"]
        words += [f"--input-range={subject.input_range}", *(["-j", "1"] if core else [])]
        begin = time.perf_counter()
        run = subprocess.run((["taskset", "-c", core] if core else []) + words, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        if run.returncode:
            raise SystemExit(f"{' '.join(words)}\nexit code {run.returncode}: {run.stderr[-2000:]}")
        lines = [json.loads(line) for line in (folder / "out" / "report.jsonl").read_text().splitlines()]
        return Evaluation(
            {(line["method"], Path(line["input"]).stem): line for line in lines},
            json.loads((folder / "out" / "summary.json").read_text()),
            seconds,
        )
