"""Write tests/golden/sanity: what Quantus 0.6, scikit-image, SciPy and torch say of a randomisation test, for `cargo test`.

    python tests/oracle/make_sanity_goldens.py

Needs the environment of requirements-quantus.txt. The network is torch's; every step has the parameters that
`onnxplain sanity --init permute` shuffles, computed here a second time (random_streams.py). Quantus' MPRT and eMPRT run on
these networks: its own generator would reset the running statistics of BatchNorm, and its draws are torch's.
"""

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import quantus
import torch
from quantus.helpers.model.pytorch_model import PyTorchModel
from scipy.stats import pearsonr, spearmanr
from skimage.feature import hog
from skimage.metrics import structural_similarity
from torch import nn

from random_streams import bits, key, normals, word_of

GOLDEN = Path(__file__).parents[1] / "golden" / "sanity"
SEED = 3
STEMS = ("first", "second")
SIDE = 16
DRAWS = 4
"""Noisy inputs of smprt."""
RANGE = (-2.0, 3.0)


class Network(nn.Module):
    """Three layers with weights: a convolution with BatchNorm behind it, another one, and the head."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 12, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.second = nn.Conv2d(12, 20, 3, stride=2)
        self.head = nn.Linear(20, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.second(x))
        return self.head(x.mean((2, 3)))


STEPS = (("head.weight", "head.bias"), ("second.weight", "second.bias"), ("first.weight", "norm.weight", "norm.bias"))
"""The parameters of every step, from the output down."""


def network() -> Network:
    """A network with statistics that are not those of an untrained one."""
    torch.manual_seed(0)
    made = Network()
    with torch.no_grad():
        made.norm.weight.uniform_(0.5, 1.5)
        made.norm.bias.normal_(0.0, 0.3)
        made.norm.running_mean.normal_(0.0, 0.2)
        made.norm.running_var.uniform_(0.5, 2.0)
        made.head.weight.mul_(3.0)
    return made.eval()


def shuffled(name: str, values: np.ndarray) -> np.ndarray:
    """Fisher and Yates' shuffle by the stream of a parameter."""
    found = values.ravel().copy()
    drawn = bits(key(SEED, [word_of("layer"), word_of(name)]), len(found))
    for counter, last in enumerate(range(len(found) - 1, 0, -1)):
        other = (int(drawn[counter]) * (last + 1)) >> 64
        found[[last, other]] = found[[other, last]]
    return found.reshape(values.shape)


def random_networks() -> Iterator[tuple[str, Network]]:
    """Every step's network."""
    made = network()
    for index, names in enumerate(STEPS):
        parameters = dict(made.named_parameters())
        with torch.no_grad():
            for name in names:
                parameters[name].copy_(torch.from_numpy(shuffled(name, parameters[name].numpy())))
        yield f"step {index + 1}", made


def gradients(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object) -> np.ndarray:
    """The gradient of the target's logit, as Quantus asks for explanations."""
    x = torch.tensor(inputs, dtype=torch.float32, requires_grad=True)
    model(x)[torch.arange(len(x)), torch.as_tensor(targets)].sum().backward()
    return x.grad.numpy()


