"""What `compile_parity.py` and `compile_speed.py` share: networks as files, the program, onnxruntime.

torch takes seconds to be imported, so it is where a network is not exported yet only (`compile_networks.py`).
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[np.float32]
COMPOSITES = Path(__file__).parent / "composites"
METHODS = ["gradient", "input-x-gradient", "saliency", "guided-backprop", "deconvnet", "excitation-backprop"]
"""The methods that are one propagation; rules are told apart from presets of the same name by `method:`."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOW = tuple(-mean / std for mean, std in zip(MEAN, STD, strict=True))
HIGH = tuple((1.0 - mean) / std for mean, std in zip(MEAN, STD, strict=True))
"""What pixels in 0..1 become under ImageNet's mean and standard deviation."""


class Refused(Exception):
    """The program says that it cannot do this."""


@dataclass(frozen=True)
class Model:
    """A network's file and an input for it."""

    name: str
    path: Path
    image: Array
    parameters: Path
    """Those of the network in torch."""


def build(name: str, work: Path) -> Model:
    """A network with random parameters, exported once."""
    path, image, parameters = (work / f"{name}.{end}" for end in ("onnx", "input.npy", "pt"))
    if not path.exists():
        import compile_networks

        compile_networks.write(name, path, image, parameters)
    return Model(name, path, np.load(image), parameters)


def run(onnxplain: Path, *words: str, isa: str | None = None) -> str:
    """Standard output of the program.

    Raises:
        Refused: with the first line of its message, when its exit code is not 0.
    """
    environment = dict(os.environ) | ({"ONNXPLAIN_ISA": isa} if isa else {})
    done = subprocess.run([str(onnxplain), *words], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise Refused(" ".join(done.stderr.split()) or f"exit code {done.returncode}")
    return done.stdout


def options_of(rules: str) -> list[str]:
    """The options that choose the rules: a preset, a file of `composites/`, or `method:NAME`."""
    if rules.startswith("method:"):
        return ["--method", rules.removeprefix("method:")]
    file = COMPOSITES / f"{rules}.yaml"
    composite = str(file) if file.exists() else rules
    return ["--composite", composite, "--input-range=" + ",".join(";".join(map(repr, bound)) for bound in (LOW, HIGH))]


def compiled(onnxplain: Path, model: Model, rules: str, work: Path, *more: str) -> Path:
    """The graph."""
    path = work / f"{model.name}.explainer{''.join(more)}.onnx"
    words = ["compile", str(model.path), "-o", str(path), "--overwrite", "--no-check", "--quiet", *more]
    run(onnxplain, *words, *options_of(rules))
    return path


def session(path: Path) -> onnxruntime.InferenceSession:
    """onnxruntime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
