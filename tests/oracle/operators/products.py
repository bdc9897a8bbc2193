"""Products of matrices, attention, recurrent layers, quantization."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from dense()
    yield from einsums()
    yield from attention()
    yield from recurrent()
    yield from quantized()
    yield from foreign()


def dense() -> Iterator[OperatorCase]:
    """Gemm and MatMul."""
    flat = {"shape": (1, 108)}
    bias = ("c", normal(7, seed=3))
    yield single("product", "Gemm", {}, [("w", normal(108, 7)), bias], label="plain", **flat)
    yield single("product", "Gemm", {"transB": 1, "alpha": 0.5, "beta": 2.0}, [("w", normal(7, 108)), bias], label="transB alpha beta", **flat)
    yield single("product", "Gemm", {"transA": 1}, [("w", normal(108, 7))], label="transA", shape=(108, 1))
    yield single("product", "Gemm", {"alpha": -1.5}, [("w", normal(108, 7)), ("c", number(0.3))], label="one number as bias", **flat)
    yield single("product", "Gemm", {}, [("w", normal(108, 7)), ("c", normal(1, 1))], label="bias [1,1]", **flat)
    yield single("product", "Gemm", {}, [("w", normal(6, 7)), ("c", normal(18, 1))], label="bias per row", shape=(18, 6))
    yield single("product", "Gemm", {}, [("w", normal(4, 18))], inputs=["w", "x"], label="constant on the left", shape=(18, 6))
    for label, weight in {"matrix": normal(6, 4), "batch of matrices": normal(3, 6, 4), "full batch": normal(1, 3, 6, 4), "vector": normal(6), "broadcast batch": normal(2, 1, 6, 4)}.items():
        yield single("product", "MatMul", {}, [("w", weight)], label=f"x, {label}")
    for label, weight in {"matrix": normal(4, 6), "batch of matrices": normal(3, 4, 6), "vector": normal(6)}.items():
        yield single("product", "MatMul", {}, [("w", weight)], inputs=["w", "x"], label=f"{label}, x")
    yield single("product", "MatMul", {}, [("w", normal(108, 4))], label="vector, matrix", shape=(108,))
    yield chain("product", "MatMul", "two signals", [("Transpose", ["x"], ["t"], {"perm": [0, 1, 3, 2]}), ("MatMul", ["x", "t"], ["y"])])
    yield chain("product", "MatMul", "two signals, broadcast", [("ReduceMean", ["x"], ["m"], {"axes": [1], "keepdims": 0}), ("MatMul", ["x", "m"], ["y"])])


def einsums() -> Iterator[OperatorCase]:
    """Einsum of one to three operands."""
    one = ["bchw->bhwc", "bchw->bc", "bcii->bci", "bcii->bc", "...hw->...wh", "bchw"]
    for equation in one:
        yield single("product", "Einsum", {"equation": equation}, opset=12)
    two = {"bchw,cd->bdhw": (3, 4), "bchw,cde->bdhe": None, "bchw,c->bhw": (3,), "bchw,hwd->bcd": (6, 6, 4), "...w,wd->...d": (6, 4), "bchw,bcwd->bchd": (1, 3, 6, 4), "bchw,chw->b": (3, 6, 6), "bchw,chw->bchw": (3, 6, 6), "bchw,k->bkchw": (2,)}
    for equation, shape in two.items():
        if shape:
            yield single("product", "Einsum", {"equation": equation}, [("w", normal(*shape))], opset=12)
    yield single("product", "Einsum", {"equation": "dc,bchw->bdhw"}, [("w", normal(4, 3))], inputs=["w", "x"], label="constant first", opset=12)
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t"], ["y"], {"equation": "bchw,bcvw->bchv"})]
    yield chain("product", "Einsum", "two signals bchw,bcvw->bchv", steps, opset=12)
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t"], ["y"], {"equation": "bchw,bchw->bc"})]
    yield chain("product", "Einsum", "two signals bchw,bchw->bc", steps, opset=12)
    yield single("product", "Einsum", {"equation": "bchw,cd,de->behw"}, [("w", normal(3, 4)), ("v", normal(4, 5))], label="x and two constants", opset=12)
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t", "w"], ["y"], {"equation": "bchw,bchw,cd->bd"})]
    yield chain("product", "Einsum", "two signals and a constant", steps, {"w": normal(3, 4)}, opset=12)


def attention() -> Iterator[OperatorCase]:
    """Attention of opset 23 and its masks; the picture is 6 tokens of 18, or 2 heads of 9."""
    causal = np.tril(np.ones((6, 6), bool))
    some = np.random.default_rng(3).random((6, 6)) > 0.3
    some[:, 0] = True
    additive = normal(6, 6, seed=8)
    masks: dict[str, np.ndarray | None] = {
        "no mask": None, "boolean causal": causal, "boolean": some, "boolean per head": np.stack([some, some.T | causal])[None], "boolean broadcast": some[:1].copy(),
        "additive": additive, "additive -inf": np.where(causal, 0, -np.inf).astype(np.float32), "additive per head": normal(1, 2, 6, 6, seed=9), "all true": np.ones((6, 6), bool),
    }  # fmt: skip
    options: list[dict] = [{}, {"scale": 0.7}, {"is_causal": 1}, {"softcap": 1.5}, {"scale": 0.7, "softcap": 2.0, "is_causal": 1}]
    for mask_label, mask in masks.items():
        for attributes in options if mask is None or mask_label in ("boolean", "additive") else options[:1]:
            for rank in (3, 4):
                yield _attention(rank, attributes, mask_label, mask)
    for mask_label in ("no mask", "boolean", "additive"):
        yield _attention(3, {}, mask_label, masks[mask_label], kv_heads=1)
    yield _attention(4, {"softmax_precision": 1}, "no mask", None)


def _attention(rank: int, attributes: dict, label: str, mask: np.ndarray | None, kv_heads: int = 2) -> OperatorCase:
    constants: dict[str, np.ndarray] = {"wq": normal(18, 18, seed=1, scale=0.3), "wk": normal(18, 9 * kv_heads, seed=2, scale=0.3), "wv": normal(18, 9 * kv_heads, seed=3, scale=0.3)}
    steps: list[tuple] = [("MatMul", ["x", f"w{word}"], [word]) for word in "qkv"]
    if rank == 4:
        constants["heads"] = whole(1, 6, 2, 9)
        for word in "qkv":
            steps += [("Reshape", [word, "heads"], [word + "r"]), ("Transpose", [word + "r"], [word + "t"], {"perm": [0, 2, 1, 3]})]
        inputs = ["qt", "kt", "vt"]
    else:
        attributes = {**attributes, "q_num_heads": 2, "kv_num_heads": kv_heads}
        inputs = ["q", "k", "v"]
    if mask is not None:
        constants["mask"] = mask
        inputs.append("mask")
    steps.append(("Attention", inputs, ["y"], attributes))
    text = " ".join([f"rank {rank}", label, *(f"{name}={value}" for name, value in attributes.items())])
    return chain("attention", "Attention", text, steps, constants, shape=(1, 6, 18), opset=23)


def recurrent() -> Iterator[OperatorCase]:
    """LSTM, GRU and RNN over 18 steps of 6 with 5 units."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}
    for operator, count in gates.items():
        for direction in ("forward", "reverse", "bidirectional"):
            yield _recurrent(operator, count, {"direction": direction})
        yield _recurrent(operator, count, {}, output=1)
        yield _recurrent(operator, count, {}, bias=False)
        yield _recurrent(operator, count, {}, initial=True)
        yield _recurrent(operator, count, {}, lengths=True)
        yield _recurrent(operator, count, {"clip": 0.4})
    yield _recurrent("LSTM", 4, {"input_forget": 1})
    yield _recurrent("LSTM", 4, {}, peepholes=True)
    yield _recurrent("GRU", 3, {"linear_before_reset": 1})
    yield _recurrent("GRU", 3, {"linear_before_reset": 1, "direction": "bidirectional"})
    yield _recurrent("RNN", 1, {"activations": ["Relu"]})
    yield _recurrent("LSTM", 4, {"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [0.2], "activation_beta": [0.5]})
    yield _recurrent("LSTM", 4, {"layout": 1}, layout=1)


def _recurrent(operator: str, gates: int, attributes: dict, *, output: int = 0, bias: bool = True, initial: bool = False, lengths: bool = False, peepholes: bool = False, layout: int = 0) -> OperatorCase:
    units, size, directions = 5, 6, 2 if attributes.get("direction") == "bidirectional" else 1
    constants: dict[str, np.ndarray] = {"w": normal(directions, gates * units, size, scale=0.4), "r": normal(directions, gates * units, units, seed=2, scale=0.4)}
    inputs = ["x", "w", "r"] + [""] * 5
    if bias:
        constants["b"], inputs[3] = normal(directions, 2 * gates * units, seed=3, scale=0.3), "b"
    if lengths:
        constants["l"], inputs[4] = np.array([11], np.int32), "l"
    if initial:
        constants["h"], inputs[5] = normal(directions, 1, units, seed=4), "h"
        if operator == "LSTM":
            constants["c"], inputs[6] = normal(directions, 1, units, seed=5), "c"
    if peepholes:
        constants["p"], inputs[7] = normal(directions, 3 * units, seed=6), "p"
    while not inputs[-1]:
        inputs.pop()
    outputs = ["y"] if output == 0 else ["", "y"]
    words = [name for name, there in (("last state", output == 1), ("no bias", not bias), ("initial state", initial), ("lengths", lengths), ("peepholes", peepholes)) if there]
    label = " ".join([*words, *(f"{name}={value}" for name, value in attributes.items())])
    shape = (1, 18, size) if layout else (18, 1, size)
    return chain("recurrent", operator, label, [(operator, inputs, outputs, {"hidden_size": units, **attributes})], constants, shape=shape, opset=14)


def quantized() -> Iterator[OperatorCase]:
    """Quantization: QDQ, QOperator, dynamic."""
    for kind, zero in (("uint8", np.uint8(120)), ("int8", np.int8(-5))):
        constants = {"s": number(0.02), "z": zero}
        steps = [("QuantizeLinear", ["x", "s", "z"], ["q"]), ("DequantizeLinear", ["q", "s", "z"], ["y"])]
        yield chain("quantized", "QuantizeLinear", f"and back, {kind}", steps, constants, opset=13)
    weight = np.random.default_rng(1).integers(-127, 127, (4, 3, 3, 3)).astype(np.int8)
    steps = [("DequantizeLinear", ["w", "ws", "wz"], ["wf"], {"axis": 0}), ("Conv", ["x", "wf"], ["y"])]
    yield chain("quantized", "DequantizeLinear", "weights per channel", steps, {"w": weight, "ws": floats(0.01, 0.02, 0.005, 0.01), "wz": np.zeros(4, np.int8)}, opset=13)
    scales = {"s": number(0.02), "z": np.uint8(120), "ws": number(0.01), "wz": np.int8(0), "ys": number(0.05), "yz": np.uint8(128), "w": weight}
    steps = [("QuantizeLinear", ["x", "s", "z"], ["q"]), ("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "ys", "yz"], ["c"]), ("DequantizeLinear", ["c", "ys", "yz"], ["y"])]
    yield chain("quantized", "QLinearConv", "", steps, scales, opset=13)
    matrix = np.random.default_rng(1).integers(-127, 127, (6, 4)).astype(np.int8)
    steps[1] = ("QLinearMatMul", ["q", "s", "z", "w", "ws", "wz", "ys", "yz"], ["c"])
    yield chain("quantized", "QLinearMatMul", "", steps, {**scales, "w": matrix}, opset=13)
    dynamic = [("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])]
    steps = [*dynamic, ("MatMulInteger", ["q", "w", "z"], ["i"]), ("Cast", ["i"], ["f"], {"to": 1}), ("Mul", ["s", "ws"], ["k"]), ("Mul", ["f", "k"], ["y"])]
    yield chain("quantized", "MatMulInteger", "dynamic", steps, {"w": matrix, "ws": number(0.01)}, opset=13)
    steps = [*dynamic, ("ConvInteger", ["q", "w", "z"], ["i"]), ("Cast", ["i"], ["f"], {"to": 1}), ("Mul", ["s", "ws"], ["k"]), ("Mul", ["f", "k"], ["y"])]
    yield chain("quantized", "ConvInteger", "dynamic", steps, {"w": weight.view(np.uint8), "ws": number(0.01)}, opset=13)


def foreign() -> Iterator[OperatorCase]:
    """onnxruntime's own operators; some share their name with one of the standard."""
    microsoft = {"domain": "com.microsoft"}
    yield single("foreign", "Gelu", **microsoft, label="com.microsoft")
    yield single("foreign", "FastGelu", **microsoft, label="com.microsoft")
    yield single("foreign", "QuickGelu", {"alpha": 1.702}, **microsoft, label="com.microsoft")
    yield single("foreign", "BiasGelu", {}, [("b", normal(6))], **microsoft, label="com.microsoft")
    yield single("foreign", "FusedMatMul", {"alpha": 0.5, "transB": 1}, [("w", normal(4, 6))], **microsoft, label="com.microsoft alpha transB")
    yield single("foreign", "FusedGemm", {"activation": "Relu"}, [("w", normal(108, 7)), ("b", normal(7))], shape=(1, 108), **microsoft, label="com.microsoft")
    yield single("foreign", "FusedConv", {"activation": "Relu"}, [("w", normal(4, 3, 3, 3)), ("b", normal(4))], **microsoft, label="com.microsoft Relu")
    yield single("foreign", "FusedConv", {"activation": "LeakyRelu", "activation_params": [0.2]}, [("w", normal(4, 3, 3, 3)), ("b", normal(4))], **microsoft, label="com.microsoft LeakyRelu")
    yield single("foreign", "SkipLayerNormalization", {"epsilon": 1e-5}, [("k", normal(1, 18, 6)), ("s", positive(6)), ("b", normal(6))], shape=(1, 18, 6), **microsoft, label="com.microsoft")
    yield single("foreign", "Inverse", shape=(1, 3, 6, 6), **microsoft, label="com.microsoft")
    yield single("foreign", "Relu", domain="org.example", label="of a foreign domain", result=(1, 3, 6, 6))
    yield single("foreign", "Conv", {}, [("w", normal(4, 3, 3, 3))], domain="org.example", label="of a foreign domain", result=(1, 4, 4, 4))
    yield single("foreign", "Softmax", {"axis": 1}, domain="org.example", label="of a foreign domain", result=(1, 3, 6, 6))
