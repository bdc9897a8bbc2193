"""What Quantus 0.6 does where onnxplain differs on purpose, each shown by running it.

Every function returns what was seen; it raises where Quantus does no longer do so, so that the table cannot go stale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import quantus
import torch

from quantus_model import OnnxModule

SAMPLE_MODELS = Path(__file__).parents[2] / "sample-models"
CALL = {"device": "cpu", "channel_first": True}


@dataclass(frozen=True)
class Deviation:
    """A row of the table."""

    metric: str
    ours: str
    seen: Callable[[], str]


def gray(count: int = 2, seed: int = 0) -> tuple[OnnxModule, np.ndarray, np.ndarray, np.ndarray]:
    """A small classifier, pictures, their classes and maps."""
    model = OnnxModule(SAMPLE_MODELS / "fashion_resnet.onnx", is_batched=True)
    generator = np.random.default_rng(seed)
    pictures = generator.uniform(-0.8, 2.0, (count, 1, 28, 28)).astype(np.float32)
    classes = model_classes(model, pictures)
    return model, pictures, classes, generator.normal(size=(count, 1, 28, 28)).astype(np.float32)


def model_classes(model: OnnxModule, pictures: np.ndarray) -> np.ndarray:
    """The top classes."""
    return model(torch.from_numpy(pictures)).argmax(1).numpy()


def expect(is_so: bool, text: str) -> str:
    """The text, if it is true."""
    if not is_so:
        raise AssertionError(f"Quantus no longer does this: {text}")
    return text


def normalisation() -> str:
    """A picture's value depends on the pictures beside it."""
    _, pictures, classes, maps = gray()
    louder = maps.copy()
    louder[1] *= 10.0
    values = []
    for batch in (maps, louder):
        metric = quantus.Sparseness(abs=True, normalise=True, disable_warnings=True, return_aggregate=False)
        metric(model=None, x_batch=pictures, y_batch=classes, a_batch=batch.copy(), **CALL)
        normalised = metric.normalise_func(batch.copy())
        values.append(float(np.abs(normalised[0]).max()))
    return expect(
        abs(values[0] - values[1]) > 0.1,
        f"divides all maps of a batch by the largest value in it: the largest value of a picture's map becomes {values[0]:.2f}, or "
        f"{values[1]:.2f} when its neighbour's map was multiplied by 10; what is not scale-free changes with it",
    )


def monotonicity() -> str:
    """Monotonicity is true for noise."""
    model, pictures, classes, maps = gray(8)
    found = quantus.Monotonicity(features_in_step=28, disable_warnings=True)(
        model=model, x_batch=pictures, y_batch=classes, a_batch=maps, **CALL
    )
    return expect(all(found), "`Monotonicity` overwrites the picture with the baseline in every step: true for random maps of all 8 pictures")


def completeness() -> str:
    """Completeness tests two floats for equality."""
    model, pictures, classes, _ = gray(8)
    logits, black = (
        model(torch.from_numpy(x)).numpy()[np.arange(8), classes].astype(np.float64)
        for x in (pictures, np.zeros_like(pictures))
    )
    maps = np.random.default_rng(1).normal(size=pictures.shape)
    maps += ((logits - black - maps.sum(axis=(1, 2, 3))) / maps[0].size)[:, None, None, None]
    found = quantus.Completeness(normalise=False, perturb_baseline=0.0, disable_warnings=True)(
        model=model, x_batch=pictures, y_batch=classes, a_batch=maps.copy(), **CALL
    )
    error = np.abs(maps.sum(axis=(1, 2, 3)) - (logits - black)).max()
    return expect(
        not all(found),
        f"`Completeness` asks whether two float sums are equal: false for {8 - sum(map(bool, found))} of 8 maps that add up to {error:.0e}",
    )


def colour(metric: Callable[[], object], name: str) -> Callable[[], str]:
    """A metric that fails on a colour picture."""

    def seen() -> str:
        model = OnnxModule(SAMPLE_MODELS / "efficientnet_lite0.onnx", is_batched=True)
        generator = np.random.default_rng(0)
        pictures = generator.uniform(-1, 1, (1, 3, 224, 224)).astype(np.float32)
        maps = generator.normal(size=(1, 1, 224, 224)).astype(np.float32)
        try:
            metric()(model=model, x_batch=pictures, y_batch=model_classes(model, pictures), a_batch=maps, **CALL)
        except Exception as error:  # noqa: BLE001
            return f"`{name}` fails on a colour picture: {type(error).__name__}"
        raise AssertionError(f"{name} no longer fails on colour pictures")

    return seen


def empty_mask() -> str:
    """An empty mask is hit."""
    _, pictures, classes, maps = gray(1)
    masks = np.zeros((1, 1, 28, 28), dtype=bool)
    # Quantus refuses pictures without any mask, so that one of two is empty.
    masks = np.concatenate([masks, np.ones_like(masks)])
    pictures, maps = np.concatenate([pictures] * 2), np.concatenate([maps] * 2)
    found = quantus.PointingGame(normalise=False, disable_warnings=True)(
        model=None, x_batch=pictures, y_batch=np.concatenate([classes] * 2), a_batch=maps, s_batch=masks, **CALL
    )
    return expect(bool(found[0]) is True, "`PointingGame` counts an empty mask as a hit: NaN is written into an array of booleans")


