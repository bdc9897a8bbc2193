"""Trains six small networks on Fashion-MNIST and writes ../fashion_*.onnx, their cards and ../fashion.txt.

Each network stands for an architecture family with a difficulty of its own for relevance propagation:
fashion_vgg        convolution, BatchNorm, ReLU in a row; max pooling; a dense head
fashion_resnet     residual sums, with strided 1x1 convolutions on the shortcut
fashion_densenet   BatchNorm and ReLU before the convolution; concatenation; average pooling
fashion_mobilenet  depthwise convolutions, squeeze-and-excitation gates, SiLU, residual sums
fashion_inception  parallel branches that are concatenated; a branch of max pooling
fashion_vit        attention, LayerNorm, GELU, a class token and a position embedding

Usage: python train_fashion.py [NAME...]      (without a name: all six; about 35 minutes on one core)
"""

import sys
import time
from pathlib import Path

import numpy
import torch
from torch import nn

from fashion_mnist import LABELS, MEAN, STD, load, preprocess
from onnx_export import describe, export, largest_difference, run

FOLDER = Path(__file__).resolve().parent.parent
CLASSES = len(LABELS)
SEED = 1
BATCH = 128
LEARNING_RATE = 6e-3
TOLERANCE = 1e-3


def convolution(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1. BatchNorm stands beside it, so it has no bias."""
    return nn.Conv2d(
        channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False
    )


def fashion_vgg() -> nn.Module:
    """Three stages of two convolutions with max pooling, then two dense layers."""
    layers: list[nn.Module] = []
    channels_in = 1
    for channels in (16, 32, 48):
        for _ in range(2):
            layers += [convolution(channels_in, channels), nn.BatchNorm2d(channels), nn.ReLU()]
            channels_in = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(48 * 3 * 3, 64), nn.ReLU(), nn.Linear(64, CLASSES)
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.branch = nn.Sequential(
            convolution(channels_in, channels, stride=stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            convolution(channels, channels),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                convolution(channels_in, channels, kernel=1, stride=stride), nn.BatchNorm2d(channels)
            )
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.branch(x) + self.shortcut(x))


def fashion_resnet() -> nn.Module:
    """A stem with max pooling, four basic blocks, global average pooling, one dense layer."""
    return nn.Sequential(
        convolution(1, 16),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        BasicBlock(16, 16, stride=1),
        BasicBlock(16, 32, stride=2),
        BasicBlock(32, 32, stride=1),
        BasicBlock(32, 48, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(48, CLASSES),
    )


class DenseLayer(nn.Module):
    """Bottleneck layer whose output is put beside its input (Huang et al. 2017)."""

    def __init__(self, channels_in: int, growth: int):
        super().__init__()
        bottleneck = 2 * growth
        self.branch = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            convolution(channels_in, bottleneck, kernel=1),
            nn.BatchNorm2d(bottleneck),
            nn.ReLU(),
            convolution(bottleneck, growth),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.branch(x)], dim=1)


def fashion_densenet() -> nn.Module:
    """Three dense blocks; transitions halve the channels and the size."""
    growth, layers_per_block, channels = 12, 4, 24
    layers: list[nn.Module] = [convolution(1, channels, stride=2)]
    for block in range(3):
        if block > 0:
            layers += [
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                convolution(channels, channels // 2, kernel=1),
                nn.AvgPool2d(2),
            ]
            channels //= 2
        for _ in range(layers_per_block):
            layers.append(DenseLayer(channels, growth))
            channels += growth
    return nn.Sequential(
        *layers,
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, CLASSES),
    )


class SqueezeExcite(nn.Module):
    """Channels weighted by a gate computed from their averages (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, squeeze-and-excite, project (Sandler et al. 2018, Tan and Le 2019)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int = 4):
        super().__init__()
        hidden = channels_in * expansion
        self.branch = nn.Sequential(
            convolution(channels_in, hidden, kernel=1),
            nn.BatchNorm2d(hidden),
            nn.SiLU(),
            convolution(hidden, hidden, stride=stride, groups=hidden),
            nn.BatchNorm2d(hidden),
            nn.SiLU(),
            SqueezeExcite(hidden, channels_in // 2),
            convolution(hidden, channels_out, kernel=1),
            nn.BatchNorm2d(channels_out),
        )
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x) if self.residual else self.branch(x)


def fashion_mobilenet() -> nn.Module:
    """A strided stem, five inverted residual blocks, a 1x1 head, global average pooling, one dense layer."""
    return nn.Sequential(
        convolution(1, 16, stride=2),
        nn.BatchNorm2d(16),
        nn.SiLU(),
        InvertedResidual(16, 16, stride=1),
        InvertedResidual(16, 24, stride=2),
        InvertedResidual(24, 24, stride=1),
        InvertedResidual(24, 40, stride=2),
        InvertedResidual(40, 40, stride=1),
        convolution(40, 96, kernel=1),
        nn.BatchNorm2d(96),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, CLASSES),
    )


