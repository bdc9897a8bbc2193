"""Quantization, and operators that are not of the standard."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, single


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from quantized()
    yield from foreign()


def quantized() -> Iterator[OperatorCase]:
    """Quantization: QDQ, QOperator, dynamic."""
    for kind, zero in (("uint8", np.uint8(120)), ("int8", np.int8(-5))):
        constants = {"s": number(0.02), "z": zero}
        steps = [("QuantizeLinear", ["x", "s", "z"], ["q"]), ("DequantizeLinear", ["q", "s", "z"], ["y"])]
        yield chain("quantized", "QuantizeLinear", f"and back, {kind}", steps, constants, opset=13)
    weight = np.random.default_rng(1).integers(-127, 127, (4, 3, 3, 3)).astype(np.int8)
    steps = [("DequantizeLinear", ["w", "ws", "wz"], ["wf"], {"axis": 0}), ("Conv", ["x", "wf"], ["y"])]
    yield chain(
        "quantized",
        "DequantizeLinear",
        "weights per channel",
        steps,
        {"w": weight, "ws": floats(0.01, 0.02, 0.005, 0.01), "wz": np.zeros(4, np.int8)},
        opset=13,
    )
    scales = {
        "s": number(0.02),
        "z": np.uint8(120),
        "ws": number(0.01),
        "wz": np.int8(0),
        "ys": number(0.05),
        "yz": np.uint8(128),
        "w": weight,
    }
    steps = [
        ("QuantizeLinear", ["x", "s", "z"], ["q"]),
        ("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "ys", "yz"], ["c"]),
        ("DequantizeLinear", ["c", "ys", "yz"], ["y"]),
    ]
    yield chain("quantized", "QLinearConv", "", steps, scales, opset=13)
    matrix = np.random.default_rng(1).integers(-127, 127, (6, 4)).astype(np.int8)
    steps[1] = ("QLinearMatMul", ["q", "s", "z", "w", "ws", "wz", "ys", "yz"], ["c"])
    yield chain("quantized", "QLinearMatMul", "", steps, {**scales, "w": matrix}, opset=13)
    dynamic = [("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])]
    steps = [
        *dynamic,
        ("MatMulInteger", ["q", "w", "z"], ["i"]),
        ("Cast", ["i"], ["f"], {"to": 1}),
        ("Mul", ["s", "ws"], ["k"]),
        ("Mul", ["f", "k"], ["y"]),
    ]
    yield chain("quantized", "MatMulInteger", "dynamic", steps, {"w": matrix, "ws": number(0.01)}, opset=13)
    steps = [
        *dynamic,
        ("ConvInteger", ["q", "w", "z"], ["i"]),
        ("Cast", ["i"], ["f"], {"to": 1}),
        ("Mul", ["s", "ws"], ["k"]),
        ("Mul", ["f", "k"], ["y"]),
    ]
    yield chain(
        "quantized", "ConvInteger", "dynamic", steps, {"w": weight.view(np.uint8), "ws": number(0.01)}, opset=13
    )


def foreign() -> Iterator[OperatorCase]:
    """onnxruntime's own operators; some share their name with one of the standard."""
    microsoft = {"domain": "com.microsoft"}
    yield single("foreign", "Gelu", **microsoft, label="com.microsoft")
    yield single("foreign", "FastGelu", **microsoft, label="com.microsoft")
    yield single("foreign", "QuickGelu", {"alpha": 1.702}, **microsoft, label="com.microsoft")
    yield single("foreign", "BiasGelu", {}, [("b", normal(6))], **microsoft, label="com.microsoft")
    yield single(
        "foreign",
        "FusedMatMul",
        {"alpha": 0.5, "transB": 1},
        [("w", normal(4, 6))],
        **microsoft,
        label="com.microsoft alpha transB",
    )
    yield single(
        "foreign",
        "FusedGemm",
        {"activation": "Relu"},
        [("w", normal(108, 7)), ("b", normal(7))],
        shape=(1, 108),
        **microsoft,
        label="com.microsoft",
    )
    yield single(
        "foreign",
        "FusedConv",
        {"activation": "Relu"},
        [("w", normal(4, 3, 3, 3)), ("b", normal(4))],
        **microsoft,
        label="com.microsoft Relu",
    )
    yield single(
        "foreign",
        "FusedConv",
        {"activation": "LeakyRelu", "activation_params": [0.2]},
        [("w", normal(4, 3, 3, 3)), ("b", normal(4))],
        **microsoft,
        label="com.microsoft LeakyRelu",
    )
    yield single(
        "foreign",
        "SkipLayerNormalization",
        {"epsilon": 1e-5},
        [("k", normal(1, 18, 6)), ("s", positive(6)), ("b", normal(6))],
        shape=(1, 18, 6),
        **microsoft,
        label="com.microsoft",
    )
    yield single("foreign", "Inverse", shape=(1, 3, 6, 6), **microsoft, label="com.microsoft")
    yield single("foreign", "Relu", domain="org.example", label="of a foreign domain", result=(1, 3, 6, 6))
    yield single(
        "foreign",
        "Conv",
        {},
        [("w", normal(4, 3, 3, 3))],
        domain="org.example",
        label="of a foreign domain",
        result=(1, 4, 4, 4),
    )
    yield single(
        "foreign", "Softmax", {"axis": 1}, domain="org.example", label="of a foreign domain", result=(1, 3, 6, 6)
    )
