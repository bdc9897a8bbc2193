"""Ray, Dask and Spark, each with two workers of its own, give what the command gives."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import FASHION, PICTURES

BROKEN = "broken.png"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    for path in PICTURES:
        shutil.copy(path, folder)
    (folder / BROKEN).write_bytes(b"no picture")
    return folder


@pytest.fixture
def expected(explained, photos, tmp_path) -> dict[str, tuple[int, np.ndarray]]:
    """Class and heatmap of each picture, of the command."""
    inputs = [path for path in sorted(photos.iterdir()) if path.name != BROKEN]
    reports = explained(FASHION, *inputs, "--save", "relevance", "-o", "out")
    maps = [np.load(tmp_path / report["files"]["relevance"]).sum(0) for report in reports]
    return {Path(it["input"]).name: (it["target"]["index"], map_) for it, map_ in zip(reports, maps, strict=True)}


def check(found: dict[str, tuple[int, np.ndarray, str]], expected: dict[str, tuple[int, np.ndarray]]) -> None:
    """Equal to the last bit; the broken file has its error."""
    assert set(found) == set(expected) | {BROKEN}
    for name, (index, heatmap) in expected.items():
        assert found[name][0] == index and found[name][2] == ""
        np.testing.assert_array_equal(np.asarray(found[name][1], np.float32), heatmap)
    index, heatmap, error = found[BROKEN]
    assert index == -1 and np.isnan(np.asarray(heatmap, np.float32)).all() and "picture" in error


def test_ray(photos, expected) -> None:
    ray = pytest.importorskip("ray")
    import onnxplain.ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        files = ray.data.read_binary_files(str(photos), include_paths=True)
        explain = onnxplain.ray.Explain(FASHION, column="bytes")
        rows = files.map_batches(explain, batch_size=3).take_all()
        check({Path(row["path"]).name: (row["class"], row["heatmap"], row["error"]) for row in rows}, expected)
        # Arrays of pixels, as read_images gives them, by actors.
        images = ray.data.read_images([str(photos / name) for name in expected], include_paths=True, mode="L")
        rows = images.map_batches(
            onnxplain.ray.Explain, fn_constructor_args=[str(FASHION)], concurrency=1, batch_size=4
        ).take_all()
        assert {Path(row["path"]).name: row["class"] for row in rows} == {name: it[0] for name, it in expected.items()}
        for row in rows:
            np.testing.assert_array_equal(row["heatmap"], expected[Path(row["path"]).name][1])
    finally:
        ray.shutdown()


def test_dask(photos, expected) -> None:
    pytest.importorskip("dask.dataframe")
    distributed = pytest.importorskip("dask.distributed")
    import dask.dataframe as dd
    import onnxplain.dask
    import pandas as pd

    paths = pd.DataFrame({"path": sorted(map(str, photos.iterdir()))})
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        frame = dd.from_pandas(paths, npartitions=4)
        meta = onnxplain.dask.meta(frame)
        rows = frame.map_partitions(onnxplain.dask.explain, str(FASHION), meta=meta).compute()
    assert list(rows.columns) == list(meta.columns)
    found = {
        Path(row.path).name: (row["class"], np.reshape(row.heatmap, (row.height, row.width)), row.error)
        for _, row in rows.iterrows()
    }
    check(found, expected)


def test_spark(photos, expected, monkeypatch) -> None:
    pytest.importorskip("pyspark")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java")
    import sys

    from onnxplain.spark import Explain
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        files = spark.read.format("binaryFile").load(str(photos)).select("path", "content").repartition(2)
        rows = files.mapInPandas(Explain(str(FASHION), column="content"), Explain.schema).collect()
    finally:
        spark.stop()
    found = {
        Path(row.path).name: (row["class"], np.reshape(row.heatmap, (row.height, row.width)), row.error) for row in rows
    }
    check(found, expected)
