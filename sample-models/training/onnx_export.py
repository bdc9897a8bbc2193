"""What the two scripts share: writing a torch classifier as one small ONNX file, and checking the file.

The graph is written as the network was trained: BatchNormalization stays a node of its own, so that canonizing it is
the work of the program that reads the file.
"""

import collections
import warnings
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch

OPSET = 17


def export(model: torch.nn.Module, example: torch.Tensor, path: Path, symbolic_batch: bool) -> None:
    """Writes `model` (in evaluation mode) to `path`: input `input`, output `logits`, weights inside the file."""
    dynamic_axes = {"input": {0: "N"}, "logits": {0: "N"}} if symbolic_batch else None
    with warnings.catch_warnings():
        # The TorchScript exporter announces its successor, which folds BatchNorm and has no switch for it.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (example,),
            path,
            input_names=["input"],
            output_names=["logits"],
            opset_version=OPSET,
            dynamic_axes=dynamic_axes,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    onnx.checker.check_model(str(path), full_check=True)


def run(path: Path, inputs: numpy.ndarray) -> numpy.ndarray:
    """The logits onnxruntime computes for `inputs` [N, C, H, W], on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input": inputs})[0]


def largest_difference(model: torch.nn.Module, path: Path, inputs: torch.Tensor) -> float:
    """The largest absolute difference between the logits of torch and of onnxruntime."""
    with torch.no_grad():
        expected = model.eval()(inputs).numpy()
    return float(numpy.abs(run(path, inputs.numpy()) - expected).max())


def describe(path: Path) -> str:
    """File size and node types of the ONNX file, on one line."""
    counts = collections.Counter(node.op_type for node in onnx.load(path).graph.node)
    nodes = ", ".join(f"{count} {op_type}" for op_type, count in counts.most_common())
    return f"{path.name}: {path.stat().st_size / 1e6:.2f} MB; {nodes}"
