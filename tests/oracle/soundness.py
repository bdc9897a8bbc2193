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
    """`onnxplain check` on the first seed of every network: max|f - f'| / max|f| of the worst export."""
    lines: list[str] = []
    passed = True
    for case in (case for case in cases if case.seed == 0):
        worst: dict[str, float] = {}
        for export in EXPORTS:
            differences = onnxplain.function_differences(case.model(export), case.image)
            for what, difference in differences.items():
                # "no-ops alone (3 nodes)": how many nodes depends on the export
                name = what.split(" (")[0].removesuffix(" alone") + what.partition(")")[2]
                worst[name] = max(worst.get(name, 0.0), difference)
        lines = lines or ["| network | " + " | ".join(worst) + " |", "|---|" + "---:|" * len(worst)]
        lines.append(f"| {case.name} | " + " | ".join(_cell(difference) for difference in worst.values()) + " |")
        passed &= all(difference <= FUNCTION_LIMIT for difference in worst.values())
    return Table(lines, passed)


def _cell(difference: float) -> str:
    if difference == 0.0:
        return "0"
    return f"{difference:.1e}" + ("" if difference <= FUNCTION_LIMIT else " OFF")


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
