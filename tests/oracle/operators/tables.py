"""The tables of the operators sweep, in Markdown."""

from collections import Counter
from collections.abc import Iterator

VERDICTS = ("right", "refused", "WRONG", "BROKEN", "no reference")


def summary(rows: list[dict]) -> Iterator[str]:
    """A line per operator: how many combinations of attributes are right, refused, wrong."""
    yield "| | operator | opsets | " + " | ".join(VERDICTS) + " |"
    yield "|---|---|---|" + "---:|" * len(VERDICTS)
    operators: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        operators.setdefault((row["family"], row["operator"]), []).append(row)
    for (family, operator), group in operators.items():
        opsets = ", ".join(map(str, sorted({row["opset"] for row in group})))
        yield f"| {family} | {operator} | {opsets} | {_counts(group)} |"
    yield f"| | all {len(operators)} | | {_counts(rows)} |"


def _counts(rows: list[dict]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    return " | ".join(str(counts[verdict] or "") for verdict in VERDICTS)


def details(rows: list[dict]) -> Iterator[str]:
    """A line per combination that is not right."""
    yield "| operator | opset | attributes | verdict | why | with --allow-gradient |"
    yield "|---|---:|---|---|---|---|"
    for verdict in reversed(VERDICTS[1:]):
        for row in rows:
            if row["verdict"] == verdict:
                words = [row["label"], verdict, row["reason"], row.get("allowed") or ""]
                cells = " | ".join(word.replace("|", "\\|")[:300] for word in words)
                yield f"| {row['operator']} | {row['opset']} | {cells} |"


def combinations(rows: list[dict]) -> Iterator[str]:
    """Every operator with all combinations of attributes that were tried, by opset; what is not right has its verdict."""
    operators: dict[tuple[str, str, int], list[dict]] = {}
    for row in rows:
        operators.setdefault((row["family"], row["operator"], row["opset"]), []).append(row)
    for (family, operator, opset), group in operators.items():
        tried = [
            (row["label"] or "no attributes") + ("" if row["verdict"] == "right" else f" (**{row['verdict']}**)")
            for row in group
        ]
        yield f"- {family}, `{operator}`, opset {opset}: " + "; ".join(tried)
