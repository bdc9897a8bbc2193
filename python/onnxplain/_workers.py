"""Explanations in the worker processes of a cluster: each process opens the model once."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from . import _onnxplain
from ._onnxplain import Explanation, Model

_opened: dict[bytes, Model] = {}


def opened(path: str, options: dict[str, Any]) -> Model:
    """The model of this process: opened at the first call, and kept until another one is asked for."""
    key = pickle.dumps((path, sorted(options.items())))
    if key not in _opened:
        _opened.clear()
        _opened[key] = _onnxplain.load(path, **options)
    return _opened[key]


class Worker:
    """How inputs are explained, to be sent to other processes.

    model: the path of the model's file, which every worker can read.
    threads: inputs at a time in each worker; 1 where there are as many workers as cores.
    load: other keywords of onnxplain.load().
    explain: keywords of Model.explain_batch().
    """

    def __init__(
        self, model: str, *, threads: int = 1, load: dict[str, Any] | None = None, **explain: Any
    ) -> None:
        self.path = str(model)
        self.load = {**(load or {}), "threads": threads}
        self.explain = explain

    def rows(self, inputs: Iterable[Any]) -> dict[str, Any]:
        """Columns for the explanations of inputs: class, label, probability, logit, heatmap [height, width], error.

        An input that cannot be explained has its error there, the class -1, and NaN for all numbers.
        """
        model = opened(self.path, self.load)
        found = model.explain_batch(list(inputs), errors="return", **self.explain)
        good = [one for one in found if isinstance(one, Explanation)]
        blank = np.full(good[0].map.shape if good else self._shape(model), np.nan, dtype=np.float32)

        def column(value: Any, otherwise: Any) -> list[Any]:
            return [value(one) if isinstance(one, Explanation) else otherwise for one in found]

        return {
            "class": np.array(column(lambda one: one.target.index, -1), dtype=np.int64),
            "label": column(lambda one: one.target.label or "", ""),
            "probability": np.array(column(lambda one: one.target.probability, np.nan), dtype=np.float32),
            "logit": np.array(column(lambda one: one.target.logit, np.nan), dtype=np.float32),
            "heatmap": np.stack(column(lambda one: one.map, blank)),
            "error": ["" if isinstance(one, Explanation) else str(one) for one in found],
        }

    def _shape(self, model: Model) -> tuple[int, ...]:
        """The height and width of heatmaps, where no input could be explained."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.explain(np.zeros(model.input_shape, np.float32), **self._of_one()).map.shape

    def _of_one(self) -> dict[str, Any]:
        """The keywords of one explanation, without the class, which may be another for each input."""
        return {name: value for name, value in self.explain.items() if name not in {"target", "against"}}
