"""Vision transformers and ConvNeXt for the parity table, and their small relatives for quick tests.

Every network comes with torch's or timm's own architecture. What those initialise to an identity (LayerNorm,
layer scale), to zero (the head) or next to it (position embeddings) is drawn, so that no rule finds an identity to
hide behind; weights are drawn such that attention is neither uniform nor a choice of one token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import timm
import torch
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

import canonizers
import exported
from calibration import calibrated
from construction import Construction
from exports import Export
from family import Canonizers, Family
from graph import Graph
from networks import random_image, scale_logits

CLASSES = 10
SIDE = 32
"""Height and width of the small networks' input."""
NEGATIVE = 0.05
"""How many of LayerNorm's scales are negative."""


class QuickGelu(nn.Module):
    """x sigmoid(1.702 x), the approximation that CLIP's networks use."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """The activation of each element."""
        return value * torch.sigmoid(1.702 * value)


EXPORTS: dict[str, Export] = {
    "torchscript": Export(with_dynamo=False, keeps_batch_norm=False),
    "torchscript-16": Export(with_dynamo=False, keeps_batch_norm=False, opset=16),
    "dynamo": Export(with_dynamo=True, keeps_batch_norm=False),
    "dynamo-unoptimised": Export(with_dynamo=True, keeps_batch_norm=True),
    "dynamo-23": Export(with_dynamo=True, keeps_batch_norm=False, opset=23),
}
"""Below opset 17 LayerNorm is written out; opset 20 has GELU as one operator, opset 23 attention and RMSNorm."""
TORCHSCRIPT = ("torchscript", "torchscript-16")
DYNAMO = ("dynamo", "dynamo-unoptimised", "dynamo-23")
COMPOSITES = tuple(sorted((Path(__file__).parent / "composites").glob("*.yaml")))


@dataclass(frozen=True)
class Transformer(Family):
    """A network of the table that has no decision to make: nothing in it has a kink but the stabilizers."""

    shipped: Canonizers = canonizers.none
    forms: tuple[str, ...] = TORCHSCRIPT + DYNAMO
    """The exports that torch can write."""
    made_for_it: str = "vit"
    """The preset of its family."""

    @property
    def exports(self) -> dict[str, Export]:
        """See :class:`Family`."""
        return {form: EXPORTS[form] for form in self.forms}

    @property
    def composites(self) -> tuple[Path, ...]:
        """See :class:`Family`."""
        return COMPOSITES

    @property
    def preset(self) -> str:
        """See :class:`Family`."""
        return self.made_for_it

    def construct(self, name: str, seed: int) -> Construction:
        """The network of a seed with logits of order one to ten, and its image."""
        # forms of one architecture share the parameters
        number = crc32(name.removesuffix("_unfused").encode()) + seed
        image = random_image(np.random.default_rng(number), self.size, self.size)
        torch.manual_seed(number)
        network = calibrated(randomized(self.build()), torch.from_numpy(image)[None])
        scale_logits(network, image)
        return Construction(network, image, float("nan"), 0)

    def layers(self, network: nn.Module, image: torch.Tensor) -> Graph:
        """See :class:`Family`."""
        return exported.of(network, image)


def _torchvision(name: str) -> Callable[[], nn.Module]:
    return partial(getattr(models, name), weights=None)


def _timm(name: str, fused: bool = True, **settings: object) -> Callable[[], nn.Module]:
    return lambda: with_fused_attention(timm.create_model(name, pretrained=False, **settings), fused)


def with_fused_attention(network: nn.Module, fused: bool) -> nn.Module:
    """Let timm's attention call torch's fused function, or write scores, softmax and mixing out."""
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = fused
    return network


def small_vit() -> nn.Module:
    """torchvision's ViT: 2 blocks of 2 heads, 32 channels, 16 patches and a class token."""
    return models.VisionTransformer(SIDE, 8, 2, 2, 32, 64, num_classes=CLASSES)


