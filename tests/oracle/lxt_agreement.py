"""Compare the reference for vision transformers with LXT, whose authors published the rules.

    python tests/oracle/lxt_agreement.py [NETWORK...]

in an environment with `requirements.txt` and `requirements-lxt.txt`. Prints a Markdown table; exits with 1 where the
two differ by more than 1e-4 of the largest relevance. LXT (https://github.com/rachtibat/LRP-eXplains-Transformers)
changes classes of torch for good, so every row runs in a process of its own. Both run in float64.

LXT has no stabilizer but 1e-10 in GELU, so the composites are compared with that of `composites/` and with 1e-6, which
shows what a stabilizer costs. On torchvision's ViT it ships CP-LRP; AttnLRP is put together here from its functions.
Its gamma comes from zennit's hooks on modules. The projections of `nn.MultiheadAttention` are called as functions, so
the hooks do not reach them: they get epsilon there, and on the graph either.
"""

import argparse
import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import torch
from torch import nn
from torch.nn import functional
from zennit.composites import LayerMapComposite
from zennit.rules import Gamma

from assignment import Composite, Setting
from attribution import Array, Difference
from families import FAMILIES
from graph import Graph
from relevance import explain
from vision_transformers import COMPOSITES

LIMIT = 1e-4
PROJECTIONS = ("in_proj_weight", "out_proj.weight")


@dataclass(frozen=True)
class ModulesOnly(Composite):
    """A composite that leaves epsilon to the projections of `nn.MultiheadAttention`."""

    def assign(self, graph: Graph) -> list[Setting]:
        """See :class:`Composite`."""
        return [
            replace(setting, rule="epsilon", parameters={}) if layer.name.endswith(PROJECTIONS) else setting
            for setting, layer in zip(super().assign(graph), graph.layers, strict=True)
        ]


@dataclass(frozen=True)
class Row:
    """A network, a composite, and what of it is changed."""

    network: str
    composite: str
    stabilizer: str
    modules_only: bool = False


def rows(network: str) -> Iterator[Row]:
    """What is compared on a network."""
    for stabilizer in ("1e-12", "1e-6"):
        yield Row(network, "attnlrp", stabilizer)
        yield Row(network, "cp-lrp", stabilizer)
        yield Row(network, "cp-lrp-gamma", stabilizer, modules_only=True)
    yield Row(network, "cp-lrp-gamma", "1e-12")


def compare(row: Row) -> Difference:
    """The reference against LXT."""
    torch.set_num_threads(1)
    construction = FAMILIES[row.network].construct(row.network, 0)
    network = copy.deepcopy(construction.network).double()
    pixels = torch.from_numpy(construction.image).double()[None]
    with torch.no_grad():
        target = int(network(pixels).argmax())
    (file,) = (file for file in COMPOSITES if file.stem == row.composite)
    text = file.read_text(encoding="utf-8").replace("stabilizer: 1e-12", f"stabilizer: {row.stabilizer}")
    kind = ModulesOnly if row.modules_only else Composite
    graph = FAMILIES[row.network].layers(network, pixels)
    reference: Array = explain(graph, kind.parse(text), pixels, target)[0].numpy()
    return Difference.between(lxt_relevance(network, row.composite, pixels, target), reference)


def lxt_relevance(network: nn.Module, composite: str, pixels: torch.Tensor, target: int) -> Array:
    """LXT's relevance [C, H, W] of a class, one being put in at its logit; changes torch's classes."""
    from lxt.efficient import monkey_patch, monkey_patch_zennit
    from lxt.efficient.models import vit_torch
    from lxt.efficient.patches import layer_norm_forward, non_linear_forward, patch_method
    from lxt.efficient.rules import divide_gradient
    from torchvision.models import vision_transformer

    if composite == "attnlrp":
        gelu = partial(patch_method, non_linear_forward, keep_original=True)
        monkey_patch(vision_transformer, {nn.GELU: gelu, nn.LayerNorm: partial(patch_method, layer_norm_forward)})
        attention = functional.scaled_dot_product_attention

        def divided(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *rest: object) -> torch.Tensor:
            parts = divide_gradient(query, 4), divide_gradient(key, 4), divide_gradient(value, 2)
            return attention(*parts, *rest)

        functional.scaled_dot_product_attention = divided
    else:
        monkey_patch(vision_transformer, vit_torch.cp_LRP)
    if composite == "cp-lrp-gamma":
        monkey_patch_zennit(verbose=False)
        rules = [(nn.Conv2d, Gamma(0.25, stabilizer=1e-15)), (nn.Linear, Gamma(0.05, stabilizer=1e-15))]
        LayerMapComposite(rules).register(network)
    leaf = pixels.clone().requires_grad_()
    logit = network(leaf)[0, target]
    logit.backward()
    found: Array = (leaf * leaf.grad / logit)[0].detach().numpy()
    return found


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("network", nargs="*", default=["small_vit", "vit_b_16"])
    all_rows = [row for network in parser.parse_args().network for row in rows(network)]
    print("| network | composite | stabilizer | gamma on projections | max\\|ΔR\\| / max\\|R\\| | cosine |")
    print("|---|---|---:|---|---:|---:|")
    worst = 0.0
    for row in all_rows:
        with get_context("spawn").Pool(1) as pool:
            found = pool.apply(compare, (row,))
        has_gamma = row.composite == "cp-lrp-gamma"
        projections = ("no" if row.modules_only else "yes") if has_gamma else "-"
        figures = f"{found.relative:.1e} | {found.cosine:.8f}"
        print(f"| {row.network} | {row.composite} | {row.stabilizer} | {projections} | {figures} |", flush=True)
        if row.stabilizer == "1e-12" and (row.modules_only or not has_gamma):
            worst = max(worst, found.relative)
    return int(not worst <= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
