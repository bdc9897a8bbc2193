"""Run zennit: relevance of one class for one image, in float64 and in float32."""

import copy
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer
from zennit.core import Composite

from composites import CompositeFactory, InputRange

Array: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True)
class Difference:
    """How far one relevance lies from a reference."""

    relative: float
    """max|R - reference| / max|reference|"""
    cosine: float
    """Cosine of the angle between the two, both flattened."""

    @classmethod
    def between(cls, relevance: Array, reference: Array) -> "Difference":
        """Compare in float64; a relevance with NaN or infinity is infinitely far."""
        found = relevance.astype(np.float64).ravel()
        expected = reference.astype(np.float64).ravel()
        if not np.isfinite(found).all():
            return cls(relative=float("inf"), cosine=0.0)
        length = float(np.linalg.norm(found) * np.linalg.norm(expected))
        return cls(
            relative=float(np.abs(found - expected).max() / np.abs(expected).max()),
            cosine=float(found @ expected) / length if length > 0.0 else 0.0,
        )


@dataclass(frozen=True)
class Reference:
    """zennit's relevance for one composite."""

    relevance: Array
    """Computed in float64, shape [C, H, W]."""
    float32: Difference
    """What torch's own float32 run of the same composite is off by."""


def forward(network: torch.nn.Module, image: Array) -> Array:
    """Logits [K] of one image [C, H, W], computed in float64."""
    double = copy.deepcopy(network).double()
    with torch.no_grad():
        logits: Array = double(torch.from_numpy(image).double()[None])[0].numpy()
    return logits


def zennit_relevance(
    network: torch.nn.Module,
    composite: Composite | None,
    image: Array,
    target: int,
    precision: torch.dtype = torch.float64,
) -> Array:
    """zennit's relevance [C, H, W] of class `target`, one being put in at its logit."""
    model = copy.deepcopy(network).to(precision)
    inputs = torch.from_numpy(image).to(precision)[None]
    with Gradient(model, composite) as attributor:
        classes = attributor.model(inputs).shape[1]
        _, relevance = attributor(inputs, torch.eye(classes, dtype=precision)[[target]])
    found: Array = relevance[0].numpy()
    return found


def attribute(
    network: torch.nn.Module,
    factory: CompositeFactory,
    canonizers: list[Canonizer],
    input_range: InputRange,
    image: Array,
    target: int,
) -> Reference:
    """zennit's relevance in float64, and what float32 makes of it."""

    def run(precision: torch.dtype) -> Array:
        return zennit_relevance(network, factory(canonizers, input_range), image, target, precision)

    reference = run(torch.float64)
    if not np.isfinite(reference).all() or not reference.any():
        raise ValueError("zennit's relevance is not finite, or zero everywhere: choose other weights")
    return Reference(reference, Difference.between(run(torch.float32), reference))
