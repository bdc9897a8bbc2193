"""Older forms of operators, shapes that are computed in the graph, rarer operators."""

from collections.abc import Iterator

import numpy as np
from onnx import TensorProto, helper

from operators.case import OperatorCase, chain, floats, normal, positive, number, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from older_forms()
    yield from computed_shapes()
    yield from sampling()
    yield from rotary()
    yield from pools_before_means()


def older_forms() -> Iterator[OperatorCase]:
    """What was an attribute before it was an input, and Dropout."""
    yield single("older", "Squeeze", {"axes": [0]}, opset=11)
    yield single("older", "Unsqueeze", {"axes": [1, 4]}, opset=11)
    yield chain(
        "older", "Split", "split attribute", [("Split", ["x"], ["a", "y"], {"axis": 2, "split": [2, 4]})], opset=11
    )
    yield single("older", "Dropout", {"ratio": 0.3}, opset=10)
    yield single("older", "Dropout", {}, [("r", number(0.3)), ("t", np.array(False))], label="training false", opset=13)
    yield chain("older", "Dropout", "with mask", [("Dropout", ["x"], ["y", "mask"])], opset=13)
    steps = [("TopK", ["x", "k"], ["y", "i"], {"axis": 3})]
    yield chain("older", "TopK", "opset 10", steps, {"k": whole(2)}, opset=10)
    yield single(
        "older", "Scatter", {"axis": 3}, [("i", np.zeros((1, 3, 6, 1), np.int64)), ("u", normal(1, 3, 6, 1))], opset=10
    )
    for dtype, name in (
        (TensorProto.FLOAT16, "float16"),
        (TensorProto.DOUBLE, "float64"),
        (TensorProto.BFLOAT16, "bfloat16"),
    ):
        weight = helper.make_tensor("w", dtype, (6, 4), normal(24, scale=0.5).tolist())
        steps = [
            ("Constant", [], ["c"], {"value": weight}),
            ("Cast", ["c"], ["w"], {"to": 1}),
            ("MatMul", ["x", "w"], ["y"]),
        ]
        yield chain("older", "Cast", f"of a weight in {name}", steps)
    steps = [("Cast", ["x"], ["h"], {"to": 10}), ("MatMul", ["h", "w"], ["g"]), ("Cast", ["g"], ["y"], {"to": 1})]
    yield chain("older", "Cast", "a float16 product", steps, {"w": normal(6, 4).astype(np.float16)}, tolerance=3e-3)


def computed_shapes() -> Iterator[OperatorCase]:
    """Shape arithmetic that only a reader that folds constants understands."""
    for start, end in ((0, 2), (1, 3), (-2, None)):
        attributes = {"start": start} | ({"end": end} if end is not None else {})
        steps = [
            ("Shape", ["x"], ["s"], attributes),
            ("Concat", ["s", "r"], ["t"], {"axis": 0}),
            ("Reshape", ["x", "t"], ["v"]),
            ("Tanh", ["v"], ["y"]),
        ]
        yield chain("shapes", "Shape", f"start={start} end={end}", steps, {"r": whole(-1)}, opset=15)
    steps = [
        ("Shape", ["x"], ["s"]),
        ("ConstantOfShape", ["s"], ["c"], {"value": helper.make_tensor("v", 1, [1], [0.5])}),
        ("Mul", ["x", "c"], ["y"]),
    ]
    yield chain("shapes", "ConstantOfShape", "0.5", steps)
    yield chain(
        "shapes",
        "ConstantOfShape",
        "default",
        [("Shape", ["x"], ["s"]), ("ConstantOfShape", ["s"], ["c"]), ("Sub", ["x", "c"], ["y"])],
    )
    steps = [("Size", ["x"], ["n"]), ("Cast", ["n"], ["f"], {"to": 1}), ("Div", ["x", "f"], ["y"])]
    yield chain("shapes", "Size", "divides", steps)
    steps = [("Range", ["a", "b", "c"], ["r"]), ("Mul", ["x", "r"], ["y"])]
    yield chain("shapes", "Range", "multiplies", steps, {"a": number(0.5), "b": number(3.5), "c": number(0.5)})
    steps = [("EyeLike", ["m"], ["e"], {"k": 1}), ("MatMul", ["x", "e"], ["y"])]
    yield chain("shapes", "EyeLike", "k=1", steps, {"m": normal(6, 6)})
    for word, value in (
        ("value_float", 0.7),
        ("value_floats", [0.7] * 6),
        ("value_int", 2),
        ("value_ints", [1, 2, 3, 1, 2, 3]),
    ):
        steps = [("Constant", [], ["c"], {word: value}), ("Cast", ["c"], ["f"], {"to": 1}), ("Mul", ["x", "f"], ["y"])]
        yield chain("shapes", "Constant", word, steps)
    steps = [("NonZero", ["m"], ["i"]), ("Squeeze", ["i", "z"], ["j"]), ("Gather", ["x", "j"], ["y"], {"axis": 3})]
    yield chain("shapes", "NonZero", "of a constant", steps, {"m": floats(0, 1, 0, 2, 3, 0), "z": whole(0)})


