"""Compare onnxplain's relevance with references in float64 on torchvision networks, number by number.

    python tests/oracle/parity.py --onnxplain target/release/onnxplain

Prints Markdown tables; exits with 1 if a relevance is further off than allowed, or a function is changed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from assignment import Composite
from attribution import Difference
from binary import BinaryError, Onnxplain, Relevance
from families import FAMILIES
from family import Family
from references import Case, Reference, cases
from soundness import Conservation, Functions, conservation_table, functions_table
from tables import Comparison, exports_table, parity_table

FLAT_POOLING = "rules:\n  - when: { kind: average-pool }\n    rule: flat\n"


@dataclass(frozen=True)
class Variant:
    """A composite to compare: a preset, or a preset with flat average pooling."""

    composite: Composite
    text: str
    argument: str
    """What onnxplain is given: the preset's name, or a file."""


def variants(presets: dict[str, str], names: Sequence[str] | None, family: Family, work: Path) -> Iterator[Variant]:
    """What a family is compared under: presets, or its own composites, its preset and the gradient; `names` of them."""
    if not family.composites:
        for name in names or presets:
            yield from preset_variants(presets[name], family, work)
        return
    files = {file.stem: file for file in family.composites}
    for name in names or ["gradient", family.preset, *files]:
        if name in files:
            text = files[name].read_text(encoding="utf-8")
            yield Variant(Composite.parse(text), text, str(files[name]))
        else:
            yield Variant(Composite.parse(presets[name]), presets[name], name)


def preset_variants(text: str, family: Family, work: Path) -> Iterator[Variant]:
    """A preset's YAML, and where the family wants it the same with flat average pooling, written to `work`."""
    preset = Composite.parse(text)
    yield Variant(preset, text, preset.name)
    if family.has_flat_pooling_too and not preset.is_gradient:
        name = f"{preset.name}-flat-pooling"
        changed = text.replace("rules:\n", FLAT_POOLING, 1).replace(f"name: {preset.name}", f"name: {name}", 1)
        file = work / f"{name}.yaml"
        file.write_text(changed, encoding="utf-8")
        yield Variant(Composite.parse(changed), changed, str(file))


def compare(onnxplain: Onnxplain, case: Case, variant: Variant, reference: Reference) -> Comparison:
    """A case under one preset: every export of the first seed, of the other seeds the first export."""
    composite = variant.composite
    found: dict[str, Difference | str] = {}
    first: Relevance | None = None
    for export in list(case.family.exports)[: None if case.seed == 0 else 1]:
        try:
            relevance = onnxplain.explain(
                case.model(export), case.image, variant.argument, case.target, composite.needs_input_range
            )
        except BinaryError as error:
            found[export] = str(error)
            continue
        expected = reference.relevance if first is None else first.values
        found[export] = Difference.between(relevance.values, expected)
        first = first or relevance
    return Comparison(case.name, case.seed, composite, reference, found)


@dataclass
class Results:
    """What was compared so far."""

    comparisons: list[Comparison] = field(default_factory=list)
    functions: list[Functions] = field(default_factory=list)
    conservation: list[Conservation] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything is within what is allowed."""
        return all(row.passed for row in [*self.comparisons, *self.functions, *self.conservation])

    def markdown(self) -> str:
        """All tables."""
        tables = (
            parity_table(self.comparisons),
            exports_table(self.comparisons),
            functions_table(self.functions),
            conservation_table(self.conservation),
        )
        return "\n\n".join("\n".join(table) for table in tables) + "\n"


def examine(name: str, presets: dict[str, str], arguments: argparse.Namespace, results: Results) -> None:
    """Every seed of a network under every preset, references computed where the cache has none."""
    onnxplain = Onnxplain(arguments.onnxplain)
    family = cases([name], arguments.work)[: arguments.seeds]
    for case in family:
        case.prepare()
        _log(f"{name} {case.seed}: safety {case.facts['safety']:.1f}")
    for variant in variants(presets, arguments.preset, FAMILIES[name], arguments.work):
        for case in family:
            reference = case.reference(variant.composite, variant.text)
            if not arguments.references_only:
                row = compare(onnxplain, case, variant, reference)
                _log(f"{name} {case.seed} {variant.composite.name}: {_figures(row)}")
                results.comparisons.append(row)
    if not (arguments.references_only or arguments.relevance_only):
        results.functions.append(Functions.of(onnxplain, family[0]))
        results.conservation.extend(Conservation.of(onnxplain, family[0]))


def _figures(row: Comparison) -> str:
    figures = (f"{found.relative:.1e}" if isinstance(found, Difference) else found for found in row.found.values())
    return f"{' '.join(figures)}, allowed {row.allowed:.1e}" + ("" if row.passed else " FAILED")


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "onnxplain-oracle",
        help="where networks and references are kept (10 GB); default: %(default)s",
    )
    parser.add_argument("--network", nargs="+", choices=FAMILIES, default=list(FAMILIES), metavar="NAME")
    parser.add_argument("--preset", nargs="+", metavar="NAME", help="or a network's own composites; default: all")
    parser.add_argument("--seeds", type=int, help="compare only the first seeds of each network; default: all")
    parser.add_argument("--tables", type=Path, help="write the tables to this file too, after every network")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads; default: %(default)s")
    parser.add_argument("--references-only", action="store_true", help="fill the cache, explain nothing")
    parser.add_argument("--relevance-only", action="store_true", help="leave out the laws of soundness.py")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Print the tables and return the exit code."""
    arguments = parse(words)
    torch.set_num_threads(arguments.threads)
    if not arguments.onnxplain.exists():
        _log(f"{arguments.onnxplain} does not exist: cargo build --release")
        return 2
    presets = Onnxplain(arguments.onnxplain).presets()
    results = Results()
    for name in arguments.network:
        examine(name, presets, arguments, results)
        if arguments.tables:
            arguments.tables.write_text(results.markdown(), encoding="utf-8")
    if not arguments.references_only:
        print(results.markdown())
    return int(not results.passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
