"""The cases of the parity table and the numbers they are held to, kept on disk.

A case is a family with a seed: its parameters, its image, its exports. The reference of a case and a
preset is our own relevance in float64 (`relevance.py`), with its own error in float32 and its distance
from zennit beside it.
"""

import copy
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from assignment import Composite
from attribution import Array, Difference, forward, zennit_relevance
from composites import COMPOSITES, InputRange
from families import FAMILIES
from family import Canonizers, Family
from networks import check_export
from relevance import explain

RECIPE = 2
"""Raise when the networks, inputs or references change: older caches are then made anew."""

AGREEMENT = 1e-10
"""The largest max|ΔR| / max|R| between zennit and our reference that counts as the same."""


@dataclass(frozen=True)
class Reference:
    """What the relevance has to be."""

    relevance: Array
    """Ours in float64, shape [C, H, W]."""
    float32: Difference
    """What the same reference in torch's float32 is off by."""
    shipped: Difference | None
    """How far zennit's float64 is from it with the canonizers it has; none where it lacks the preset."""
    completed: Difference | None
    """The same with the family's completed canonizers; none where there is nothing to complete."""

    @property
    def figures(self) -> dict[str, Difference | None]:
        """All but the relevance itself, by name."""
        return {"float32": self.float32, "shipped": self.shipped, "completed": self.completed}

    @property
    def agrees_with_zennit(self) -> bool:
        """Whether zennit, completed or as it is, gives the same but for rounding in float64."""
        best = self.completed or self.shipped
        return best is not None and best.relative <= AGREEMENT


@dataclass(frozen=True)
class Case:
    """A family with a seed, written to `folder`."""

    name: str
    family: Family
    seed: int
    folder: Path

    @property
    def image(self) -> Path:
        """The preprocessed input, float32 [3, H, W]."""
        return self.folder / "input.npy"

    def model(self, export: str) -> Path:
        """The ONNX file of an export."""
        return self.folder / f"{export}.onnx"

    @cached_property
    def facts(self) -> dict[str, object]:
        """Target, safety, changed filters, and the operators of each export."""
        facts: dict[str, object] = json.loads((self.folder / "case.json").read_text())
        return facts

    @property
    def target(self) -> int:
        """The class to explain: the one with the largest logit."""
        return int(str(self.facts["target"]))

    @cached_property
    def network(self) -> torch.nn.Module:
        """The network in float32, in evaluation mode."""
        network = self.family.build().eval()
        network.load_state_dict(torch.load(self.folder / "parameters.pt", weights_only=True))
        for module in network.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        return network

    def prepare(self) -> None:
        """Construct the network and export it in the first way, with seed 0 in every way, unless that is done."""
        if (self.folder / "case.json").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        construction = self.family.construct(self.name, self.seed)
        image = construction.image
        np.save(self.image, image)
        torch.save(construction.network.state_dict(), self.folder / "parameters.pt")
        facts: dict[str, object] = {
            "target": int(forward(construction.network, image).argmax()),
            "safety": construction.safety,
            "changed_filters": construction.changed_filters,
        }
        for name, export in list(self.family.exports.items())[: None if self.seed == 0 else 1]:
            facts[name] = export.write(self.network, image, self.model(name))
            check_export(self.network, image, self.model(name))
        (self.folder / "case.json").write_text(json.dumps(facts))

    def reference(self, composite: Composite, text: str) -> Reference:
        """The reference for a composite with the YAML `text`, from the disk where it was computed before."""
        stem = self.folder / f"{composite.name}-{sha256(text.encode()).hexdigest()[:8]}"
        relevance, figures = stem.with_suffix(".npy"), stem.with_suffix(".json")
        if not figures.exists():
            computed = self._compute(composite)
            np.save(relevance, computed.relevance)
            written = {name: asdict(found) if found else None for name, found in computed.figures.items()}
            figures.write_text(json.dumps(written))
        read = json.loads(figures.read_text())
        differences = {name: Difference(**found) if found else None for name, found in read.items()}
        return Reference(np.load(relevance), **differences)

    def _compute(self, composite: Composite) -> Reference:
        pixels = torch.from_numpy(np.load(self.image))[None]

        def run(network: torch.nn.Module, image: torch.Tensor) -> Array:
            found: Array = explain(self.family.layers(network, image), composite, image, self.target)[0].numpy()
            return found

        relevance = run(copy.deepcopy(self.network).double(), pixels.double())
        if not np.isfinite(relevance).all() or not relevance.any():
            raise ArithmeticError(f"{self.name}: the relevance is not finite, or zero everywhere")
        float32 = Difference.between(run(self.network, pixels), relevance)
        shipped = self._zennit(composite, self.family.shipped, relevance)
        more = self.family.completed_gradients if composite.is_gradient else self.family.completed
        return Reference(relevance, float32, shipped, more and self._zennit(composite, more, relevance))

    def _zennit(self, composite: Composite, canonizers: Canonizers, relevance: Array) -> Difference | None:
        if composite.name not in COMPOSITES:
            return None
        zennit = COMPOSITES[composite.name](canonizers(), InputRange.imagenet())
        found = zennit_relevance(self.network, zennit, np.load(self.image), self.target)
        return Difference.between(found, relevance)


def cases(names: list[str], work: Path) -> list[Case]:
    """The cases of the families named, with every seed."""
    libraries = "-".join(version(library) for library in ("torch", "torchvision", "zennit"))
    return [
        Case(name, FAMILIES[name], seed, work / f"{name}-{seed}-{RECIPE}-{libraries}")
        for name in names
        for seed in FAMILIES[name].seeds
    ]
