"""Write tests/golden: tiny networks, an input each, and their relevance for every preset.

The relevance is zennit's; transformers and ConvNeXt, which zennit has no rules for, have that of `relevance.py`, and
their gradient torch's.

    python tests/oracle/make_goldens.py

`cargo test` reads the result without Python.
"""

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from zennit.canonizers import Canonizer
from zennit.composites import LayerMapComposite, NameLayerMapComposite, layer_map_base
from zennit.core import Composite
from zennit.rules import Epsilon, Flat, Gamma
from zennit.types import Convolution, Linear

import assignment
import exported
from attribution import Array, Difference, Reference, attribute, forward, zennit_relevance
from composites import COMPOSITES, CompositeFactory, InputRange
from networks import check_export, prepare, random_image, scale_logits
from references import AGREEMENT
from relevance import explain
from tiny import SIDE, TINY_NETWORKS, TinyNetwork, export_tiny, initialize, node_name
from tiny_transformers import TINY_TRANSFORMERS, TinyTransformer, write
from vision_transformers import COMPOSITES as COMPOSITE_FILES
from vision_transformers import randomized

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@dataclass(frozen=True)
class CustomComposite:
    """A composite that is no preset: in our YAML and in zennit's terms."""

    yaml: str
    factory: CompositeFactory


def _yaml(name: str, about: str, rules: list[str], stabilizer: str = "1e-6") -> str:
    base = [
        "when: { kind: [sum, average-pool] }\n    rule: norm",
        "when: { kind: activation }\n    rule: pass",
    ]
    entries = "".join(f"  - {rule}\n" for rule in rules + base)
    return f"name: {name}\nabout: {about}\nstabilizer: {stabilizer}\nrules:\n{entries}"


def epsilon_gamma() -> CustomComposite:
    """Gamma 0.25 on convolutions, the first included, epsilon on dense layers."""

    def factory(canonizers: list[Canonizer], _: InputRange) -> Composite:
        layer_map = [*layer_map_base(), (Convolution, Gamma(0.25)), (torch.nn.Linear, Epsilon(1e-6))]
        return LayerMapComposite(layer_map, canonizers=canonizers)

    rules = [
        "when: { kind: convolution }\n    rule: { gamma: { gamma: 0.25 } }",
        "when: { kind: dense }\n    rule: { epsilon: { epsilon: 1e-6 } }",
    ]
    return CustomComposite(_yaml("epsilon-gamma", "Gamma without a z-box below it.", rules), factory)


def large_epsilon() -> CustomComposite:
    """Epsilon 0.1 on all linear layers, norm with a stabilizer of 0.01."""

    def factory(canonizers: list[Canonizer], _: InputRange) -> Composite:
        layer_map = [*layer_map_base(stabilizer=0.01), (Linear, Epsilon(0.1))]
        return LayerMapComposite(layer_map, canonizers=canonizers)

    rules = ["when: { kind: [convolution, dense] }\n    rule: { epsilon: { epsilon: 0.1 } }"]
    about = "Stabilizers large enough to be seen in the relevance."
    return CustomComposite(_yaml("large-epsilon", about, rules, stabilizer="0.01"), factory)


def flat_inside(convolution: str) -> CustomComposite:
    """Flat on an inner convolution: units without activation get relevance from above."""

    def factory(canonizers: list[Canonizer], _: InputRange) -> Composite:
        layer_map = [*layer_map_base(), (Convolution, Gamma(0.25)), (torch.nn.Linear, Epsilon(1e-6))]
        return NameLayerMapComposite([((convolution,), Flat())], layer_map, canonizers=canonizers)

    rules = [
        f'when: {{ name: "^{node_name(convolution)}$" }}\n    rule: flat',
        "when: { kind: convolution }\n    rule: { gamma: { gamma: 0.25 } }",
        "when: { kind: dense }\n    rule: { epsilon: { epsilon: 1e-6 } }",
    ]
    about = "Below the flat layer, relevance is not in proportion to the activation."
    return CustomComposite(_yaml("flat-inside", about, rules), factory)


def custom_composites(tiny: TinyNetwork) -> dict[str, CustomComposite]:
    """The composites written as YAML beside the network `tiny`."""
    return {
        "epsilon-gamma": epsilon_gamma(),
        "large-epsilon": large_epsilon(),
        "flat-inside": flat_inside(tiny.inner_convolution),
    }


def golden(name: str, composite: str, file: str, target: int, reference: Reference) -> dict[str, object]:
    """One entry of index.json."""
    input_range = InputRange.imagenet()
    return {
        "network": name,
        "composite": composite,
        "relevance": file,
        "target": target,
        "initial": "one",
        "input_range": {"low": input_range.low, "high": input_range.high},
        "max_abs": float(np.abs(reference.relevance).max()),
        "float32_error": reference.float32.relative,
    }