def small_swin() -> nn.Module:
    """torchvision's Swin: 2 stages of 2 blocks with windows of 4 x 4, the second block's shifted, patch merging."""
    return models.SwinTransformer([4, 4], 16, [2, 2], [2, 4], [2, 2], mlp_ratio=2.0, num_classes=CLASSES)


def small_convnext() -> nn.Module:
    """torchvision's ConvNeXt: 2 stages of one block with layer scale."""
    stages = [CNBlockConfig(12, 24, 1), CNBlockConfig(24, None, 1)]
    return ConvNeXt(stages, num_classes=CLASSES)


def _small_timm_vit(fused: bool = True, **settings: object) -> Callable[[], nn.Module]:
    shape = {"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0}
    shape["num_classes"] = CLASSES
    return lambda: with_fused_attention(TimmVisionTransformer(**shape, **settings), fused)


SMALL: dict[str, Transformer] = {
    "small_vit": Transformer(small_vit, size=SIDE),
    "small_swin": Transformer(small_swin, size=SIDE, made_for_it="swin"),
    "small_convnext": Transformer(small_convnext, size=SIDE, made_for_it="convnext"),
    "small_timm_vit": Transformer(_small_timm_vit(), size=SIDE),
    "small_timm_vit_unfused": Transformer(_small_timm_vit(fused=False), size=SIDE),
    "small_rms_norm": Transformer(_small_timm_vit(norm_layer=nn.RMSNorm), size=SIDE, forms=DYNAMO),
    "small_gelu_tanh": Transformer(_small_timm_vit(act_layer=partial(nn.GELU, approximate="tanh")), size=SIDE),
    "small_quick_gelu": Transformer(_small_timm_vit(act_layer=QuickGelu), size=SIDE),
    "small_layer_scale": Transformer(_small_timm_vit(init_values=0.5), size=SIDE),
    "small_mean_of_tokens": Transformer(_small_timm_vit(global_pool="avg", class_token=False, fc_norm=True), size=SIDE),
    "small_normalized_queries": Transformer(_small_timm_vit(qk_norm=True), size=SIDE),
}
"""For quick tests: each adds one form to the first three."""

LARGE: dict[str, Transformer] = {
    "vit_b_16": Transformer(_torchvision("vit_b_16")),
    "swin_t": Transformer(_torchvision("swin_t"), made_for_it="swin"),
    "convnext_tiny": Transformer(_torchvision("convnext_tiny"), made_for_it="convnext"),
    "timm_vit_tiny": Transformer(_timm("vit_tiny_patch16_224")),
    "timm_deit_tiny": Transformer(_timm("deit_tiny_patch16_224")),
    "timm_deit_tiny_distilled": Transformer(_timm("deit_tiny_distilled_patch16_224")),
    "timm_swin_tiny": Transformer(_timm("swin_tiny_patch4_window7_224"), forms=TORCHSCRIPT, made_for_it="swin"),
    "timm_convnext_tiny": Transformer(_timm("convnext_tiny"), made_for_it="convnext"),
    "timm_vit_tiny_unfused": Transformer(_timm("vit_tiny_patch16_224", fused=False)),
}

TRANSFORMERS = SMALL | LARGE
"""To compare one more network, add its line to one of the two."""


def randomized(network: nn.Module) -> nn.Module:
    """Draw all parameters from torch's global generator; the network in evaluation mode."""
    for name, parameter in network.named_parameters():
        with torch.no_grad():
            _draw(name, parameter)
    return network.eval()


def _draw(name: str, parameter: torch.Tensor) -> None:
    if parameter.dim() >= 2 and name.endswith("weight"):
        parameter.normal_(std=parameter[0].numel() ** -0.5)
    elif name.endswith("weight") or "gamma" in name or "layer_scale" in name:
        signs = torch.where(torch.rand_like(parameter) < NEGATIVE, -1.0, 1.0)
        parameter.uniform_(0.5, 1.5).mul_(signs)
    elif name.endswith("bias"):
        parameter.normal_(std=0.1)
    else:
        # class token, position embedding, relative position bias
        parameter.normal_(std=0.5)