def unit(channels_in: int, channels: int, kernel: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU."""
    return nn.Sequential(
        convolution(channels_in, channels, kernel), nn.BatchNorm2d(channels), nn.ReLU()
    )


class Inception(nn.Module):
    """Four branches beside each other: 1x1, 3x3, 5x5, max pooling (Szegedy et al. 2015)."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                unit(channels_in, channels),
                nn.Sequential(unit(channels_in, channels), unit(channels, channels, kernel=3)),
                nn.Sequential(unit(channels_in, channels // 2), unit(channels // 2, channels // 2, kernel=5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), unit(channels_in, channels // 2)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def fashion_inception() -> nn.Module:
    """A stem with max pooling, four modules of parallel branches, global average pooling, one dense layer."""
    return nn.Sequential(
        unit(1, 16, kernel=3),
        nn.MaxPool2d(2),
        Inception(16, 12),
        Inception(36, 12),
        nn.MaxPool2d(2),
        Inception(36, 20),
        Inception(60, 20),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(60, CLASSES),
    )


class Attention(nn.Module):
    """Self-attention of several heads (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pictures, tokens, channels = x.shape
        parts = self.query_key_value(x).reshape(pictures, tokens, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.output(mixed.transpose(1, 2).reshape(pictures, tokens, channels))


class AttentionBlock(nn.Module):
    """Attention and two dense layers, each behind a LayerNorm and beside a shortcut (Dosovitskiy et al. 2021)."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.dense = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.dense(self.norm2(x))


class VisionTransformer(nn.Module):
    """Patches of 4 x 4 pixels and a class token, with learned positions, and four blocks."""

    def __init__(self, channels: int, heads: int, blocks: int):
        super().__init__()
        self.patches = nn.Conv2d(1, channels, 4, stride=4)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, channels))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + 7 * 7, channels))
        self.blocks = nn.Sequential(*[AttentionBlock(channels, heads) for _ in range(blocks)])
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        return self.head(self.norm(self.blocks(tokens + self.positions))[:, 0])


def fashion_vit() -> nn.Module:
    """Four blocks of three heads with 48 channels."""
    return VisionTransformer(channels=48, heads=3, blocks=4)


# What is built, what its card calls it, and how many epochs it is trained.
NETWORKS = {
    "fashion_vgg": (fashion_vgg, "VGG-like, 6 convolutions and 2 dense layers", 5),
    "fashion_resnet": (fashion_resnet, "ResNet-like, 4 basic blocks", 6),
    "fashion_densenet": (fashion_densenet, "DenseNet-like, 3 blocks of 4 layers", 5),
    "fashion_mobilenet": (fashion_mobilenet, "MobileNet-like, 5 inverted residual blocks with squeeze-and-excite", 6),
    "fashion_inception": (fashion_inception, "GoogLeNet-like, 4 modules of parallel branches", 4),
    "fashion_vit": (fashion_vit, "Vision transformer, 4 blocks of 3 heads, patches of 4 x 4 pixels", 9),
}

