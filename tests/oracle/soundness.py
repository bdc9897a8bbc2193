"""Two laws on the torchvision networks: canonization keeps the function, and relevance is conserved."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from attribution import forward
from binary import BinaryError, Onnxplain
from references import Case

FUNCTION_LIMIT = 1e-4
CONSERVATION_LIMIT = 1e-3
WITHOUT_BIAS = Path(__file__).with_name("without-bias.yaml")
"""A composite whose rules leave biases out, so that nothing but stabilizers absorbs relevance."""
CONSERVED = ("densenet121", "efficientnet_b0")
UNSHIFTED = ("vit_b_16", "swin_t", "convnext_tiny")
"""Networks that are examined without biases, class token and positions: under epsilon a rule that leaves biases out
divides by what the network never computed, and relevance grows beyond measure from block to block."""
UNSHIFTED_COMPOSITE = Path(__file__).parent / "composites" / "cp-lrp.yaml"
"""CP-LRP: the softmax of AttnLRP keeps relevance for what is constant in its expansion."""


@dataclass(frozen=True)
class Functions:
    """`onnxplain check` on a network: max|f - f'| / max|f| of the worst export, by what was compared."""

    network: str
    differences: dict[str, float]

    @classmethod
    def of(cls, onnxplain: Onnxplain, case: Case) -> "Functions":
        """Check every export that can be loaded; the others fail in the table of relevance."""
        worst: dict[str, float] = {}
        composite = str(next(iter(case.family.composites), "epsilon-plus"))
        for export in case.family.exports:
            try:
                differences = onnxplain.function_differences(case.model(export), case.image, composite)
            except BinaryError:
                continue
            for what, difference in differences.items():
                # "no-ops alone (3 nodes)": how many nodes depends on the export
                name = what.split(" (")[0].removesuffix(" alone") + what.partition(")")[2]
                worst[name] = max(worst.get(name, 0.0), difference)
        return cls(case.name, worst)

    @property
    def passed(self) -> bool:
        """Whether every pass keeps the function."""
        return all(difference <= FUNCTION_LIMIT for difference in self.differences.values())


@dataclass(frozen=True)
class Conservation:
    """What arrives at the pixels where biases are left out."""

    network: str
    export: str
    logit: float
    total: float

    @classmethod
    def of(cls, onnxplain: Onnxplain, case: Case) -> Iterator["Conservation"]:
        """Explain every export from the logit, or the network without its shifts."""
        if case.name in UNSHIFTED:
            yield cls._without_shifts(onnxplain, case)
        for export in case.family.exports if case.name in CONSERVED else ():
            relevance = onnxplain.explain(
                case.model(export), case.image, str(WITHOUT_BIAS), case.target, False, initial="logit"
            )
            yield cls(case.name, export, relevance.initial, float(relevance.values.sum(dtype="float64")))

    @classmethod
    def _without_shifts(cls, onnxplain: Onnxplain, case: Case) -> "Conservation":
        network, image = without_shifts(case.network), np.load(case.image)
        model = case.folder / "without-shifts.onnx"
        next(iter(case.family.exports.values())).write(network, image, model)
        target = int(forward(network, image).argmax())
        relevance = onnxplain.explain(model, case.image, str(UNSHIFTED_COMPOSITE), target, False, initial="logit")
        return cls(case.name, "without shifts", relevance.initial, float(relevance.values.sum(dtype="float64")))

    @property
    def difference(self) -> float:
        """Relative to the logit."""
        return abs(self.total - self.logit) / abs(self.logit)

    @property
    def passed(self) -> bool:
        """Whether the logit arrives."""
        return self.difference <= CONSERVATION_LIMIT


def without_shifts(network: nn.Module) -> nn.Module:
    """A copy in which everything that is added to a signal is zero."""
    copied = copy.deepcopy(network)
    for name, parameter in copied.named_parameters():
        if name.endswith(("bias", "_token", "pos_embed", "pos_embedding", "relative_position_bias_table")):
            nn.init.zeros_(parameter)
    return copied


def functions_table(rows: list[Functions]) -> Iterator[str]:
    """Network by canonization pass."""
    if rows:
        yield "| network | " + " | ".join(rows[0].differences) + " |"
        yield "|---|" + "---:|" * len(rows[0].differences)
    for row in rows:
        yield f"| {row.network} | " + " | ".join(_cell(value) for value in row.differences.values()) + " |"


def _cell(difference: float) -> str:
    if difference == 0.0:
        return "0"
    return f"{difference:.1e}" + ("" if difference <= FUNCTION_LIMIT else " OFF")


def conservation_table(rows: Iterable[Conservation]) -> Iterator[str]:
    """Network by export."""
    yield "| network | export | logit | sum at the pixels | relative difference | verdict |"
    yield "|---|---|---:|---:|---:|---|"
    for row in rows:
        verdict = "ok" if row.passed else f"OFF (allowed {CONSERVATION_LIMIT:.0e})"
        figures = f"{row.logit:.6f} | {row.total:.6f} | {row.difference:.1e}"
        yield f"| {row.network} | {row.export} | {figures} | {verdict} |"
