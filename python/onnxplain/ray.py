"""Ray Data: explanations of a dataset on many machines.

    import ray, onnxplain.ray

    photos = ray.data.read_binary_files("photos/", include_paths=True)
    rows = photos.map_batches(onnxplain.ray.Explain("model.onnx", column="bytes"), batch_size=16)

Rows get the columns class, label, probability, logit, heatmap and error; the column that was explained is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._workers import Worker


class Explain(Worker):
    """Explains batches of `map_batches`; each worker process opens the model once.

    column: the inputs: arrays of pictures (`image`, of `read_images`), files as bytes (`bytes`, of `read_binary_files`),
        or paths.
    keep: whether that column stays.
    The others are those of the model: `threads` in each worker, `load={...}` for onnxplain.load(), and the keywords of
    Model.explain_batch().
    """

    def __init__(self, model: str, *, column: str = "image", keep: bool = False, **options: Any) -> None:
        super().__init__(model, **options)
        self.column, self.keep = column, keep

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch, as Ray has it with `batch_format="numpy"`, with the columns of its explanations."""
        rows = self.rows(batch[self.column])
        kept = {name: values for name, values in batch.items() if self.keep or name != self.column}
        texts = {name: np.array(rows[name], dtype=object) for name in ("label", "error")}
        return {**kept, **rows, **texts}
