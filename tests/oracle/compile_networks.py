"""The networks of `compile_parity.py`: those of `families.py`, in which no decision hangs on rounding, or torchvision's."""

from pathlib import Path

import numpy as np
import torch
import torchvision

from exports import Export
from families import FAMILIES
from networks import prepare, random_image


def write(name: str, path: Path, image_path: Path, parameters: Path) -> None:
    """Builds a network with random parameters, and writes its file, an input and the parameters."""
    if name in FAMILIES:
        construction = FAMILIES[name].construct(name, 0)
        network, image = construction.network, construction.image
        export = next(iter(FAMILIES[name].exports.values()))
    else:
        torch.manual_seed(0)
        size = 299 if name == "inception_v3" else 224
        image = random_image(np.random.default_rng(0), size, size)
        network = prepare(_drawn(name), image)
        export = Export(with_dynamo=False, keeps_batch_norm=False)
    np.save(image_path, image)
    torch.save(network.state_dict(), parameters)
    export.write(network, image, path)


def network(name: str, parameters: Path) -> torch.nn.Module:
    """The network in torch."""
    read = _drawn(name)
    read.load_state_dict(torch.load(parameters, weights_only=True))
    for module in read.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return read.eval()


def _drawn(name: str) -> torch.nn.Module:
    if name in FAMILIES:
        return FAMILIES[name].build()
    options = {"aux_logits": True, "init_weights": True} if name == "inception_v3" else {}
    return torchvision.models.get_model(name, weights=None, **options)
