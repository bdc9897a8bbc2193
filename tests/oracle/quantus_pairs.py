"""Metrics that onnxplain and Quantus 0.6 both have: equal settings must give equal numbers.

A pair computes what Quantus says of all pictures, and reads what onnxplain says; both as [N, ...].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import quantus
import torch
from quantus.functions.perturb_func import noisy_linear_imputation

from evaluate_run import Array, Evaluation, Pictures
from quantus_model import OnnxModule
from random_streams import bits, key, word_of

CALL = {"device": "cpu", "channel_first": True}
QUIET = {"disable_warnings": True}
MAPS = "noise"
LINEAR_LEVELS = 8


@dataclass(frozen=True)
class Subject:
    """The pictures with Quantus' view of the model."""

    pictures: Pictures
    model: OnnxModule
    classes: Array

    @staticmethod
    def of(pictures: Pictures) -> "Subject":
        """With the top classes, in batches."""
        model = OnnxModule(pictures.model, is_batched=True)
        return Subject(pictures, model, model(torch.from_numpy(pictures.inputs)).argmax(1).numpy())

    @property
    def maps(self) -> Array:
        """[N, 1, H, W]."""
        return self.pictures.maps[MAPS][:, None].copy()

    def arguments(self) -> dict:
        """What every metric of Quantus is called with."""
        return {
            "model": self.model,
            "x_batch": self.pictures.inputs.copy(),
            "y_batch": self.classes,
            "a_batch": self.maps,
            "s_batch": self.pictures.masks[:, None],
            **CALL,
        }

    def probabilities(self, inputs: Array) -> Array:
        """Of each picture's class."""
        logits = self.model(torch.from_numpy(inputs.astype(np.float32))).double()
        return torch.softmax(logits, 1).numpy()[np.arange(len(inputs)), self.classes]


@dataclass(frozen=True)
class Pair:
    """A row of the table."""

    theirs: str
    ours: str
    metric: list[dict] | dict | str
    """As the plan of `onnxplain evaluate` has it; of several the first names the pair."""
    tolerance: float
    is_relative: bool
    quantus: Callable[[Subject], Array]
    onnxplain: Callable[[Evaluation, Subject], Array]
    is_gray: bool = False
    """Whether pictures of one channel are needed."""

    @property
    def name(self) -> str:
        """The metric's name in the report."""
        first = self.metrics()[0]
        return first if isinstance(first, str) else first["name"]

    def metrics(self) -> list:
        """What a plan must have for this pair."""
        return self.metric if isinstance(self.metric, list) else [self.metric]


def values(name: str) -> Callable[[Evaluation, Subject], Array]:
    """A metric's values."""
    return lambda found, subject: np.array([found.value(MAPS, stem, name) for stem in subject.pictures.stems])


def curves(name: str, order: str) -> Callable[[Evaluation, Subject], Array]:
    """A metric's curves."""
    return lambda found, subject: np.stack([found.curve(MAPS, stem, name, order) for stem in subject.pictures.stems])


def called(metric: Callable[[Subject], object], **extra: object) -> Callable[[Subject], Array]:
    """What a metric of Quantus says."""
    return lambda subject: np.array(metric(subject)(**subject.arguments(), **extra), dtype=np.float64)


def flipping_area(found: Evaluation, subject: Subject) -> Array:
    """Our area in Quantus' units: theirs has a step of 1 and lacks the first point."""
    area = values("pixels-area")(found, subject)
    curve = curves("pixels", "morf")(found, subject)
    return (curve.shape[1] - 1) * area - 0.5 * (curve[:, 0] + curve[:, 1])


def flipping(subject: Subject) -> object:
    """Pixel flipping, one pixel at a time."""
    return quantus.PixelFlipping(
        features_in_step=1,
        perturb_baseline=subject.pictures.lowest,
        normalise=False,
        return_auc_per_sample=True,
        return_aggregate=False,
        **QUIET,
    )


def perturbation(order: str) -> Callable[[Subject], object]:
    """Region perturbation of all cells."""
    return lambda subject: quantus.RegionPerturbation(
        patch_size=subject.pictures.inputs.shape[-1] // 14,
        regions_evaluation=196,
        order=order,
        perturb_baseline=subject.pictures.lowest,
        normalise=False,
        **QUIET,
    )


def drops(order: str) -> Callable[[Evaluation, Subject], Array]:
    """The loss of probability at every step."""

    def read(found: Evaluation, subject: Subject) -> Array:
        curve = curves("regions", order)(found, subject)
        return curve[:, :1] - curve[:, 1:]

    return read


def imputed(subject: Subject) -> Array:
    """Probabilities with the most relevant pixels imputed by Quantus' own function, without noise."""
    size = subject.maps[0].size
    orders = np.argsort(-subject.maps.reshape(len(subject.classes), size), axis=1)
    points = []
    for level in range(1, LINEAR_LEVELS):
        count = int(level * size / LINEAR_LEVELS + 0.5)
        pictures = [
            noisy_linear_imputation(picture.astype(np.float64), order[:count], noise=0.0)
            for picture, order in zip(subject.pictures.inputs, orders, strict=True)
        ]
        points.append(subject.probabilities(np.stack(pictures)))
    return np.stack(points, axis=1)


