"""Errors are exceptions, with the sentences of the command."""

from __future__ import annotations

import numpy as np
import onnxplain
import pytest
from conftest import BAG, FASHION


def said(error: BaseException) -> str:
    return " ".join(str(error).split())


def test_sentences_are_those_of_the_command(model, command, tmp_path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(BAG.read_bytes()[:100])
    for kind, ours, words in [
        (onnxplain.InputError, lambda: model.explain(broken), [FASHION, broken]),
        (onnxplain.TargetError, lambda: model.explain(BAG, target="Bagg"), [FASHION, BAG, "--target", "Bagg"]),
        (onnxplain.TargetError, lambda: model.explain(BAG, target=10), [FASHION, BAG, "--target", 10]),
        (onnxplain.CompositeError, lambda: model.explain(BAG, composite="vggg"), [FASHION, BAG, "--composite", "vggg"]),
    ]:
        with pytest.raises(kind) as caught:
            ours()
        assert isinstance(caught.value, onnxplain.Error)
        done = command("explain", *words, "-o", "out")
        theirs = " ".join(done.stderr.split())
        assert said(caught.value) in theirs, f"{said(caught.value)}\n{theirs}"


def test_every_part_of_the_work_has_its_kind(model, tmp_path) -> None:
    nothing = tmp_path / "nothing.onnx"
    for kind, match, wrong in [
        (onnxplain.ModelError, "nothing.onnx", lambda: onnxplain.load(nothing)),
        (onnxplain.LabelsError, "do not fit", lambda: onnxplain.load(FASHION, labels=["a", "b"])),
        (onnxplain.PreprocessingError, "imagenett", lambda: onnxplain.load(FASHION, preprocess="imagenett")),
        (onnxplain.InputError, "has the shape", lambda: model.explain(np.zeros((3, 3), np.float32))),
        (onnxplain.InputError, "NaN", lambda: model.explain(np.full((28, 28), np.nan))),
        (onnxplain.InputError, "array of bytes", lambda: model.explain(np.zeros((1, 1, 28, 28), np.uint8))),
        (onnxplain.InputError, "array of object", lambda: model.explain(object())),
        (onnxplain.InputError, "a batch is a list", lambda: model.explain_batch(BAG)),
        (onnxplain.MethodError, "grad-cam", lambda: model.explain(BAG, method="grad-cams")),
        (onnxplain.MethodError, "samples", lambda: model.explain(BAG, method="saliency", samples=3)),
        (onnxplain.Error, "no such layer", lambda: model.explain(BAG, at="no such layer")),
        (onnxplain.TargetError, "explain_targets", lambda: model.explain(BAG, target="top:3")),
    ]:
        with pytest.raises(kind, match=match):
            wrong()
    with pytest.raises(TypeError, match="initial"):
        model.explain(BAG, initial="two")


def test_errors_of_a_batch_are_raised_or_returned(model, tmp_path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(onnxplain.InputError, match="broken.png"):
        model.explain_batch([BAG, broken])
    good, bad = model.explain_batch([BAG, broken], errors="return")
    assert good.target.label == "Bag"
    assert isinstance(bad, onnxplain.InputError) and "broken.png" in str(bad)
    with pytest.raises(TypeError, match="neither raise nor return"):
        model.explain_batch([BAG], errors="ignore")


def test_what_may_spoil_a_result_is_a_warning(tmp_path) -> None:
    (tmp_path / "model.onnx").write_bytes(FASHION.read_bytes())
    model = onnxplain.load(tmp_path / "model.onnx")
    assert any("assum" in notice.text or "guess" in notice.text for notice in model.notices)
    assert {notice.severity for notice in model.notices} <= {"detail", "note", "warning"}
