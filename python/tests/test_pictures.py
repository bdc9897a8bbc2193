"""Pictures and figures are those that the command writes."""

from __future__ import annotations

import io

import numpy as np
import onnxplain
import pytest
from conftest import BAG, CHELSEA, FASHION, LITE
from PIL import Image


def read(source: object) -> np.ndarray:
    return np.asarray(Image.open(source).convert("RGB"))


def test_pictures_are_the_commands(lite, explained, tmp_path) -> None:
    [report] = explained(LITE, CHELSEA, "-o", "out")
    explanation = lite.explain(CHELSEA)
    files = {kind: tmp_path / path for kind, path in report["files"].items()}
    heatmap, overlay, figure = explanation.heatmap(), explanation.overlay(), explanation.figure()
    np.testing.assert_array_equal(np.asarray(heatmap), read(files["heatmap"]))
    np.testing.assert_array_equal(np.asarray(overlay), read(files["overlay"]))
    np.testing.assert_array_equal(read(io.BytesIO(figure.png())), read(files["figure"]))
    assert (heatmap.height, heatmap.width) == (224, 224)
    np.testing.assert_array_equal(np.asarray(heatmap.pil()), np.asarray(heatmap))
    np.testing.assert_array_equal(read(io.BytesIO(overlay.png())), np.asarray(overlay))


def test_two_classes_share_the_scale_of_their_colours(lite, explained, tmp_path) -> None:
    [report, _] = explained(LITE, CHELSEA, "--target", "top:2", "--save", "figure", "-o", "out")
    figure = onnxplain.figure(lite.explain_targets(CHELSEA, "top:2"))
    np.testing.assert_array_equal(read(io.BytesIO(figure.png())), read(tmp_path / report["files"]["figure"]))


def test_colours_are_chosen(model, explained, tmp_path) -> None:
    words = ["--colormap", "bwr", "--normalize", "absolute", "--level", 2, "--overlay-size", 64, "--alpha", 0.5]
    [report] = explained(FASHION, BAG, *words, "-o", "out")
    overlay = model.explain(BAG).overlay(colormap="bwr", normalize="absolute", level=2, overlay_size=64, alpha=0.5)
    np.testing.assert_array_equal(np.asarray(overlay), read(tmp_path / report["files"]["overlay"]))
    with pytest.raises(TypeError, match="colormap"):
        model.explain(BAG).heatmap(colormap="pinkish")
    with pytest.raises(TypeError, match="unexpected keyword argument 'color'"):
        model.explain(BAG).heatmap(color="bwr")
    with pytest.raises(onnxplain.RenderingError, match="between 0 and 1"):
        model.explain(BAG).overlay(alpha=2.0)


def test_the_map_is_the_sum_over_channels(lite) -> None:
    explanation = lite.explain(CHELSEA)
    np.testing.assert_allclose(explanation.map, explanation.relevance.sum(0), rtol=1e-5, atol=1e-6)


def test_files_are_written_by_their_ending(model, tmp_path) -> None:
    explanation = model.explain(BAG)
    for name, start in [("a.png", b"\x89PNG"), ("a.svg", b"<"), ("a.pdf", b"%PDF")]:
        explanation.figure().save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    for name in ("b.png", "b.jpg", "b.webp"):
        explanation.overlay().save(tmp_path / name)
        assert read(tmp_path / name).shape == np.asarray(explanation.overlay()).shape
    with pytest.raises(onnxplain.FileError, match="must end with"):
        explanation.heatmap().save(tmp_path / "b.gif")
    with pytest.raises(onnxplain.FileError, match="there are png, svg, pdf"):
        explanation.figure().save(tmp_path / "b.gif")


def test_a_notebook_shows_a_figure_or_a_table(model) -> None:
    explanation = model.explain(BAG)
    assert explanation._repr_png_() == explanation.figure().png()
    assert explanation._repr_html_() is None
    inner = model.explain(BAG, at=model.inspect()["layers"][-2]["name"])
    assert inner._repr_png_() is None and "Bag" in inner._repr_html_()
    assert "Bag" in repr(explanation)


def test_an_array_has_a_heatmap_and_no_overlay(model) -> None:
    explanation = model.explain(np.zeros((1, 28, 28), np.float32))
    assert np.asarray(explanation.heatmap()).shape == (28, 28, 3)
    assert explanation._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(onnxplain.RenderingError, match="an overlay needs a picture"):
        explanation.overlay()
