"""Tiny transformers and a tiny ConvNeXt for the goldens, and how each is written as ONNX.

Inputs have shape [1, 3, 16, 16], outputs [1, 10].
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnx
import onnxscript.optimizer
import torch
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from attribution import Array
from exports import Export
from tiny import CLASSES, SIDE
from vision_transformers import QuickGelu

TORCHSCRIPT = Export(with_dynamo=False, keeps_batch_norm=False)
LAYER_NORM_WRITTEN_OUT = Export(with_dynamo=False, keeps_batch_norm=False, opset=16)
ROOT_MEAN_SQUARE_WRITTEN_OUT = Export(with_dynamo=True, keeps_batch_norm=False, opset=18)
ATTENTION_OPERATOR = Export(with_dynamo=True, keeps_batch_norm=False, opset=23)


COMPOSITES = ("attnlrp", "cp-lrp", "cp-lrp-gamma", "gradient")
WITH_LARGE_EPSILON = (*COMPOSITES, "cp-lrp-large-epsilon")
"""Only without layer scale: merged into a dense layer it leaves one stabilizer of the two, which then shows."""


@dataclass(frozen=True)
class TinyTransformer:
    """How to build a network, and the files it is written to."""

    build: Callable[[], nn.Module]
    files: dict[str, Export]
    """By folder; the relevance lies in the first, and is the same for all."""
    composites: tuple[str, ...] = COMPOSITES


def vit() -> nn.Module:
    """2 blocks of 2 heads, 16 patches and a class token, learned positions, LayerNorm, GELU."""
    return models.VisionTransformer(SIDE, 4, 2, 2, 16, 32, num_classes=CLASSES)


def vit_rms_norm() -> nn.Module:
    """A mean over tokens instead of the class token, RMSNorm, layer scale, and GELU as x sigmoid(1.702 x)."""
    return TimmVisionTransformer(
        SIDE, 4, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2.0, num_classes=CLASSES, init_values=0.5,
        class_token=False, global_pool="avg", norm_layer=nn.RMSNorm, act_layer=QuickGelu,
    )  # fmt: skip


def swin() -> nn.Module:
    """Windows of 4 x 4 patches, shifted in the second block, relative positions, a mask, and patch merging."""
    return models.SwinTransformer([2, 2], 8, [2, 1], [2, 2], [4, 4], mlp_ratio=2.0, num_classes=CLASSES)


def convnext() -> nn.Module:
    """Depthwise convolutions, LayerNorm over channels, layer scale."""
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=CLASSES)


TINY_TRANSFORMERS: dict[str, TinyTransformer] = {
    "vit": TinyTransformer(
        vit,
        {"vit": TORCHSCRIPT, "vit-opset16": LAYER_NORM_WRITTEN_OUT, "vit-opset23": ATTENTION_OPERATOR},
        WITH_LARGE_EPSILON,
    ),
    "vit-rms-norm": TinyTransformer(vit_rms_norm, {"vit-rms-norm": ROOT_MEAN_SQUARE_WRITTEN_OUT}),
    "swin": TinyTransformer(swin, {"swin": TORCHSCRIPT}),
    "convnext": TinyTransformer(convnext, {"convnext": TORCHSCRIPT}),
}


def write(network: nn.Module, image: Array, form: Export, path: Path) -> None:
    """Write ONNX without what takes most of the space: shapes computed step by step, and stack traces."""
    form.write(network, image, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = onnxscript.optimizer.optimize(onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True))
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
