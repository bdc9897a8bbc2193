"""Prints the numbers that the tests of src/spray and src/statistics expect: numpy, LAPACK, scipy and scikit-learn.

Usage: python spray_reference.py
"""

import numpy
from scipy import stats
from sklearn.manifold import TSNE

SIDE, COUNT, CELLS = 16, 300, 8


class Random:
    """SplitMix64, one stream."""

    def __init__(self, seed: int):
        self.state = seed

    def next(self) -> float:
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        bits = self.state
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
        return ((bits ^ (bits >> 31)) >> 11) * 2.0**-53


def maps(seed: int, planted: int | None) -> numpy.ndarray:
    random = Random(seed)
    y, x = numpy.mgrid[0:SIDE, 0:SIDE]
    found = []
    for index in range(COUNT):
        cy, cx = 6 + 3 * random.next(), 6 + 3 * random.next()
        noise = numpy.array([random.next() for _ in range(SIDE * SIDE)]).reshape(SIDE, SIDE)
        height = numpy.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 12)
        if planted and index % planted == 0:
            height = 0.6 * height + 1.5 * numpy.exp(-((y - 13) ** 2 + (x - 2) ** 2) / 2)
        found.append((height + 0.1 * (noise - 0.5)).astype(numpy.float32))
    return numpy.stack(found).astype(numpy.float64)


def features(pictures: numpy.ndarray) -> numpy.ndarray:
    step = SIDE // CELLS
    pooled = pictures.reshape(COUNT, CELLS, step, CELLS, step).sum((2, 4)).reshape(COUNT, -1)
    return pooled / numpy.abs(pooled).sum(1, keepdims=True)


def laplacian(rows: numpy.ndarray, k: int, half: bool) -> numpy.ndarray:
    distances = ((rows[:, None] - rows[None]) ** 2).sum(2)
    numpy.fill_diagonal(distances, numpy.inf)
    edges = numpy.zeros((COUNT, COUNT))
    for row, near in enumerate(numpy.argsort(distances, axis=1, kind="stable")[:, :k]):
        edges[row, near] = 1
    weights = (edges + edges.T) / 2 if half else numpy.maximum(edges, edges.T)
    root = 1 / numpy.sqrt(weights.sum(1))
    return numpy.eye(COUNT) - root[:, None] * weights * root


def divergence(rows: numpy.ndarray) -> float:
    return TSNE(perplexity=30, method="exact", init="pca", learning_rate="auto").fit(rows).kl_divergence_


for seed, planted in ((1, 3), (2, None), (3, 20)):
    pictures = maps(seed, planted)
    rows = features(pictures)
    print(f"seed {seed}: sum {pictures.sum():.6f}")
    print("  k 17     ", numpy.linalg.eigvalsh(laplacian(rows, 17, False))[:5].round(9))
    print("  k 10 half", numpy.linalg.eigvalsh(laplacian(rows, 10, True))[:3].round(9))

_, vectors = numpy.linalg.eigh(laplacian(features(maps(1, 3)), 17, False))
first = vectors[:, :8] / numpy.linalg.norm(vectors[:, :8], axis=1, keepdims=True)
print(f"t-SNE of seed 1: divergence {divergence(first):.4f}")

plain = [1.2, -0.4, 2.5, 0.9, -1.1, 3.3, 0.2, 1.7, -0.6, 2.1, 0.75, 1.05]
tied = [1, 1, -1, 2, 0, 3, 0, -2, 2, 1, 4, -1, 5, 0, 2]
print("wilcoxon", stats.wilcoxon(plain, mode="exact"), stats.wilcoxon(plain, mode="approx", correction=True).pvalue)
print("wilcoxon, ties", stats.wilcoxon(tied, mode="approx", correction=True, zero_method="wilcox"))
print("mcnemar 10, 2", stats.binomtest(2, 12).pvalue)
print("wilson 16 of 50", stats.binomtest(16, 50).proportion_ci(method="wilson"))
