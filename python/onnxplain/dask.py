"""Dask: explanations of the rows of a frame on many machines.

    import dask.dataframe as dd, onnxplain.dask

    frame = dd.from_pandas(pandas.DataFrame({"path": paths}), npartitions=8)
    rows = frame.map_partitions(onnxplain.dask.explain, "model.onnx", meta=onnxplain.dask.meta(frame))

Start workers with one thread each (`Client(n_workers=8, threads_per_worker=1)`), or give `threads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._frames import COLUMNS, explained
from ._workers import Worker

if TYPE_CHECKING:
    import pandas as pd


def explain(frame: pd.DataFrame, model: str, *, column: str = "path", **options: Any) -> pd.DataFrame:
    """A partition with the columns class, label, probability, logit, heatmap (its rows one after the other), height,
    width and error. `options` are `threads`, `load={...}` for onnxplain.load(), and keywords of Model.explain_batch().
    """
    return explained(frame, Worker(model, **options), column)


def meta(frame: Any, column: str = "path") -> pd.DataFrame:
    """An empty frame with the columns that `explain` gives: what Dask must know before."""
    empty = frame._meta if hasattr(frame, "_meta") else frame.iloc[:0]
    kept = empty if column == "path" else empty.drop(columns=column)
    import pandas as pd

    return kept.assign(**{name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
