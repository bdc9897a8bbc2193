"""The page of the book about compiled graphs: how near they are, and how fast."""

from collections.abc import Collection, Iterator, Sequence

LIMIT = 1e-3
"""Of the largest relevance; three times the engine's own rounding where that is more."""
BATCH_LIMIT = 1e-5
GOALS = {"resnet18": 1.25, "resnet50": 1.25, "vgg16": 1.25, "mobilenet_v2": 2.0, "efficientnet_b0": 2.0}
"""The graph's time by that of three forward passes."""
FORMS = ["standard", "portable"]

HEAD = """# Compiled graphs against the engine

Written by `tests/oracle/compile_parity.py`; do not edit. [Explanations wherever ONNX runs](../compile.md) is the guide.

Graphs that `onnxplain compile` writes, run by onnxruntime, beside `onnxplain explain`. Networks have random weights; those
of `tests/oracle/families.py` are built such that no ReLU and no pooling window hangs on rounding. Off: the largest
difference as a part of the largest relevance, of the strongest class. In a batch: the largest difference between four
pictures, which ask for different classes, together and alone. Rounding: how far the engine's own relevance moves where
the last bits of the input move, or where it computes with other instructions. Allowed are 1e-3, or three times the
rounding, and 1e-5 (or a tenth of the rounding) in a batch.
"""


def allowed(row: dict) -> float:
    """How far a relevance may be off."""
    return max(LIMIT, 3 * row["rounding"])


def is_passed(row: dict) -> bool:
    """Whether everything is within what is allowed, or refused."""
    if "refused" in row:
        return True
    in_batch = max(BATCH_LIMIT, row["rounding"] / 10)
    return all(row[form] <= allowed(row) and row[f"{form}-batch"] <= in_batch for form in FORMS)


def page(rows: Sequence[dict], wanted: dict[str, Sequence[str]]) -> str:
    """The page; `wanted` says which rules every network should be compared under."""
    latest = {(row["kind"], row["network"], row["rules"]): row for row in rows}
    parity = [row for (kind, *_), row in latest.items() if kind == "parity"]
    speed = [row for (kind, *_), row in latest.items() if kind == "speed"]
    tables = (_networks(parity), _large(parity), _refused(parity), _missing(latest.keys(), wanted))
    parts = [HEAD, *("\n".join(table) for table in tables)]
    if speed:
        parts.append("\n".join(_speed(speed)))
    return "\n".join(part + "\n" for part in parts if part).replace("\n\n\n", "\n\n")


def _networks(rows: Sequence[dict]) -> Iterator[str]:
    yield "| network | rules compared | off | under | portable, off | in a batch | rounding there | |"
    yield "|---|---:|---:|---|---:|---:|---:|---|"
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name and "refused" not in row]
        if not own:
            continue
        worst = max(own, key=lambda row: row["standard"])
        most = {key: max(row[key] for row in own) for key in ("portable", "standard-batch", "portable-batch")}
        failed = sum(not is_passed(row) for row in own)
        yield (
            f"| {name} | {len(own)} | {worst['standard']:.1e} | {worst['rules']} | {most['portable']:.1e} "
            f"| {max(most['standard-batch'], most['portable-batch']):.1e} | {worst['rounding']:.1e} "
            f"| {f'{failed} beyond what is allowed' if failed else ''} |"
        )


def _large(rows: Sequence[dict]) -> Iterator[str]:
    large = [row for row in rows if "refused" not in row and (row["standard"] > LIMIT or not is_passed(row))]
    if not large:
        return
    yield "Further off than 1e-3, or failed:\n"
    yield "| network | rules | off | portable, off | in a batch | rounding | |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row in large:
        in_batch = max(row[f"{form}-batch"] for form in FORMS)
        mark = "" if is_passed(row) else "**failed**"
        figures = [row["standard"], row["portable"], in_batch, row["rounding"]]
        yield f"| {row['network']} | {row['rules']} | " + " | ".join(f"{it:.1e}" for it in figures) + f" | {mark} |"


def _refused(rows: Sequence[dict]) -> Iterator[str]:
    refused = [row for row in rows if "refused" in row]
    if not refused:
        return
    yield "Refused, with the reason:\n"
    for row in refused:
        yield f"- {row['network']}, {row['rules']}: {row['refused'].replace('|', ' ')}"


def _missing(known: Collection[tuple], wanted: dict[str, Sequence[str]]) -> Iterator[str]:
    counts = {name: sum(("parity", name, it) not in known for it in rules) for name, rules in wanted.items()}
    left = [f"{name} ({count} of {len(wanted[name])})" for name, count in counts.items() if count]
    if left:
        yield f"Not run yet, of the rules of each network: {', '.join(left)}."


def _speed(rows: Sequence[dict]) -> Iterator[str]:
    yield "## Times"
    yield ""
    yield "Milliseconds of processor time of one thread for a picture of 224 x 224, the least of runs that take turns."
    yield "Engine: what one more input costs `onnxplain explain`, read and reported. Load and memory: of the graph, and in"
    yield "brackets of the network; memory is what loading and a first run add to the process.\n"
    yield "| network | rules | 3 forward passes | graph | graph / 3 forward | goal | engine | zennit | load, ms | memory, MiB |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        three = 3 * row["forward"]
        costs = [f"{row['graph-costs'][it]:.0f} ({row['forward-costs'][it]:.0f})" for it in ("load", "memory")]
        yield (
            f"| {row['network']} | {row['rules']} | {three:.0f} | {row['graph']:.0f} | {row['graph'] / three:.2f} "
            f"| {GOALS.get(row['network'], '')} | {row['engine']:.0f} | {row['zennit']:.0f} | {costs[0]} | {costs[1]} |"
        )
