"""The numbers that the unit tests of src/statistics expect, by numpy, scipy and statsmodels.

usage: python tests/oracle/statistics_reference.py
"""

import numpy as np
from scipy import stats

import random_streams

VALUES = np.array([0.31, -0.12, 0.58, 0.44, 0.07, 0.92, 0.33, -0.25, 0.61, 0.18, 0.5, 0.27])


def bootstrap(values: np.ndarray, seed: int, resamples: int = 10_000) -> np.ndarray:
    """The 95 % percentile interval of the mean, with onnxplain's streams of random numbers."""
    values = np.sort(values)
    count, purpose = len(values), random_streams.word_of("bootstrap")
    means = np.empty(resamples)
    for number in range(resamples):
        bits = random_streams.bits(random_streams.key(seed, [purpose, number]), count)
        means[number] = values[[int(draw) * count >> 64 for draw in bits]].mean()
    return np.quantile(means, [0.025, 0.975])


def sign_flips(differences: np.ndarray) -> float:
    """The exact p-value of the sign-flip test."""
    test = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    return float(test.pvalue)


def holm(p_values: list[float]) -> np.ndarray:
    """Holm's adjusted p-values."""
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, method="holm")[1]


def main() -> None:
    """Print them."""
    print("mean", VALUES.mean())
    print("standard error", repr(stats.sem(VALUES)))
    print("deviation", repr(VALUES.std(ddof=1)))
    print("median", np.median(VALUES))
    print("interval, seed 0", bootstrap(VALUES, 0).tolist())
    print("scipy's own interval", stats.bootstrap((VALUES,), np.mean, method="percentile", rng=1).confidence_interval)
    for shift in (0.0, 0.2):
        p = sign_flips(VALUES - shift)
        print(f"sign flips, shifted by {shift}: {p} = {p * 4096} / 4096")
    print("holm", holm([0.01, 0.04, 0.03, 0.005, 0.6]).tolist())


if __name__ == "__main__":
    main()
