"""The tables of docs/sweeps/parity.md."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from assignment import Composite
from attribution import Difference
from families import FAMILIES
from references import Reference

TOLERANCE = 1e-4
ROUNDING_FACTOR = 3.0
ILL_CONDITIONED = 1e-2
"""A float32 error of the reference beyond which a comparison in float32 says little."""


@dataclass(frozen=True)
class Comparison:
    """One case, one preset: onnxplain against the reference."""

    network: str
    seed: int
    composite: Composite
    reference: Reference
    found: dict[str, Difference | str]
    """By export: how far the relevance is from the reference (the first export), or from that of the
    first export (the others); or what went wrong."""

    @property
    def allowed(self) -> float:
        """1e-4, or three times torch's own float32 error where that is larger."""
        return max(TOLERANCE, ROUNDING_FACTOR * self.reference.float32.relative)

    def excess(self, export: str) -> float:
        """Difference / allowed."""
        found = self.found[export]
        return found.relative / self.allowed if isinstance(found, Difference) else float("inf")

    @property
    def is_confirmed(self) -> bool:
        """Whether zennit gives the same as the reference, where it can be made to, or lacks the preset."""
        is_beyond = FAMILIES[self.network].is_beyond_zennit and not self.composite.is_gradient
        return is_beyond or self.reference.shipped is None or self.reference.agrees_with_zennit

    @property
    def passed(self) -> bool:
        """Whether every export is within what is allowed."""
        return self.is_confirmed and all(self.excess(export) <= 1.0 for export in self.found)


def parity_table(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Network by preset: the seed that comes closest to what is allowed."""
    yield (
        "| network | preset | max\\|ΔR\\| / max\\|R\\| | cosine | torch float32: max\\|ΔR\\| / max\\|R\\| "
        "| zennit as it is | zennit with our canonizers | verdict |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|---|"
    for (network, preset), group in groupby(comparisons, lambda row: (row.network, row.composite.name)):
        rows = list(group)
        yield _parity_row(network, preset, max(rows, key=lambda row: row.excess(next(iter(row.found)))), len(rows))


def _parity_row(network: str, preset: str, worst: Comparison, seeds: int) -> str:
    label = f"{network} (worst of {seeds})" if seeds > 1 else network
    found = next(iter(worst.found.values()))
    figures = f"{found.relative:.1e} | {found.cosine:.8f}" if isinstance(found, Difference) else "- | -"
    references = (worst.reference.shipped, worst.reference.completed)
    zennit = (f"{found.relative:.0e}" if found else "-" for found in references)
    return (
        f"| {label} | {preset} | {figures} | {worst.reference.float32.relative:.1e} "
        f"| {' | '.join(zennit)} | {_verdict(worst, found)} |"
    )


def _verdict(row: Comparison, found: Difference | str) -> str:
    if isinstance(found, str):
        return f"FAILED: {found}".replace("|", "\\|")
    if not row.is_confirmed:
        return "zennit and the reference DISAGREE"
    if found.relative > row.allowed:
        return f"OFF (allowed {row.allowed:.1e})"
    if row.reference.float32.relative > ILL_CONDITIONED:
        return "ill-conditioned"
    return "ok" if found.relative <= TOLERANCE else f"ok (allowed {row.allowed:.1e})"


def exports_table(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Network by export: the preset whose relevance differs most from that of the first export.

    A table for each list of exports.
    """
    by_exports: dict[tuple[str, ...], list[Comparison]] = {}
    for row in comparisons:
        if len(row.found) > 1:
            by_exports.setdefault(tuple(row.found)[1:], []).append(row)
    for exports, rows in by_exports.items():
        yield "| network | " + " | ".join(exports) + " | verdict |"
        yield "|---|" + "---:|" * len(exports) + "---|"
        for network, group in groupby(rows, lambda row: row.network):
            yield _exports_row(network, exports, list(group))
        yield ""


def _exports_row(network: str, exports: tuple[str, ...], rows: list[Comparison]) -> str:
    cells = [_export_cell(max(rows, key=lambda row: row.excess(export)), export) for export in exports]
    off = [row for row in rows if any(row.excess(export) > 1.0 for export in exports)]
    verdict = "ok" if not off else "OFF: " + ", ".join(sorted({row.composite.name for row in off}))
    return f"| {network} | " + " | ".join(cells) + f" | {verdict} |"


def _export_cell(worst: Comparison, export: str) -> str:
    found = worst.found[export]
    if isinstance(found, str):
        return f"FAILED: {found}".replace("|", "\\|")
    return f"{found.relative:.1e} of {worst.allowed:.1e} ({worst.composite.name})"
