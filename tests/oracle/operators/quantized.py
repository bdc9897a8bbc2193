"""Quantization, and operators that are not of the standard."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from onnx import helper

from operators.case import OperatorCase, chain, floats, normal, number, positive, single, whole, words


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
    for attributes, a, b in (
        ({"transBatchA": 1, "transBatchB": 1, "transB": 1, "alpha": 0.4}, (6, 3, 6), (6, 3, 6)),
        ({"transBatchB": 1}, (3, 6, 6), (6, 3, 6)),
        ({"transBatchA": 1, "transA": 1}, (6, 3, 6), (3, 6, 6)),
    ):
        steps = [("Reshape", ["x", "sa"], ["a"]), ("Tanh", ["x"], ["t"]), ("Reshape", ["t", "sb"], ["b"])]
        product = chain("foreign", "FusedMatMul", words(attributes), steps, {"sa": whole(*a), "sb": whole(*b)})
        node = helper.make_node("FusedMatMul", ["a", "b"], ["y"], name="product", domain="com.microsoft", **attributes)
        yield replace(product, nodes=[*product.nodes, node], domains=(("com.microsoft", 1),))
    tokens = {"shape": (1, 18, 6), "label": "", **microsoft}

    def fused(operator: str, label: str, attributes: dict, constants: list, inputs: list | None = None, **rest: object) -> OperatorCase:
        return single("foreign", operator, attributes, constants, inputs=inputs, **(tokens | {"label": f"com.microsoft {label}"} | rest))

    rows = [("q", normal(1, 4, 6))]
    mask = np.where(np.tril(np.ones((18, 18))) > 0, 0, -1e4).astype(np.float32)[None, None]
    yield fused("MultiHeadAttention", "", {"num_heads": 2}, [], ["x", "x", "x"])
    yield fused("MultiHeadAttention", "bias", {"num_heads": 2}, [("b", normal(18))], ["x", "x", "x", "b"])
    yield fused("MultiHeadAttention", "scale", {"num_heads": 2, "scale": 0.9}, [], ["x", "x", "x"])
    yield fused("MultiHeadAttention", "cross", {"num_heads": 3}, rows, ["q", "x", "x"])
    yield fused("MultiHeadAttention", "attention_bias", {"num_heads": 2}, [("m", np.tile(mask, (1, 2, 1, 1)))], ["x", "x", "x", "", "", "m"])
    yield fused("MultiHeadAttention", "key_padding_mask", {"num_heads": 2}, [("k", np.array([11], np.int32))], ["x", "x", "x", "", "k"])
    yield fused("MultiHeadAttention", "unidirectional", {"num_heads": 2, "unidirectional": 1}, [], ["x", "x", "x"])
    packed = [("w", normal(6, 18, scale=0.5)), ("b", normal(18))]
    yield fused("Attention", "", {"num_heads": 2}, packed)
    yield fused("Attention", "unidirectional", {"num_heads": 2, "unidirectional": 1}, packed)
    yield fused("Attention", "mask of a length", {"num_heads": 2}, [*packed, ("k", np.array([11], np.int32))])
    yield fused("Attention", "other sizes", {"num_heads": 2, "qkv_hidden_sizes": [4, 4, 8]}, [("w", normal(6, 16, scale=0.5)), ("b", normal(16))])
    scale, shift = ("s", positive(6)), ("h", normal(6))
    yield fused("SkipLayerNormalization", "bias", {"epsilon": 0.1}, [("k", normal(1, 18, 6)), scale, shift, ("b", normal(6, seed=9))])
    yield fused("SkipLayerNormalization", "without beta", {"epsilon": 1e-5}, [("k", normal(1, 18, 6)), scale])
    yield fused("SkipSimplifiedLayerNormalization", "", {"epsilon": 1e-5}, [("k", normal(1, 18, 6)), scale])
    yield fused("SkipLayerNormalization", "the sum as another output", {"epsilon": 1e-5}, [("k", normal(1, 18, 6)), scale, shift], outputs=["n", "", "", "y"])
    yield fused("LayerNormalization", "", {"epsilon": 1e-5, "axis": -1}, [scale, shift])
    yield fused("QuickGelu", "alpha=1", {"alpha": 1.0}, [])
    convolution = [("w", normal(4, 3, 3, 3)), ("b", normal(4))]
    yield fused("FusedConv", "HardSigmoid", {"activation": "HardSigmoid", "activation_params": [0.3, 0.4]}, convolution, shape=None)
    yield fused("FusedConv", "Clip", {"activation": "Clip", "activation_params": [-0.5, 0.7]}, convolution, shape=None)
    yield fused("FusedConv", "a sum and Tanh", {"activation": "Tanh", "strides": [2, 2]}, [*convolution, ("z", normal(1, 4, 2, 2))], shape=None)
    gemm = [("w", normal(7, 108)), ("b", normal(7))]
    yield fused("FusedGemm", "alpha beta transB", {"activation": "LeakyRelu", "activation_alpha": 0.3, "alpha": 0.5, "beta": 2.0, "transB": 1}, gemm, shape=(1, 108))
    yield fused("FusedMatMul", "transA", {"transA": 1}, [("w", normal(18, 4))])
    yield fused("BiasGelu", "of tokens", {}, [("b", normal(6))])
    yield fused("GatherND", "", {}, [("i", np.array([[0, 1], [0, 3]], np.int64))])
    yield fused("Trilu", "", {"upper": 0}, [("k", np.array(1, np.int64))], shape=(1, 3, 6, 6))
    yield fused("RotaryEmbedding", "", {"num_heads": 1}, [("p", np.arange(18, dtype=np.int64)[None]), ("c", np.cos(normal(18, 3))), ("n", np.sin(normal(18, 3)))])
    yield fused("GroupNorm", "", {"groups": 3, "activation": 1, "channels_last": 1, "epsilon": 1e-5}, [scale, shift], shape=(1, 3, 6, 6))
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
