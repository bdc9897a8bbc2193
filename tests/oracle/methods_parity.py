"""Compare onnxplain's attribution methods with torch autograd and captum, number by number.

The reference is float64. Where a ReLU or a pooling window is nearly undecided, float32 may decide
otherwise and the attribution changes in the patch of the picture that it sees; whether it does is
a matter of the last bit. Where a gradient of a ReLU network is off, those decisions are looked for
(flips.py): the reference that takes them too must be met. Elsewhere torch's own float32 error says
what to expect: the largest of three runs, two of them with inputs that differ in the last bit.

    python tests/oracle/methods_parity.py --onnxplain target/release/onnxplain

Prints a Markdown table; exits with 1 if an attribution is further off than allowed. Random
methods get the same noise on both sides (random_streams.py).
"""

import argparse
import copy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
import torchvision
from torch import nn

from attribution import Array, Difference, forward
from construction import set_statistics
from flips import explained
from methods_references import METHODS, NETWORKS, Method, Subject
from networks import check_export, export, prepare, random_image, scale_logits
from vision_transformers import TRANSFORMERS

TOLERANCE = 1e-4
ROUNDING_FACTOR = 3.0
DECIDING = ("vgg16", "resnet18", "densenet121")
"""Networks of nothing but ReLU, whose decisions can be turned over one by one."""
GATED = ("efficientnet_b0", "mobilenet_v3_large")
"""Networks whose random statistics would let nothing through."""
SIZE = 224


def build(name: str, seed: int) -> tuple[nn.Module, Array]:
    """The network with random parameters and statistics, and a random image; the same on each call."""
    if name in TRANSFORMERS:
        construction = TRANSFORMERS[name].construct(name, seed)
        return construction.network, construction.image
    seed += crc32(name.encode())
    image = random_image(np.random.default_rng(seed), SIZE, SIZE)
    torch.manual_seed(seed)
    network = getattr(torchvision.models, name)(weights=None)
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    network = prepare(network, image)
    if name in GATED:
        fit_statistics(network, image)
    return network, image


def fit_statistics(network: nn.Module, image: Array) -> None:
    """Give every BatchNormalization the statistics of the image, in place.

    With random ones the gates and residual sums of a mobile network let hardly anything of the image through: covering
    a patch of it would change a logit of 5 by 1e-9, which float32 cannot hold.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(lambda norm, inputs: set_statistics(norm, inputs[0])) for norm in norms]
    with torch.no_grad():
        network(torch.from_numpy(image)[None])
    for hook in hooks:
        hook.remove()
    scale_logits(network, image)


def explain(onnxplain: Path, folder: Path, method: str, options: str, target: int) -> Array:
    """The attribution that the binary writes."""
    command = [str(onnxplain), "explain", str(folder / "model.onnx"), str(folder / "input.npy")]
    command += ["--method", method, *options.split(), "--target", str(target)]
    command += ["--save", "relevance", "-o", str(folder / "out"), "--overwrite", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: Array = np.load(folder / "out" / "input.relevance.npy")
    return found


def float32_error(method: Method, subject: Subject, reference: Array) -> Difference:
    """The largest error of torch in float32, of three runs."""
    generator = torch.Generator().manual_seed(0)
    errors = []
    for scale in (0.0, 1.0, 1.0):
        last_bits = torch.randn(subject.image.shape, generator=generator) * (scale * 2.0**-24)
        moved = replace(subject, image=subject.image * (1.0 + last_bits))
        found = method.compute(moved)[0].detach().numpy()
        errors.append(Difference.between(found, reference))
    return max(errors, key=lambda error: error.relative)


def compare(name: str, arguments: argparse.Namespace) -> bool:
    """Print the rows of one network; whether all of them are near enough."""
    network, image = build(name, arguments.network_seed)
    target = int(forward(network, image).argmax())
    passed = True
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        folder = Path(work)
        np.save(folder / "input.npy", image)
        export(network, image, folder / "model.onnx")
        check_export(network, image, folder / "model.onnx")
        double, single = (
            Subject(
                copy.deepcopy(network).to(precision),
                torch.from_numpy(image)[None].to(precision),
                target,
                arguments.seed,
            )
            for precision in (torch.float64, torch.float32)
        )
        for word, method in METHODS.items():
            if name not in method.networks or word not in arguments.method:
                continue
            options = method.options.format(seed=arguments.seed)
            reference = method.compute(double)[0].detach().numpy()
            found = explain(arguments.onnxplain, folder, word.split()[0], options, target)
            ours = Difference.between(found, reference)
            theirs = float32_error(method, single, reference)
            allowed = max(TOLERANCE, ROUNDING_FACTOR * theirs.relative)
            verdict = "ok" if ours.relative <= allowed else f"OFF (allowed {allowed:.1e})"
            if ours.relative > TOLERANCE and name in DECIDING and method.terms is not None:
                decided = explained(method.terms(double), method.terms(single), target, method.rule, found)
                count = f"{len(decided.flips)} of {decided.undecided} undecided units decided otherwise"
                is_explained = decided.rest <= TOLERANCE
                verdict = f"{'ok' if is_explained else 'OFF'}: {count}, rest {decided.rest:.1e}"
                allowed = float("inf") if is_explained else 0.0
            passed &= ours.relative <= allowed
            print(
                f"| {name} | {word.split()[0]} | {method.by} | {ours.relative:.1e} | {ours.cosine:.8f} "
                f"| {theirs.relative:.1e} | {theirs.cosine:.8f} | {verdict} |",
                flush=True,
            )
    return passed


def main(words: Sequence[str]) -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--onnxplain", type=Path, default=Path("target/release/onnxplain"), help="the binary")
    parser.add_argument("--work", type=Path, default=None, help="where exported networks are put for a while")
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--network-seed", type=int, default=0, help="of parameters and inputs; default: %(default)s")
    parser.add_argument("--seed", type=int, default=3, help="of all noise; default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads; default: %(default)s")
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    print(
        "| network | method | reference | max\\|ΔR\\| / max\\|R\\| | cosine "
        "| torch float32: max\\|ΔR\\| / max\\|R\\| | cosine | verdict |\n|---|---|---|---:|---:|---:|---:|---|",
        flush=True,
    )
    outcomes = [compare(name, arguments) for name in arguments.network]
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
