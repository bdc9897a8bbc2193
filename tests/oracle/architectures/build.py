"""Builds an architecture with random weights and random BatchNorm statistics, and exports it.

Weights keep the library's own initialisation, except where that would hide mistakes: what starts at zero (the last
scale of a residual block, biases, class tokens), at one (scales) or at a millionth (layer scale) is drawn at random,
and dense layers and convolutions that start tiny get a deviation of 1/√fan-in. BatchNorm gets the statistics of its
input, moved by a third of a deviation and scaled by 0.5 to 1.5, so that signals stay within reason and no fold is an
identity.
"""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

CLASSES = 10
SIZES = (64, 96, 128, 160, 192, 224, 240, 256, 299)
AT_LEAST = {
    f"{library}/{name}": 224 for library in ("torchvision", "timm") for name in ("alexnet", "vgg11", "vgg11_bn")
}
"""TorchScript cannot export their adaptive pooling for smaller pictures."""
LOW, HIGH = -2.1, 2.6
"""The range of a photo after ImageNet's normalisation, about."""
STAGES = {"hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 2, 1]}
WINDOWS = {"embed_dim": 24, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 4}
NARROW: dict[str, dict] = {
    "swin": WINDOWS,
    "swinv2": WINDOWS,
    "convnext": STAGES,
    "convnextv2": STAGES,
    "resnet": {**STAGES, "embedding_size": 16},
    "regnet": {**STAGES, "embedding_size": 16, "groups_width": 8},
    "focalnet": {"embed_dim": 24, "depths": [1, 1, 2, 1]},
}
"""transformers' configurations where the usual words do not make them narrow and shallow."""
TOO_SMALL = 1e-3
CALIBRATION = (10, 11, 12, 13)
"""Seeds of the pictures that BatchNorm's statistics are of; those that are explained are of them."""


@dataclass(frozen=True)
class Architecture:
    """A network and the size of the pictures that it takes here."""

    name: str
    network: nn.Module
    size: int

    def pictures(self, seed: int) -> torch.Tensor:
        """Two pictures of coarse and fine noise, in float32: autograd needs a batch of two."""
        random = np.random.default_rng(seed)
        coarse = torch.from_numpy(random.uniform(LOW, HIGH, (2, 3, 5, 5)).astype(np.float32))
        coarse = nn.functional.interpolate(coarse, size=(self.size, self.size), mode="bilinear")
        fine = torch.from_numpy(random.uniform(LOW, HIGH, coarse.shape).astype(np.float32))
        return (coarse + fine) / 2


class LogitsOf(nn.Module):
    """transformers' classifiers answer with a structure, and some others with a tuple."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The logits alone."""
        answer = self.network(picture)
        return answer if isinstance(answer, torch.Tensor) else answer[0] if isinstance(answer, tuple) else answer.logits


class WithHead(nn.Module):
    """A backbone for which transformers has no classifier, with a dense layer on its pooled output."""

    def __init__(self, backbone: nn.Module, width: int) -> None:
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(width, CLASSES)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The logits."""
        return self.head(self.backbone(picture).pooler_output)


def build(name: str, seed: int = 0) -> Architecture:
    """The architecture, at the smallest size that it takes.

    Raises:
        RuntimeError: when it takes none of the sizes.
    """
    library, _, word = name.partition("/")
    reasons = {}
    for size in SIZES:
        if size < AT_LEAST.get(name, 0):
            continue
        torch.manual_seed(seed)
        try:
            network = {"timm": timm_network, "torchvision": torchvision_network, "transformers": transformers_network}[
                library
            ](word, size).eval()
            architecture = Architecture(name, network, size)
            with torch.no_grad():
                logits = network(architecture.pictures(seed))
            if logits.ndim != 2 or logits.shape[0] != 2 or not torch.isfinite(logits).all():
                raise RuntimeError(f"answers with shape {tuple(logits.shape)}")
            randomize(architecture, seed)
            with torch.no_grad():
                logits = network(architecture.pictures(seed))
            if not torch.isfinite(logits).all():
                raise RuntimeError("the logits of random weights are not finite")
        except Exception as error:  # a size that does not fit fails in a hundred ways
            reasons[size] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:160]
            if isinstance(error, (ImportError, KeyError)):
                break
        else:
            return architecture
    raise RuntimeError(f"cannot be built: {reasons}")


def timm_network(word: str, size: int) -> nn.Module:
    """timm's, made for pictures of this size where that is an option."""
    import timm

    if word not in timm.list_models():
        raise ImportError(f"this timm has no {word}")
    try:
        return timm.create_model(word, pretrained=False, num_classes=CLASSES, img_size=size)
    except TypeError:
        return timm.create_model(word, pretrained=False, num_classes=CLASSES)


def torchvision_network(word: str, size: int) -> nn.Module:
    """torchvision's."""
    import torchvision

    options = {"aux_logits": False, "init_weights": False} if word in ("googlenet", "inception_v3") else {}
    if word.startswith("vit_"):
        options["image_size"] = size
    if word == "maxvit_t":
        options["input_size"] = (size, size)
    return torchvision.models.get_model(word, weights=None, num_classes=CLASSES, **options)


def transformers_network(word: str, size: int) -> nn.Module:
    """transformers', narrow and shallow where the configuration has the usual words for it."""
    from transformers import AutoConfig, AutoModel, AutoModelForImageClassification

    usual = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128}
    config = AutoConfig.for_model(word, num_labels=CLASSES)
    plain = word in (
        "vit",
        "deit",
        "beit",
        "dinov2",
        "dinov2_with_registers",
        "dinov3_vit",
        "data2vec-vision",
        "vit_msn",
        "ijepa",
    )
    if plain:
        config = AutoConfig.for_model(word, num_labels=CLASSES, image_size=size, patch_size=16, **usual)
    elif word in ("clip", "siglip"):
        vision = usual | {"image_size": size, "patch_size": 16}
        config = AutoConfig.for_model(word, num_labels=CLASSES, vision_config=vision)
        config.num_labels = CLASSES
    elif word in NARROW:
        config = AutoConfig.for_model(word, num_labels=CLASSES, **NARROW[word])
    if not plain and isinstance(getattr(config, "image_size", None), int):
        config.image_size = size
    if word in ("deit", "levit"):
        # two classes fit, and the automatic one cannot choose
        config.architectures = [f"{'DeiT' if word == 'deit' else 'Levit'}ForImageClassification"]
    if word == "dinov3_vit":
        return WithHead(AutoModel.from_config(config), usual["hidden_size"])
    return LogitsOf(AutoModelForImageClassification.from_config(config))


