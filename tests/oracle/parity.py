"""Compare onnxplain's relevance with zennit's on torchvision networks, number by number.

    python tests/oracle/parity.py --onnxplain target/release/onnxplain

Prints a Markdown table; exits with 1 if a relevance is further off than allowed.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from attribution import Difference, Reference
from composites import COMPOSITES, PRESETS_WITH_INPUT_RANGE, InputRange
from references import NETWORKS, Case, build, open_case

TOLERANCE = 1e-4
ROUNDING_FACTOR = 3.0

HEADER = (
    "| network | preset | max\\|ΔR\\| / max\\|R\\| | cosine "
    "| torch float32: max\\|ΔR\\| / max\\|R\\| | cosine | verdict |\n"
    "|---|---|---:|---:|---:|---:|---|"
)


class ExplainError(Exception):
    """onnxplain failed, or wrote something else than a relevance of the input's shape."""


@dataclass(frozen=True)
class Row:
    """One line of the table: both differences are to zennit in float64."""

    network: str
    preset: str
    found: Difference | ExplainError
    float32: Difference

    @property
    def allowed(self) -> float:
        """1e-4, or three times torch's own float32 error where that is larger."""
        return max(TOLERANCE, ROUNDING_FACTOR * self.float32.relative)

    @property
    def passed(self) -> bool:
        """Whether onnxplain ran and stays within what is allowed."""
        return isinstance(self.found, Difference) and self.found.relative <= self.allowed

    def markdown(self) -> str:
        """The line as Markdown."""
        if isinstance(self.found, ExplainError):
            figures = "- | -"
            verdict = f"FAILED: {self.found}".replace("|", "\\|")
        else:
            figures = _figures(self.found)
            verdict = "ok" if self.passed else f"OFF (allowed {self.allowed:.1e})"
        return f"| {self.network} | {self.preset} | {figures} | {_figures(self.float32)} | {verdict} |"


def _figures(difference: Difference) -> str:
    return f"{difference.relative:.1e} | {difference.cosine:.8f}"


def explain(onnxplain: Path, case: Case, preset: str, output: Path) -> np.ndarray:
    """Relevance [3, H, W] that the binary writes for `case`."""
    command = [str(onnxplain), "explain", str(case.model), str(case.image)]
    command += ["--composite", preset, "--initial", "one", "--target", str(case.target)]
    command += ["--save", "relevance,report", "-o", str(output), "--overwrite", "--quiet"]
    if preset in PRESETS_WITH_INPUT_RANGE:
        # one word: the value starts with a minus sign
        command.append(f"--input-range={InputRange.imagenet().argument()}")
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines() or ["no message"]
        raise ExplainError(f"exit code {run.returncode}: {lines[0]}")
    written = output / f"{case.image.stem}.relevance.npy"
    if not written.exists():
        raise ExplainError(f"{written.name} was not written")
    relevance: np.ndarray = np.load(written)
    if relevance.shape != np.load(case.image, mmap_mode="r").shape:
        raise ExplainError(f"the relevance has shape {relevance.shape}")
    return relevance


def compare(onnxplain: Path, case: Case, preset: str, reference: Reference) -> Difference | ExplainError:
    """How far onnxplain lies from `reference`, or why it wrote nothing."""
    with tempfile.TemporaryDirectory() as output:
        try:
            relevance = explain(onnxplain, case, preset, Path(output))
        except ExplainError as error:
            return error
    return Difference.between(relevance, reference.relevance)


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Every network with every preset, references computed where the cache has none."""
    for name in arguments.network:
        case = open_case(name, arguments.work)
        network = cache(lambda name=name: build(name)[0])
        for preset in arguments.preset:
            reference = case.reference(preset, network)
            if arguments.references_only:
                print(f"{name} {preset}: {_figures(reference.float32)}", file=sys.stderr)
                continue
            found = compare(arguments.onnxplain, case, preset, reference)
            yield Row(name, preset, found, reference.float32)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "onnxplain-oracle",
        help="where networks and references are kept (1.5 GB); default: %(default)s",
    )
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--preset", nargs="+", choices=COMPOSITES, default=list(COMPOSITES), metavar="NAME")
    parser.add_argument("--table", type=Path, help="write the table to this file too")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads; default: %(default)s")
    parser.add_argument("--references-only", action="store_true", help="fill the cache, run no binary")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Print the table and return the exit code."""
    arguments = parse(words)
    torch.set_num_threads(arguments.threads)
    if not arguments.references_only and not arguments.onnxplain.exists():
        print(f"{arguments.onnxplain} does not exist: cargo build --release", file=sys.stderr)
        return 2
    lines = [HEADER]
    failed = False
    for row in rows(arguments):
        lines.append(row.markdown())
        failed |= not row.passed
        print("\n".join(lines) if len(lines) == 2 else lines[-1], flush=True)
    if arguments.table and not arguments.references_only:
        arguments.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
