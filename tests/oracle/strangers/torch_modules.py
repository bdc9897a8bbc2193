"""Modules of torch that people put into classifiers, small and with random weights."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

CLASSES = 5
Forward = Callable[[nn.Module, torch.Tensor], torch.Tensor]


class Written(nn.Module):
    """A module whose parts are given, and whose forward pass is a function of them."""

    def __init__(self, parts: dict[str, nn.Module | torch.Tensor], forward: Forward) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if isinstance(part, torch.Tensor) else part)
        self.written = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        return self.written(self, x)


def conv(inputs: int = 3, outputs: int = 8, size: int = 3, **options: object) -> nn.Conv2d:
    """A convolution that keeps the size, unless options say otherwise."""
    return nn.Conv2d(inputs, outputs, size, **{"padding": size // 2, **options})


def head(inputs: int = 8) -> nn.Linear:
    """The last layer."""
    return nn.Linear(inputs, CLASSES)


def mean(x: torch.Tensor) -> torch.Tensor:
    """Over positions."""
    return x.mean((2, 3))


def squeeze_excite(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu()
    gate = functional.hardsigmoid(m.up(m.down(functional.adaptive_avg_pool2d(x, 1)).relu()))
    return m.head(mean(x * gate.expand_as(x)))


def cbam(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu()
    both = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
    x = x * torch.sigmoid(m.spatial(both))
    most, average = x.amax((2, 3)), x.mean((2, 3))
    return m.head(x.mean((2, 3)) * torch.sigmoid(m.mlp(most) + m.mlp(average)))


def non_local(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu()
    query, key, value = (part(x).flatten(2) for part in (m.q, m.k, m.v))
    weights = torch.softmax(query.transpose(1, 2) @ key, -1)
    y = (value @ weights.transpose(1, 2)).view_as(x)
    return m.head(mean(x + y))


def arc_face(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    features = functional.normalize(m.dense(m.stem(x).relu().flatten(1)))
    return 16.0 * functional.linear(features, functional.normalize(m.weight))


def net_vlad(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = functional.normalize(m.stem(x), dim=1)
    assignment = torch.softmax(m.assign(x).flatten(2), 1)
    residual = x.flatten(2).unsqueeze(1) - m.centres.unsqueeze(0).unsqueeze(-1)
    vlad = functional.normalize((residual * assignment.unsqueeze(2)).sum(-1), dim=2)
    return m.head(functional.normalize(vlad.flatten(1), dim=1))


def capsules(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).flatten(2).transpose(1, 2).reshape(x.shape[0], -1, 8)
    square = (x * x).sum(-1, keepdim=True)
    x = square / (1 + square) * x / torch.sqrt(square + 1e-8)
    votes = torch.einsum("nid,ide->ne", x, m.votes)
    return m.head(votes)


def bilinear_pooling(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    a, b = m.stem(x).relu(), m.other(x).relu()
    pooled = torch.einsum("nchw,ndhw->ncd", a, b).flatten(1) / 36
    pooled = torch.sign(pooled) * torch.sqrt(pooled.abs() + 1e-3)
    return m.head(functional.normalize(pooled))


def weight_standardised(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    weight = m.stem.weight
    weight = (weight - weight.mean((1, 2, 3), keepdim=True)) / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
    x = functional.conv2d(x, weight, m.stem.bias, padding=1)
    return m.head(mean(functional.silu(m.norm(x))))


def mixture_of_softmaxes(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu().flatten(1)
    prior = torch.softmax(m.prior(x), -1)
    parts = torch.softmax(m.parts(x).view(x.shape[0], 3, CLASSES), -1)
    return (prior.unsqueeze(-1) * parts).sum(1)


def causal_convolutions(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    for layer, dilation in ((m.a, 1), (m.b, 2), (m.c, 4)):
        y = layer(x)[:, :, : -2 * dilation]
        x = y.relu() + (x if x.shape == y.shape else m.skip(x))
    return m.head(x[:, :, -1])


def wave_net(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x, skips = m.stem(x), 0
    for layer, out in ((m.a, m.oa), (m.b, m.ob)):
        filtered, gate = layer(x).chunk(2, 1)
        z = out(torch.tanh(filtered) * torch.sigmoid(gate))
        x, skips = x + z, skips + z
    return m.head(skips.relu().mean(-1))


def attention_pooling(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.recurrent(x)[0]
    scores = m.score(torch.tanh(m.key(x))).squeeze(-1)
    scores = scores.masked_fill(torch.arange(x.shape[1]) >= 9, float("-inf"))
    return m.head((torch.softmax(scores, 1).unsqueeze(-1) * x).sum(1))


def transformer_encoder(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    place = torch.arange(x.shape[1]).unsqueeze(1)
    rate = torch.exp(torch.arange(0, 8, 2) * (-math.log(10000.0) / 8))
    code = torch.stack([torch.sin(place * rate), torch.cos(place * rate)], -1).flatten(1)
    return m.head(m.second(m.first(m.embed(x) + code)).mean(1))


def conv_lstm(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    state = cell = torch.zeros(x.shape[0], 4, x.shape[3], x.shape[4])
    for frame in x.unbind(1):
        i, f, o, g = m.gates(torch.cat([frame, state], 1)).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        state = torch.sigmoid(o) * torch.tanh(cell)
    return m.head(mean(state))


def siamese(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    left, right = (mean(m.stem(part).relu()) for part in x.chunk(2, 3))
    return m.head(torch.cat([(left - right).abs(), left * right], 1))


def log_sum_exp_pooling(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.head(m.stem(x).relu().flatten(2).transpose(1, 2))
    return torch.logsumexp(4 * x, 1) / 4 - math.log(36) / 4


def statistics_pooling(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.a(x).relu()
    return m.head(torch.cat([x.mean(-1), x.std(-1)], 1))


def dynamic_filter(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu()
    windows = functional.unfold(x, 3, padding=1).view(x.shape[0], 8, 9, 36)
    weights = torch.softmax(m.kernel(x).view(x.shape[0], 1, 9, 36), 2)
    return m.head((windows * weights).sum(2).mean(-1))


def fourier_filter(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x)
    spectrum = torch.fft.rfft2(x, norm="ortho")
    return m.head(torch.log1p(spectrum.abs()).mean((2, 3)))


def soft_tree(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    p = torch.sigmoid(m.dense(x.flatten(1)))
    root, left, right = p[:, 0:1], p[:, 1:2], p[:, 2:3]
    leaves = torch.cat([root * left, root * (1 - left), (1 - root) * right, (1 - root) * (1 - right)], 1)
    return leaves @ m.leaves


def radial_basis(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.dense(x.flatten(1))
    return m.head(torch.exp(-0.3 * torch.cdist(x, m.centres) ** 2))


def prototypes(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = torch.sigmoid(m.stem(x))
    square = (x * x).sum(1, keepdim=True)
    cross = functional.conv2d(x, m.prototypes)
    distance = functional.relu(square - 2 * cross + (m.prototypes**2).sum((1, 2, 3)).view(1, -1, 1, 1))
    least = -functional.max_pool2d(-distance, distance.shape[2:]).flatten(1)
    return m.head(torch.log((least + 1) / (least + 1e-4)))


def ordinal(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    score = m.dense(m.stem(x).relu().flatten(1))
    above = torch.sigmoid(score - m.thresholds)
    ones, zeros = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    return torch.cat([ones, above], 1) - torch.cat([above, zeros], 1)


def flips_averaged(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    def scores(x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(m.head(mean(m.stem(x).relu())), 1)

    return (scores(x) + scores(x.flip(3)) + scores(x.flip(2))) / 3


def standardised_picture(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 1e-6)
    return m.head(mean(m.stem(x).relu()))


def hyperbolic(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.dense(x.flatten(1)) * 0.3
    norm = x.norm(dim=-1, keepdim=True).clamp(min=1e-5)
    ball = torch.tanh(norm) * x / norm
    square = (ball * ball).sum(-1, keepdim=True)
    return m.head(torch.asinh(2 * ball / (1 - square)))


def several_scales(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    small = functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    small = functional.interpolate(m.stem(small).relu(), size=x.shape[2:], mode="bilinear", align_corners=True)
    return m.head(mean(torch.cat([m.stem(x).relu(), small], 1)))


def cosine_attention(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    q, k, v = m.qkv(x).chunk(3, -1)
    scores = functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).transpose(1, 2)
    scores = scores * m.scale.clamp(max=math.log(100.0)).exp() + m.bias
    return m.head((scores.softmax(-1) @ v).mean(1))


def selective_scan(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    step = functional.softplus(m.step(x))
    b, c = m.b(x), m.c(x)
    state, outputs = torch.zeros(x.shape[0], 5, 4), []
    for t in range(x.shape[1]):
        decay = torch.exp(step[:, t].unsqueeze(-1) * -torch.exp(m.a))
        state = decay * state + (step[:, t] * x[:, t]).unsqueeze(-1) * b[:, t].unsqueeze(1)
        outputs.append((state * c[:, t].unsqueeze(1)).sum(-1))
    y = torch.stack(outputs, 1) + m.d * x
    return m.head((y * functional.silu(m.z(x))).mean(1))


def fourier_features(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.dense(x.flatten(1))
    return m.head(torch.cat([torch.sin(x), torch.cos(x)], -1))


def swi_glu(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * m.scale
    x = x + m.out(functional.silu(m.a(y)) * m.b(y))
    return m.head(x.mean(1))


def splines(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = torch.tanh(m.dense(x.flatten(1))).unsqueeze(-1)
    knots = torch.linspace(-1.2, 1.2, 7)
    basis = ((x >= knots[:-1]) & (x < knots[1:])).to(x.dtype)
    for order in (1, 2):
        left = (x - knots[: -order - 1]) / (knots[order:-1] - knots[: -order - 1]) * basis[..., :-1]
        right = (knots[order + 1 :] - x) / (knots[order + 1 :] - knots[1:-order]) * basis[..., 1:]
        basis = left + right
    return torch.einsum("nfk,fkc->nc", basis, m.coefficients)


def space_to_depth(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.mix(functional.pixel_unshuffle(m.stem(x), 2)).relu()
    return m.head(mean(functional.pixel_shuffle(x, 2)))


def log_probabilities_averaged(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = mean(m.stem(x).relu())
    return (functional.log_softmax(m.head(x), -1) + functional.log_softmax(m.other(x), -1)) / 2


def multiple_instances(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    bag = mean(m.stem(x.flatten(0, 1)).relu())
    weights = torch.softmax(m.v(torch.tanh(m.u(bag)) * torch.sigmoid(m.g(bag))), 0)
    return m.head((weights * bag).sum(0, keepdim=True))


def power_means(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).clamp(min=1e-3).pow(m.p)
    return m.head(mean(x).pow(1.0 / m.p.flatten(1)))


def stochastic_pooling(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.stem(x).relu()
    windows = functional.unfold(x, 2, stride=2).view(x.shape[0], 8, 4, 9)
    return m.head((windows * windows / (windows.sum(2, keepdim=True) + 1e-6)).sum(2).mean(-1))


def first_token_of_blocks(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = m.patches(x).flatten(2).transpose(1, 2)
    x = torch.cat([m.token.expand(x.shape[0], -1, -1), x], 1) + m.place
    x = x + m.attention(m.norm(x), m.norm(x), m.norm(x), need_weights=False)[0]
    return m.head(m.last(x)[:, 0])


def parts() -> list[tuple[str, tuple[int, ...], Forward, dict]]:
    """Name, shape of the input, forward pass, and its parts; drawn by torch's generator."""
    picture, signal, tokens = (1, 3, 6, 6), (1, 4, 20), (1, 12, 5)
    return [
        ("squeeze and excite, expanded", picture, squeeze_excite, {"stem": conv(), "down": conv(8, 4, 1), "up": conv(4, 8, 1), "head": head()}),
        ("CBAM", picture, cbam, {"stem": conv(), "spatial": conv(2, 1), "mlp": nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8)), "head": head()}),
        ("non-local block", picture, non_local, {"stem": conv(), "q": conv(8, 4, 1), "k": conv(8, 4, 1), "v": conv(8, 8, 1), "head": head()}),
        ("ArcFace head", picture, arc_face, {"stem": conv(), "dense": nn.Linear(288, 16), "weight": torch.randn(CLASSES, 16)}),
        ("NetVLAD", picture, net_vlad, {"stem": conv(), "assign": conv(8, 4, 1), "centres": torch.randn(4, 8), "head": head(32)}),
        ("capsules, squashed", picture, capsules, {"stem": conv(), "votes": torch.randn(36, 8, 10) * 0.3, "head": head(10)}),
        ("bilinear pooling, signed root", picture, bilinear_pooling, {"stem": conv(), "other": conv(), "head": head(64)}),
        ("standardised weights, GroupNorm", picture, weight_standardised, {"stem": conv(), "norm": nn.GroupNorm(4, 8), "head": head()}),
        ("mixture of softmaxes", picture, mixture_of_softmaxes, {"stem": conv(), "prior": nn.Linear(288, 3), "parts": nn.Linear(288, 15)}),
        ("causal convolutions", signal, causal_convolutions, {"a": nn.Conv1d(4, 8, 3, padding=2), "b": nn.Conv1d(8, 8, 3, padding=4, dilation=2), "c": nn.Conv1d(8, 8, 3, padding=8, dilation=4), "skip": nn.Conv1d(4, 8, 1), "head": head()}),
        ("WaveNet", signal, wave_net, {"stem": nn.Conv1d(4, 8, 1), "a": nn.Conv1d(8, 16, 3, padding=1), "b": nn.Conv1d(8, 16, 3, padding=2, dilation=2), "oa": nn.Conv1d(8, 8, 1), "ob": nn.Conv1d(8, 8, 1), "head": head()}),
        ("BiGRU, attention over time, masked", tokens, attention_pooling, {"recurrent": nn.GRU(5, 6, batch_first=True, bidirectional=True), "key": nn.Linear(12, 8), "score": nn.Linear(8, 1), "head": head(12)}),
        ("transformer encoder, sinusoids", tokens, transformer_encoder, {"embed": nn.Linear(5, 8), "first": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), "second": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu"), "head": head()}),
        ("ConvLSTM", (1, 3, 2, 5, 5), conv_lstm, {"gates": conv(6, 16), "head": head(4)}),
        ("siamese halves", picture, siamese, {"stem": conv(), "head": head(16)}),
        ("log-sum-exp pooling", picture, log_sum_exp_pooling, {"stem": conv(), "head": head()}),
        ("mean and deviation over time", signal, statistics_pooling, {"a": nn.Conv1d(4, 8, 3), "head": head(16)}),
        ("dynamic filters by unfold", picture, dynamic_filter, {"stem": conv(), "kernel": conv(8, 9), "head": head()}),
        ("magnitudes of a Fourier transform", picture, fourier_filter, {"stem": conv(), "head": head()}),
        ("soft decision tree", picture, soft_tree, {"dense": nn.Linear(108, 3), "leaves": torch.randn(4, CLASSES)}),
        ("radial basis functions by cdist", picture, radial_basis, {"dense": nn.Linear(108, 4), "centres": torch.randn(6, 4), "head": head(6)}),
        ("prototypes", picture, prototypes, {"stem": conv(), "prototypes": torch.rand(6, 8, 1, 1), "head": head(6)}),
        ("ordinal regression", picture, ordinal, {"stem": conv(), "dense": nn.Linear(288, 1), "thresholds": torch.tensor([-1.0, -0.3, 0.4, 1.2])}),
        ("probabilities of flips averaged", picture, flips_averaged, {"stem": conv(), "head": head()}),
        ("picture standardised by itself", picture, standardised_picture, {"stem": conv(), "head": head()}),
        ("hyperbolic layer", picture, hyperbolic, {"dense": nn.Linear(108, 6), "head": head(6)}),
        ("several scales", picture, several_scales, {"stem": conv(), "head": head(16)}),
        ("cosine attention", tokens, cosine_attention, {"qkv": nn.Linear(5, 24), "scale": torch.tensor(2.0), "bias": torch.randn(12, 12) * 0.3, "head": head()}),
        ("selective scan", tokens, selective_scan, {"step": nn.Linear(5, 5), "b": nn.Linear(5, 4), "c": nn.Linear(5, 4), "a": torch.rand(5, 4), "d": torch.rand(5), "z": nn.Linear(5, 5), "head": head(5)}),
        ("Fourier features", picture, fourier_features, {"dense": nn.Linear(108, 12), "head": head(24)}),
        ("RMSNorm and SwiGLU", tokens, swi_glu, {"scale": torch.rand(5) + 0.5, "a": nn.Linear(5, 12), "b": nn.Linear(5, 12), "out": nn.Linear(12, 5), "head": head(5)}),
        ("B-splines (KAN)", picture, splines, {"dense": nn.Linear(108, 4), "coefficients": torch.randn(4, 4, CLASSES)}),
        ("pixel shuffle there and back", picture, space_to_depth, {"stem": conv(), "mix": conv(32, 32, 1), "head": head()}),
        ("log-probabilities averaged", picture, log_probabilities_averaged, {"stem": conv(), "head": head(), "other": head()}),
        ("bag of instances, gated attention", (1, 4, 3, 5, 5), multiple_instances, {"stem": conv(), "u": nn.Linear(8, 6), "g": nn.Linear(8, 6), "v": nn.Linear(6, 1), "head": head()}),
        ("power means, one power a channel", picture, power_means, {"stem": conv(), "p": torch.rand(1, 8, 1, 1) * 2 + 1, "head": head()}),
        ("weighted pooling of windows", picture, stochastic_pooling, {"stem": conv(), "head": head()}),
        ("patches, class token, MultiheadAttention", (1, 3, 8, 8), first_token_of_blocks, {"patches": conv(3, 8, 4, stride=4, padding=0), "token": torch.randn(1, 1, 8), "place": torch.randn(1, 5, 8) * 0.3, "attention": nn.MultiheadAttention(8, 2, batch_first=True), "norm": nn.LayerNorm(8), "last": nn.LayerNorm(8), "head": head()}),
    ]  # fmt: skip
