"""A notebook shows a heatmap: the README's example, run by Jupyter's own client."""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import CHELSEA, LITE
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["README.md", "python/README.md"])
def test_the_example_shows_a_heatmap(page: str, tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    [code] = re.findall(r"```python\n(import onnxplain\n.*?)```", (ROOT / page).read_text(), re.DOTALL)[:1]
    shutil.copy(LITE, tmp_path / "model.onnx")
    for name in ("efficientnet_lite0.yaml", "imagenet1k.txt"):
        shutil.copy(LITE.parent / name, tmp_path)
    (tmp_path / "efficientnet_lite0.yaml").rename(tmp_path / "model.yaml")
    Image.open(CHELSEA).save(tmp_path / "cat.jpg")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    results = [it for it in notebook.cells[0].outputs if it.output_type == "execute_result"]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(results[0].data["image/png"]))).convert("RGB")).astype(int)
    # Red for what speaks for the class: many pixels whose red is far above their blue.
    assert min(picture.shape[:2]) > 300 and ((picture[..., 0] - picture[..., 2]) > 100).sum() > 1000