def contributions(model: Network, picture: np.ndarray, target: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For steps 1 and 2, activation and contribution of the channels that the lowest random layer reads."""
    x = torch.tensor(picture[None])
    first = torch.relu(model.norm(model.first(x))).detach().requires_grad_()
    second = torch.relu(model.second(first)).mean((2, 3))
    second.retain_grad()
    model.head(second)[0, target].backward()
    found = {}
    for step, value in ((1, second), (2, first)):
        product = (value * value.grad).abs()[0].flatten(1) if value.dim() > 2 else (value * value.grad).abs()[0][:, None]
        activation = value.abs()[0].flatten(1) if value.dim() > 2 else value.abs()[0][:, None]
        found[step] = (activation.sum(1).detach().numpy(), product.sum(1).detach().numpy())
    return found


def channels(trained: tuple, random: tuple) -> dict[str, float]:
    """How contributions change."""
    count = len(trained[0])
    tenth = round(count / 10)
    active = set(np.argsort(-trained[0], kind="stable")[:tenth])
    contributing = set(np.argsort(-random[1], kind="stable")[:tenth])
    return {
        "count": count,
        "rank": float(spearmanr(trained[1], random[1])[0]),
        "activation_rank": float(spearmanr(trained[0], random[1])[0]),
        "active_tenth": len(active & contributing) / tenth,
    }


def oriented(values: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients, cells of a fourteenth of the side."""
    side = max(1, round(min(values.shape) / 14))
    return hog(values, orientations=9, pixels_per_cell=(side, side), cells_per_block=(3, 3), block_norm="L2-Hys")


def similarities(before: np.ndarray, now: np.ndarray) -> dict[str, float]:
    """What is not Quantus'."""
    found = {}
    for suffix, read in (("", np.asarray), ("-magnitude", np.abs)):
        a, b = (read(values).astype(np.float64) for values in (before, now))
        found[f"pearson{suffix}"] = float(pearsonr(a.ravel(), b.ravel())[0])
        found[f"cosine{suffix}"] = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
        found[f"hog{suffix}"] = float(pearsonr(oriented(a), oriented(b))[0])
        a, b = (values / np.sqrt((values**2).mean()) for values in (a, b))
        spread = max(a.max(), b.max()) - min(a.min(), b.min())
        found[f"ssim{suffix}"] = float(structural_similarity(a, b, data_range=spread))
    return found


def smooth(model: Network, pictures: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Maps averaged over noisy inputs: a tenth of the range, the same noise for every network."""
    deviation = np.float32(0.1) * np.float32(RANGE[1] - RANGE[0])
    total = np.zeros(pictures.shape, dtype=np.float64)
    for draw in range(DRAWS):
        streams = [key(SEED, [word_of("smooth"), word_of(stem), draw]) for stem in STEMS]
        noise = np.stack([normals(stream, SIDE * SIDE).reshape(1, SIDE, SIDE) for stream in streams])
        total += gradients(model, pictures + noise * deviation, targets) / DRAWS
    return total[:, 0]


def run(metric: quantus.metrics.base.Metric, pictures: np.ndarray, targets: np.ndarray, *, softmax: bool = False) -> object:
    """Runs a metric of Quantus on our networks."""
    return metric(
        model=network(),
        x_batch=pictures,
        y_batch=targets,
        a_batch=None,
        explain_func=gradients,
        channel_first=True,
        softmax=softmax,
        device="cpu",
    )


def expected(pictures: np.ndarray, targets: np.ndarray) -> dict:
    """All numbers, by stem and step."""
    PyTorchModel.get_random_layer_generator = lambda *_, **__: random_networks()
    common = {"normalise": False, "disable_warnings": True, "similarity_func": quantus.similarity_func.correlation_spearman}
    signed = run(quantus.MPRT(abs=False, **common), pictures, targets)
    magnitude = run(quantus.MPRT(abs=True, **common), pictures, targets)
    efficient = quantus.EfficientMPRT(abs=False, skip_layers=False, complexity_func_kwargs={"n_bins": 100}, **common)
    rises = run(efficient, pictures, targets, softmax=True)
    entropies = list(efficient.explanation_scores_by_layer.values())
    before = gradients(network(), pictures, targets)[:, 0]
    smooth_before = smooth(network(), pictures, targets)
    found: dict = {"emprt": dict(zip(STEMS, map(float, rises), strict=True))}
    trained = [contributions(network(), picture, target) for picture, target in zip(pictures, targets, strict=True)]
    for step, (name, model) in enumerate(random_networks(), 1):
        now, smooth_now = gradients(model, pictures, targets)[:, 0], smooth(model, pictures, targets)
        for index, stem in enumerate(STEMS):
            values = similarities(before[index], now[index])
            values["spearman"], values["spearman-magnitude"] = float(signed[name][index]), float(magnitude[name][index])
            values["entropy"] = float(entropies[step][index])
            values["smprt"] = float(spearmanr(smooth_before[index].ravel(), smooth_now[index].ravel())[0])
            entry: dict = {"values": values}
            if step in trained[index]:
                random = contributions(model, pictures[index], targets[index])
                entry["channels"] = channels(trained[index][step], random[step])
            found.setdefault(stem, {})[str(step)] = entry
    return found


def main() -> None:
    """Write them."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    shutil.rmtree(GOLDEN, ignore_errors=True)
    (GOLDEN / "inputs").mkdir(parents=True)
    generator = np.random.default_rng(1)
    coarse = generator.normal(size=(2, 1, 4, 4)).repeat(4, axis=2).repeat(4, axis=3)
    pictures = (coarse + 0.3 * generator.normal(size=(2, 1, SIDE, SIDE))).astype(np.float32)
    for stem, picture in zip(STEMS, pictures, strict=True):
        np.save(GOLDEN / "inputs" / f"{stem}.npy", picture)
    model = network()
    targets = model(torch.tensor(pictures)).argmax(1).numpy()
    # BatchNorm stays as it is: exporters fold it into the convolution, whose parameters would be other ones.
    torch.onnx.export(
        model,
        torch.tensor(pictures[:1]),
        GOLDEN / "network.onnx",
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        opset_version=17,
    )
    text = json.dumps(expected(pictures, targets), indent=1)
    (GOLDEN / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
