"""The same pictures by torch-lucent, the torch port of the authors' own program ("lucid"), as a peer of `onnxplain maximize`.

    pip install --no-deps torch-lucent==0.1.8 onnx2torch==1.5.15 kornia==0.4.1; pip install decorator ipython
    python tests/oracle/maximize_peer.py sample-models/efficientnet_lite0.onnx 1 254 283 --steps 512 -o lucent

The ONNX file is brought into torch by onnx2torch. Writes a PNG for each class at the size of the network's input, and prints
what onnxruntime says of it, its total variation (the mean difference of neighbours, values from 0 to 1) and the time of a step.
Lucent's standard transformations, Fourier basis, decorrelated colour and Adam with a learning rate of 0.05 are used.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from lucent.optvis import objectives, param, render, transform
from onnx2torch import convert
from PIL import Image

from maximize_check import softmax

SIZE = 224


def variation(values: np.ndarray) -> float:
    """The mean difference of neighbours."""
    down, across = np.abs(np.diff(values, axis=0)), np.abs(np.diff(values, axis=1))
    return float((down.sum() + across.sum()) / (down.size + across.size))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("classes", type=int, nargs="+")
    parser.add_argument("--steps", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("lucent"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    network = convert(options.model).eval()
    session = onnxruntime.InferenceSession(options.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    print("| class | logit | probability | strongest | variation | seconds a step |\n|---|---|---|---|---|---|")
    for index in options.classes:
        torch.manual_seed(0)
        np.random.seed(0)
        objective = objectives.Objective(lambda model, index=index: -model("labels")[:, index].mean())
        # Of the processor, so that others on the machine do not matter.
        begin = time.process_time()
        pictures = render.render_vis(
            network,
            objective,
            lambda: param.image(SIZE, fft=True, decorrelate=True),
            # x / 127.5 - 1, as the network's card has it.
            transforms=[*transform.standard_transforms, lambda picture: picture * 2 - 1],
            preprocess=False,
            thresholds=(options.steps,),
            fixed_image_size=SIZE,
            show_image=False,
            progress=False,
        )
        seconds = (time.process_time() - begin) / options.steps
        saved = np.round(pictures[-1][0] * 255).clip(0, 255).astype(np.uint8)
        Image.fromarray(saved).save(options.output / f"{index}.png")
        values = saved / 255.0
        planes = (values * 2 - 1).transpose(2, 0, 1)[None].astype(np.float32)
        logits = session.run(None, {name: planes})[0].reshape(-1).astype(np.float64)
        print(
            f"| {index} | {logits[index]:.2f} | {softmax(logits)[index]:.4f} | {int(logits.argmax())} "
            f"| {variation(values):.4f} | {seconds:.3f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
