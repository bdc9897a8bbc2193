"""The program under test, run as a user runs it."""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import CommandError, ProcessRun, Sample, cpu_seconds, run_process
from networks import INPUT_HIGH, INPUT_LOW

WARMING = 2
"""Images of a block that do not count: with the first one kernels are warm, with the second one memory is in its place."""
COUNTED = 3
"""Images of a block that count."""
IMAGES = WARMING + COUNTED


@dataclass(frozen=True)
class Block:
    """One process that explains a few images one after the other."""

    start_up: Sample
    """From process start to the first image: load, canonize, compile."""
    image: Sample
    """Mean of the images that count: forward + propagate as reported, and of that the processor time."""


@dataclass(frozen=True)
class Onnxplain:
    """The binary, and a folder for what it writes."""

    path: Path
    output: Path

    @property
    def version(self) -> str:
        """Such as `onnxplain 0.1.0`."""
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def block(self, model: Path, inputs: Sequence[Path], composite: str, threads: int) -> Block:
        """Explains the first `IMAGES` inputs.

        Raises:
            CommandError: when onnxplain fails.
        """
        chosen = [str(path) for path in inputs[:IMAGES]]
        words = [str(self.path), "explain", str(model), *chosen, "-o", str(self.output), "--overwrite"]
        words += ["--save", "report", "--composite", composite, f"--input-range={INPUT_LOW},{INPUT_HIGH}"]
        words += ["-j1", "--threads", str(threads), "--json", "--quiet"]
        start = time.perf_counter()
        results: list[tuple[Sample, dict[str, float]]] = []
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            for line in process.stdout:
                reached = Sample(time.perf_counter() - start, cpu_seconds(process.pid))
                results.append((reached, json.loads(line)["seconds"]))
            message = process.stderr.read()
        if process.returncode != 0 or len(results) != len(chosen):
            raise CommandError(f"{' '.join(words)}: exit code {process.returncode}: {message}")
        return _block(results)

    def explain(self, model: Path, images: Path, composite: str, *options: str, cores: int | None = None) -> ProcessRun:
        """Explains pictures from process start to files written: heatmap, relevance and report of each; bound to so
        many cores, if that is said."""
        words = [str(self.path), "explain", str(model), str(images), "-o", str(self.output), "--overwrite"]
        words += ["--save", "heatmap,relevance,report", "--preprocess", "imagenet", "--composite", composite]
        return run_process([*words, *options, "--quiet"], cores)


def _block(results: list[tuple[Sample, dict[str, float]]]) -> Block:
    """The clock as reported. Processors are read when a result arrives here, which may be late: so they are taken
    as a rate between two such moments, both while the process was busy (the last result is none of them)."""
    (first, first_seconds), (last, _) = results[0], results[-2]
    processors = (last.cpu - first.cpu) / (last.wall - first.wall)
    wall = sum(seconds["forward"] + seconds["propagate"] for _, seconds in results[WARMING:]) / COUNTED
    total = first_seconds["total"]
    return Block(first - Sample(total, total * processors), Sample(wall, wall * processors))
