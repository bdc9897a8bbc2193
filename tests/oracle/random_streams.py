"""onnxplain's random numbers (src/random.rs), for feeding the same noise to torch."""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _hash(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _hash_one(bits: int) -> int:
    return int(_hash(np.array([bits & _MASK], dtype=np.uint64))[0])


def key(seed: int, words: list[int]) -> int:
    """Key of the stream of `seed` and `words`; a seed of its own, too."""
    found = _hash_one(seed + _GOLDEN)
    for word in words:
        found = _hash_one((found * _GOLDEN) ^ _hash_one(word + _GOLDEN))
    return found


def word_of(name: str) -> int:
    """FNV-1a of a name."""
    found = 0xCBF29CE484222325
    for byte in name.encode():
        found = ((found ^ byte) * 0x100000001B3) & _MASK
    return found


def bits(stream: int, count: int) -> NDArray[np.uint64]:
    """The first `count` numbers of 64 bits."""
    counters = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    return _hash(counters + np.uint64(stream))


def uniforms(stream: int, count: int) -> NDArray[np.float32]:
    """The first `count` numbers from 0 to 1."""
    return ((bits(stream, count) >> np.uint64(40)).astype(np.float64) / 2**24).astype(np.float32)


def normals(stream: int, count: int) -> NDArray[np.float32]:
    """The first `count` numbers from N(0, 1), by Box and Muller."""
    drawn = bits(stream, (count + 1) // 2)
    # Every step rounds to float32, as onnxplain's do.
    radius_part = ((drawn >> np.uint64(40)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)
    radius = np.sqrt(np.float32(-2.0) * np.log(radius_part.astype(np.float64)).astype(np.float32))
    unit = ((drawn >> np.uint64(16)) & np.uint64(0xFFFFFF)).astype(np.float32) * np.float32(2.0**-24)
    angle = (np.float32(2.0 * np.pi) * unit).astype(np.float64)
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    return (radius[:, None] * directions).ravel()[:count]
