"""Compare onnxplain's attribution methods with torch autograd and captum, number by number.

The reference is float64. Where a ReLU or a pooling window is nearly undecided, float32 may decide
otherwise and the attribution changes in the patch of the picture that it sees; whether it does is
a matter of the last bit. So torch's own float32 error is the largest of three runs, two of them
with inputs that differ in the last bit.

    python tests/oracle/methods_parity.py --onnxplain target/release/onnxplain

Prints a Markdown table; exits with 1 if an attribution is further off than allowed. Random
methods get the same noise on both sides (random_streams.py).
"""

import argparse
import copy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import captum.attr
import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional

from attribution import Array, Difference, forward
from networks import check_export, export, prepare, random_image
from random_streams import key, normals, uniforms, word_of
from vision_transformers import TRANSFORMERS

TOLERANCE = 1e-4
ROUNDING_FACTOR = 3.0
CONVOLUTIONAL = ("vgg16", "resnet18", "densenet121", "efficientnet_b0", "mobilenet_v3_large")
NETWORKS = (*CONVOLUTIONAL, "timm_deit_tiny")
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid)
SIZE = 224


@dataclass(frozen=True)
class Subject:
    """What one method explains: a network in some precision, an input [1, 3, H, W], a class."""

    network: nn.Module
    image: torch.Tensor
    target: int
    seed: int
    """Of all noise."""

    def gradient(self, image: torch.Tensor) -> torch.Tensor:
        """The gradient of the target's logit at another input."""
        return gradient(self.network, image, self.target)


def gradient(network: nn.Module, image: torch.Tensor, target: int) -> torch.Tensor:
    """∂ logit / ∂ image, by autograd."""
    image = image.detach().clone().requires_grad_(True)
    (found,) = torch.autograd.grad(network(image)[0, target], image)
    return found


class _Modified(torch.autograd.Function):
    """An activation that lets the positive part of the gradient back; gated by its slope if `guided`."""

    @staticmethod
    def forward(ctx, values, function, guided):
        ctx.save_for_backward(values)
        ctx.function, ctx.guided = function, guided
        with torch.no_grad():
            return function(values)

    @staticmethod
    def backward(ctx, arrived):
        (values,) = ctx.saved_tensors
        arrived = arrived.clamp(min=0.0)
        if not ctx.guided:
            return arrived, None, None
        with torch.enable_grad():
            values = values.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(ctx.function(values).sum(), values)
        return arrived * slope, None, None


class _ModifiedActivation(nn.Module):
    def __init__(self, module: nn.Module, guided: bool) -> None:
        super().__init__()
        self.module, self.guided = module, guided

    def forward(self, values):
        return _Modified.apply(values, self.module, self.guided)


@contextmanager
def _modified_functional_relu(guided: bool):
    original = functional.relu
    functional.relu = lambda values, inplace=False: _Modified.apply(values, torch.relu, guided)
    try:
        yield
    finally:
        functional.relu = original


def modified_backprop(subject: Subject, guided: bool) -> torch.Tensor:
    """Guided backpropagation or deconvnet over every activation, which captum does for nn.ReLU only."""
    network = copy.deepcopy(subject.network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ACTIVATIONS):
                setattr(parent, name, _ModifiedActivation(child, guided))
    with _modified_functional_relu(guided):
        return gradient(network, subject.image, subject.target)


def captum_backprop(subject: Subject, guided: bool) -> torch.Tensor:
    """The same by captum."""
    network = copy.deepcopy(subject.network)
    method = captum.attr.GuidedBackprop if guided else captum.attr.Deconvolution
    image = subject.image.detach().clone().requires_grad_(True)
    return method(network).attribute(image, target=subject.target)


def integrated_gradients(subject: Subject) -> torch.Tensor:
    method = captum.attr.IntegratedGradients(subject.network)
    return method.attribute(subject.image, target=subject.target, n_steps=10, internal_batch_size=1)


def grad_cam(subject: Subject) -> torch.Tensor:
    last = [module for module in subject.network.modules() if isinstance(module, nn.Conv2d)][-1]
    method = captum.attr.LayerGradCam(subject.network, last)
    maps = method.attribute(subject.image, target=subject.target, relu_attributions=True)
    enlarged = functional.interpolate(maps, size=subject.image.shape[2:], mode="bilinear", align_corners=False)
    return enlarged.expand_as(subject.image) / 3.0


def occlusion(subject: Subject) -> torch.Tensor:
    mean = subject.image.mean(dim=(2, 3), keepdim=True).expand_as(subject.image)
    found = captum.attr.Occlusion(subject.network).attribute(
        subject.image,
        sliding_window_shapes=(3, 60, 60),
        strides=(3, 30, 30),
        baselines=mean,
        target=subject.target,
    )
    return found / 3.0


def noise_like(image: torch.Tensor, stream: int) -> torch.Tensor:
    """Normal noise in the image's shape."""
    found = normals(stream, image.numel()).reshape(image.shape)
    return torch.from_numpy(found).to(image.dtype)


