"""Whole runs, from process start to files written: one picture, and a folder of them."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from binary import Onnxplain
from measure import Contestant, Effort, ProcessRun, Sample, Series, alternate, run_process
from networks import Network

COMPOSITE = "epsilon-plus-flat"
SCRIPT = Path(__file__).parent / "zennit_script.py"
SCRIPT_BATCH = 8
"""Pictures that the script explains at a time in a folder."""


@dataclass
class Runs:
    """Times of whole runs, and their peak memory."""

    series: Series = field(default_factory=Series)
    peaks: list[float] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """Median of the peaks, MiB."""
        return median(self.peaks)

    def add(self, run: ProcessRun) -> Sample:
        """Note one run's memory and give its time."""
        self.peaks.append(run.peak)
        return run.sample


@dataclass(frozen=True)
class OneShot:
    """One picture: onnxplain's process and the zennit script's."""

    network: str
    own: Runs
    script: Runs


@dataclass(frozen=True)
class Folder:
    """A folder of pictures; keys are the numbers of jobs or threads."""

    network: str
    pictures: int
    own: dict[int, Runs]
    script: dict[int, Runs]


def _script(network: Network, pictures: Path, output: Path, *options: str, cores: int | None = None) -> ProcessRun:
    words = [sys.executable, str(SCRIPT), str(network.module), network.architecture.canonizer]
    return run_process([*words, str(pictures), str(output), *options], cores)


def one_shot(network: Network, binary: Onnxplain, picture: Path, effort: Effort) -> OneShot:
    """Both with as many threads as each takes by itself."""
    found = OneShot(network.name, Runs(), Runs())
    contestants: dict[str, Contestant] = {
        "own": lambda: found.own.add(binary.explain(network.onnx, picture, COMPOSITE)),
        "script": lambda: found.script.add(_script(network, picture, binary.output)),
    }
    series = alternate(contestants, effort)
    found.own.series, found.script.series = series["own"], series["script"]
    return found


def folder(network: Network, binary: Onnxplain, pictures: Path, effort: Effort) -> Folder:
    """On one core and on two: onnxplain with as many jobs, the script with as many threads.

    A process is bound to its cores. One job decodes the next picture and writes the last one beside its arithmetic,
    so that unbound it takes more than one.
    """
    found = Folder(
        network.name,
        len(list(pictures.iterdir())),
        {jobs: Runs() for jobs in (1, 2)},
        {threads: Runs() for threads in (1, 2)},
    )

    def own(jobs: int) -> Sample:
        return found.own[jobs].add(binary.explain(network.onnx, pictures, COMPOSITE, f"-j{jobs}", cores=jobs))

    def script(threads: int) -> Sample:
        options = ["--threads", str(threads), "--batch", str(SCRIPT_BATCH)]
        run = _script(network, pictures, binary.output, *options, cores=threads)
        return found.script[threads].add(run)

    contestants: dict[str, Contestant] = {
        "own 1": lambda: own(1),
        "own 2": lambda: own(2),
        "script 1": lambda: script(1),
        "script 2": lambda: script(2),
    }
    for name, series in alternate(contestants, effort).items():
        kind, count = name.split()
        runs = found.own if kind == "own" else found.script
        runs[int(count)].series = series
    return found
