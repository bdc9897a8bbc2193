"""Explanations are those of the command, whatever they are asked for with."""

from __future__ import annotations

import numpy as np
import onnxplain
import pytest
from conftest import BAG, CHELSEA, FASHION, LITE, PICTURES
from PIL import Image


def test_relevance_is_the_commands_to_the_last_bit(lite, explained, tmp_path) -> None:
    [report] = explained(LITE, CHELSEA, "--save", "relevance,report", "-o", "out")
    explanation = lite.explain(CHELSEA)
    expected = np.load(tmp_path / report["files"]["relevance"])
    assert explanation.relevance.shape == (3, 224, 224) and explanation.relevance.dtype == np.float32
    np.testing.assert_array_equal(explanation.relevance, expected)
    ours, theirs = explanation.report(), report
    for name in ("input", "tool", "model", "composite", "method", "canonization", "explained", "prediction", "target",
                 "positive", "rendering", "inputs", "relevance", "preprocessing", "warnings", "notes", "version"):
        assert ours[name] == theirs[name], name


def test_a_picture_is_the_same_however_it_is_given(model) -> None:
    expected = model.explain(BAG).relevance
    picture = Image.open(BAG)
    assert picture.mode == "L"
    pixels = np.asarray(picture)
    for given in (str(BAG), BAG.read_bytes(), picture, pixels, pixels[..., None], picture.convert("RGB"),
                  picture.convert("P"), picture.convert("RGBA")):
        np.testing.assert_array_equal(model.explain(given).relevance, expected)


def test_an_array_is_the_networks_input(model) -> None:
    pixels = np.asarray(Image.open(BAG)).astype(np.float64)
    prepared = (pixels / 255 - 0.2860) / 0.3530
    expected = model.explain(BAG)
    for given in (prepared[None, None], prepared[None], prepared, prepared.astype(np.float32)[None], np.asfortranarray(prepared)):
        explanation = model.explain(given)
        np.testing.assert_allclose(explanation.relevance, expected.relevance, rtol=1e-4, atol=1e-5)
        assert explanation.target == expected.target or explanation.target.index == expected.target.index


def test_relevance_shares_its_numbers_and_cannot_be_written_to(model) -> None:
    explanation = model.explain(BAG)
    first, second = explanation.relevance, explanation.relevance
    assert first.ctypes.data == second.ctypes.data
    assert not first.flags.writeable and not first.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0, 0] = 1.0
    kept = explanation.relevance
    total = float(kept.sum())
    del explanation, first, second
    assert float(kept.sum()) == total


def test_the_books_balance(lite) -> None:
    books = lite.explain(CHELSEA).books
    arrived = books.input_sum + books.absorbed_by_bias + books.absorbed_by_stabilizer
    assert books.is_conserving
    assert arrived == pytest.approx(books.initial, rel=1e-4)
    assert "put in" in repr(books)
    assert not lite.explain(CHELSEA, method="saliency").books.is_conserving


def test_classes_are_chosen_by_index_label_and_rank(model) -> None:
    top = model.explain(BAG)
    assert (top.target.label, top.target.index, top.against) == ("Bag", 8, None)
    assert model.explain(BAG, target=np.int64(5)).target.label == "Sandal"
    assert model.explain(BAG, target="Sandal").target.index == 5
    difference = model.explain(BAG, target="Bag", against="Sandal")
    assert difference.against.label == "Sandal"
    assert difference.books.initial == pytest.approx(difference.target.logit - difference.against.logit, rel=1e-6)
    three = model.explain_targets(BAG, "top:3")
    assert [one.target for one in three] == top.prediction.strongest(3)
    assert [one.target.index for one in model.explain_targets(BAG, [5, "Bag"])] == [5, 8]
    assert [one.target.index for one in model.explain_targets(BAG, 5)] == [5]


def test_methods_take_their_parameters(model, explained, tmp_path) -> None:
    for method, parameters, words in [
        ("saliency", {}, []),
        ("smoothgrad", {"samples": 5, "seed": 3, "base": "saliency"}, ["--samples", 5, "--seed", 3, "--base-method", "saliency"]),
        ("occlusion", {"patch": [7, 7], "stride": (3, 3)}, ["--patch", 7, "--stride", 3]),
        ("integrated-gradients", {"n_steps": 9}, ["--steps", 9]),
    ]:
        [report] = explained(FASHION, BAG, "--method", method, *words, "--save", "relevance", "-o", method)
        explanation = model.explain(BAG, method=method, **parameters)
        np.testing.assert_array_equal(explanation.relevance, np.load(tmp_path / report["files"]["relevance"]))
        assert explanation.method == method and explanation.report().get("parameters") == report.get("parameters")
    assert model.explain(BAG, method="integrated-gradients").completeness["relative_error"] < 0.05


def test_composites_are_names_paths_texts_and_dicts(model, tmp_path) -> None:
    text = "name: mine\nrules:\n  - { when: { kind: [convolution, dense] }, rule: epsilon }\n  - { when: { kind: [activation, max-pool] }, rule: pass }\n"
    (tmp_path / "mine.yaml").write_text(text)
    rules = {
        "name": "mine",
        "rules": [
            {"when": {"kind": ["convolution", "dense"]}, "rule": "epsilon"},
            {"when": {"kind": ["activation", "max-pool"]}, "rule": "pass"},
        ],
    }
    maps = [model.explain(BAG, composite=it) for it in (text, str(tmp_path / "mine.yaml"), tmp_path / "mine.yaml", rules)]
    assert {one.composite for one in maps} == {"mine"}
    for one in maps[1:]:
        np.testing.assert_array_equal(one.relevance, maps[0].relevance)
    named = model.explain(BAG, composite="epsilon-plus-flat")
    assert named.composite == "epsilon-plus-flat"
    assert not np.array_equal(named.relevance, maps[0].relevance)


