"""What works on the plane: Resize, pooling, convolutions."""

from collections.abc import Iterator


from operators.case import OperatorCase, floats, normal, single, whole

COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
SCALES = [(2.0, 2.0), (1.5, 1.5), (0.5, 0.5), (0.6, 0.7), (3.0, 1.0), (1.7, 2.3), (1 / 3, 1 / 3)]
SIZES = [(12, 12), (9, 8), (3, 3), (4, 5), (7, 11), (6, 6)]


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from resizes()
    yield from pools()
    yield from convolutions()
    yield from transposed_convolutions()


def resize(
    attributes: dict, scales: tuple[float, ...] | None, sizes: tuple[int, ...] | None, opset: int
) -> OperatorCase:
    """A Resize of the plane by factors or to a size."""
    target = ("scales", floats(1, 1, *scales)) if scales else ("sizes", whole(1, 3, *sizes))
    inputs = ["x", "", "scales"] if scales else ["x", "", "", "sizes"]
    by = "by " + ",".join(f"{scale:.3g}" for scale in scales) if scales else "to " + "x".join(map(str, sizes))
    label = " ".join([*(str(value) for value in attributes.values()), by])
    return single("resize", "Resize", attributes, [target], inputs=inputs, label=label, opset=opset)


def resizes() -> Iterator[OperatorCase]:
    """Every mode, coordinate transformation and rounding, by factors and to sizes."""
    targets = [*((scales, None) for scales in SCALES), *((None, sizes) for sizes in SIZES)]
    for scales, sizes in targets:
        for coordinates in COORDINATES:
            opset = 19 if coordinates == "half_pixel_symmetric" else 13
            place = {"coordinate_transformation_mode": coordinates}
            for rounding in ROUNDINGS:
                yield resize({"mode": "nearest", **place, "nearest_mode": rounding}, scales, sizes, opset)
            yield resize({"mode": "linear", **place}, scales, sizes, opset)
            yield resize({"mode": "cubic", **place}, scales, sizes, opset)
    for scales in ((2.0, 2.0), (0.6, 0.7), (0.5, 0.5)):
        for mode in ("linear", "cubic"):
            yield resize({"mode": mode, "antialias": 1}, scales, None, 18)
        yield resize({"mode": "cubic", "cubic_coeff_a": -0.5}, scales, None, 13)
        yield resize({"mode": "cubic", "exclude_outside": 1}, scales, None, 13)
        yield resize(
            {
                "mode": "cubic",
                "cubic_coeff_a": -0.5,
                "exclude_outside": 1,
                "coordinate_transformation_mode": "align_corners",
            },
            scales,
            None,
            13,
        )
    roi = ("roi", floats(0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9))
    crop = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 0.3}
    yield single(
        "resize",
        "Resize",
        crop,
        [roi, ("sizes", whole(1, 3, 5, 5))],
        inputs=["x", "roi", "", "sizes"],
        label="tf_crop_and_resize",
        opset=13,
    )
    for policy in ("not_larger", "not_smaller", "stretch"):
        attributes = {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": policy}
        yield single("resize", "Resize", attributes, [("sizes", whole(9, 15))], inputs=["x", "", "", "sizes"], opset=18)
    yield single(
        "resize",
        "Resize",
        {"mode": "linear", "axes": [3, 2]},
        [("scales", floats(2, 0.5))],
        inputs=["x", "", "scales"],
        opset=18,
    )
    for mode in ("nearest", "linear"):
        yield single(
            "resize", "Resize", {"mode": mode}, [("scales", floats(1, 1, 2, 1.5))], label=f"{mode} opset 10", opset=10
        )
        yield single("resize", "Upsample", {"mode": mode}, [("scales", floats(1, 1, 2, 2))], opset=9)
        yield single(
            "resize",
            "Upsample",
            {"mode": mode},
            [("scales", floats(1, 1, 1.5, 2.5))],
            label=f"{mode} broken factors",
            opset=9,
        )
    yield single(
        "resize",
        "Resize",
        {"mode": "nearest"},
        [("scales", floats(1, 2, 1, 1))],
        inputs=["x", "", "scales"],
        label="channels by 2",
        opset=13,
    )


def pools() -> Iterator[OperatorCase]:
    """Max, average and Lp pooling with every option; all global ones."""
    windows: list[dict] = [
        {"kernel_shape": [2, 2]},
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]},
        {"kernel_shape": [4, 4], "strides": [3, 3]},
        *(
            {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": pad}
            for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
        ),
        {"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_LOWER"},
    ]
    for window in windows:
        for ceil in (0, 1):
            options = {**window, **({"ceil_mode": 1} if ceil else {})}
            yield single("pool", "MaxPool", options, opset=12)
            for inside in (0, 1):
                yield single("pool", "AveragePool", {**options, "count_include_pad": inside}, opset=11)
    for dilated in (
        {"kernel_shape": [2, 2], "dilations": [2, 2]},
        {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [1, 2]},
    ):
        for ceil in (0, 1):
            yield single("pool", "MaxPool", {**dilated, "ceil_mode": ceil}, opset=12)
            yield single("pool", "AveragePool", {**dilated, "ceil_mode": ceil}, opset=19)
            padded = {**dilated, "ceil_mode": ceil, "pads": [1, 1, 1, 1], "count_include_pad": 1}
            yield single("pool", "AveragePool", padded, opset=19)
    for p in (1, 2, 3):
        yield single("pool", "LpPool", {"kernel_shape": [2, 2], "strides": [2, 2], "p": p}, opset=18)
        yield single("pool", "GlobalLpPool", {"p": p}, opset=11)
    yield single("pool", "LpPool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "p": 2}, opset=11)
    yield single("pool", "GlobalAveragePool", opset=11)
    yield single("pool", "GlobalMaxPool", opset=11)
    for shape, kernel in (((1, 6, 18), [3]), ((1, 3, 3, 3, 4), [2, 2, 2])):
        rank = f"rank {len(shape)}"
        yield single("pool", "MaxPool", {"kernel_shape": kernel}, shape=shape, label=rank, opset=12)
        yield single(
            "pool",
            "AveragePool",
            {"kernel_shape": kernel, "ceil_mode": 1, "strides": [2] * len(kernel)},
            shape=shape,
            label=rank,
            opset=12,
        )
        yield single("pool", "GlobalAveragePool", shape=shape, label=rank, opset=12)
        yield single("pool", "GlobalMaxPool", shape=shape, label=rank, opset=12)
    steps = {"kernel_shape": [2, 2], "storage_order": 1}
    yield single("pool", "MaxPool", steps, opset=12)


def convolutions() -> Iterator[OperatorCase]:
    """Conv."""
    options: list[tuple[dict, int]] = [
        ({}, 1), ({"strides": [2, 2]}, 1), ({"pads": [1, 1, 1, 1]}, 1), ({"pads": [0, 1, 2, 0]}, 1),
        ({"dilations": [2, 2]}, 1),
        ({"dilations": [2, 1], "strides": [1, 2], "pads": [2, 1, 2, 1]}, 1), ({"group": 3}, 3),
        ({"group": 3, "pads": [1, 1, 1, 1], "strides": [2, 2]}, 3),
        *(({"auto_pad": pad, "strides": [1, 1]}, 1) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")),
        *(({"auto_pad": pad, "strides": [2, 2]}, 1) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")),
        ({"auto_pad": "SAME_UPPER", "dilations": [2, 2]}, 1), ({"auto_pad": "NOTSET", "pads": [1, 1, 0, 0]}, 1),
    ]  # fmt: skip
    for attributes, group in options:
        for kernel in ((3, 3), (2, 3)):
            weight, bias = normal(6, 3 // group, *kernel, scale=0.4), normal(6, seed=5, scale=0.2)
            label = " ".join([f"{kernel[0]}x{kernel[1]}", *(f"{name}={value}" for name, value in attributes.items())])
            yield single("convolution", "Conv", attributes, [("w", weight), ("b", bias)], label=label, opset=11)
    yield single("convolution", "Conv", {}, [("w", normal(4, 3, 3, 3))], label="without bias", opset=11)
    yield single(
        "convolution",
        "Conv",
        {"strides": [2], "pads": [1, 2]},
        [("w", normal(4, 6, 3))],
        label="1d",
        shape=(1, 6, 18),
        opset=11,
    )
    yield single(
        "convolution", "Conv", {"group": 6}, [("w", normal(6, 1, 3))], label="1d depthwise", shape=(1, 6, 18), opset=11
    )
    yield single(
        "convolution",
        "Conv",
        {"pads": [1, 0, 1, 1, 0, 1], "strides": [1, 2, 1]},
        [("w", normal(4, 3, 2, 2, 2))],
        label="3d",
        shape=(1, 3, 3, 3, 4),
        opset=11,
    )
    yield single(
        "convolution",
        "Conv",
        {"group": 3},
        [("w", normal(3, 1, 2, 2, 2))],
        label="3d depthwise",
        shape=(1, 3, 3, 3, 4),
        opset=11,
    )


def transposed_convolutions() -> Iterator[OperatorCase]:
    """ConvTranspose."""
    options: list[tuple[dict, int]] = [
        ({}, 1), ({"strides": [2, 2]}, 1), ({"strides": [2, 2], "pads": [1, 1, 1, 1]}, 1),
        ({"strides": [2, 2], "output_padding": [1, 1]}, 1),
        ({"strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 2]}, 1), ({"dilations": [2, 2]}, 1),
        ({"dilations": [2, 1], "strides": [1, 2]}, 1),
        ({"group": 3}, 3), ({"group": 3, "strides": [2, 2]}, 3), ({"strides": [2, 2], "output_shape": [12, 12]}, 1),
        ({"strides": [2, 2], "output_shape": [13, 12]}, 1),
        *(({"auto_pad": pad, "strides": [2, 2]}, 1) for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2], "output_shape": [12, 12]}, 1),
    ]  # fmt: skip
    for attributes, group in options:
        weight, bias = normal(3, 6 // group, 3, 3, scale=0.4), normal(6, seed=5, scale=0.2)
        yield single(
            "convolution",
            "ConvTranspose",
            attributes,
            [("w", weight), ("b", bias)],
            label=" ".join(f"{k}={v}" for k, v in attributes.items()),
            opset=11,
        )
    yield single(
        "convolution",
        "ConvTranspose",
        {"strides": [2]},
        [("w", normal(6, 4, 3))],
        label="1d",
        shape=(1, 6, 18),
        opset=11,
    )
    yield single(
        "convolution",
        "ConvTranspose",
        {"strides": [2, 1, 2]},
        [("w", normal(3, 2, 2, 2, 2))],
        label="3d",
        shape=(1, 3, 3, 3, 4),
        opset=11,
    )
