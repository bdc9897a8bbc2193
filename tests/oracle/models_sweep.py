"""timm's, torchvision's and transformers' architectures, exported both ways: right, refused, or wrong?

    python tests/oracle/models_sweep.py --results models.jsonl --table models.md

Every architecture gets random weights and random BatchNorm statistics, and the smallest pictures that it takes. The
prediction is compared with onnxruntime (1e-4 of the largest logit), the gradient with torch's autograd in float64 (1e-3
of the largest entry, or five times torch's own float32 error where that is more), and LRP under `auto` has to be finite
and conserved. The results are a line of JSON per architecture and export; what has one is not run again, so the sweep
can be stopped at any time. Exits with 1 where one is wrong.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402  (the threads are said before)

from architectures import names  # noqa: E402
from architectures.build import build  # noqa: E402
from architectures.judge import examine, prepare  # noqa: E402
from program import Program  # noqa: E402

EXPORTS = ("torchscript", "dynamo")


def main() -> int:
    """Command line."""
    arguments = parse()
    torch.set_num_threads(1)
    program = Program(arguments.onnxplain, timeout=arguments.timeout)
    if not program.path.exists() and not arguments.prepare:
        print(f"{program.path} is missing: build it, or name it with --onnxplain", file=sys.stderr)
        return 2
    known = read(arguments.results)
    chosen = [name for name in names.ALL if arguments.only.search(name)]
    until = time.monotonic() + 60 * arguments.minutes
    for name in chosen:
        if time.monotonic() > until:
            break
        ways = [way for way in arguments.exports if is_due(known.get((name, way)), arguments)]
        if arguments.ready:
            ways = [way for way in ways if (place(arguments.work, name) / way / "truth.json").exists()]
        for row in run(None if arguments.prepare else program, name, ways, arguments.work) if ways else ():
            known[name, row["export"]] = row
            with arguments.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name} ({row['export']}): {row['verdict']} {row['reason'][:300]}", flush=True)
    rows = {key: row for key, row in known.items() if key[0] in chosen and key[1] in arguments.exports}
    if arguments.table:
        arguments.table.write_text("\n".join(page(chosen, rows)) + "\n")
    for way in arguments.exports:
        counts = Counter(row["verdict"] for key, row in rows.items() if key[1] == way)
        print(f"{way}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 1 if any(row["verdict"] in ("WRONG", "BROKEN") for row in rows.values()) else 0


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Program.default_path(), metavar="FILE", help="the binary")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="of `library/name`")
    parser.add_argument("--exports", nargs="+", choices=EXPORTS, default=EXPORTS, help="[both]")
    parser.add_argument("--results", type=Path, default=Path("models.jsonl"), metavar="FILE", help="[models.jsonl]")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="keep exports and gradients there (about 25 GB) for the next run"
    )
    parser.add_argument("--prepare", action="store_true", help="only export, into --work; needs no binary")
    parser.add_argument("--ready", action="store_true", help="only what is prepared in --work")
    parser.add_argument(
        "--again", type=re.compile, metavar="REGEX", help="run again what has such a verdict: WRONG|refused"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="write a table in Markdown")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing new after this long")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one call of the binary [300]")
    return parser.parse_args()


def is_due(row: dict | None, arguments: argparse.Namespace) -> bool:
    """Whether there is no result yet, or it is asked for again."""
    return row is None or bool(arguments.again and arguments.again.search(row["verdict"]))


def run(program: Program | None, name: str, ways: list[str], work: Path | None) -> Iterator[dict]:
    """Prepares what is not prepared, and examines it with the program, if any.

    What cannot be built here is no fault of the program.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = place(work or Path(scratch), name)
        missing = [way for way in ways if not (folder / way / "truth.json").exists()]
        if missing:
            begin = time.monotonic()
            try:
                prepare(build(name), missing, folder)
            except RuntimeError as error:
                yield from ({"name": name, "export": way, "verdict": "not built", "reason": str(error)} for way in ways)
                return
            print(f"{name} is prepared: {time.monotonic() - begin:.0f} s", flush=True)
        for way in ways if program else ():
            yield {"name": name, "export": way} | examine(program, folder / way)


def place(work: Path, name: str) -> Path:
    """The folder of an architecture."""
    return work / name.replace("/", "-")


def read(path: Path) -> dict[tuple[str, str], dict]:
    """The last result of every architecture and export."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {(row["name"], row["export"]): row for row in map(json.loads, lines)}


def page(chosen: list[str], rows: dict[tuple[str, str], dict]) -> Iterator[str]:
    """The page of the docs."""
    counts = {way: Counter(row["verdict"] for key, row in rows.items() if key[1] == way) for way in EXPORTS}
    yield from (
        "# Architectures against onnxruntime and autograd",
        "",
        "Written by `tests/oracle/models_sweep.py`; do not edit. Random weights, random BatchNorm statistics. Prediction:",
        "max|difference| / max|logit| to onnxruntime, at most 1e-4. Gradient: max|difference| / max|gradient| to autograd in",
        "float64, at most 1e-3, or five times what torch's own float32 is off by. Imbalance of LRP under `auto`: at most 1e-3.",
        "",
        *(f"- {way}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts[way].most_common()) for way in EXPORTS),
        "",
    )
    yield from table(chosen, rows)


def table(chosen: list[str], rows: dict[tuple[str, str], dict]) -> Iterator[str]:
    """A line per architecture."""
    figures = "prediction, gradient, imbalance"
    yield f"| architecture | size | preset | TorchScript: {figures} | dynamo: {figures} | remark |"
    yield "|---|---:|---|---|---|---|"
    for name in chosen:
        found = [rows.get((name, way)) for way in EXPORTS]
        there = [row for row in found if row]
        if not there:
            continue
        cells = [cell(row) for row in found]
        remark = " / ".join(dict.fromkeys(row["reason"] for row in there if row["reason"])).replace("|", "\\|")
        remark = re.sub("\x1b?\\[[0-9;]*m", "", remark)[:250]
        composite = next((row["composite"] for row in there if "composite" in row), "")
        yield f"| {name} | {there[0].get('size', '')} | {composite} | {cells[0]} | {cells[1]} | {remark} |"


def cell(row: dict | None) -> str:
    """Verdict and figures of one export."""
    if row is None:
        return "-"
    figures = [f"{row[word]:.0e}" for word in ("prediction", "gradient", "imbalance") if row.get(word) is not None]
    return " ".join([row["verdict"], *figures])


if __name__ == "__main__":
    sys.exit(main())