# The largest learning rate of a network that diverges or stalls at LEARNING_RATE.
LEARNING_RATES = {"fashion_vit": 3e-3}


def train(
    network: nn.Module, images: torch.Tensor, classes: torch.Tensor, epochs: int, learning_rate: float
) -> None:
    """Minimises the cross-entropy with AdamW and a one-cycle learning rate; pictures are mirrored at random."""
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    batches = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=epochs * batches)
    # On a processor this order of the axes trains about 1.5 times faster.
    network.train().to(memory_format=torch.channels_last)
    for epoch in range(epochs):
        start, loss_sum = time.perf_counter(), 0.0
        order = torch.randperm(len(images))
        for batch in range(batches):
            chosen = order[batch * BATCH : (batch + 1) * BATCH]
            mirrored = torch.rand(BATCH, 1, 1, 1) < 0.5
            pictures = torch.where(mirrored, images[chosen].flip(3), images[chosen])
            loss = nn.functional.cross_entropy(network(pictures), classes[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
        seconds = time.perf_counter() - start
        print(f"  epoch {epoch + 1}/{epochs}: loss {loss_sum / batches:.4f}, {seconds:.0f} s", flush=True)
    network.to(memory_format=torch.contiguous_format)


def test_accuracy(path: Path) -> float:
    """The share of the 10000 test pictures that the ONNX file classifies right."""
    images, classes = load("t10k")
    predicted = numpy.concatenate(
        [run(path, preprocess(part)).argmax(axis=1) for part in numpy.array_split(images, 10)]
    )
    return float((predicted == classes).mean())


def card(about: str, accuracy: float) -> str:
    """The model card as YAML text."""
    return f"""labels: fashion.txt
input:
  layout: NCHW
  channels: GRAY
  size: [28, 28]
  resize: {{ filter: bilinear }}
  scale: 0.00392156862745098    # 1/255
  mean: [{MEAN:.4f}]
  std: [{STD:.4f}]
output: logits
source: >-
  {about}; trained on Fashion-MNIST (Zalando SE, MIT) by training/train_fashion.py. MIT OR Apache-2.0, like
  onnxplain. {accuracy * 100:.2f} % of the 10000 test pictures right, measured with onnxruntime on the ONNX file.
"""


def make(name: str, images: torch.Tensor, classes: torch.Tensor) -> None:
    """Trains one network and writes its ONNX file and card."""
    build, about, epochs = NETWORKS[name]
    torch.manual_seed(SEED)
    network = build()
    print(f"{name}: {sum(weights.numel() for weights in network.parameters())} parameters", flush=True)
    train(network, images, classes, epochs, LEARNING_RATES.get(name, LEARNING_RATE))

    path = FOLDER / f"{name}.onnx"
    export(network, images[:2], path, symbolic_batch=True)
    difference = largest_difference(network, path, images[:64])
    if difference > TOLERANCE:
        raise SystemExit(f"{path}: the logits differ from torch's by {difference:.2e}, more than {TOLERANCE:.0e}")
    accuracy = test_accuracy(path)
    path.with_suffix(".yaml").write_text(card(about, accuracy), encoding="utf-8")
    print(f"  {describe(path)}")
    print(f"  largest difference to torch {difference:.2e}; test accuracy {accuracy * 100:.2f} %", flush=True)


def main() -> None:
    names = sys.argv[1:] or list(NETWORKS)
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise SystemExit(f"unknown network {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(1)
    (FOLDER / "fashion.txt").write_text("".join(f"{label}\n" for label in LABELS), encoding="utf-8")
    images, classes = load("train")
    inputs, targets = torch.from_numpy(preprocess(images)), torch.from_numpy(classes.astype(numpy.int64))
    for name in names:
        make(name, inputs, targets)


if __name__ == "__main__":
    main()