def test_propagation_stops_at_a_layer(model) -> None:
    layer = next(it for it in model.inspect()["layers"] if it["kind"].startswith("activation"))
    explanation = model.explain(BAG, at=layer["name"])
    assert list(explanation.relevance.shape) == layer["shape"][1:]
    assert explanation.report()["parameters"]["at"] == layer["name"]


def test_a_batch_is_what_single_inputs_are(model) -> None:
    single = [model.explain(path).relevance for path in PICTURES]
    for one, expected in zip(model.explain_batch(PICTURES), single, strict=True):
        np.testing.assert_array_equal(one.relevance, expected)
    pixels = np.stack([np.asarray(Image.open(path)) for path in PICTURES])
    for one, expected in zip(model.explain_batch(pixels), single, strict=True):
        np.testing.assert_array_equal(one.relevance, expected)
    assert model.explain_batch([]) == []


def test_a_batch_has_a_class_for_each(model) -> None:
    classes = list(range(len(PICTURES)))
    found = model.explain_batch(PICTURES, target=np.array(classes))
    assert [one.target.index for one in found] == classes
    assert {one.target.index for one in model.explain_batch(PICTURES, target="Bag")} == {8}
    with pytest.raises(onnxplain.TargetError, match="2 targets for 10 inputs"):
        model.explain_batch(PICTURES, target=[1, 2])


def test_attribute_is_as_captums(model) -> None:
    pixels = np.stack([np.asarray(Image.open(path)) for path in PICTURES])
    prepared = ((pixels / 255 - 0.2860) / 0.3530).astype(np.float32)[:, None]
    found = model.attribute(prepared, target=[8] * len(PICTURES), method="occlusion", sliding_window_shapes=(1, 7, 7), strides=(1, 7, 7))
    assert found.shape == prepared.shape and found.dtype == np.float32
    expected = model.explain(prepared[3], target=8, method="occlusion", patch=[7, 7], stride=[7, 7])
    np.testing.assert_array_equal(found[3], expected.relevance)


def test_predictions(model) -> None:
    prediction = model.predict(BAG)
    assert prediction.logits.shape == (10,) and prediction.logits.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert prediction.top.index == prediction.logits.argmax() == 8
    several = model.predict_batch(PICTURES)
    np.testing.assert_array_equal(several[PICTURES.index(BAG)].logits, prediction.logits)
    assert "Bag" in repr(prediction) and "Bag" in prediction._repr_html_()


def test_what_is_known_of_a_model(model, command) -> None:
    assert model.inputs == {next(iter(model.inputs)): (1, 1, 28, 28)} and model.input_shape == (1, 1, 28, 28)
    assert (model.class_count, model.labels[8], model.family) == (10, "Bag", "plain")
    low, high = model.input_range
    assert low == pytest.approx([-0.2860 / 0.3530]) and high == pytest.approx([(1 - 0.2860) / 0.3530])
    assert "28" in model.preprocessing and model.path == FASHION
    assert "10 classes" in repr(model)


def test_options_of_opening() -> None:
    assert onnxplain.load(FASHION, labels=False).labels is None
    names = [f"kind {index}" for index in range(10)]
    assert onnxplain.load(FASHION, labels=names).explain(BAG).target.label == "kind 8"
    other = onnxplain.load(FASHION, mean=0.5, std=[0.25], input_range=(-2, 2.0))
    assert other.input_range == ([-2.0], [2.0]) and "0.5" in other.preprocessing
    assert onnxplain.load(FASHION, input_range="unknown").input_range is None
    card = onnxplain.load(FASHION, card=FASHION.with_suffix(".yaml"))
    np.testing.assert_array_equal(card.explain(BAG).relevance, onnxplain.load(FASHION, threads=1).explain(BAG).relevance)
    with pytest.raises(TypeError, match="unexpected keyword argument 'cards'"):
        onnxplain.load(FASHION, cards="x")
    with pytest.raises(TypeError, match="not both"):
        onnxplain.load(FASHION, card="a", preprocess="unit")


def test_inspect_and_check_say_what_the_command_says(model, command) -> None:
    import json

    theirs = json.loads(command("inspect", FASHION, "--json", "--composite", "epsilon-plus").stdout)
    assert model.inspect(composite="epsilon-plus") == theirs
    theirs = json.loads(command("check", FASHION, BAG, "--json").stdout)
    ours = model.check([BAG])
    assert ours == theirs
    assert ours["function"]["is_unchanged"] and ours["conservation"]["is_conserved"] and ours["inputs"] == 4


def test_presets_and_methods_are_the_commands(command) -> None:
    import json

    theirs = [json.loads(line) for line in command("presets", "--json").stdout.splitlines()]
    assert [{"name": it["name"], "about": it["about"]} for it in onnxplain.presets()] == theirs
    shown = command("presets", "show", "vgg").stdout
    assert next(it for it in onnxplain.presets() if it["name"] == "vgg")["yaml"] == shown
    methods = {it["name"]: it for it in onnxplain.methods()}
    assert {"lrp", "rise", "grad-cam"} <= set(methods)
    steps = next(it for it in methods["integrated-gradients"]["parameters"] if it["name"] == "steps")
    assert steps["default"] == 50


def test_torch_tensors_are_arrays(model) -> None:
    torch = pytest.importorskip("torch")
    prepared = torch.zeros(1, 1, 28, 28, requires_grad=True)
    expected = model.explain(np.zeros((1, 1, 28, 28), np.float32), target=3).relevance
    np.testing.assert_array_equal(model.explain(prepared, target=3).relevance, expected)
