"""Writes the model repository of Triton for a graph of `onnxplain compile`.

    python triton.py explainer.onnx models
"""

import shutil
import sys
from pathlib import Path

import onnx

TYPES = {onnx.TensorProto.FLOAT: "TYPE_FP32", onnx.TensorProto.UINT8: "TYPE_UINT8", onnx.TensorProto.INT64: "TYPE_INT64"}


def entry(value: onnx.ValueInfoProto) -> str:
    """An input or output without the axis of the batch."""
    tensor = value.type.tensor_type
    axes = [axis.dim_value for axis in tensor.shape.dim][1:]
    # Triton knows no values without axes: one of length 1 is reshaped away.
    dims = f"dims: {axes}" if axes else "dims: [ 1 ] reshape: { shape: [ ] }"
    return f'  {{ name: "{value.name}" data_type: {TYPES[tensor.elem_type]} {dims} }}'


def config(graph: onnx.GraphProto, name: str) -> str:
    """The text of config.pbtxt."""
    lines = [f'name: "{name}"', 'platform: "onnxruntime_onnx"', "max_batch_size: 16"]
    for kind, values in (("input", graph.input), ("output", graph.output)):
        lines.append(f"{kind} [\n" + ",\n".join(entry(value) for value in values) + "\n]")
    return "\n".join([*lines, "dynamic_batching { }"]) + "\n"


def main(graph: Path, repository: Path) -> None:
    """Writes the folder of one model."""
    folder = repository / graph.stem
    (folder / "1").mkdir(parents=True, exist_ok=True)
    shutil.copy(graph, folder / "1" / "model.onnx")
    beside = graph.with_name(graph.name + ".data")
    if beside.exists():
        shutil.copy(beside, folder / "1" / beside.name)
    model = onnx.load(graph, load_external_data=False)
    (folder / "config.pbtxt").write_text(config(model.graph, graph.stem), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