def smoothgrad(subject: Subject, samples: int = 4, level: float = 0.15) -> torch.Tensor:
    sigma = level * (subject.image.max() - subject.image.min())
    noisy = (subject.image + sigma * noise_like(subject.image, key(subject.seed, [sample])) for sample in range(samples))
    return sum(subject.gradient(image) for image in noisy) / samples


def smoothtaylor(subject: Subject, samples: int = 4) -> torch.Tensor:
    roots = [subject.image + 0.5 * noise_like(subject.image, key(subject.seed, [sample])) for sample in range(samples)]
    return sum((subject.image - root) * subject.gradient(root) for root in roots) / samples


def noisy_network(subject: Subject, sample: int) -> Subject:
    network = copy.deepcopy(subject.network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            factors = 1.0 + 0.2 * normals(key(subject.seed, [sample, word_of(name)]), parameter.numel())
            parameter.mul_(torch.from_numpy(factors.reshape(parameter.shape)).to(parameter.dtype))
    return replace(subject, network=network)


def noisegrad(subject: Subject, samples: int = 2) -> torch.Tensor:
    noisy = (noisy_network(subject, sample) for sample in range(samples))
    return sum(other.gradient(subject.image) for other in noisy) / samples


def fusiongrad(subject: Subject, samples: int = 2) -> torch.Tensor:
    noisy = (
        replace(noisy_network(subject, sample), seed=key(subject.seed, [sample, 1])) for sample in range(samples)
    )
    return sum(smoothgrad(other, samples=2, level=0.1) for other in noisy) / samples


def rise(subject: Subject, samples: int = 16, cells: int = 7) -> torch.Tensor:
    height, width = subject.image.shape[2:]
    cell = (-(-height // cells), -(-width // cells))
    total = torch.zeros_like(subject.image)
    for sample in range(samples):
        numbers = uniforms(key(subject.seed, [sample]), cells * cells + 2)
        grid = torch.from_numpy((numbers[2:] < 0.5).reshape(1, 1, cells, cells)).to(subject.image.dtype)
        size = [side * (cells + 1) for side in cell]
        whole = functional.interpolate(grid, size=size, mode="bilinear", align_corners=False)
        down, across = int(numbers[0] * cell[0]), int(numbers[1] * cell[1])
        mask = whole[:, :, down : down + height, across : across + width]
        with torch.no_grad():
            probability = subject.network(subject.image * mask).softmax(dim=1)[0, subject.target]
        total += probability * mask
    return total / (0.5 * samples) / 3.0


@dataclass(frozen=True)
class Method:
    """One line of the table for every network: the options, and what computes the same."""

    options: str
    reference: Callable[[Subject], torch.Tensor]
    by: str
    networks: tuple[str, ...] = CONVOLUTIONAL


RELU_NETWORKS = ("vgg16", "resnet18")
METHODS = {
    "gradient": Method("", lambda subject: subject.gradient(subject.image), "autograd", NETWORKS),
    "input-x-gradient": Method(
        "", lambda subject: subject.image * subject.gradient(subject.image), "autograd", NETWORKS
    ),
    "guided-backprop": Method("", lambda subject: modified_backprop(subject, True), "autograd, every activation"),
    "deconvnet": Method("", lambda subject: modified_backprop(subject, False), "autograd, every activation"),
    "guided-backprop (captum)": Method("", lambda subject: captum_backprop(subject, True), "captum", RELU_NETWORKS),
    "deconvnet (captum)": Method("", lambda subject: captum_backprop(subject, False), "captum", RELU_NETWORKS),
    "integrated-gradients": Method("--steps 10", integrated_gradients, "captum, 10 Gauss-Legendre steps", NETWORKS),
    "grad-cam": Method("", grad_cam, "captum, last convolution"),
    "occlusion": Method("--patch 60 --stride 30", occlusion, "captum, 60 x 60 by 30", NETWORKS),
    "smoothgrad": Method("--samples 4 --seed {seed}", smoothgrad, "autograd, same noise", NETWORKS),
    "smoothtaylor": Method("--samples 4 --seed {seed}", smoothtaylor, "autograd, same noise", NETWORKS),
    "noisegrad": Method("--samples 2 --seed {seed}", noisegrad, "autograd, same noise"),
    "fusiongrad": Method("--samples 2 --input-samples 2 --seed {seed}", fusiongrad, "autograd, same noise"),
    "rise": Method("--samples 16 --seed {seed}", rise, "torch, same masks", NETWORKS),
}


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
    return prepare(network, image), image


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
        found = method.reference(moved)[0].detach().numpy()
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
            reference = method.reference(double)[0].detach().numpy()
            found = explain(arguments.onnxplain, folder, word.split()[0], options, target)
            ours = Difference.between(found, reference)
            theirs = float32_error(method, single, reference)
            allowed = max(TOLERANCE, ROUNDING_FACTOR * theirs.relative)
            passed &= ours.relative <= allowed
            verdict = "ok" if ours.relative <= allowed else f"OFF (allowed {allowed:.1e})"
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
