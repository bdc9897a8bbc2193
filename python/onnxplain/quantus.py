"""Quantus: relevance for its metrics.

    import quantus, onnxplain.quantus

    quantus.evaluate(
        metrics={"complexity": quantus.Sparseness()},
        xai_methods={"lrp": onnxplain.quantus.explain_func("model.onnx"),
                     "saliency": onnxplain.quantus.explain_func("model.onnx", method="saliency")},
        model=torch_model, x_batch=x, y_batch=y, explain_func_kwargs={},
    )

The network that Quantus asks may be the module that the file was exported from, or `torch_module("model.onnx")`, which
runs the file. Metrics that change the module's weights (MPRT) do not reach the file: `onnxplain sanity` is for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _onnxplain
from ._onnxplain import Model


def _model(model: Model | str, load: dict[str, Any] | None) -> Model:
    return model if isinstance(model, Model) else _onnxplain.load(model, **(load or {}))


class explain_func:  # noqa: N801 - Quantus' name for it
    """What Quantus calls with a module, inputs [N, ...] and targets [N]: relevance in the inputs' shape.

    model: a Model, or the path of the model's file; load: keywords of onnxplain.load().
    explain: keywords of Model.explain_batch(), such as method, composite.
    """

    def __init__(self, model: Model | str, *, load: dict[str, Any] | None = None, **explain: Any) -> None:
        self.model, self.explain = _model(model, load), explain

    def __call__(self, model: Any, inputs: Any, targets: Any, **_: Any) -> np.ndarray:
        """The relevance of each input for its target; what else Quantus hands over (its device, ...) has no meaning here."""
        inputs = np.asarray(inputs, dtype=np.float32)
        return self.model.attribute(inputs, np.asarray(targets).tolist(), **self.explain)


def torch_module(model: Model | str, *, load: dict[str, Any] | None = None) -> Any:
    """A module of torch's that gives the file's logits [N, classes]; it has no gradients and no weights."""
    import torch

    opened = _model(model, load)

    class Module(torch.nn.Module):
        def forward(self, inputs: Any) -> Any:
            predictions = opened.predict_batch(inputs.detach().cpu().numpy())
            return torch.from_numpy(np.stack([prediction.logits for prediction in predictions]))

        def __deepcopy__(self, memo: dict) -> Any:
            return self

    return Module().eval()
