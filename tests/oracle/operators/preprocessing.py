"""Preprocessing in the graph, in front of the first convolution: `auto` must choose a rule that it can keep."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, whole

BYTES = {"low": 0.0, "high": 255.0}


def cases() -> Iterator[OperatorCase]:
    """All of them: explained without `--input-range`."""
    yield from colours()
    yield from shapes()
    yield from statistics()
    yield from joined()


def _front(label: str, steps: list, constants: dict | None = None, channels: int = 3, kernel: int = 3, **rest: object) -> OperatorCase:
    """The steps from `x` to `t`, then a convolution, a Softplus (differences do not tell kinks of single pixels) and a mean."""
    network = [("Conv", ["t", "w", "b"], ["c"]), ("Softplus", ["c"], ["r"]), ("GlobalAveragePool", ["r"], ["y"])]
    weights = {"w": normal(8, channels, kernel, kernel, seed=11, scale=0.3), "b": normal(8, seed=12, scale=0.1)}
    options = {"picture": (1, 3, 10, 10), "is_ranged": False, "low": 0.0, "high": 1.0} | rest
    return chain("preprocessing", steps[0][0], label, [*steps, *network], {**weights, **(constants or {})}, **options)


def colours() -> Iterator[OperatorCase]:
    """Scales, channels, curves."""
    mean, deviation = floats(0.485, 0.456, 0.406).reshape(3, 1, 1), floats(0.229, 0.224, 0.225).reshape(3, 1, 1)
    yield _front("bytes / 255, mean, deviation", [("Div", ["x", "k"], ["a"]), ("Sub", ["a", "m"], ["d"]), ("Div", ["d", "s"], ["t"])], {"k": number(255), "m": mean, "s": deviation}, **BYTES)
    yield _front("BGR by Gather, minus means", [("Gather", ["x", "i"], ["a"], {"axis": 1}), ("Sub", ["a", "m"], ["t"])], {"i": whole(2, 1, 0), "m": mean * 255}, **BYTES)
    yield _front("BGR by Slice of step -1", [("Slice", ["x", "from", "to", "ax", "step"], ["t"])], {"from": whole(-1), "to": whole(-9), "ax": whole(1), "step": whole(-1)})
    yield _front("BGR by Split and Concat", [("Split", ["x"], ["r0", "g0", "b0"], {"axis": 1}), ("Concat", ["b0", "g0", "r0"], ["t"], {"axis": 1})])
    yield _front("grey by a weighted ReduceSum", [("Mul", ["x", "k"], ["a"]), ("ReduceSum", ["a", "ax"], ["t"])], {"k": floats(0.299, 0.587, 0.114).reshape(3, 1, 1), "ax": whole(1)}, channels=1)
    yield _front("grey by a mean", [("ReduceMean", ["x"], ["t"], {"axes": [1]})], channels=1)
    yield _front("grey by a 1x1 convolution", [("Conv", ["x", "g"], ["t"])], {"g": floats(0.299, 0.587, 0.114).reshape(1, 3, 1, 1)}, channels=1)
    yield _front("YUV by a matrix", [("Transpose", ["x"], ["a"], {"perm": [0, 2, 3, 1]}), ("MatMul", ["a", "k"], ["c0"]), ("Add", ["c0", "o"], ["c1"]), ("Transpose", ["c1"], ["t"], {"perm": [0, 3, 1, 2]})],
                 {"k": normal(3, 3), "o": floats(0, 0.5, 0.5)})
    yield _front("gamma 2.2", [("Pow", ["x", "k"], ["t"])], {"k": number(2.2)}, low=0.1)
    yield _front("log1p", [("Add", ["x", "one"], ["a"]), ("Log", ["a"], ["t"])], {"one": number(1)})
    yield _front("clipped to 0..1, 2 x - 1", [("Clip", ["x", "lo", "hi"], ["a"]), ("Mul", ["a", "two"], ["p"]), ("Sub", ["p", "one"], ["t"])], {"lo": number(0), "hi": number(1), "two": number(2), "one": number(1)})
    yield _front("inverted: 1 - x", [("Sub", ["one", "x"], ["t"])], {"one": number(1)})
    yield _front("BatchNormalization first", [("BatchNormalization", ["x", "g", "o", "m", "v"], ["t"])], {"g": positive(3), "o": normal(3), "m": mean.ravel(), "v": deviation.ravel()})
    yield _front("sRGB to linear by Where", [("Greater", ["x", "h"], ["p"]), ("Div", ["x", "s"], ["a"]), ("Add", ["x", "o"], ["b0"]), ("Pow", ["b0", "g"], ["c0"]), ("Where", ["p", "c0", "a"], ["t"])],
                 {"h": number(0.04), "s": number(12.92), "o": number(0.055), "g": number(2.4)}, low=0.1)
    yield _front("minus a mean picture", [("Sub", ["x", "m"], ["t"])], {"m": positive(3, 10, 10)})


def shapes() -> Iterator[OperatorCase]:
    """Sizes, crops, borders, orders."""
    to = {"to": whole(1, 3, 14, 13)}
    for mode, extra in (("linear", {}), ("nearest", {}), ("cubic", {}), ("linear", {"coordinate_transformation_mode": "align_corners"}), ("linear", {"antialias": 1})):
        label = " ".join([mode, *map(str, extra.values())])
        yield _front(f"resized, {label}", [("Resize", ["x", "", "", "to"], ["t"], {"mode": mode, **extra})], to, opset=18)
    yield _front("made smaller, antialias", [("Resize", ["x", "", "", "to"], ["t"], {"mode": "cubic", "antialias": 1})], {"to": whole(1, 3, 7, 6)}, opset=18)
    yield _front("resized, then normalised", [("Resize", ["x", "", "", "to"], ["a"], {"mode": "linear"}), ("Sub", ["a", "m"], ["d"]), ("Mul", ["d", "k"], ["t"])], {**to, "m": positive(3, 1, 1), "k": positive(3, 1, 1)})
    yield _front("cropped", [("Slice", ["x", "from", "to", "ax"], ["t"])], {"from": whole(1, 2), "to": whole(9, 8), "ax": whole(2, 3)})
    for mode in ("constant", "reflect", "edge"):
        yield _front(f"padded, {mode}", [("Pad", ["x", "p"], ["t"], {"mode": mode})], {"p": whole(0, 0, 2, 1, 0, 0, 1, 2)})
    yield _front("padded with 114", [("Pad", ["x", "p", "v"], ["t"])], {"p": whole(0, 0, 2, 1, 0, 0, 1, 2), "v": number(114)}, **BYTES)
    yield _front("from NHWC", [("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]})], picture=(1, 10, 10, 3))
    yield _front("flipped", [("Slice", ["x", "from", "to", "ax", "step"], ["t"])], {"from": whole(-1), "to": whole(-99), "ax": whole(3), "step": whole(-1)})
    yield _front("pixels into channels", [("SpaceToDepth", ["x"], ["t"], {"blocksize": 2})], channels=12)
    steps = [("Slice", ["x", "f0", "e", "ax", "two"], ["a"]), ("Slice", ["x", "f1", "e", "ax", "two"], ["d"]), ("Concat", ["a", "d"], ["t"], {"axis": 1})]
    yield _front("Focus of two slices", steps, {"f0": whole(0, 0), "f1": whole(1, 1), "e": whole(99, 99), "ax": whole(2, 3), "two": whole(2, 2)}, channels=6)
    yield _front("average pooling first", [("AveragePool", ["x"], ["t"], {"kernel_shape": [2, 2], "strides": [2, 2]})])
    yield _front("max pooling first", [("MaxPool", ["x"], ["t"], {"kernel_shape": [2, 2], "strides": [2, 2]})])
    yield _front("one channel repeated", [("Expand", ["x", "s"], ["t"])], {"s": whole(1, 3, 10, 10)}, picture=(1, 1, 10, 10))
    yield _front("one channel tiled", [("Tile", ["x", "s"], ["t"])], {"s": whole(1, 3, 1, 1)}, picture=(1, 1, 10, 10))
    yield _front("one channel three times", [("Concat", ["x", "x", "x"], ["t"], {"axis": 1})], picture=(1, 1, 10, 10))
    yield _front("the alpha channel left out", [("Slice", ["x", "from", "to", "ax"], ["t"])], {"from": whole(0), "to": whole(3), "ax": whole(1)}, picture=(1, 4, 10, 10))
    yield _front("Gaussian blur", [("Conv", ["x", "g"], ["t"], {"group": 3, "pads": [1, 1, 1, 1]})], {"g": np.tile(floats(1, 2, 1, 2, 4, 2, 1, 2, 1).reshape(1, 1, 3, 3) / 16, (3, 1, 1, 1))})


def statistics() -> Iterator[OperatorCase]:
    """Normalised by the picture itself."""
    steps = [("ReduceMean", ["x"], ["m"], {"axes": [1, 2, 3]}), ("Sub", ["x", "m"], ["d"]), ("Mul", ["d", "d"], ["q"]), ("ReduceMean", ["q"], ["v"], {"axes": [1, 2, 3]}),
             ("Sqrt", ["v"], ["s"]), ("Max", ["s", "k"], ["n"]), ("Div", ["d", "n"], ["t"])]  # fmt: skip
    yield _front("per_image_standardization", steps, {"k": number(1 / 300**0.5)})
    yield _front("InstanceNormalization", [("InstanceNormalization", ["x", "g", "o"], ["t"])], {"g": positive(3), "o": normal(3)})
    steps = [("ReduceMax", ["x"], ["m"], {"axes": [2, 3]}), ("ReduceMin", ["x"], ["n"], {"axes": [2, 3]}), ("Sub", ["m", "n"], ["d"]), ("Sub", ["x", "n"], ["a"]), ("Div", ["a", "d"], ["t"])]
    yield _front("stretched to 0..1", steps)
    yield _front("divided by its maximum", [("ReduceMax", ["x"], ["m"], {"axes": [1, 2, 3]}), ("Div", ["x", "m"], ["t"])], low=0.1)
    yield _front("minus its mean", [("ReduceMean", ["x"], ["m"], {"axes": [2, 3]}), ("Sub", ["x", "m"], ["t"])])
    yield _front("LRN first", [("LRN", ["x"], ["t"], {"size": 3, "alpha": 0.5})])


def joined() -> Iterator[OperatorCase]:
    """More than one way from the picture to the first convolution."""
    y, x = np.mgrid[-1:1:10j, -1:1:10j].astype(np.float32)
    yield _front("coordinates beside it (CoordConv)", [("Concat", ["x", "k"], ["t"], {"axis": 1})], {"k": np.stack([y, x])[None]}, channels=5)
    steps = [("Conv", ["x", "g"], ["e"], {"group": 3, "pads": [1, 1, 1, 1]}), ("Concat", ["x", "e"], ["t"], {"axis": 1})]
    yield _front("edges beside it", steps, {"g": np.tile(floats(-1, 0, 1, -2, 0, 2, -1, 0, 1).reshape(1, 1, 3, 3), (3, 1, 1, 1))}, channels=6)
    yield _front("its square beside it", [("Mul", ["x", "x"], ["q"]), ("Concat", ["x", "q"], ["t"], {"axis": 1})], channels=6)
    yield _front("grey beside it", [("ReduceMean", ["x"], ["g"], {"axes": [1]}), ("Concat", ["x", "g"], ["t"], {"axis": 1})], channels=4)
    yield _front("x - blur (unsharp mask)", [("AveragePool", ["x"], ["a"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}), ("Sub", ["x", "a"], ["h"]), ("Add", ["x", "h"], ["t"])])
    steps = [("Conv", ["x", "g"], ["p"]), ("Softplus", ["p"], ["t"])]
    yield _front("two convolutions read it", [("Conv", ["x", "g"], ["a"]), ("Conv", ["x", "h"], ["d"]), ("Concat", ["a", "d"], ["t"], {"axis": 1})], {"g": normal(4, 3, 3, 3), "h": normal(2, 3, 3, 3)}, channels=6)
    yield _front("a shortcut from the picture", [("Conv", ["x", "g"], ["p"], {"pads": [1, 1, 1, 1]}), ("Add", ["p", "x"], ["t"])], {"g": normal(3, 3, 3, 3, scale=0.3)})
    yield _front("a convolution and its Softplus first", steps, {"g": normal(4, 3, 3, 3, scale=0.3)}, channels=4)
