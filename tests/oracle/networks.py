"""Networks with seeded random parameters, and their export to ONNX with BatchNorm kept."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from attribution import Array, forward
from composites import IMAGENET_MEAN, IMAGENET_STD, InputRange

LARGEST_LOGIT = 5.0
LINEAR_LAYERS = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)


def prepare(network: torch.nn.Module, image: Array) -> torch.nn.Module:
    """Make a freshly initialised network a demanding test, in place, and return it.

    Draws biases and BatchNorm statistics that are not the identity, scales the last
    linear layer to logits of order one to ten, and turns evaluation mode on.
    """
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU | torch.nn.ReLU6 | torch.nn.Dropout):
            module.inplace = False
        elif isinstance(module, torch.nn.BatchNorm2d):
            _randomize_batch_norm(module)
        elif isinstance(module, LINEAR_LAYERS) and module.bias is not None:
            torch.nn.init.normal_(module.bias, std=0.1)
    network.eval()
    scale_logits(network, image)
    return network


def _randomize_batch_norm(module: torch.nn.BatchNorm2d) -> None:
    statistics = {
        "running_mean": torch.empty(module.num_features).normal_(std=0.3),
        "running_var": torch.empty(module.num_features).uniform_(0.5, 1.5),
        "weight": torch.empty(module.num_features).uniform_(0.5, 1.5),
        "bias": torch.empty(module.num_features).normal_(std=0.2),
    }
    module.load_state_dict(statistics, strict=False)


def scale_logits(network: torch.nn.Module, image: Array) -> None:
    """Scale the last linear layer, in place, to a largest logit of :data:`LARGEST_LOGIT`."""
    largest = float(np.abs(forward(network, image)).max())
    if not np.isfinite(largest) or largest == 0.0:
        raise ValueError(f"the largest logit is {largest}: choose another seed")
    last = [module for module in network.modules() if isinstance(module, LINEAR_LAYERS)][-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(LARGEST_LOGIT / largest)


def random_image(generator: np.random.Generator, height: int, width: int) -> Array:
    """Normal noise [3, H, W] as float32, kept within the range of a normalised photo."""
    pixels = generator.normal(IMAGENET_MEAN, IMAGENET_STD, size=(height, width, 3)).clip(0.0, 1.0)
    image = (pixels - IMAGENET_MEAN) / IMAGENET_STD
    bounds = InputRange.imagenet()
    clipped = image.clip(bounds.low, bounds.high).transpose(2, 0, 1)
    return np.ascontiguousarray(clipped, dtype=np.float32)


def export(network: torch.nn.Module, image: Array, path: Path) -> onnx.ModelProto:
    """Write `network` as ONNX (opset 17), every BatchNormalization a node of its own.

    The mode PRESERVE of the TorchScript exporter is what keeps it from folding them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.from_numpy(image)[None],),
            str(path),
            dynamo=False,
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["input"],
            output_names=["logits"],
        )
    model = onnx.load(path)
    expected = sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    found = sum(node.op_type == "BatchNormalization" for node in model.graph.node)
    if found != expected:
        raise ValueError(f"{path}: {found} of {expected} BatchNormalization nodes were kept")
    return model


def check_export(network: torch.nn.Module, image: Array, path: Path) -> None:
    """Raise unless onnxruntime and torch agree on the logits of the exported file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": image[None]})
    expected = forward(network, image)
    error = float(np.abs(logits[0] - expected).max() / np.abs(expected).max())
    if not error <= 1e-4:
        raise ValueError(f"{path}: onnxruntime's logits are off by {error:.1e} of the largest")
