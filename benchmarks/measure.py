"""Samples of time, pairs of them, and what is read off the operating system."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Sample:
    """Seconds that something took: on the clock, and of processors (user + system, all threads)."""

    wall: float
    cpu: float

    def __sub__(self, other: "Sample") -> "Sample":
        return Sample(self.wall - other.wall, self.cpu - other.cpu)

    def __truediv__(self, count: int) -> "Sample":
        return Sample(self.wall / count, self.cpu / count)


@dataclass
class Series:
    """The samples of one contestant, one of each round."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def median(self) -> Sample:
        """Median of the wall-clock times and of the processor times, each for itself."""
        return Sample(median(s.wall for s in self.samples), median(s.cpu for s in self.samples))

    @property
    def minimum(self) -> Sample:
        """The least of each."""
        return Sample(min(s.wall for s in self.samples), min(s.cpu for s in self.samples))

    def times(self, other: "Series") -> Sample:
        """How many times as long as `other` this takes: the median of the ratios within the rounds."""
        pairs = list(zip(self.samples, other.samples, strict=True))
        return Sample(median(a.wall / b.wall for a, b in pairs), median(a.cpu / b.cpu for a, b in pairs))


Contestant = Callable[[], Sample]
"""Does its work once and says what it took."""


def in_process(work: Callable[[], object], repetitions: int) -> Contestant:
    """Times a function of this process: the mean of some repetitions."""

    def run() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repetitions):
            work()
        return Sample(time.perf_counter() - wall, time.process_time() - cpu) / repetitions

    return run


@dataclass(frozen=True)
class Effort:
    """How often a comparison is repeated: until both are reached."""

    rounds: int
    seconds: float
    most_rounds: int = 12

    @property
    def half(self) -> "Effort":
        """For what decides nothing."""
        return Effort(max(1, self.rounds // 2), self.seconds / 2)


def alternate(contestants: dict[str, Contestant], effort: Effort) -> dict[str, Series]:
    """Every round runs each contestant once, so that drift of the machine meets all of them alike."""
    series = {name: Series() for name in contestants}
    end = time.perf_counter() + effort.seconds
    for done in range(effort.most_rounds):
        if done >= effort.rounds and time.perf_counter() > end:
            break
        for name, run in contestants.items():
            series[name].samples.append(run())
    return series


@dataclass(frozen=True)
class ProcessRun:
    """What a whole process took."""

    sample: Sample
    peak: float
    """Peak resident memory in MiB."""


class CommandError(Exception):
    """A command that is timed failed."""


def run_process(words: Sequence[str], cores: int | None = None) -> ProcessRun:
    """Runs a command under GNU time, which starts small: a child's peak memory is at least its parent's.

    Args:
        cores: bind it to so many cores; without, it may use all of them.

    Raises:
        CommandError: when the command fails.
    """
    with tempfile.NamedTemporaryFile("r") as figures:
        start = time.perf_counter()
        bound = [] if cores is None else ["taskset", "--cpu-list", f"0-{cores - 1}"]
        command = ["/usr/bin/time", "-o", figures.name, "-f", "%U %S %M", *bound, *words]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
        if run.returncode != 0:
            raise CommandError(f"{' '.join(words)}: exit code {run.returncode}: {run.stderr[-500:]}")
        user, system, kilobytes = map(float, Path(figures.name).read_text().split())
    return ProcessRun(Sample(wall, user + system), kilobytes / 1024)


def cpu_seconds(process: int) -> float:
    """Processor time of a running process, all threads (Linux: the clock of clock_getcpuclockid)."""
    return time.clock_gettime((~process << 3) | 2)


def _busy_seconds() -> float:
    """Processor time of the whole machine since it was started, but for idling."""
    user, nice, system, _idle, _wait, interrupt, soft_interrupt, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + interrupt + soft_interrupt + steal) / os.sysconf("SC_CLK_TCK")


class OtherLoad:
    """How busy others kept the machine meanwhile."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        own = sum(os.times()[:4])
        return time.perf_counter(), _busy_seconds(), own

    def cores(self) -> float:
        """Cores that were kept busy by other processes, on average since the start."""
        wall, busy, own = (now - start for now, start in zip(self._now(), self._start, strict=True))
        return max(0.0, (busy - own) / wall)
