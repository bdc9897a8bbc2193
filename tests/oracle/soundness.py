"""Two laws on the torchvision networks: canonization keeps the function, and relevance is conserved."""

from dataclasses import dataclass
from pathlib import Path

from binary import Onnxplain
from exports import EXPORTS
from references import Case

FUNCTION_LIMIT = 1e-4
CONSERVATION_LIMIT = 1e-3
WITHOUT_BIAS = Path(__file__).with_name("without-bias.yaml")
"""A composite whose rules leave biases out, so that nothing but stabilizers absorbs relevance."""
CONSERVED = ("densenet121", "efficientnet_b0")


@dataclass(frozen=True)
class Table:
    """Lines of Markdown, and whether every row is within its limit."""

    lines: list[str]
    passed: bool


def function_table(onnxplain: Onnxplain, cases: list[Case]) -> Table:
    """`onnxplain check` on the first seed of every network and export: the worst pass, and all together."""
    lines = ["| network | export | worst pass alone | max\\|f − f'\\| / max\\|f\\| | all together, against tract | verdict |"]
    lines.append("|---|---|---|---:|---:|---|")
    passed = True
    for case in (case for case in cases if case.seed == 0):
        for export in EXPORTS:
            differences = onnxplain.function_differences(case.model(export), case.image)
            alone = {what: value for what, value in differences.items() if " alone" in what}
            worst = max(alone, key=lambda what: alone[what])
            together = [value for what, value in differences.items() if what not in alone][-1]
            is_good = all(value <= FUNCTION_LIMIT for value in differences.values())
            passed &= is_good
            verdict = "ok" if is_good else f"OFF: {max(differences.values()):.1e}"
            lines.append(
                f"| {case.name} | {export} | {worst.replace(' alone', '')} | {alone[worst]:.1e} | {together:.1e} | {verdict} |"
            )
    return Table(lines, passed)


def conservation_table(onnxplain: Onnxplain, cases: list[Case]) -> Table:
    """From the logit to the pixels with biases left out."""
    lines = ["| network | export | logit | sum at the pixels | relative difference | verdict |"]
    lines.append("|---|---|---:|---:|---:|---|")
    passed = True
    for case in (case for case in cases if case.seed == 0 and case.name in CONSERVED):
        for export in EXPORTS:
            relevance = onnxplain.explain(
                case.model(export), case.image, str(WITHOUT_BIAS), case.target, False, initial="logit"
            )
            total = float(relevance.values.sum(dtype="float64"))
            difference = abs(total - relevance.initial) / abs(relevance.initial)
            passed &= difference <= CONSERVATION_LIMIT
            verdict = "ok" if difference <= CONSERVATION_LIMIT else f"OFF (allowed {CONSERVATION_LIMIT:.0e})"
            lines.append(
                f"| {case.name} | {export} | {relevance.initial:.6f} | {total:.6f} | {difference:.1e} | {verdict} |"
            )
    return Table(lines, passed)
