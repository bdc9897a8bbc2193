"""Compare graphs that `onnxplain compile` writes, run by onnxruntime, with what `onnxplain explain` computes.

    python tests/oracle/compile_parity.py --results compile.jsonl --table docs/sweeps/compile.md
    python tests/oracle/compile_parity.py --results compile.jsonl --table docs/sweeps/compile.md --speed

Goes on where it was stopped: what `--results` holds is not computed again. Exits with 1 if a relevance is further off
than allowed. With `--speed` it times graphs beside the networks' own forward pass, the engine and zennit
(`compile_speed.py`).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import compile_speed
from compile_table import is_passed, page
from compiling import METHODS, Array, Model, Refused, build, compiled, options_of, run, session

FEW = ["auto", "epsilon-plus-flat", "epsilon-gamma-box", "epsilon-alpha2-beta1", "w-square-plus", "gradient"]
TRANSFORMERS = ["auto", "gradient", "attnlrp", "cp-lrp", "cp-lrp-gamma"]
EVERY = [
    "resnet18", "mobilenet_v2", "squeezenet1_1", "densenet_2_2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0",
    "mnasnet0_5", "regnet_y_400mf", "googlenet", "alexnet", "resnet50",
]  # fmt: skip
"""Compared under every preset and every method."""
CONVOLUTIONAL = ["densenet121", "resnext50_32x4d", "inception_v3", "vgg16_bn", "vgg16"]
ATTENTION = [
    "small_vit", "small_swin", "small_convnext", "small_rms_norm", "small_layer_scale", "small_normalized_queries",
    "timm_vit_tiny", "convnext_tiny", "swin_t", "vit_b_16",
]  # fmt: skip
NETWORKS = ATTENTION[:6] + EVERY + CONVOLUTIONAL + ATTENTION[6:]
MOVED = 2
"""Inputs with moved last bits, which show what rounding can do."""


def rules_of(name: str, presets: Sequence[str]) -> list[str]:
    """What a network is compared under."""
    if name in EVERY:
        return [*presets, *(f"method:{method}" for method in METHODS)]
    return TRANSFORMERS if name in ATTENTION else FEW


def distance(found: Array, expected: Array) -> float:
    """The largest difference as a part of the largest number; infinite for NaN."""
    off = float(np.abs(found - expected).max() / np.abs(expected).max())
    return off if np.isfinite(off) else float("inf")


def by_engine(onnxplain: Path, model: Model, rules: str, images: Sequence[Array], isa: str | None) -> list[Array]:
    """Relevance of the strongest class of each image by `onnxplain explain`."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = [Path(folder) / f"image{place}.npy" for place in range(len(images))]
        for path, image in zip(inputs, images, strict=True):
            np.save(path, image)
        words = ["explain", str(model.path), *map(str, inputs), "--save", "relevance", "-o", folder, "--quiet"]
        run(onnxplain, *words, "-j", "1", "--threads", "1", *options_of(rules), isa=isa)
        return [np.load(path.with_suffix(".relevance.npy")) for path in inputs]


def moved(image: Array, seed: int) -> Array:
    """The image with the last bit of every number moved, up or down; its lowest and highest stay."""
    towards = np.where(np.random.default_rng(seed).integers(0, 2, image.shape) == 0, -np.inf, np.inf)
    near = np.nextafter(image, towards.astype(np.float32))
    return np.clip(near, image.min(), image.max())


def by_graph(path: Path, batch: Array) -> tuple[Array, float]:
    """Relevance of the strongest class of the first image, and the largest difference between images alone and in a
    batch, which ask for different classes."""
    graph = session(path)
    given = graph.get_inputs()[0].name
    targets = np.array([-1, 0, 1, -1], dtype=np.int64)
    (together,) = graph.run(["relevance"], {given: batch, "target": targets})
    alone = [
        graph.run(["relevance"], {given: batch[place : place + 1], "target": targets[place : place + 1]})[0][0]
        for place in range(len(batch))
    ]
    return alone[0], max(distance(many, one) for many, one in zip(together, alone, strict=True))


def compare(onnxplain: Path, model: Model, rules: str, work: Path) -> dict[str, object]:
    """Graphs on batches of one and four beside the engine."""
    images = [model.image, *(moved(model.image, seed) for seed in range(MOVED))]
    expected, *neighbours = by_engine(onnxplain, model, rules, images, None)
    neighbours += by_engine(onnxplain, model, rules, images[:1], "portable")
    turned = [model.image, model.image[..., ::-1], model.image[:, ::-1], 0.5 * model.image]
    batch = np.ascontiguousarray(np.stack(turned))
    row: dict[str, object] = {"rounding": max(distance(near, expected) for near in neighbours)}
    for form, more in (("standard", ()), ("portable", ("--portable",))):
        path = compiled(onnxplain, model, rules, work, *more)
        found, in_batch = by_graph(path, batch)
        row |= {form: distance(found, expected), f"{form}-batch": in_batch}
    return row


def compared(onnxplain: Path, name: str, rules: Sequence[str], work: Path, known: set[tuple]) -> Iterator[dict]:
    """A row for everything of a network that is not known."""
    wanted = [it for it in rules if (name, it) not in known]
    model = build(name, work) if wanted else None
    for it in wanted:
        row: dict[str, object] = {"kind": "parity", "network": name, "rules": it}
        try:
            row |= compare(onnxplain, model, it, work)
        except Refused as error:
            row["refused"] = str(error)
        yield row


def rows_of(results: Path) -> list[dict]:
    """What was found so far."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "onnxplain-compile")
    parser.add_argument("--results", type=Path, help="a file of rows, which is added to; default: in --work")
    parser.add_argument("--table", type=Path, help="write the page of the book")
    parser.add_argument("--network", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--rules", nargs="+", metavar="NAME", help="presets, composites/ or method:NAME; default: all")
    parser.add_argument("--speed", action="store_true", help="time graphs instead")
    parser.add_argument("--rounds", type=int, default=7, help="runs that are timed; default: %(default)s")
    return parser.parse_args()


def main() -> int:
    """The command line's work."""
    arguments = parse()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    results = arguments.results or work / "results.jsonl"
    rows = rows_of(results)
    known = {(row["network"], row["rules"]) for row in rows if row["kind"] == "parity"}
    presets = [json.loads(line)["name"] for line in run(arguments.onnxplain, "presets", "--json").splitlines()]

    def found() -> Iterator[dict]:
        if arguments.speed:
            yield from compile_speed.measured(arguments.onnxplain, arguments.network, work, arguments.rounds)
            return
        for name in arguments.network or NETWORKS:
            rules = arguments.rules or rules_of(name, presets)
            yield from compared(arguments.onnxplain, name, rules, work, known)

    with results.open("a") as file:
        for row in found():
            print(json.dumps(row), file=file, flush=True)
            print(json.dumps(row), flush=True)
    rows = rows_of(results)
    if arguments.table:
        arguments.table.write_text(page(rows, {name: rules_of(name, presets) for name in NETWORKS}))
    return 0 if all(is_passed(row) for row in rows if row["kind"] == "parity") else 1


if __name__ == "__main__":
    sys.exit(main())