def sampling() -> Iterator[OperatorCase]:
    """Sampling at constant places."""
    grid = np.random.default_rng(6).uniform(-1.3, 1.3, (1, 4, 5, 2)).astype(np.float32)
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (0, 1):
                attributes = {"mode": mode, "padding_mode": padding, "align_corners": corners}
                yield single("sampling", "GridSample", attributes, [("g", grid)], opset=20)
    offset = normal(1, 18, 4, 4, scale=0.5)
    yield single(
        "sampling", "DeformConv", {}, [("w", normal(4, 3, 3, 3)), ("o", offset)], label="constant offsets", opset=19
    )
    for label, attributes, weight, offsets, mask in (
        ("strides, padding, dilation, bias", {"strides": [2, 1], "pads": [1, 2, 1, 0], "dilations": [1, 2]}, (4, 3, 3, 2), (12, 3, 6), None),
        ("mask", {"pads": [1, 1, 1, 1]}, (4, 3, 3, 3), (18, 6, 6), (9, 6, 6)),
        ("groups of offsets", {"offset_group": 3}, (4, 3, 2, 2), (24, 5, 5), (12, 5, 5)),
        ("groups", {"group": 3, "pads": [0, 0, 1, 1]}, (6, 1, 2, 2), (8, 6, 6), None),
    ):
        stored = [("w", normal(*weight)), ("o", normal(1, *offsets, scale=0.7)), ("b", normal(weight[0]))]
        if mask:
            stored.append(("m", positive(1, *mask)))
        yield single("sampling", "DeformConv", attributes, stored, label=label, opset=19)
    boxes = [("r", np.array([[0, 0, 4, 5], [1, 1, 5, 3]], np.float32)), ("b", whole(0, 0))]
    for mode in ("avg", "max"):
        yield single(
            "sampling",
            "RoiAlign",
            {"mode": mode, "output_height": 2, "output_width": 2, "sampling_ratio": 2},
            boxes,
            opset=16,
        )
    places = [("r", np.array([[1, 2, 9, 11], [3, 0, 4, 12], [-3, -2, 30, 5]], np.float32)), ("b", whole(0, 0, 0))]
    for ratio in (0, 3):
        for opset, mode in ((10, None), (16, "output_half_pixel"), (16, "half_pixel")):
            attributes = {"output_height": 3, "output_width": 2, "sampling_ratio": ratio, "spatial_scale": 0.5}
            if mode:
                attributes["coordinate_transformation_mode"] = mode
            yield single("sampling", "RoiAlign", attributes, places, opset=opset)
    yield single(
        "sampling", "MaxRoiPool", {"pooled_shape": [2, 2]}, [("r", np.array([[0, 0, 0, 4, 5]], np.float32))], opset=13
    )
    steps = [
        ("MaxPool", ["x"], ["p", "i"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("MaxUnpool", ["p", "i"], ["y"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ]
    yield chain("sampling", "MaxUnpool", "after its pooling", steps, opset=12)
    between = [steps[0], ("Conv", ["p", "w"], ["c"]), ("MaxUnpool", ["c", "i"], ["y"], steps[1][3])]
    yield chain("sampling", "MaxUnpool", "behind a convolution", between, {"w": normal(3, 3, 1, 1)}, opset=12)
    odd = {"kernel_shape": [2, 4], "strides": [2, 4]}
    steps = [("MaxPool", ["x"], ["p", "i"], odd), ("MaxUnpool", ["p", "i", "s"], ["y"], odd)]
    yield chain("sampling", "MaxUnpool", "to a size that windows do not cover", steps, {"s": whole(1, 3, 7, 6)}, opset=12, picture=(1, 3, 7, 6))
    wide = {"kernel_shape": [3, 3], "strides": [2, 2]}
    steps = [("MaxPool", ["x"], ["p", "i"], wide), ("MaxUnpool", ["p", "i"], ["y"], wide)]
    yield chain("sampling", "MaxUnpool", "of windows that overlap", steps, opset=12, picture=(1, 3, 7, 7))


def rotary() -> Iterator[OperatorCase]:
    """RotaryEmbedding of opset 23: 6 tokens, 2 heads of 8."""
    angles = np.random.default_rng(7).uniform(0, 3, (6, 4)).astype(np.float32)
    for interleaved in (0, 1):
        for partial in (0, 4):
            width = (partial or 8) // 2
            caches = {"cos": np.cos(angles)[None, :, :width].copy(), "sin": np.sin(angles)[None, :, :width].copy()}
            attributes = {"interleaved": interleaved, "num_heads": 2} | (
                {"rotary_embedding_dim": partial} if partial else {}
            )
            label = f"interleaved={interleaved} dim={partial or 'all'}"
            steps = [("RotaryEmbedding", ["x", "cos", "sin"], ["y"], attributes)]
            yield chain(
                "rotary", "RotaryEmbedding", label, steps, caches, picture=(1, 3, 4, 8), shape=(1, 6, 16), opset=23
            )


def pools_before_means() -> Iterator[OperatorCase]:
    """Pooling whose size readers disagree on, hidden by a global mean."""
    for operator in ("MaxPool", "AveragePool"):
        for attributes in (
            {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "VALID", "ceil_mode": 1},
            {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "pads": [1, 1, 1, 1]},
            {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER", "ceil_mode": 1},
        ):
            steps = [(operator, ["x"], ["p"], attributes), ("GlobalAveragePool", ["p"], ["y"])]
            text = " ".join(f"{name}={value}" for name, value in attributes.items())
            yield chain("pool", operator, f"then a mean: {text}", steps, opset=19)
