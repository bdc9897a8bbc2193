"""SmoothGrad with onnxplain and with captum: seconds of fifty samples on a ResNet-50, and a forward pass beside a gradient.

Run as `run.py`; the figures belong into docs/performance.md.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from captum.attr import NoiseTunnel, Saliency  # noqa: E402

from networks import ARCHITECTURES, INPUT_HIGH, INPUT_LOW, Network, prepare, write_inputs  # noqa: E402

SAMPLES = 50
NOISE_LEVEL = 0.1
"""The noise's deviation as a share of the input's range."""
TARGET = 0
BATCHES = (None, 1, 10)
"""Samples that captum computes together; without a number, which is its default, all of them."""


def seconds_of(binary: Path, model: Path, picture: Path, method: list[str], threads: int) -> dict[str, float]:
    """`seconds` of the report."""
    with tempfile.TemporaryDirectory() as output:
        words = [str(binary), "explain", str(model), str(picture), "-o", output, "--save", "report", "--quiet"]
        words += ["--target", str(TARGET), "--threads", str(threads), "-j1", f"--input-range={INPUT_LOW},{INPUT_HIGH}"]
        subprocess.run([*words, *method], check=True, capture_output=True)
        report: dict[str, dict[str, float]] = json.loads((Path(output) / f"{picture.stem}.json").read_text())
    return report["seconds"]


def captum_seconds(network: Network, picture: Path, threads: int, batch: int | None) -> float:
    """Warm: after a few samples that do not count."""
    torch.set_num_threads(threads)
    tunnel = NoiseTunnel(Saliency(network.load()))
    image = torch.from_numpy(np.load(picture))[None]
    deviation = NOISE_LEVEL * (INPUT_HIGH - INPUT_LOW)
    options = {} if batch is None else {"nt_samples_batch_size": batch}

    def run(samples: int) -> None:
        tunnel.attribute(
            image.clone(), nt_type="smoothgrad", nt_samples=samples, stdevs=deviation, target=TARGET, abs=False, **options
        )

    run(5)
    start = time.perf_counter()
    run(SAMPLES)
    return time.perf_counter() - start


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnxplain", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "onnxplain-benchmark")
    words = parser.parse_args()
    words.work.mkdir(parents=True, exist_ok=True)
    network = prepare(ARCHITECTURES["resnet50"], words.work)
    picture = write_inputs(words.work / "inputs", 1)[0]
    print("| threads | onnxplain s | captum, batch | s | times faster | gradient in forward passes |")
    print("|---:|---:|---|---:|---:|---:|")
    for threads in (1, 2):
        method = ["--method", "smoothgrad", "--samples", str(SAMPLES), "--noise-level", str(NOISE_LEVEL)]
        own = seconds_of(words.onnxplain, network.onnx, picture, method, threads)
        gradient = seconds_of(words.onnxplain, network.onnx, picture, ["--method", "gradient"], threads)
        passes = 1 + gradient["propagate"] / gradient["forward"]
        for batch in BATCHES:
            peer = captum_seconds(network, picture, threads, batch)
            name = "all (its default)" if batch is None else str(batch)
            print(
                f"| {threads} | {own['propagate']:.1f} | {name} | {peer:.1f} | {peer / own['propagate']:.2f} | {passes:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