def our_subsets(subject: Subject) -> Array:
    """Faithfulness correlation by Quantus' own functions, over the subsets that onnxplain draws."""
    side, channels = subject.pictures.inputs.shape[-1] // 14, subject.pictures.inputs.shape[1]
    logits = lambda x: subject.model(torch.from_numpy(x)).numpy().astype(np.float64)  # noqa: E731
    found = []
    for index, stem in enumerate(subject.pictures.stems):
        picture, map_, class_ = subject.pictures.inputs[index], subject.maps[index, 0], subject.classes[index]
        removed = np.repeat(picture[None], 100, axis=0)
        sums = np.empty(100)
        for draw in range(100):
            keys = bits(key(0, [word_of("subsets"), word_of(stem), draw]), 196)
            chosen = np.zeros(196, dtype=bool)
            chosen[np.argsort(keys, kind="stable")[: round(0.2 * 196)]] = True
            mask = chosen.reshape(14, 14).repeat(side, axis=0).repeat(side, axis=1)
            removed[draw][:, mask] = subject.pictures.lowest
            sums[draw] = map_[mask].astype(np.float64).sum() * channels
        deltas = logits(picture[None])[0, class_] - logits(removed)[:, class_]
        found.append(quantus.similarity_func.correlation_pearson(a=sums, b=deltas))
    return np.array(found)


def simple(name: str, **options: object) -> Callable[[Subject], Array]:
    """A metric of the map alone."""
    return called(lambda _: getattr(quantus, name)(normalise=False, **options, **QUIET))


PAIRS = [
    Pair(
        "`PixelFlipping`, one pixel a step, area",
        "`morf`: pixels, black, all levels",
        [
            {"name": "pixels", "metric": "srg", "regions": "pixels", "fill": "black", "levels": 784},
            {"name": "pixels-area", "metric": "morf", "regions": "pixels", "fill": "black", "levels": 784},
        ],
        1e-6,
        True,
        called(flipping, softmax=True),
        flipping_area,
        is_gray=True,
    ),
    Pair(
        "`RegionPerturbation`, morf, every step",
        "`srg`: cells, black, 196 levels, curve `morf`",
        {"name": "regions", "metric": "srg", "regions": "cells", "fill": "black", "levels": 196},
        1e-5,
        False,
        called(perturbation("morf"), softmax=True),
        drops("morf"),
    ),
    Pair(
        "`RegionPerturbation`, lerf, every step",
        "the same, curve `lerf`",
        {"name": "regions", "metric": "srg", "regions": "cells", "fill": "black", "levels": 196},
        1e-5,
        False,
        called(perturbation("lerf"), softmax=True),
        drops("lerf"),
    ),
    Pair(
        "`noisy_linear_imputation`, no noise",
        f"`srg`: pixels, linear:0, {LINEAR_LEVELS} levels, curve `morf`",
        {"name": "imputed", "metric": "srg", "regions": "pixels", "fill": "linear:0", "levels": LINEAR_LEVELS},
        1e-5,
        False,
        imputed,
        lambda found, subject: curves("imputed", "morf")(found, subject)[:, 1:-1],
    ),
    Pair(
        "`correlation_pearson`, our subsets",
        "`faithfulness-correlation`: black",
        {"name": "correlation", "metric": "faithfulness-correlation", "fill": "black"},
        1e-5,
        False,
        our_subsets,
        values("correlation"),
    ),
    Pair("`RelevanceRankAccuracy`", "`rank`", "rank", 0.0, False, simple("RelevanceRankAccuracy"), values("rank")),
    Pair("`PointingGame`", "`pointing`", "pointing", 0.0, False, simple("PointingGame"), values("pointing")),
    Pair("`AUC`", "`roc`", "roc", 1e-9, False, simple("AUC"), values("roc")),
    Pair(
        "`AttributionLocalisation`, positive",
        "`mass`",
        "mass",
        1e-6,
        False,
        simple("AttributionLocalisation", positive_attributions=True, abs=False),
        values("mass"),
    ),
    Pair("`Sparseness`", "`sparseness`", "sparseness", 1e-5, False, simple("Sparseness", abs=True), values("sparseness")),
    Pair("`Complexity`", "`complexity`", "complexity", 1e-5, False, simple("Complexity", abs=True), values("complexity")),
]


def difference(pair: Pair, theirs: Array, ours: Array) -> float:
    """The largest difference; infinite where the shapes or a NaN do not fit."""
    if theirs.shape != ours.shape or not (np.isfinite(theirs).all() and np.isfinite(ours).all()):
        return float("inf")
    off = np.abs(theirs - ours)
    return float((off / np.abs(theirs)).max() if pair.is_relative else off.max())
