"""The program under test, run as a user runs it."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attribution import Array
from composites import InputRange


class BinaryError(Exception):
    """onnxplain failed, or wrote something else than a relevance of the input's shape."""


@dataclass(frozen=True)
class Relevance:
    """What `onnxplain explain` writes."""

    values: Array
    """Shape [C, H, W]."""
    initial: float
    """What was put in."""


@dataclass(frozen=True)
class Onnxplain:
    """The binary."""

    path: Path

    def run(self, *words: str) -> str:
        """Standard output of a command.

        Raises:
            BinaryError: when the exit code is neither 0 nor, for `check`, 1.
        """
        run = subprocess.run([str(self.path), *words], capture_output=True, text=True, check=False)
        if run.returncode != 0 and not (words[0] == "check" and run.returncode == 1):
            lines = run.stderr.strip().splitlines() or ["no message"]
            ends = dict.fromkeys((lines[0], lines[-1].strip()))
            raise BinaryError(f"exit code {run.returncode}: {' ... '.join(ends)}")
        return run.stdout

    def presets(self) -> dict[str, str]:
        """The YAML of every preset, by name."""
        names = [json.loads(line)["name"] for line in self.run("presets", "--json").splitlines()]
        return {name: self.run("presets", "show", name) for name in names}

    def explain(
        self, model: Path, image: Path, composite: str, target: int, needs_input_range: bool, initial: str = "one"
    ) -> Relevance:
        """Relevance of class `target` of an image under a preset or a composite file."""
        with tempfile.TemporaryDirectory() as output:
            words = ["explain", str(model), str(image), "--composite", composite, "--target", str(target)]
            words += ["--initial", initial, "--save", "relevance,report", "-o", output, "--quiet"]
            if needs_input_range:
                # one word: the value starts with a minus sign
                words.append(f"--input-range={InputRange.imagenet().argument()}")
            self.run(*words)
            written = Path(output) / f"{image.stem}.relevance.npy"
            if not written.exists():
                raise BinaryError(f"{written.name} was not written")
            values: Array = np.load(written)
            report = json.loads((Path(output) / f"{image.stem}.json").read_text())
        if values.shape != np.load(image, mmap_mode="r").shape:
            raise BinaryError(f"the relevance has shape {values.shape}")
        return Relevance(values, float(report["relevance"]["initial"]))

    def function_differences(self, model: Path, image: Path, composite: str) -> dict[str, float]:
        """`onnxplain check`: max|f - f'| / max|f| for each canonization pass and all together."""
        (line,) = self.run("check", str(model), str(image), "--composite", composite, "--json").splitlines()
        comparisons = json.loads(line)["function"]["comparisons"]
        return {comparison["what"]: float(comparison["difference"]) for comparison in comparisons}
