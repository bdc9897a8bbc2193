"""Times onnxplain against its peers and prints the tables of docs/performance.md.

    run.py --onnxplain target/release/onnxplain [--network NAME ...] [--part PART ...]

See README.md beside this file.
"""

import argparse
import os
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

import make_photos
import tables
from binary import IMAGES, Onnxplain
from measure import Effort, OtherLoad, Series
from networks import ARCHITECTURES, Network, prepare, write_inputs
from steady import Comparison, cases
from whole import Folder, OneShot, folder, one_shot

PICTURES = 64
PHOTO = Path(__file__).parent.parent / "sample-models" / "photos" / "chelsea.png"
PEERS = ("zennit", "captum", "torch", "torchvision", "onnxruntime", "numpy")
PARTS = ("one-shot", "folder", "steady")


@dataclass
class Results:
    """All that was measured so far."""

    comparisons: list[Comparison] = field(default_factory=list)
    start_ups: dict[str, Series] = field(default_factory=dict)
    one_shots: list[OneShot] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)

    def markdown(self, heading: list[str]) -> str:
        """The whole page."""
        lines = [*heading, "", "### Goals", ""]
        lines += tables.goals_table(self.comparisons, self.one_shots, self.folders)
        for threads in (1, 2):
            lines += ["", f"### One image, warm, threads: {threads}", ""]
            lines += tables.steady_table(self.comparisons, threads)
        lines += ["", "### Start-up of onnxplain", "", *tables.start_up_table(self.start_ups)]
        lines += ["", "### One picture, process start to files written", "", *tables.one_shot_table(self.one_shots)]
        lines += ["", f"### A folder of {PICTURES} photos", "", *tables.folder_table(self.folders)]
        return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"))
    parser.add_argument("--network", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--folder-network", nargs="*", choices=ARCHITECTURES, default=["resnet18", "efficientnet_b0"])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison, at least")
    parser.add_argument("--seconds", type=float, default=30.0, help="go on with a comparison until then")
    parser.add_argument("--folder-rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "onnxplain-benchmarks")
    parser.add_argument("--tables", type=Path, help="the Markdown file to write; default: standard output")
    return parser.parse_args()


def _heading(words: argparse.Namespace, binary: Onnxplain, other_load: OtherLoad) -> list[str]:
    """Date, machine, versions, and how much others disturbed."""
    processor = next(
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    programs = ", ".join([binary.version, *(f"{name} {version(name)}" for name in PEERS)])
    return [
        f"{date.today()}, {processor}, {cores} cores, Python {sys.version.split()[0]}. {programs}.",
        f"At least {words.rounds} rounds of each comparison with one thread. Other processes kept {other_load.cores():.1f} cores "
        "busy meanwhile, on average.",
    ]


def _measure(words: argparse.Namespace, binary: Onnxplain, networks: list[Network], results: Results) -> None:
    effort = Effort(words.rounds, words.seconds)
    if "one-shot" in words.part:
        for network in networks:
            _say(f"one-shot {network.name}")
            results.one_shots.append(one_shot(network, binary, PHOTO, effort))
    if "folder" in words.part:
        photos = words.work / "photos"
        make_photos.main(photos, PICTURES)
        for name in words.folder_network:
            _say(f"folder {name}")
            network = prepare(ARCHITECTURES[name], words.work)
            results.folders.append(folder(network, binary, photos, Effort(words.folder_rounds, 0.0)))
    if "steady" in words.part:
        _steady(results, binary, networks, words.work, effort)


def _steady(results: Results, binary: Onnxplain, networks: list[Network], work: Path, effort: Effort) -> None:
    inputs = write_inputs(work / "inputs", IMAGES)
    for case in cases(networks):
        _say(f"{case.network.name} {case.composite}, threads: {case.threads}")
        found = case.measure(binary, inputs, effort if case.threads == 1 else effort.half)
        results.comparisons += found.comparisons
        if case.threads == 1 and case.composite == "epsilon-plus-flat":
            results.start_ups[case.network.name] = found.start_up


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _write(page: str, path: Path | None) -> None:
    if path is None:
        print(page, end="")
    else:
        path.write_text(page)


def _wait_passively() -> None:
    """Starts again with OpenMP's threads told to sleep while they wait, unless the caller said otherwise.

    By default torch's threads spin. Where other processes want the cores that costs torch up to fifty
    times its time, which would flatter onnxplain.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    """Measure, then print or write the tables, also those of a run that is interrupted."""
    words = _arguments()
    _wait_passively()
    # in the background shells have it ignored, and then an interrupted run would write nothing
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words.work.mkdir(parents=True, exist_ok=True)
    networks = [prepare(ARCHITECTURES[name], words.work) for name in words.network]
    other_load = OtherLoad()
    with tempfile.TemporaryDirectory(dir=words.work) as output:
        binary = Onnxplain(words.onnxplain.resolve(), Path(output))
        results = Results()
        try:
            _measure(words, binary, networks, results)
        finally:
            _write(results.markdown(_heading(words, binary, other_load)), words.tables)


if __name__ == "__main__":
    main()