def weighted_localisation() -> str:
    """The weight depends on the size of the batch."""
    _, pictures, classes, maps = gray(6)
    maps = np.abs(maps)
    masks = np.zeros_like(pictures, dtype=bool)
    masks[..., :14, :] = True
    one = lambda count: quantus.AttributionLocalisation(weighted=True, normalise=False, disable_warnings=True)(  # noqa: E731
        model=None, x_batch=pictures[:count], y_batch=classes[:count], a_batch=maps[:count], s_batch=masks[:count], **CALL
    )[0]
    few, many = one(3), one(6)
    return expect(
        few != many,
        f"`AttributionLocalisation(weighted=True)` multiplies by the mask's share of other pictures of the batch: {few:.3f} in a batch of "
        f"three, {many:.3f} in one of six",
    )


def mass_accuracy() -> str:
    """Negative relevance leaves 0..1."""
    _, pictures, classes, maps = gray(1)
    masks = maps > 0
    found = quantus.RelevanceMassAccuracy(normalise=False, disable_warnings=True)(
        model=None, x_batch=pictures, y_batch=classes, a_batch=maps, s_batch=masks, **CALL
    )[0]
    return expect(not 0.0 <= found <= 1.0, f"`RelevanceMassAccuracy` divides by the signed sum: {found:.1f} for a map with negative relevance")


def unseeded() -> str:
    """Two runs differ."""
    model, pictures, classes, maps = gray(1)
    run = lambda: quantus.FaithfulnessCorrelation(  # noqa: E731
        nr_runs=20, subset_size=100, perturb_baseline=0.0, return_aggregate=False, disable_warnings=True
    )(model=model, x_batch=pictures, y_batch=classes, a_batch=maps, **CALL)[0]
    first, second = run(), run()
    return expect(first != second, f"has no seed: faithfulness correlation of one map, run twice: {first:.3f}, {second:.3f}")


def ties() -> str:
    """Equal values are taken from the upper left."""
    model, pictures, classes, maps = gray(1)
    flat = np.full_like(maps, 0.5)
    # Quantus refuses maps of a single value.
    flat[..., -1, -1] = 0.1
    found = quantus.RegionPerturbation(
        patch_size=2, regions_evaluation=1, perturb_baseline=0.0, normalise=False, disable_warnings=True
    )(model=model, x_batch=pictures, y_batch=classes, a_batch=flat, softmax=False, **CALL)[0]
    whole = model(torch.from_numpy(pictures)).numpy()[0, classes[0]]
    changed = np.repeat(pictures, 196, axis=0)
    for region in range(196):
        row, column = divmod(region, 14)
        changed[region, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 0.0
    drops = whole - model(torch.from_numpy(changed)).numpy()[:, classes[0]]
    first = int(np.abs(drops - found[0]).argmin())
    return expect(
        abs(drops[first] - found[0]) < 1e-5,
        f"takes equal values in the order in which numpy's sort leaves them on this processor: of 195 equal regions number {first} first",
    )


def relative_stability() -> str:
    """One flip makes the whole picture NaN."""
    model, pictures, classes, maps = gray(1)
    explain = lambda model, inputs, targets, **_: np.asarray(inputs)  # noqa: E731
    found = quantus.RelativeInputStability(nr_samples=200, disable_warnings=True)(
        model=model, x_batch=pictures, y_batch=classes, a_batch=maps, explain_func=explain, **CALL
    )
    noise = quantus.functions.perturb_func.uniform_noise(np.zeros((1, 784)), (np.arange(784),), [1], lower_bound=0.02, upper_bound=0.2)
    is_positive = float(noise.min()) >= 0.0
    is_nan = bool(np.isnan(found[0]))
    return expect(
        is_positive,
        "`RelativeInputStability` adds noise from +0.02 to +0.2 only, a brighter picture" + ("; one flip of the class makes the picture NaN" if is_nan else ""),
    )


DEVIATIONS = [
    Deviation("all", "each picture by itself", normalisation),
    Deviation("all", "counted streams: the same numbers for any order, shard and number of threads", unseeded),
    Deviation("all orders", "ties by a seeded key, the same in both orders: an all-zero map has `srg` 0", ties),
    Deviation("`monotonicity-correlation`", "rank correlation with single regions removed", monotonicity),
    Deviation("`completeness`", "relative error", completeness),
    Deviation("`road`", "works on colour, every picture", colour(lambda: quantus.ROAD(disable_warnings=True), "ROAD")),
    Deviation("`irof`", "works on colour", colour(lambda: quantus.IROF(disable_warnings=True), "IROF")),
    Deviation("`pointing`", "undefined for an empty mask", empty_mask),
    Deviation("`mass-gain`", "mass divided by the object's own share of the picture", weighted_localisation),
    Deviation("`mass`", "positive relevance only: always within 0..1", mass_accuracy),
    Deviation("`ris`", "even noise in both directions; draws that flip the class are left out", relative_stability),
]


def rows() -> list[str]:
    """The table in Markdown."""
    lines = ["| metric | onnxplain | Quantus 0.6, seen in this run |", "|---|---|---|"]
    for deviation in DEVIATIONS:
        lines.append(f"| {deviation.metric} | {deviation.ours} | {deviation.seen()} |")
    return lines


if __name__ == "__main__":
    print("\n".join(rows()))