@torch.no_grad()
def randomize(architecture: Architecture, seed: int) -> None:
    """Random numbers wherever initialisation left constants."""
    generator = torch.Generator().manual_seed(seed + 1)
    inputs = {
        id(module.weight): module
        for module in architecture.network.modules()
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd))
    }
    for name, parameter in architecture.network.named_parameters():
        if not parameter.is_floating_point() or parameter.numel() == 0:
            continue
        low, high = parameter.min().item(), parameter.max().item()
        noise = torch.randn(parameter.shape, generator=generator)
        fan_in = max(parameter[0].numel(), 1) if parameter.ndim > 1 else 1
        is_tiny_weight = (
            id(parameter) in inputs and parameter.numel() > 1 and parameter.std().item() < 0.5 * fan_in**-0.5
        )
        if is_tiny_weight:
            parameter.copy_(noise * fan_in**-0.5)
        elif low == high and abs(low) <= TOO_SMALL:
            is_scale = (
                "gamma" in name or "scale" in name or ".ls" in name or (parameter.ndim == 1 and name.endswith("weight"))
            )
            parameter.copy_(0.3 + 0.2 * noise.clamp(-1, 1) if is_scale else 0.1 * noise)
        elif low == high:
            parameter.mul_(1 + 0.25 * noise.clamp(-2, 2))
    calibrate(architecture, generator)


@torch.no_grad()
def calibrate(architecture: Architecture, generator: torch.Generator) -> None:
    """Gives every BatchNorm the statistics of its input, moved; what follows sees the moved ones already."""

    def take_statistics(norm: _BatchNorm, inputs: tuple[torch.Tensor, ...]) -> None:
        value = inputs[0].detach()
        axes = [axis for axis in range(value.ndim) if axis != 1]
        variance = value.var(axes, unbiased=False).clamp(min=1e-3)
        noise, factor = (
            torch.randn(variance.shape, generator=generator),
            torch.rand(variance.shape, generator=generator),
        )
        norm.running_mean.copy_(value.mean(axes) + 0.3 * variance.sqrt() * noise)
        norm.running_var.copy_(variance * (0.5 + factor))

    norms = [module for module in architecture.network.modules() if isinstance(module, _BatchNorm)]
    hooks = [norm.register_forward_pre_hook(take_statistics) for norm in norms if norm.running_mean is not None]
    architecture.network(torch.cat([architecture.pictures(seed) for seed in CALIBRATION]))
    for hook in hooks:
        hook.remove()


def export(architecture: Architecture, way: str, path: Path) -> None:
    """Writes `model.onnx` for one picture by `torchscript` or `dynamo`, as their defaults have it."""
    picture = architecture.pictures(0)[:1]
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "torchscript":
            torch.onnx.export(
                architecture.network,
                (picture,),
                str(path),
                dynamo=False,
                opset_version=17,
                input_names=["input"],
                output_names=["logits"],
            )
        else:
            torch.onnx.export(
                architecture.network,
                (picture,),
                str(path),
                dynamo=True,
                opset_version=20,
                input_names=["input"],
                output_names=["logits"],
                verbose=False,
            )
