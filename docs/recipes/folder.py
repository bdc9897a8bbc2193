"""Heatmaps of a folder of pictures with Ray Data, Dask or Spark, by a graph of `onnxplain compile --input picture
--outputs logits,heatmap`.

    python folder.py ray|dask|spark explainer.onnx photos heatmaps.npz
"""

import io
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

WORKERS = 2


class Explain:
    """Explains batches; a worker makes one and keeps it."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # Workers that wait do not spin, where cores are shared.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.shape = self.session.get_inputs()[0].shape[1:]

    def decoded(self, content: bytes) -> np.ndarray:
        """A file as the graph takes it."""
        height, width, channels = self.shape
        picture = Image.open(io.BytesIO(content)).convert("RGB" if channels == 3 else "L").resize((width, height))
        return np.asarray(picture).reshape(self.shape)

    def __call__(self, batch: dict) -> dict:
        images = np.stack([self.decoded(content) for content in batch["bytes"]])
        given = {self.name: images, "target": np.full(len(images), -1)}
        logits, heatmaps = self.session.run(["logits", "heatmap"], given)
        return {"path": batch["path"], "class": logits.argmax(axis=1), "heatmap": heatmaps}


def with_ray(graph: str, folder: str) -> dict[str, np.ndarray]:
    """Ray Data: with as many actors as declared CPUs, reading would wait for them for ever."""
    import ray

    ray.init(num_cpus=WORKERS + 2, include_dashboard=False)
    files = ray.data.read_binary_files(folder, include_paths=True)
    rows = files.map_batches(Explain, fn_constructor_args=[graph], batch_size=2, concurrency=WORKERS).take_all()
    return {row["path"]: row["heatmap"] for row in rows}


def with_dask(graph: str, folder: str) -> dict[str, np.ndarray]:
    """Dask: one explainer a worker process."""
    from dask.distributed import Client, get_worker

    def explain(paths: list[str]) -> dict:
        worker = get_worker()
        if not hasattr(worker, "explain"):
            worker.explain = Explain(graph)
        return worker.explain({"path": paths, "bytes": [Path(path).read_bytes() for path in paths]})

    paths = [str(path) for path in sorted(Path(folder).iterdir())]
    with Client(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as client:
        results = client.gather(client.map(explain, [paths[at : at + 2] for at in range(0, len(paths), 2)]))
    return {path: heatmap for result in results for path, heatmap in zip(result["path"], result["heatmap"], strict=True)}


def with_spark(graph: str, folder: str) -> dict[str, np.ndarray]:
    """Spark: `mapInPandas` over files."""
    import pandas as pd
    from pyspark.sql import SparkSession

    def explained(frames):
        explain = Explain(graph)
        for frame in frames:
            result = explain({"path": list(frame.path), "bytes": list(frame.content)})
            lines = [heatmap.ravel().tolist() for heatmap in result["heatmap"]]
            yield pd.DataFrame({"path": result["path"], "class": result["class"], "heatmap": lines})

    spark = SparkSession.builder.master(f"local[{WORKERS}]").config("spark.ui.enabled", "false").getOrCreate()
    files = spark.read.format("binaryFile").load(folder).repartition(WORKERS)
    rows = files.mapInPandas(explained, "path string, class long, heatmap array<float>").collect()
    side = Explain(graph).shape[:2]
    return {row.path.removeprefix("file:"): np.array(row.heatmap, dtype=np.float32).reshape(side) for row in rows}


if __name__ == "__main__":
    engine, graph, folder, output = sys.argv[1:]
    engines = {"ray": with_ray, "dask": with_dask, "spark": with_spark}
    found = engines[engine](str(Path(graph).resolve()), str(Path(folder).resolve()))
    np.savez(output, **{Path(path).name: heatmap for path, heatmap in found.items()})
