"""Spark: explanations of the rows of a frame on many machines.

    from onnxplain.spark import Explain

    files = spark.read.format("binaryFile").load("photos/").select("path", "content")
    rows = files.mapInPandas(Explain("model.onnx", column="content"), Explain.schema)

Give executors one core a task (`spark.task.cpus`), or as many `threads` here as a task has cores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ._frames import explained
from ._workers import Worker

if TYPE_CHECKING:
    import pandas as pd


class Explain(Worker):
    """For `mapInPandas` of frames with a column `path`; each worker process opens the model once.

    column: the inputs: files as bytes (`content`, of the format `binaryFile`), or paths (`path`).
    `threads`, `load={...}` for onnxplain.load(), and the keywords of Model.explain_batch() as elsewhere.
    """

    schema = (
        "path string, class long, label string, probability float, logit float, heatmap array<float>, error string, "
        "height int, width int"
    )
    """The columns of the result."""

    def __init__(self, model: str, *, column: str = "path", **options: Any) -> None:
        super().__init__(model, **options)
        self.column = column

    def __call__(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The frames of a partition, explained."""
        for frame in frames:
            yield explained(frame[list(dict.fromkeys(["path", self.column]))], self, self.column)
