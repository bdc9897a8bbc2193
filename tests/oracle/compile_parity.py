"""Compare graphs that `onnxplain compile` writes, run by onnxruntime, with what `onnxplain explain` computes.

    python tests/oracle/compile_parity.py --onnxplain target/release/onnxplain
    python tests/oracle/compile_parity.py --speed

Prints Markdown tables; exits with 1 if a relevance is further off than allowed. With `--speed` it times the graph beside
the network's own forward pass, the engine and zennit, one thread each, in one run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torchvision

from attribution import Array
from composites import InputRange
from networks import export, prepare, random_image

NETWORKS = [
    "alexnet", "vgg16", "vgg16_bn", "resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_1", "googlenet",
    "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x1_0", "mnasnet0_5", "efficientnet_b0",
    "regnet_y_400mf", "densenet121", "convnext_tiny", "vit_b_16", "swin_t",
]  # fmt: skip
SPEED = ["resnet18", "resnet50", "vgg16", "mobilenet_v2", "efficientnet_b0"]
SPEED_COMPOSITES = ["epsilon-plus-flat", "epsilon-gamma-box"]
COMPOSITES = ["auto", "epsilon-plus-flat", "epsilon-gamma-box", "epsilon-alpha2-beta1", "w-square-plus", "gradient"]
LIMIT = 1e-3
"""Of the largest relevance; three times the engine's own rounding where that is more."""
BATCH_LIMIT = 1e-5


@dataclass(frozen=True)
class Model:
    """A network's file and an input for it."""

    path: Path
    image: Array
    network: torch.nn.Module


