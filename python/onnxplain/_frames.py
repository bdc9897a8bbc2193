"""Explanations of the rows of pandas' frames, for Dask and Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._workers import Worker

if TYPE_CHECKING:
    import pandas as pd


def explained(frame: pd.DataFrame, worker: Worker, column: str) -> pd.DataFrame:
    """The frame without that column (paths stay), and with those of its explanations; heatmaps are rows of numbers."""
    import pandas as pd

    kept = frame if column == "path" else frame.drop(columns=column)
    if frame.empty:
        return kept.assign(**{name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    rows = worker.rows(frame[column])
    _, height, width = rows["heatmap"].shape
    lines = list(rows["heatmap"].reshape(len(frame), height * width))
    return kept.assign(**{**rows, "heatmap": pd.Series(lines, index=frame.index), "height": height, "width": width})


COLUMNS = {
    "class": "int64",
    "label": "object",
    "probability": "float32",
    "logit": "float32",
    "heatmap": "object",
    "error": "object",
    "height": "int64",
    "width": "int64",
}
"""The columns of explanations, with pandas' types."""
