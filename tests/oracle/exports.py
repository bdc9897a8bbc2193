"""The ways in which torch writes one network as ONNX."""

import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from attribution import Array


@dataclass(frozen=True)
class Export:
    """An exporter with its settings."""

    with_dynamo: bool
    keeps_batch_norm: bool
    opset: int | None = None
    """The version of the operators; none for the one that each exporter is at home in."""

    def write(self, network: torch.nn.Module, image: Array, path: Path) -> Counter[str]:
        """Export a network in evaluation mode; returns how often each operator occurs in the file."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (torch.from_numpy(image)[None],),
                str(path),
                input_names=["input"],
                output_names=["logits"],
                **(self._dynamo_settings() if self.with_dynamo else self._torchscript_settings()),
            )
        return Counter(node.op_type for node in onnx.load(path).graph.node)

    def _dynamo_settings(self) -> dict[str, object]:
        settings: dict[str, object] = {"dynamo": True, "opset_version": self.opset or 20}
        return settings | {"optimize": not self.keeps_batch_norm, "external_data": False, "verbose": False}

    def _torchscript_settings(self) -> dict[str, object]:
        mode = torch.onnx.TrainingMode
        settings: dict[str, object] = {"dynamo": False, "opset_version": self.opset or 17}
        return settings | {
            "do_constant_folding": not self.keeps_batch_norm,
            "training": mode.PRESERVE if self.keeps_batch_norm else mode.EVAL,
        }


EXPORTS: dict[str, Export] = {
    "kept": Export(with_dynamo=False, keeps_batch_norm=True),
    "folded": Export(with_dynamo=False, keeps_batch_norm=False),
    "dynamo-kept": Export(with_dynamo=True, keeps_batch_norm=True),
    "dynamo-folded": Export(with_dynamo=True, keeps_batch_norm=False),
}
"""The first is the one that the references are compared with."""
