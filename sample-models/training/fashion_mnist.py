"""Reads Fashion-MNIST as Debian's package `dataset-fashion-mnist` installs it."""

import gzip
from pathlib import Path

import numpy

FOLDER = Path("/usr/share/datasets/fashion-mnist")

# The class names in index order, from the data set's README.
LABELS = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]

# Mean and standard deviation of the training pixels, scaled to 0..1.
MEAN = 0.2860
STD = 0.3530


def load(part: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Pictures [N, 28, 28] and classes [N], both uint8; `part` is "train" or "t10k"."""
    with gzip.open(FOLDER / f"{part}-labels-idx1-ubyte.gz") as file:
        classes = numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=8)
    with gzip.open(FOLDER / f"{part}-images-idx3-ubyte.gz") as file:
        images = numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=16)
    return images.reshape(len(classes), 28, 28), classes


def preprocess(images: numpy.ndarray) -> numpy.ndarray:
    """The network's input [N, 1, 28, 28], float32, for uint8 pictures [N, 28, 28]."""
    scaled = images[:, None].astype(numpy.float32) / 255
    return (scaled - numpy.float32(MEAN)) / numpy.float32(STD)
