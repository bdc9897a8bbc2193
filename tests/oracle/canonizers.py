"""zennit's canonizers, with the merged BatchNorm made an exact identity."""

from collections.abc import Sequence

import torch
from zennit.canonizers import Canonizer, SequentialMergeBatchNorm
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


def dense() -> list[Canonizer]:
    """None for DenseNet: merging in the order of modules takes the BatchNorm of the next block for that of a
    convolution, and fails."""
    return []
