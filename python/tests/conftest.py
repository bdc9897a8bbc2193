"""What tests need: sample models, pictures, and the command of the same wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnxplain
import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "sample-models"
FASHION = SAMPLES / "fashion_vgg.onnx"
BAG = SAMPLES / "photos" / "fashion" / "bag.png"
PICTURES = sorted((SAMPLES / "photos" / "fashion").glob("*.png"))
LITE = SAMPLES / "efficientnet_lite0.onnx"
CHELSEA = SAMPLES / "photos" / "chelsea.png"
COMMAND = Path(sys.executable).parent / "onnxplain"


@pytest.fixture(scope="session")
def model() -> onnxplain.Model:
    """A small network that tells clothes apart."""
    return onnxplain.load(FASHION)


@pytest.fixture(scope="session")
def lite() -> onnxplain.Model:
    """A network on photos, with ImageNet's classes."""
    return onnxplain.load(LITE)


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the command in a folder of its own."""

    def run(*words: object) -> subprocess.CompletedProcess:
        words = [str(COMMAND), *map(str, words)]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    return run


@pytest.fixture
def explained(command: Callable[..., subprocess.CompletedProcess]) -> Callable[..., list[dict]]:
    """What `onnxplain explain` reports of inputs."""

    def run(*words: object) -> list[dict]:
        done = command("explain", "--json", *words)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run