def build(name: str, work: Path) -> Model:
    """A torchvision network with seeded random parameters, exported once."""
    torch.manual_seed(0)
    size = 299 if name == "inception_v3" else 224
    image = random_image(np.random.default_rng(0), size, size)
    options = {"aux_logits": True, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    network = prepare(torchvision.models.get_model(name, weights=None, **options), image)
    path = work / f"{name}.onnx"
    if not path.exists():
        export(network, image, path)
    return Model(path, image, network)


def run(onnxplain: Path, *words: str, isa: str | None = None) -> str:
    """Standard output of the program."""
    environment = dict(os.environ) | ({"ONNXPLAIN_ISA": isa} if isa else {})
    done = subprocess.run([str(onnxplain), *words], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout


def rules(composite: str) -> list[str]:
    """The options that choose the rules."""
    if composite == "gradient":
        return ["--method", "gradient"]
    return ["--composite", composite, f"--input-range={InputRange.imagenet().argument()}"]


def engine(onnxplain: Path, model: Model, composite: str, work: Path, isa: str | None = None) -> tuple[Array, int]:
    """Relevance of the strongest class by `onnxplain explain`, and the class."""
    image = work / "image.npy"
    np.save(image, model.image)
    with tempfile.TemporaryDirectory() as folder:
        words = ["explain", str(model.path), str(image), "--save", "relevance,report", "-o", folder, "--quiet"]
        run(onnxplain, *words, *rules(composite), isa=isa)
        report = json.loads((Path(folder) / "image.json").read_text())
        return np.load(Path(folder) / "image.relevance.npy"), int(report["target"]["index"])


def compiled(onnxplain: Path, model: Model, composite: str, work: Path, *more: str) -> Path:
    """The graph."""
    path = work / f"{model.path.stem}.{composite}{''.join(more)}.explainer.onnx"
    words = ["compile", str(model.path), "-o", str(path), "--overwrite", "--no-check", "--quiet", *more]
    run(onnxplain, *words, *rules(composite))
    return path


def session(path: Path) -> onnxruntime.InferenceSession:
    """onnxruntime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def distance(found: Array, expected: Array) -> float:
    """The largest difference as a part of the largest number; infinite for NaN."""
    off = float(np.abs(found - expected).max() / np.abs(expected).max())
    return off if np.isfinite(off) else float("inf")


@dataclass(frozen=True)
class Row:
    """One network under one composite."""

    network: str
    composite: str
    off: float
    off_in_batch: float
    rounding: float
    portable: float

    @property
    def passed(self) -> bool:
        """Whether everything is within what is allowed."""
        allowed = max(LIMIT, 3 * self.rounding)
        return self.off <= allowed and self.portable <= allowed and self.off_in_batch <= BATCH_LIMIT

    def line(self) -> str:
        """A line of the table."""
        figures = [self.off, self.portable, self.off_in_batch, self.rounding]
        mark = "" if self.passed else " **FAILED**"
        return f"| {self.network} | {self.composite} | " + " | ".join(f"{it:.1e}" for it in figures) + f" |{mark}"


def compare(onnxplain: Path, model: Model, composite: str, work: Path) -> Row:
    """A graph on batches of one and four beside the engine."""
    expected, target = engine(onnxplain, model, composite, work)
    other, _ = engine(onnxplain, model, composite, work, isa="portable")
    flipped = [model.image, model.image[..., ::-1], model.image[:, ::-1], 0.5 * model.image]
    batch = np.ascontiguousarray(np.stack(flipped))
    found = {}
    for name, more in (("standard", ()), ("portable", ("--portable",))):
        graph = session(compiled(onnxplain, model, composite, work, *more))
        given = graph.get_inputs()[0].name
        targets = np.array([-1, target, 0, 1], dtype=np.int64)
        (one,) = graph.run(["relevance"], {given: batch[:1], "target": targets[:1]})
        (four,) = graph.run(["relevance"], {given: batch, "target": targets})
        found[name] = (distance(one[0], expected), distance(four[0], one[0]))
    off, in_batch = found["standard"]
    return Row(model.path.stem, composite, off, in_batch, distance(other, expected), found["portable"][0])


def median_of(work: Callable[[], object], count: int) -> float:
    """Milliseconds, the median of `count` runs after one to warm up."""
    work()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


MEASURE = """
import json, resource, sys, time
import numpy as np, onnxruntime
path, image, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
x = np.load(image)[None]
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
begin = time.perf_counter()
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
load = 1000 * (time.perf_counter() - begin)
given = {session.get_inputs()[0].name: x}
if len(session.get_inputs()) > 1:
    given["target"] = np.array([-1], dtype=np.int64)
session.run(None, given)
times = []
for _ in range(count):
    begin = time.perf_counter()
    session.run(None, given)
    times.append(1000 * (time.perf_counter() - begin))
memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
print(json.dumps({"load": load, "run": sorted(times)[len(times) // 2], "memory": memory}))
"""


def measured(path: Path, image: Path, count: int) -> dict[str, float]:
    """Load and run time in milliseconds and peak memory in MiB, in a process of its own."""
    words = [sys.executable, "-c", MEASURE, str(path), str(image), str(count)]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def by_engine(onnxplain: Path, model: Model, composite: str, image: Path, count: int) -> float:
    """Milliseconds of the engine on one thread: forward and propagation, of the later ones of several inputs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for place in range(count + 1):
            inputs.append(str(Path(folder) / f"image{place}.npy"))
            np.save(inputs[-1], model.image)
        words = ["explain", str(model.path), *inputs, "--save", "report", "-o", folder, "--quiet", "-j", "1"]
        run(onnxplain, *words, "--threads", "1", *rules(composite))
        seconds = [json.loads((Path(folder) / f"image{place}.json").read_text())["seconds"] for place in range(1, count + 1)]
        return statistics.median(1000 * (it["forward"] + it["propagate"]) for it in seconds)


def by_zennit(model: Model, composite: str, count: int) -> float:
    """Milliseconds of zennit on one thread."""
    from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

    torch.set_num_threads(1)
    image = torch.from_numpy(model.image)[None]
    bounds = InputRange.imagenet()
    low, high = (torch.from_numpy(np.asarray(it, dtype=np.float32)).expand_as(image) for it in (bounds.low, bounds.high))
    rule = EpsilonPlusFlat() if composite == "epsilon-plus-flat" else EpsilonGammaBox(low=low, high=high)

    def explain() -> None:
        with rule.context(model.network) as changed:
            given = image.clone().requires_grad_(True)
            output = changed(given)
            torch.autograd.grad((output.max(),), (given,))

    return median_of(explain, count)


def speed(onnxplain: Path, names: Sequence[str], work: Path, count: int) -> None:
    """The table of times: everything in one run."""
    print("| network | rules | 3 × forward | graph | graph / 3 forward | engine | zennit | load, graph (forward) | peak memory, graph (forward) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        model = build(name, work)
        image = work / f"{name}.npy"
        np.save(image, model.image)
        for composite in SPEED_COMPOSITES:
            graph = compiled(onnxplain, model, composite, work)
            forward = measured(model.path, image, count)
            found = measured(graph, image, count)
            three = 3 * forward["run"]
            print(
                f"| {name} | {composite} | {three:.0f} | {found['run']:.0f} | {found['run'] / three:.2f} "
                f"| {by_engine(onnxplain, model, composite, image, count):.0f} | {by_zennit(model, composite, count):.0f} "
                f"| {found['load']:.0f} ({forward['load']:.0f}) ms | {found['memory']:.0f} ({forward['memory']:.0f}) MiB |",
                flush=True,
            )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "onnxplain-compile")
    parser.add_argument("--network", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--composite", nargs="+", metavar="NAME", default=COMPOSITES)
    parser.add_argument("--speed", action="store_true", help="time graphs instead")
    parser.add_argument("--count", type=int, default=7, help="runs that are timed; default: %(default)s")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.speed:
        speed(arguments.onnxplain, arguments.network or SPEED, arguments.work, arguments.count)
        return 0
    print("| network | rules | off | portable, off | in a batch of 4 | engine's own rounding |")
    print("|---|---|---|---|---|---|")
    passed = True
    for name in arguments.network or NETWORKS:
        model = build(name, arguments.work)
        for composite in arguments.composite:
            try:
                row = compare(arguments.onnxplain, model, composite, arguments.work)
            except RuntimeError as error:
                print(f"| {name} | {composite} | {str(error).splitlines()[0]} |", flush=True)
                passed = False
                continue
            print(row.line(), flush=True)
            passed &= row.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
