"""The networks of the parity table, and how zennit is told about each."""

from collections.abc import Callable
from functools import partial

import torch
from torchvision import models

import canonizers
from family import Family
from vision_transformers import TRANSFORMERS

def _torchvision(name: str, **settings: object) -> Callable[[], torch.nn.Module]:
    return partial(getattr(models, name), weights=None, **settings)


SEQUENTIAL = canonizers.sequential
GATED = canonizers.residual_sums_and_gates
THREE = (0, 1, 2)
CONVOLUTIONAL: dict[str, Family] = {
    "alexnet": Family(_torchvision("alexnet"), SEQUENTIAL, seeds=THREE),
    "squeezenet1_1": Family(_torchvision("squeezenet1_1"), SEQUENTIAL, seeds=THREE),
    "resnet18": Family(_torchvision("resnet18"), canonizers.residual, seeds=THREE),
    "resnet50": Family(_torchvision("resnet50"), canonizers.residual),
    "vgg16": Family(_torchvision("vgg16"), SEQUENTIAL),
    "vgg16_bn": Family(_torchvision("vgg16_bn"), SEQUENTIAL),
    "googlenet": Family(
        _torchvision("googlenet", aux_logits=False, init_weights=False, transform_input=False),
        SEQUENTIAL,
        completed_gradients=canonizers.relu_modules,
    ),
    "mobilenet_v2": Family(_torchvision("mobilenet_v2"), SEQUENTIAL, canonizers.residual_sums, seeds=THREE),
    "mobilenet_v3_small": Family(_torchvision("mobilenet_v3_small"), SEQUENTIAL, GATED, seeds=THREE),
    "mobilenet_v3_large": Family(_torchvision("mobilenet_v3_large"), SEQUENTIAL, GATED),
    "efficientnet_b0": Family(_torchvision("efficientnet_b0"), SEQUENTIAL, GATED),
    "densenet_2_2": Family(
        partial(models.DenseNet, 16, (2, 2), 32, num_classes=100),
        canonizers.none,
        completed_gradients=canonizers.last_relu_module,
        size=32,
        seeds=THREE,
        has_flat_pooling_too=True,
        is_beyond_zennit=True,
    ),
    "densenet121": Family(
        _torchvision("densenet121"),
        canonizers.none,
        completed_gradients=canonizers.last_relu_module,
        has_flat_pooling_too=True,
        is_beyond_zennit=True,
    ),
}
"""To compare one more network, add its line here."""

FAMILIES: dict[str, Family] = CONVOLUTIONAL | TRANSFORMERS
