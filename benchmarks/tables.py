"""The Markdown of docs/performance.md."""

from collections.abc import Iterator, Sequence

import goals
from goals import Goal
from measure import Sample, Series
from steady import CAPTUM, FLOOR, GRADIENT, ZENNIT, Comparison
from whole import Folder, OneShot, Runs


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _times(series: Series) -> str:
    """Median (minimum) on the clock, and the median of processor time."""
    wall = f"{_milliseconds(series.median.wall)} ({_milliseconds(series.minimum.wall)})"
    return f"{wall} | {_milliseconds(series.median.cpu)}"


def steady_table(comparisons: Sequence[Comparison], threads: int) -> Iterator[str]:
    """One row for each network and peer. Verdicts are given with one thread and rest on processor time,
    which other load disturbs less than the clock; with two there is nothing to rest them on but the clock."""
    is_judged = threads == 1
    judged = (" goal | verdict |", "---|---|") if is_judged else ("", "")
    yield (
        "| network | composite | onnxplain ms | CPU ms | peer | peer ms | CPU ms | ratio | CPU ratio |" + judged[0]
    )
    yield "|---|---|---:|---:|---|---:|---:|---:|---:|" + judged[1]
    for row in comparisons:
        if row.threads == threads:
            yield (
                f"| {row.network} | {row.composite} | {_times(row.own)} | {row.peer} | {_times(row.other)} "
                f"| {row.ratio.wall:.2f} | {row.ratio.cpu:.2f} |"
                + (f" {row.goal} | {row.goal.verdict(row.ratio.cpu)} |" if is_judged else "")
            )


def start_up_table(start_ups: dict[str, Series]) -> Iterator[str]:
    """Load, canonize, compile of each network."""
    yield "| network | start-up ms: median (minimum) | CPU ms |"
    yield "|---|---:|---:|"
    for network, series in start_ups.items():
        yield f"| {network} | {_times(series)} |"


def one_shot_table(rows: Sequence[OneShot]) -> Iterator[str]:
    """One row for each network."""
    yield (
        "| network | onnxplain ms | CPU ms | MiB | zennit script ms | CPU ms | MiB "
        "| times faster | CPU | memory ratio | verdict on time | on memory |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---|"
    for row in rows:
        time, memory = _one_shot_ratios(row)
        yield (
            f"| {row.network} | {_times(row.own.series)} | {row.own.peak:.0f} "
            f"| {_times(row.script.series)} | {row.script.peak:.0f} | {time.wall:.1f} | {time.cpu:.1f} "
            f"| {memory:.1f} | {goals.ONE_SHOT.verdict(time.wall)} | {goals.ONE_SHOT_MEMORY.verdict(memory)} |"
        )


def _one_shot_ratios(row: OneShot) -> tuple[Sample, float]:
    return row.script.series.times(row.own.series), row.script.peak / row.own.peak


def folder_table(rows: Sequence[Folder]) -> Iterator[str]:
    """One row for each network and number of cores."""
    yield "| network | program | cores | s: median (minimum) | CPU s | cores kept busy | MiB | pictures/s | against one core |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        for program, runs in (("onnxplain -j", row.own), ("zennit script", row.script)):
            for cores, found in runs.items():
                yield _folder_row(row, program, cores, found, runs[1])


def _folder_row(row: Folder, program: str, cores: int, runs: Runs, one: Runs) -> str:
    middle, least = runs.series.median, runs.series.minimum
    gain = one.series.times(runs.series).wall
    return (
        f"| {row.network} | {program} | {cores} | {middle.wall:.1f} ({least.wall:.1f}) | {middle.cpu:.1f} "
        f"| {middle.cpu / middle.wall:.2f} | {runs.peak:.0f} | {row.pictures / middle.wall:.2f} | {gain:.2f} × |"
    )


def goals_table(
    comparisons: Sequence[Comparison], one_shots: Sequence[OneShot], folders: Sequence[Folder]
) -> Iterator[str]:
    """What is wanted, what was found, met or missed."""
    yield "| goal | wanted | found | verdict | two threads, clock |"
    yield "|---|---|---|---|---|"
    for name, rows in _groups(comparisons):
        found = [(row.network, row.goal, row.ratio.cpu) for row in rows if row.threads == 1]
        two = ", ".join(f"{row.network} {row.ratio.wall:.2f}" for row in rows if row.threads == 2)
        yield _goal_row(name, found, two)
    if one_shots:
        ratios = [(row.network, *_one_shot_ratios(row)) for row in one_shots]
        yield _goal_row("one-shot, time on the clock", [(name, goals.ONE_SHOT, time.wall) for name, time, _ in ratios])
        yield _goal_row("one-shot, memory", [(name, goals.ONE_SHOT_MEMORY, memory) for name, _, memory in ratios])
    if folders:
        yield _two_cores_row(folders)


def _groups(comparisons: Sequence[Comparison]) -> Iterator[tuple[str, list[Comparison]]]:
    for peer in (ZENNIT, FLOOR, CAPTUM, GRADIENT):
        for composite in dict.fromkeys(row.composite for row in comparisons if row.peer == peer):
            rows = [row for row in comparisons if row.peer == peer and row.composite == composite]
            yield f"{composite} against {peer}", rows


def _two_cores_row(folders: Sequence[Folder]) -> str:
    """Undecided where two jobs were not given two cores; processor time then says what is possible at best."""
    gains = [row.own[1].series.times(row.own[2].series) for row in folders]
    given = [row.own[2].series.median.cpu / row.own[2].series.median.wall for row in folders]
    found = ", ".join(
        f"{row.network} {gain.wall:.2f} (given {cores:.2f} cores; by CPU time at most {2 * gain.cpu:.2f})"
        for row, gain, cores in zip(folders, gains, given, strict=True)
    )
    met = all(goals.TWO_CORES.is_met(gain.wall) for gain in gains)
    verdict = "met" if met else "missed" if min(given) > goals.TWO_CORES.factor else "undecided"
    return f"| a folder, two jobs on two cores against one on one, clock | {goals.TWO_CORES} | {found} | {verdict} | |"


def _goal_row(name: str, found: Sequence[tuple[str, Goal, float]], two_threads: str = "") -> str:
    wanted = ", ".join(dict.fromkeys(str(goal) for _, goal, _ in found))
    ratios = ", ".join(f"{network} {ratio:.2f}" for network, _, ratio in found)
    missed = [network for network, goal, ratio in found if not goal.is_met(ratio)]
    verdict = "met" if not missed else f"met by {len(found) - len(missed)} of {len(found)}"
    return f"| {name} | {wanted} | {ratios} | {verdict} | {two_threads} |"
