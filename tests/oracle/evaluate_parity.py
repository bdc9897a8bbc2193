"""Compare `onnxplain evaluate` with Quantus 0.6: equal settings must give equal numbers.

    python tests/oracle/evaluate_parity.py --onnxplain target/release/onnxplain --write docs/evaluate-parity.md

Needs the environment of requirements-quantus.txt. Exits with 1 when a number is further off than allowed. With --speed, both
are also timed on the same ten pictures, one core each (evaluate_speed.py).
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

import evaluate_speed
import quantus_deviations
from evaluate_run import SAMPLE_MODELS, Pictures, evaluate, pictures
from quantus_pairs import PAIRS, Pair, Subject, difference

HEAD = """# Evaluation against Quantus

[Quantus](https://github.com/understandable-machine-intelligence-lab/Quantus) 0.6 is the field's tool for judging explanations.
`tests/oracle/evaluate_parity.py` wrote this page: it runs both on the same pictures, models and maps. Quantus runs the network by
onnxruntime, inside a torch module.

## Equal settings, equal numbers

Maps of noise without ties, a mask for every picture. Largest difference over all pictures (and over all points of a curve).

| Quantus | onnxplain | {names} | allowed |
|---|---|{dashes}---:|
"""

NOTES = """
The area of pixel flipping is in Quantus' units: n · ours − (p₀ + p₁)/2, as Quantus leaves out the first point and divides by nothing.
It is relative. Colour pictures are left out there, where Quantus flips the channels of a pixel one after the other.

## Where we differ on purpose

Each row was seen by running Quantus when this page was written. Also, and not in the table: `ROAD` and `SensitivityN` use the first batch
only, `SensitivityN` correlates over samples instead of subsets, and Quantus does not run with numpy 2.4 where an area is asked.

"""


NETWORKS = ("fashion_resnet", "efficientnet_lite0")
"""A gray and a colour network."""


def subjects(names: list[str]) -> list[Pictures]:
    """The pictures of these networks."""
    fashion = sorted((SAMPLE_MODELS / "photos" / "fashion").glob("*.png"))
    photos = sorted(path for path in (SAMPLE_MODELS / "photos").iterdir() if path.suffix in (".png", ".jpg"))
    files = {"fashion_resnet": fashion, "efficientnet_lite0": photos}
    return [pictures(name, files[name]) for name in names]


def plan_of(pairs: list[Pair]) -> list:
    """The metrics of a plan, each once."""
    metrics: list = []
    for metric in (metric for pair in pairs for metric in pair.metrics()):
        if metric not in metrics:
            metrics.append(metric)
    return metrics


def compare(binary: Path, subject: Pictures) -> dict[str, float]:
    """The differences of all pairs, by what Quantus calls them."""
    theirs = Subject.of(subject)
    pairs = [pair for pair in PAIRS if not pair.is_gray or subject.inputs.shape[1] == 1]
    ours = evaluate(binary, subject, plan_of(pairs), controls=False)
    found = {}
    for pair in pairs:
        found[pair.theirs] = difference(pair, np.asarray(pair.quantus(theirs)), pair.onnxplain(ours, theirs))
        print(f"{subject.model.stem}: {pair.theirs}: {found[pair.theirs]:.1e}", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page; default: standard output")
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=NETWORKS, help="compare fewer")
    parser.add_argument("--speed", action="store_true", help="time both, too")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    columns = {subject.model.stem: compare(arguments.onnxplain.resolve(), subject) for subject in subjects(arguments.network)}
    text = HEAD.format(names=" | ".join(columns), dashes="---:|" * len(columns))
    is_off = False
    for pair in PAIRS:
        cells = []
        for found in columns.values():
            off = found.get(pair.theirs)
            is_off |= off is not None and not off <= pair.tolerance
            cells.append("-" if off is None else f"{off:.0e}" if off else "0")
        allowed = f"{pair.tolerance:.0e}" if pair.tolerance else "0"
        text += f"| {pair.theirs} | {pair.ours} | {' | '.join(cells)} | {allowed} |\n"
    text += NOTES + "\n".join(quantus_deviations.rows()) + "\n"
    write(text, arguments.write)
    if arguments.speed:
        section = evaluate_speed.section(arguments.onnxplain.resolve())
        write(text + section if arguments.write else section, arguments.write)
    return 1 if is_off else 0


def write(text: str, path: Path | None) -> None:
    """Write to a file, or print."""
    if path:
        path.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    sys.exit(main())
