"""Calls the binary on one model and one tensor, and tells an answer from a refusal from a breakdown.

`binary.py` does the same for the parity tables, where a failure ends the row. Here a refusal is a result of its own:
the sweeps ask whether what is not refused is right.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
REFUSALS = (1, 2)
"""Exit codes that go with a message: some inputs failed, nothing could be done."""


@dataclass(frozen=True)
class Answer:
    """What `onnxplain explain` wrote."""

    report: dict
    relevance: np.ndarray | None
    notes: str = ""
    """What it said on stderr."""

    @property
    def prediction(self) -> dict[int, dict]:
        """The classes that the report lists, by index; the strongest first."""
        return {row["index"]: row for row in self.report["prediction"]}

    @property
    def imbalance(self) -> float:
        """|put in - arrived - absorbed| / largest of them; NaN where a sum is not finite."""
        sums = {name: np.nan if value is None else value for name, value in self.report["relevance"].items()}
        parts = [sums["input_sum"], sums["absorbed_by_bias"], sums["absorbed_by_stabilizer"]]
        return float(abs(sums["initial"] - sum(parts)) / max(abs(sums["initial"]), *map(abs, parts), 1e-30))


@dataclass(frozen=True)
class Refusal:
    """It said no, with a reason."""

    reason: str


@dataclass(frozen=True)
class Breakdown:
    """It panicked, was killed, or took too long."""

    reason: str


Outcome = Answer | Refusal | Breakdown


@dataclass(frozen=True)
class Program:
    """The binary."""

    path: Path
    timeout: float = 300.0
    environment: dict[str, str] = field(default_factory=lambda: {**os.environ, "NO_COLOR": "1"})

    @classmethod
    def default_path(cls) -> Path:
        """The newest build of this checkout, else the debug build's place."""
        builds = [REPOSITORY / "target" / profile / "onnxplain" for profile in ("release", "debug")]
        return max(filter(Path.exists, builds), key=lambda path: path.stat().st_mtime, default=builds[-1])

    def call(self, *words: object) -> tuple[int, str, str]:
        """Exit code, standard output, standard error; −1 stands for a timeout."""
        command = [str(self.path), *map(str, words)]
        try:
            run = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=self.timeout, env=self.environment
            )
        except subprocess.TimeoutExpired:
            return -1, "", f"no answer within {self.timeout:.0f} s"
        return run.returncode, run.stdout, run.stderr

    def explain(self, model: Path, tensor: Path | str, *options: object) -> Outcome:
        """Explains one `.npy` input (or the word `--input=NAME=FILE`), and reads back the report and the relevance."""
        with tempfile.TemporaryDirectory() as folder:
            code, _, errors = self.call(
                "explain", model, tensor, "--save", "relevance,report", "-o", folder, "--threads", 1, *options
            )
            if code != 0:
                return failure(code, errors)
            reports = sorted(Path(folder).glob("*.json"))
            if len(reports) != 1:
                return Breakdown(f"exit code 0, but {len(reports)} reports were written")
            arrays = sorted(Path(folder).glob("*.relevance.npy"))
            relevance = np.load(arrays[0]).astype(np.float64) if arrays else None
            return Answer(json.loads(reports[0].read_text()), relevance, errors)

    def check(self, model: Path, tensor: Path | str, *options: object) -> dict | Refusal | Breakdown:
        """The two verdicts of `onnxplain check` as it prints them with `--json`."""
        code, output, errors = self.call("check", model, tensor, "--json", *options)
        if code in (0, 1) and output.strip():
            return json.loads(output.strip().splitlines()[-1])
        return failure(code, errors)


def failure(code: int, errors: str) -> Refusal | Breakdown:
    """What an exit code other than 0 means."""
    reason = " / ".join(dict.fromkeys(line.strip() for line in errors.splitlines() if line.strip())) or "no message"
    if code in REFUSALS and "panicked" not in errors:
        return Refusal(reason)
    return Breakdown(f"exit code {code}: {reason}")


def input_range(tensor: np.ndarray) -> str:
    """`--input-range` for a tensor, in one word because the value may start with a minus sign."""
    low, high = float(tensor.min()), float(tensor.max())
    margin = max((high - low) * 0.01, 1e-3)
    return f"--input-range={low - margin:.6g},{high + margin:.6g}"


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """max|difference| / max|wanted|; infinite where the sizes differ or a number is not finite."""
    found, wanted = np.ravel(found).astype(np.float64), np.ravel(wanted).astype(np.float64)
    if found.size != wanted.size or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - wanted).max(initial=0.0) / max(np.abs(wanted).max(initial=0.0), 1e-12))