def write_network(name: str, tiny: TinyNetwork) -> Iterator[dict[str, object]]:
    """Write one network's folder and yield its entries of the index."""
    folder = GOLDEN / name
    folder.mkdir(parents=True)
    network, image = build(name, tiny)
    np.save(folder / "input.npy", image)
    export_tiny(network, image, folder / "model.onnx")
    check_export(network, image, folder / "model.onnx")
    target = int(forward(network, image).argmax())

    custom = custom_composites(tiny)
    factories = COMPOSITES | {preset: composite.factory for preset, composite in custom.items()}
    for preset, factory in factories.items():
        reference = attribute(network, factory, tiny.canonizers(), InputRange.imagenet(), image, target)
        file = f"{name}/{preset}.npy"
        np.save(GOLDEN / file, reference.relevance.astype(np.float32))
        composite = f"{name}/{preset}.yaml" if preset in custom else preset
        yield golden(name, composite, file, target, reference)
    for preset, composite_text in custom.items():
        (folder / f"{preset}.yaml").write_text(composite_text.yaml, encoding="utf-8")


def write_transformer(name: str, tiny: TinyTransformer) -> Iterator[dict[str, object]]:
    """Write the folders of one transformer and yield their entries of the index."""
    seed = crc32(name.encode())
    image = random_image(np.random.default_rng(seed), SIDE, SIDE)
    torch.manual_seed(seed)
    network = randomized(tiny.build())
    scale_logits(network, image)
    for folder, form in tiny.files.items():
        (GOLDEN / folder).mkdir(parents=True)
        np.save(GOLDEN / folder / "input.npy", image)
        write(network, image, form, GOLDEN / folder / "model.onnx")
        check_export(network, image, GOLDEN / folder / "model.onnx")
    target = int(forward(network, image).argmax())
    texts = transformer_composites()
    for composite in tiny.composites:
        reference = transformer_reference(network, texts[composite], image, target)
        file = f"{name}/{composite}.npy"
        np.save(GOLDEN / file, reference.relevance.astype(np.float32))
        for folder in tiny.files:
            words = composite if composite == "gradient" else f"composites/{composite}.yaml"
            yield golden(folder, words, file, target, reference)


def transformer_composites() -> dict[str, str]:
    """The YAML of what transformers are explained with, by name, written to the folder of the goldens."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in COMPOSITE_FILES}
    large = texts["cp-lrp"].replace("stabilizer: 1e-12", "stabilizer: 1e-3")
    texts["cp-lrp-large-epsilon"] = large.replace("name: cp-lrp", "name: cp-lrp-large-epsilon")
    (GOLDEN / "composites").mkdir(exist_ok=True)
    for name, text in texts.items():
        (GOLDEN / "composites" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return texts | {"gradient": "name: gradient\nrules:\n  - rule: gradient\n"}


def transformer_reference(network: torch.nn.Module, text: str, image: Array, target: int) -> Reference:
    """Our relevance in float64 and what float32 makes of it; the gradient has to be torch's."""
    composite = assignment.Composite.parse(text)

    def run(precision: torch.dtype) -> Array:
        pixels = torch.from_numpy(image).to(precision)[None]
        layers = exported.of(copy.deepcopy(network).to(precision), pixels)
        found: Array = explain(layers, composite, pixels, target)[0].numpy()
        return found

    relevance = run(torch.float64)
    if composite.is_gradient:
        difference = Difference.between(relevance, zennit_relevance(network, None, image, target))
        if not difference.relative <= AGREEMENT:
            raise ValueError(f"the gradient is off torch's by {difference.relative:.1e}")
    return Reference(relevance, Difference.between(run(torch.float32), relevance))


def build(name: str, tiny: TinyNetwork) -> tuple[torch.nn.Module, Array]:
    """The network with its random parameters and the random image; the same on each call."""
    seed = crc32(name.encode())
    image = random_image(np.random.default_rng(seed), SIDE, SIDE)
    torch.manual_seed(seed)
    return prepare(initialize(tiny.build(), tiny.gain), image), image


def main() -> None:
    """Replace tests/golden by freshly computed files."""
    torch.set_num_threads(1)
    shutil.rmtree(GOLDEN, ignore_errors=True)
    index = [entry for name, tiny in TINY_NETWORKS.items() for entry in write_network(name, tiny)]
    for name, transformer in TINY_TRANSFORMERS.items():
        index += write_transformer(name, transformer)
    text = ",\n".join(json.dumps(entry) for entry in index)
    (GOLDEN / "index.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    for entry in index:
        print(f"{entry['network']} {entry['composite']}: float32 error {entry['float32_error']:.1e}")


if __name__ == "__main__":
    main()
