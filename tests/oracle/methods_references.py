"""Attribution methods by torch's autograd and captum, for methods_parity.py.

Random methods get onnxplain's own noise (random_streams.py).
"""

import copy
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import captum.attr
import torch
from torch import nn
from torch.nn import functional

from flips import Term
from random_streams import key, normals, uniforms, word_of

CONVOLUTIONAL = ("vgg16", "resnet18", "densenet121", "efficientnet_b0", "mobilenet_v3_large")
NETWORKS = (*CONVOLUTIONAL, "timm_deit_tiny")
RELU_NETWORKS = ("vgg16", "resnet18")
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid)


@dataclass(frozen=True)
class Subject:
    """What one method explains: a network in some precision, an input [1, 3, H, W], a class."""

    network: nn.Module
    image: torch.Tensor
    target: int
    seed: int
    """Of all noise."""


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


def plain(subject: Subject) -> list[Term]:
    return [Term(subject.network, subject.image, 1.0)]


def input_times_gradient(subject: Subject) -> list[Term]:
    return [Term(subject.network, subject.image, subject.image)]


def smoothgrad(subject: Subject, samples: int = 4, level: float = 0.15) -> list[Term]:
    sigma = level * (subject.image.max() - subject.image.min())
    noisy = (subject.image + sigma * noise_like(subject.image, key(subject.seed, [sample])) for sample in range(samples))
    return [Term(subject.network, image, 1.0 / samples) for image in noisy]


def smoothtaylor(subject: Subject, samples: int = 4) -> list[Term]:
    roots = (subject.image + 0.5 * noise_like(subject.image, key(subject.seed, [sample])) for sample in range(samples))
    return [Term(subject.network, root, (subject.image - root) / samples) for root in roots]


def noisy_network(subject: Subject, sample: int) -> Subject:
    network = copy.deepcopy(subject.network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            factors = 1.0 + 0.2 * normals(key(subject.seed, [sample, word_of(name)]), parameter.numel())
            parameter.mul_(torch.from_numpy(factors.reshape(parameter.shape)).to(parameter.dtype))
    return replace(subject, network=network)


def noisegrad(subject: Subject, samples: int = 2) -> list[Term]:
    networks = (noisy_network(subject, sample).network for sample in range(samples))
    return [Term(network, subject.image, 1.0 / samples) for network in networks]


def fusiongrad(subject: Subject, samples: int = 2) -> list[Term]:
    noisy = (
        replace(noisy_network(subject, sample), seed=key(subject.seed, [sample, 1])) for sample in range(samples)
    )
    terms = (term for other in noisy for term in smoothgrad(other, samples=2, level=0.1))
    return [replace(term, factor=term.factor / samples) for term in terms]


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
    by: str
    reference: Callable[[Subject], torch.Tensor] | None = None
    networks: tuple[str, ...] = CONVOLUTIONAL
    terms: Callable[[Subject], list[Term]] | None = None
    """The gradients that it is a sum of, where it is."""
    rule: str = "gradient"
    """What activations let back, as in `flips.Decided`."""

    def compute(self, subject: Subject) -> torch.Tensor:
        """The attribution [1, 3, H, W]."""
        if self.reference is not None:
            return self.reference(subject)
        terms = self.terms(subject)
        return sum(term.factor * gradient(term.network, term.image, subject.target) for term in terms)


def by_gradients(terms: Callable[[Subject], list[Term]], options: str = "", by: str = "autograd, same noise") -> Method:
    """A method that is a sum of gradients."""
    networks = NETWORKS if terms not in (noisegrad, fusiongrad) else CONVOLUTIONAL
    return Method(options, by, networks=networks, terms=terms)


def by_modified_gradients(guided: bool) -> Method:
    """Guided backpropagation, or deconvnet."""
    rule = "guided" if guided else "deconvnet"
    reference = partial(modified_backprop, guided=guided)
    return Method("", "autograd, every activation", reference, terms=plain, rule=rule)


METHODS = {
    "gradient": by_gradients(plain, by="autograd"),
    "input-x-gradient": by_gradients(input_times_gradient, by="autograd"),
    "guided-backprop": by_modified_gradients(guided=True),
    "deconvnet": by_modified_gradients(guided=False),
    "guided-backprop (captum)": Method("", "captum", partial(captum_backprop, guided=True), RELU_NETWORKS),
    "deconvnet (captum)": Method("", "captum", partial(captum_backprop, guided=False), RELU_NETWORKS),
    "integrated-gradients": Method("--steps 10", "captum, 10 Gauss-Legendre steps", integrated_gradients, NETWORKS),
    "grad-cam": Method("", "captum, last convolution", grad_cam),
    "occlusion": Method("--patch 60 --stride 30", "captum, 60 x 60 by 30", occlusion, NETWORKS),
    "smoothgrad": by_gradients(smoothgrad, "--samples 4 --seed {seed}"),
    "smoothtaylor": by_gradients(smoothtaylor, "--samples 4 --seed {seed}"),
    "noisegrad": by_gradients(noisegrad, "--samples 2 --seed {seed}"),
    "fusiongrad": by_gradients(fusiongrad, "--samples 2 --input-samples 2 --seed {seed}"),
    "rise": Method("--samples 16 --seed {seed}", "torch, same masks", rise, NETWORKS),
}
