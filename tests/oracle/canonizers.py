"""zennit's canonizers, with the merged BatchNorm made an exact identity, and those that zennit lacks."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models.densenet import DenseNet
from torchvision.models.efficientnet import MBConv
from torchvision.models.googlenet import BasicConv2d
from torchvision.models.mobilenetv2 import InvertedResidual, MobileNetV2
from torchvision.models.mobilenetv3 import InvertedResidual as SqueezedInvertedResidual
from torchvision.ops import SqueezeExcitation
from zennit.canonizers import AttributeCanonizer, Canonizer, SequentialMergeBatchNorm
from zennit.layer import Sum
from zennit.torchvision import ResNetBasicBlockCanonizer, ResNetBottleneckCanonizer


class ExactMergeBatchNorm(SequentialMergeBatchNorm):
    """Merges BatchNorm into the linear layer before it, and sets its epsilon to zero.

    zennit 0.5.1 keeps the epsilon, so what it leaves behind still multiplies by
    1/sqrt(1 + 1e-5), which adds up over a deep network.
    """

    def register(self, linears: Sequence[torch.nn.Module], batch_norm: torch.nn.BatchNorm2d) -> None:
        """Merge, and remember the epsilon."""
        super().register(linears, batch_norm)
        self.eps = batch_norm.eps
        batch_norm.eps = 0.0

    def remove(self) -> None:
        """Undo the merge."""
        super().remove()
        self.batch_norm.eps = self.eps


def sequential() -> list[Canonizer]:
    """For networks without residual sums (zennit's VGGCanonizer)."""
    return [ExactMergeBatchNorm()]


def residual() -> list[Canonizer]:
    """For torchvision's ResNet blocks (zennit's ResNetCanonizer)."""
    return [ExactMergeBatchNorm(), ResNetBottleneckCanonizer(), ResNetBasicBlockCanonizer()]


def none() -> list[Canonizer]:
    """For DenseNet, where merging in the order of modules fails: behind a block's last convolution stands the first
    BatchNorm of the next block, which is not its own."""
    return []


def rewritten(
    kind: type[nn.Module], forward: Callable[..., Tensor], **modules: Callable[[], nn.Module]
) -> AttributeCanonizer:
    """Gives modules of a kind another `forward`, which computes the same, and modules to do it with."""

    def attributes(_: str, module: nn.Module) -> dict[str, object] | None:
        if not isinstance(module, kind):
            return None
        return {"forward": forward.__get__(module)} | {name: made() for name, made in modules.items()}

    return AttributeCanonizer(attributes)


def _sum_of_convolutions(block: InvertedResidual, value: Tensor) -> Tensor:
    result = block.conv(value)
    return block.residual_sum(torch.stack([value, result], dim=-1)) if block.use_res_connect else result


def _sum_of_block(block: nn.Module, value: Tensor) -> Tensor:
    result = block.block(value)
    return block.residual_sum(torch.stack([value, result], dim=-1)) if block.use_res_connect else result


def _gate(block: SqueezeExcitation, value: Tensor) -> Tensor:
    """The gate's value, and the derivative of the identity: the signal takes all relevance."""
    return value + (block._scale(value) * value - value).detach()


def _relu_module(block: BasicConv2d, value: Tensor) -> Tensor:
    return block.relu(block.bn(block.conv(value)))


def _last_relu_module(network: DenseNet, value: Tensor) -> Tensor:
    pooled = nn.functional.adaptive_avg_pool2d(network.last_relu(network.features(value)), (1, 1))
    return network.classifier(torch.flatten(pooled, 1))


def _pooling_module(network: MobileNetV2, value: Tensor) -> Tensor:
    pooled = network.average_pool(network.features(value))
    return network.classifier(torch.flatten(pooled, 1))


def residual_sums() -> list[Canonizer]:
    """For MobileNetV2: its residual sums as zennit's Sum, its average pooling as a module."""
    pooling = partial(nn.AdaptiveAvgPool2d, 1)
    return [
        ExactMergeBatchNorm(),
        rewritten(InvertedResidual, _sum_of_convolutions, residual_sum=Sum),
        rewritten(MobileNetV2, _pooling_module, average_pool=pooling),
    ]


def residual_sums_and_gates() -> list[Canonizer]:
    """For MobileNetV3 and EfficientNet: residual sums, and gates as coefficients."""
    kinds = (SqueezedInvertedResidual, MBConv)
    sums = [rewritten(kind, _sum_of_block, residual_sum=Sum) for kind in kinds]
    return [ExactMergeBatchNorm(), *sums, rewritten(SqueezeExcitation, _gate)]


def relu_modules() -> list[Canonizer]:
    """For GoogLeNet: its ReLU, which it calls as a function, as a module."""
    return [ExactMergeBatchNorm(), rewritten(BasicConv2d, _relu_module, relu=nn.ReLU)]


def last_relu_module() -> list[Canonizer]:
    """For DenseNet: its last ReLU, which it calls as a function, as a module."""
    return [rewritten(DenseNet, _last_relu_module, last_relu=nn.ReLU)]
