"""Quantus and CoRelAy, the real packages, take our relevance."""

from __future__ import annotations

import numpy as np
import onnxplain
import pytest
from conftest import FASHION, PICTURES
from PIL import Image


def batch() -> np.ndarray:
    pixels = np.stack([np.asarray(Image.open(path)) for path in PICTURES])
    return ((pixels / 255 - 0.2860) / 0.3530).astype(np.float32)[:, None]


def test_quantus_evaluates() -> None:
    quantus = pytest.importorskip("quantus")
    import onnxplain.quantus

    inputs = batch()
    model = onnxplain.load(FASHION)
    classes = np.array([it.top.index for it in model.predict_batch(inputs)])
    ways = {
        "lrp": onnxplain.quantus.explain_func(model),
        "saliency": onnxplain.quantus.explain_func(str(FASHION), method="saliency"),
    }
    flat = dict(features_in_step=28, perturb_baseline="black", disable_warnings=True, return_aggregate=False)
    metrics = {
        "sparseness": quantus.Sparseness(disable_warnings=True),
        "flipping": quantus.PixelFlipping(return_auc_per_sample=True, **flat),
    }
    found = quantus.evaluate(
        metrics=metrics,
        xai_methods=ways,
        model=onnxplain.quantus.torch_module(model),
        x_batch=inputs,
        y_batch=classes,
        agg_func=np.array,
        explain_func_kwargs={},
        call_kwargs={"call": {"device": "cpu", "channel_first": True, "softmax": True}},
    )
    by_hand = model.attribute(inputs, classes)
    expected = quantus.Sparseness(disable_warnings=True)(
        model=onnxplain.quantus.torch_module(model), x_batch=inputs, y_batch=classes, a_batch=by_hand, channel_first=True
    )
    for way in ways:
        for metric in metrics:
            scores = np.ravel(found[way][metric]).astype(float)
            assert scores.shape == (len(PICTURES),) and np.isfinite(scores).all()
    np.testing.assert_allclose(np.ravel(found["lrp"]["sparseness"]), expected, rtol=1e-6)
    flipped = {way: float(np.mean(found[way]["flipping"])) for way in ways}
    # Where LRP says, the network reacts: its probability falls faster than by the gradient's order.
    assert flipped["lrp"] < flipped["saliency"]


def test_corelay_clusters() -> None:
    pytest.importorskip("corelay")
    from corelay.pipeline.spectral import SpectralClustering
    from corelay.processor.clustering import KMeans

    model = onnxplain.load(FASHION)
    copies = [np.roll(batch(), shift, axis=-1) for shift in range(-2, 3)]
    heatmaps = np.stack([it.map for it in model.explain_batch(np.concatenate(copies))])
    pipeline = SpectralClustering(clustering=KMeans(n_clusters=3, is_output=True))
    (eigenvalues, embedding), clusters = pipeline(heatmaps.reshape(len(heatmaps), -1))
    assert embedding.shape[0] == len(heatmaps) and np.isfinite(eigenvalues).all()
    assert clusters.shape == (len(heatmaps),) and np.unique(clusters).size == 3
