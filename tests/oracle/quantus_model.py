"""A classifier of an ONNX file as Quantus wants it: onnxruntime inside a torch module."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.tools import update_model_dims


class OnnxModule(torch.nn.Module):
    """Logits [N, classes] of inputs [N, C, H, W], by onnxruntime on one thread."""

    def __init__(self, path: Path, *, is_batched: bool):
        """`is_batched` opens the batch axis of the file, where it is frozen to 1."""
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = onnx.load(path)
        name, output = file.graph.input[0].name, file.graph.output[0].name
        if is_batched:
            shape = [axis.dim_value for axis in file.graph.input[0].type.tensor_type.shape.dim][1:]
            classes = file.graph.output[0].type.tensor_type.shape.dim[1].dim_value
            del file.graph.value_info[:]
            file = update_model_dims.update_inputs_outputs_dims(file, {name: ["N", *shape]}, {output: ["N", classes]})
        self.session = onnxruntime.InferenceSession(
            file.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.name, self.is_batched = name, is_batched
        self.runs = 0
        self.eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The logits; one picture at a time, where the file takes no more."""
        values = pictures.numpy().astype(np.float32)
        self.runs += len(values)
        size = len(values) if self.is_batched else 1
        parts = [values[at : at + size] for at in range(0, len(values), size)]
        return torch.from_numpy(np.concatenate([self.session.run(None, {self.name: part})[0] for part in parts]))

    def __deepcopy__(self, memo: dict) -> "OnnxModule":
        return self
