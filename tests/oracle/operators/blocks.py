"""Blocks of networks that are not made of convolutions and ReLU alone, as papers have them."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from pooling()
    yield from products()
    yield from choices()
    yield from transformers()
    yield from signals()
    yield from normalized_weights()


def _block(operator: str, label: str, steps: list, constants: dict | None = None, **rest: object) -> OperatorCase:
    return chain("block", operator, label, steps, constants, **rest)


def pooling() -> Iterator[OperatorCase]:
    """Poolings that are no average and no maximum."""
    steps = [("Clip", ["x", "e"], ["c"]), ("Pow", ["c", "p"], ["q"]), ("GlobalAveragePool", ["q"], ["m"]), ("Pow", ["m", "r"], ["y"])]
    yield _block("GeM", "p per channel", steps, {"e": number(1e-6), "p": floats(3, 2, 4).reshape(3, 1, 1), "r": (1 / floats(3, 2, 4)).reshape(3, 1, 1)}, low=-0.5)
    steps = [("Exp", ["x"], ["e"]), ("ReduceMean", ["e"], ["m"], {"axes": [2, 3]}), ("Log", ["m"], ["y"])]
    yield _block("LogSumExp", "pooling", steps)
    steps = [("ReduceMean", ["x"], ["m"], {"axes": [2, 3]}), ("Sub", ["x", "m"], ["d"]), ("Mul", ["d", "d"], ["q"]), ("ReduceMean", ["q"], ["v"], {"axes": [2, 3]}),
             ("Add", ["v", "e"], ["w"]), ("Sqrt", ["w"], ["s"]), ("Concat", ["m", "s"], ["y"], {"axis": 1})]  # fmt: skip
    yield _block("Statistics", "mean and deviation (x-vector)", steps, {"e": number(1e-5)})
    steps = [("GlobalAveragePool", ["x"], ["a"]), ("GlobalMaxPool", ["x"], ["b"]), ("Add", ["a", "b"], ["s"]), ("Mul", ["s", "h"], ["y"])]
    yield _block("GlobalMaxPool", "mean of both poolings", steps, {"h": number(0.5)})
    steps = [("AveragePool", ["x"], ["a"], {"kernel_shape": [3, 3], "strides": [3, 3]}), ("AveragePool", ["x"], ["b"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
             ("Flatten", ["a"], ["f"]), ("Flatten", ["b"], ["g"]), ("Concat", ["f", "g"], ["y"], {"axis": 1})]  # fmt: skip
    yield _block("AveragePool", "spatial pyramid", steps)
    steps = [("Reshape", ["x", "to"], ["f"]), ("TopK", ["f", "k"], ["v", "i"], {"axis": 2}), ("ReduceMean", ["v"], ["y"], {"axes": [2]})]
    yield _block("TopK", "mean of the best places", steps, {"to": whole(1, 3, 36), "k": whole(5)})
    steps = [("Softmax", ["f"], ["p"], {"axis": 2}), ("Mul", ["p", "f"], ["m"]), ("ReduceSum", ["m", "ax"], ["y"])]
    yield _block("Softmax", "pooling by a softmax of the signal", [("Reshape", ["x", "to"], ["f"]), *steps], {"to": whole(1, 3, 36), "ax": whole(2)})
    steps = [("Reshape", ["x", "to"], ["f"]), ("Softmax", ["f"], ["p"], {"axis": 2}), ("MatMul", ["p", "grid"], ["y"])]
    yield _block("Softmax", "spatial (soft-argmax)", steps, {"to": whole(1, 3, 36), "grid": normal(36, 2)})
    steps = [("Reshape", ["x", "to"], ["f"]), ("ReduceMax", ["f"], ["m"], {"axes": [1]}), ("ReduceMean", ["f"], ["n"], {"axes": [1]}), ("Concat", ["m", "n"], ["c"], {"axis": 1}),
             ("Conv", ["c", "w"], ["s"], {"pads": [1, 1, 1, 1]}), ("Sigmoid", ["s"], ["g"]), ("Mul", ["x", "g"], ["y"])]  # fmt: skip
    yield _block("CBAM", "spatial gate", steps, {"to": whole(1, 3, 6, 6), "w": normal(1, 2, 3, 3)})


def products() -> Iterator[OperatorCase]:
    """Products of signals, and quadratic forms."""
    steps = [("Reshape", ["x", "to"], ["f"]), ("Transpose", ["f"], ["t"], {"perm": [0, 2, 1]}), ("MatMul", ["f", "t"], ["g"]), ("Div", ["g", "n"], ["m"]),
             ("Sign", ["m"], ["s"]), ("Abs", ["m"], ["a"]), ("Add", ["a", "e"], ["b"]), ("Sqrt", ["b"], ["r"]), ("Mul", ["s", "r"], ["q"]), ("Reshape", ["q", "row"], ["v"]), ("LpNormalization", ["v"], ["y"], {"axis": 1})]  # fmt: skip
    yield _block("Bilinear", "pooling, signed root, unit length", steps, {"to": whole(1, 3, 36), "n": number(36), "e": number(1e-3), "row": whole(1, 9)})
    steps = [("Reshape", ["x", "to"], ["f"]), ("ReduceSum", ["f", "ax"], ["s"]), ("Mul", ["s", "s"], ["a"]), ("Mul", ["f", "f"], ["q"]), ("ReduceSum", ["q", "ax"], ["b"]), ("Sub", ["a", "b"], ["d"]), ("Mul", ["d", "h"], ["y"])]
    yield _block("Bilinear", "factorization machine", steps, {"to": whole(1, 12, 9), "ax": whole(1), "h": number(0.5)})
    steps = [("Reshape", ["x", "row"], ["f"]), ("MatMul", ["f", "w"], ["l"]), ("Mul", ["f", "l"], ["c"]), ("Add", ["c", "f"], ["y"])]
    yield _block("Bilinear", "cross layer x0 (w x) + x", steps, {"row": whole(1, 108), "w": normal(108, 1, scale=0.1)})
    yield single("block", "Einsum", {"equation": "bchw,bcij->bhwij"}, inputs=["x", "x"], label="correlation of all places with all", opset=12)
    yield single("block", "Einsum", {"equation": "bchw,bdhw->bcd"}, inputs=["x", "x"], label="Gram matrix", opset=12)
    yield single("block", "Einsum", {"equation": "bchw,kc->bkhw"}, [("w", normal(4, 3))], label="a 1x1 convolution", opset=12)
    yield single("block", "Einsum", {"equation": "...hw,wk->...hk"}, [("w", normal(6, 4))], label="dots", opset=12)
    yield single("block", "Einsum", {"equation": "bchw->bhwc"}, label="a transposition", opset=12)
    yield single("block", "Einsum", {"equation": "bchw->bc"}, label="a sum", opset=12)
    yield single("block", "Einsum", {"equation": "bcii->bci"}, label="a diagonal", opset=12)
    steps = [("Conv", ["x", "w"], ["k"]), ("ReduceMean", ["k"], ["m"], {"axes": [2, 3]}), ("Reshape", ["m", "to"], ["d"]), ("Conv", ["x", "d"], ["y"])]
    yield _block("Conv", "with a computed weight", steps, {"w": normal(6, 3, 3, 3), "to": whole(2, 3, 1, 1)})
    steps = [("GlobalAveragePool", ["x"], ["g0"]), ("Flatten", ["g0"], ["g1"]), ("MatMul", ["g1", "r"], ["g2"]), ("Softmax", ["g2"], ["g3"], {"axis": 1}), ("MatMul", ["g3", "bank"], ["k"]),
             ("Reshape", ["k", "to"], ["d"]), ("Conv", ["x", "d"], ["y"], {"pads": [1, 1, 1, 1]})]  # fmt: skip
    yield _block("Conv", "CondConv: a softmax of four weights", steps, {"r": normal(3, 4), "bank": normal(4, 2 * 27, scale=0.3), "to": whole(2, 3, 3, 3)})
    steps = [("Conv", ["x", "v"], ["a"]), ("Conv", ["x", "w"], ["b"]), ("Mul", ["a", "b"], ["y"])]
    yield _block("Mul", "of two convolutions (StarNet)", steps, {"v": normal(4, 3, 3, 3), "w": normal(4, 3, 3, 3, seed=9)})


def choices() -> Iterator[OperatorCase]:
    """Places that depend on the picture."""
    tokens = {"shape": (1, 18, 6)}
    steps = [("MatMul", ["x", "w"], ["s0"]), ("Squeeze", ["s0", "last"], ["s"]), ("TopK", ["s", "k"], ["v", "i"], {"axis": 1}), ("Unsqueeze", ["i", "last"], ["u"]), ("Expand", ["u", "wide"], ["e"]),
             ("GatherElements", ["x", "e"], ["y"], {"axis": 1})]  # fmt: skip
    yield _block("TopK", "the best tokens stay (EViT)", steps, {"w": normal(6, 1), "last": whole(-1), "k": whole(7), "wide": whole(1, 7, 6)}, **tokens)
    steps[-1] = ("GatherElements", ["x", "e"], ["t"], {"axis": 1})
    steps = [*steps, ("Sigmoid", ["v"], ["g"]), ("Unsqueeze", ["g", "last"], ["h"]), ("Mul", ["t", "h"], ["y"])]
    yield _block("TopK", "the best tokens, gated by their scores (graph pooling)", steps, {"w": normal(6, 1), "last": whole(-1), "k": whole(7), "wide": whole(1, 7, 6)}, **tokens)
    steps = [("ReduceMean", ["x"], ["m"], {"axes": [0, 2], "keepdims": 0}), ("ArgMax", ["m"], ["i"], {"axis": 0, "keepdims": 1}), ("Gather", ["x", "i"], ["y"], {"axis": 1})]
    yield _block("ArgMax", "one token by Gather", steps, **tokens)
    steps = [("ReduceMean", ["x"], ["m"], {"axes": [2], "keepdims": 0}), ("ArgMax", ["m"], ["i"], {"axis": 1, "keepdims": 1}), ("Concat", ["zero", "i"], ["p"], {"axis": 1}), ("GatherND", ["x", "p"], ["y"])]
    yield _block("ArgMax", "one token by GatherND", steps, {"zero": np.zeros((1, 1), np.int64)}, **tokens)
    steps = [("Reshape", ["x", "to"], ["f"]), ("TopK", ["f", "k"], ["v", "i"], {"axis": 2, "sorted": 1}), ("Slice", ["v", "from", "end", "ax"], ["m"]), ("Less", ["f", "m"], ["l"]), ("Where", ["l", "z", "f"], ["y"])]
    yield _block("TopK", "the ten largest stay (k-winners)", steps, {"to": whole(1, 3, 36), "k": whole(10), "from": whole(9), "end": whole(10), "ax": whole(2), "z": number(0)})
    steps = [("Reshape", ["x", "rows"], ["r"]), ("MatMul", ["r", "w"], ["l"]), ("Softmax", ["l"], ["p"], {"axis": -1}), ("TopK", ["p", "k"], ["v", "i"], {"axis": -1}), ("ReduceSum", ["v", "ax"], ["s"]), ("Div", ["v", "s"], ["g"]),
             ("OneHot", ["i", "d", "hot"], ["h"]), ("Unsqueeze", ["g", "ax"], ["gu"]), ("Mul", ["h", "gu"], ["m"]), ("ReduceSum", ["m", "one"], ["c"]), ("MatMul", ["c", "experts"], ["y"])]  # fmt: skip
    yield _block("TopK", "mixture of experts, the best two", steps, {"rows": whole(1, 108), "w": normal(108, 4, scale=0.1), "k": whole(2), "ax": whole(-1), "d": whole(4), "hot": floats(0, 1), "one": whole(1), "experts": normal(4, 5)})
    theta = [("Reshape", ["x", "row"], ["f"]), ("MatMul", ["f", "w"], ["t0"]), ("Tanh", ["t0"], ["t1"]), ("Mul", ["t1", "s"], ["t2"]), ("Add", ["t2", "id"], ["t3"]), ("Reshape", ["t3", "two"], ["theta"])]
    numbers = {"row": whole(1, 108), "w": normal(108, 6, scale=0.1), "s": number(0.2), "id": floats(1, 0, 0, 0, 1, 0), "two": whole(1, 2, 3)}
    ys, xs = np.meshgrid(np.linspace(-0.8, 0.8, 5), np.linspace(-0.8, 0.8, 4), indexing="ij")
    base = np.stack([xs.ravel(), ys.ravel(), np.ones(20)], 1)[None].astype(np.float32)
    grid = [("Transpose", ["theta"], ["tt"], {"perm": [0, 2, 1]}), ("MatMul", ["base", "tt"], ["g0"]), ("Reshape", ["g0", "plane"], ["g"])]
    for mode in ("bilinear", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            steps = [*theta, *grid, ("GridSample", ["x", "g"], ["y"], {"mode": mode, "padding_mode": padding, "align_corners": 0})]
            yield _block("GridSample", f"spatial transformer, {mode} {padding}", steps, {**numbers, "base": base, "plane": whole(1, 5, 4, 2)}, opset=16)
    steps = [*theta, ("AffineGrid", ["theta", "size"], ["g"], {"align_corners": 1}), ("GridSample", ["x", "g"], ["y"], {"mode": "linear", "align_corners": 1})]
    yield _block("AffineGrid", "spatial transformer", steps, {**numbers, "size": whole(1, 3, 5, 4)}, opset=20)
    steps = [("Conv", ["x", "wo"], ["o"]), ("DeformConv", ["x", "w", "o"], ["y"])]
    mask = [("Conv", ["x", "wm"], ["m0"]), ("Sigmoid", ["m0"], ["m"])]
    twice = [steps[0], *mask, ("DeformConv", ["x", "w", "o", "b", "m"], ["z"]), ("Relu", ["z"], ["r"]), ("DeformConv", ["r", "w2", "o2"], ["y"])]
    yield _block("DeformConv", "modulated, one behind the other", twice, {"wo": normal(18, 3, 3, 3, scale=0.05), "wm": normal(9, 3, 3, 3, scale=0.2), "w": normal(4, 3, 3, 3, scale=0.3), "b": normal(4), "w2": normal(2, 4, 2, 2), "o2": normal(1, 8, 3, 3, scale=0.5)}, opset=19)
    yield _block("DeformConv", "computed offsets", steps, {"wo": normal(18, 3, 3, 3, scale=0.05), "w": normal(4, 3, 3, 3)}, opset=19)


def transformers() -> Iterator[OperatorCase]:
    """Parts of transformers and their relatives."""
    tokens = {"shape": (1, 18, 6)}
    steps = [("Slice", ["x", "a", "b", "ax", "s"], ["even"]), ("Slice", ["x", "c", "b", "ax", "s"], ["odd"]), ("Neg", ["odd"], ["n"]), ("Unsqueeze", ["n", "last"], ["p"]), ("Unsqueeze", ["even", "last"], ["q"]),
             ("Concat", ["p", "q"], ["r"], {"axis": -1}), ("Reshape", ["r", "to"], ["t"]), ("Mul", ["x", "cos"], ["u"]), ("Mul", ["t", "sin"], ["v"]), ("Add", ["u", "v"], ["y"])]  # fmt: skip
    angle = np.repeat(np.random.default_rng(1).uniform(0, 3, (18, 3)), 2, 1).astype(np.float32)
    yield _block("Rotary", "interleaved, written out", steps, {"a": whole(0), "b": whole(6), "ax": whole(2), "s": whole(2), "c": whole(1), "last": whole(-1), "to": whole(1, 18, 6), "cos": np.cos(angle), "sin": np.sin(angle)}, **tokens)
    steps = [("CumSum", ["x", "ax"], ["c"]), ("Div", ["c", "n"], ["m"]), ("Sub", ["x", "m"], ["y"])]
    yield _block("CumSum", "minus the running mean", steps, {"ax": np.array(1, np.int64), "n": np.arange(1, 19, dtype=np.float32).reshape(18, 1)}, **tokens)
    steps = [("Transpose", ["x"], ["t"], {"perm": [0, 2, 1]}), ("MatMul", ["t", "w"], ["m"]), ("Gelu", ["m"], ["g"]), ("Transpose", ["g"], ["y"], {"perm": [0, 2, 1]})]
    yield _block("Mixer", "tokens mixed", steps, {"w": normal(18, 7)}, opset=20, **tokens)
    steps = [("Split", ["x"], ["u", "v"], {"axis": 2, "num_outputs": 2}), ("LayerNormalization", ["v", "s"], ["n"], {"axis": -1}), ("Transpose", ["n"], ["t"], {"perm": [0, 2, 1]}), ("MatMul", ["t", "w"], ["m"]), ("Transpose", ["m"], ["g"], {"perm": [0, 2, 1]}),
             ("Add", ["g", "one"], ["h"]), ("Mul", ["u", "h"], ["y"])]  # fmt: skip
    yield _block("gMLP", "spatial gate", steps, {"s": positive(3), "w": normal(18, 18, scale=0.2), "one": number(1)}, opset=18, **tokens)
    steps = [("ReduceMean", ["x"], ["m"], {"axes": [1]}), ("Sub", ["x", "m"], ["d"]), ("Mul", ["d", "s"], ["e"]), ("Add", ["x", "e"], ["y"])]
    yield _block("PoolFormer", "x + s (x - mean x)", steps, {"s": positive(6)}, **tokens)
    steps = [("Pad", ["x", "p"], ["a"]), ("Reshape", ["a", "r"], ["b"]), ("Transpose", ["b"], ["c"], {"perm": [0, 1, 3, 2, 4, 5]}), ("Reshape", ["c", "t"], ["d"]), ("Softmax", ["d"], ["e"], {"axis": 1}), ("Mul", ["e", "d"], ["y"])]
    yield _block("Window", "padded and partitioned", [("Transpose", ["x"], ["h"], {"perm": [0, 2, 3, 1]}), *[(o, ["h" if n == "x" else n for n in i], *rest) for o, i, *rest in steps]],
                 {"p": whole(0, 0, 0, 0, 0, 2, 2, 0), "r": whole(1, 2, 4, 2, 4, 3), "t": whole(4, 16, 3)})  # fmt: skip
    steps = [("Slice", ["x", "a", "n", "ax"], ["p"]), ("Slice", ["x", "z", "a", "ax"], ["q"]), ("Concat", ["p", "q"], ["y"], {"axis": 2})]
    yield _block("Roll", "shifted rows", steps, {"a": whole(2), "n": whole(9), "z": whole(0), "ax": whole(2)})
    steps = [("ReduceL2", ["x"], ["n"], {"axes": [1]}), ("Add", ["n", "e"], ["m"]), ("Div", ["x", "m"], ["u"]), ("Mul", ["u", "s"], ["y"])]
    yield _block("RMSNorm", "RMSNorm2d by ReduceL2", steps, {"e": number(1e-6), "s": positive(3, 1, 1)})
    steps = [("Mul", ["x", "a"], ["t"]), ("Tanh", ["t"], ["u"]), ("Mul", ["u", "g"], ["v"]), ("Add", ["v", "b"], ["y"])]
    yield _block("DynamicTanh", "g tanh(a x) + b", steps, {"a": number(0.7), "g": positive(6), "b": normal(6)}, **tokens)


def signals() -> Iterator[OperatorCase]:
    """Spectra, splines, waves."""
    frequencies = np.exp(-2j * np.pi * np.outer(np.arange(6), np.arange(4)) / 6)
    steps = [("MatMul", ["x", "re"], ["a"]), ("MatMul", ["x", "im"], ["b"]), ("Mul", ["a", "a"], ["c"]), ("Mul", ["b", "b"], ["d"]), ("Add", ["c", "d"], ["p"]), ("Add", ["p", "e"], ["q"]), ("Log", ["q"], ["y"])]
    yield _block("Spectrum", "log power", steps, {"re": frequencies.real.astype(np.float32), "im": frequencies.imag.astype(np.float32), "e": number(1e-3)})
    steps = [("Unsqueeze", ["x", "last"], ["u"]), ("DFT", ["u"], ["f"], {"axis": 3, "onesided": 1}), ("Mul", ["f", "f"], ["q"]), ("ReduceSum", ["q", "last"], ["y"])]
    yield _block("DFT", "power", steps, {"last": whole(-1)}, opset=17)
    steps = [("Mul", ["x", "w"], ["a"]), ("Sin", ["a"], ["b"]), ("Cos", ["a"], ["c"]), ("Concat", ["b", "c"], ["y"], {"axis": 1})]
    yield _block("Sin", "Fourier features", steps, {"w": number(3)})
    steps = [("Unsqueeze", ["x", "last"], ["u"]), ("Sub", ["u", "c"], ["d"]), ("Mul", ["d", "d"], ["q"]), ("Neg", ["q"], ["n"]), ("Exp", ["n"], ["r"]), ("MatMul", ["r", "w"], ["y"])]
    yield _block("KAN", "radial basis of every number", steps, {"last": whole(-1), "c": np.linspace(-2, 2, 5).astype(np.float32), "w": normal(5, 2)})
    steps = [("Reshape", ["x", "rows"], ["r"]), ("Unsqueeze", ["r", "one"], ["u"]), ("Sub", ["u", "c"], ["d"]), ("Abs", ["d"], ["a"]), ("ReduceSum", ["a", "last"], ["s"]), ("Neg", ["s"], ["y"])]
    yield _block("AdderNet", "minus L1 distances", steps, {"rows": whole(1, 108), "one": whole(1), "c": normal(1, 5, 108), "last": whole(2)})
    steps = [("Greater", ["x", "zero"], ["g"]), ("Cast", ["g"], ["s"], {"to": 1}), ("Mul", ["s", "two"], ["t"]), ("Sub", ["t", "one"], ["b"]), ("Conv", ["b", "w"], ["c"]), ("Add", ["c", "k"], ["y0"]), ("Conv", ["x", "w"], ["z"]), ("Add", ["y0", "z"], ["y"])]
    yield _block("Binary", "convolution of signs, and one of numbers", steps, {"zero": number(0), "two": number(2), "one": number(1), "w": normal(4, 3, 3, 3), "k": normal(4, 1, 1)})
    steps = [("Floor", ["x"], ["f"]), ("Sub", ["x", "f"], ["y"])]
    yield _block("Floor", "the fraction", steps)
    yield single("block", "Mod", {"fmod": 1}, [("m", number(1.5))], label="fmod 1.5")
    yield single("block", "Det", {}, shape=(1, 12, 3, 3), label="of 3 x 3", opset=11)
    steps = [("STFT", ["r", "step", "w"], ["f"], {"onesided": 1}), ("Mul", ["f", "f"], ["q"]), ("ReduceSum", ["q", "last"], ["y"])]
    yield _block("STFT", "power", [("Reshape", ["x", "row"], ["r"]), *steps], {"row": whole(1, 108, 1), "step": np.array(6, np.int64), "w": np.hanning(12).astype(np.float32), "last": whole(-1)}, opset=17)


def normalized_weights() -> Iterator[OperatorCase]:
    """Weights that are worked out in the graph from stored ones."""
    weight = normal(4, 3, 3, 3)
    steps = [("ReduceL2", ["v"], ["n"], {"axes": [1, 2, 3]}), ("Div", ["v", "n"], ["u"]), ("Mul", ["u", "g"], ["w"]), ("Conv", ["x", "w"], ["y"])]
    yield _block("Conv", "weight normalisation", steps, {"v": weight, "g": positive(4, 1, 1, 1)})
    steps = [("ReduceMean", ["v"], ["m"], {"axes": [1, 2, 3]}), ("Sub", ["v", "m"], ["d"]), ("Mul", ["d", "d"], ["q"]), ("ReduceMean", ["q"], ["s"], {"axes": [1, 2, 3]}), ("Add", ["s", "e"], ["t"]), ("Sqrt", ["t"], ["r"]), ("Div", ["d", "r"], ["w"]), ("Conv", ["x", "w"], ["y"])]
    yield _block("Conv", "weight standardisation", steps, {"v": weight, "e": number(1e-5)})
    steps = [("Tanh", ["v"], ["t"]), ("Abs", ["t"], ["a"]), ("ReduceMax", ["a"], ["m"], {"keepdims": 0}), ("Div", ["t", "m"], ["u"]), ("Mul", ["u", "seven"], ["k"]), ("Round", ["k"], ["r"]), ("Div", ["r", "seven"], ["w"]), ("Conv", ["x", "w"], ["y"])]
    yield _block("Conv", "weights quantised in the graph (DoReFa)", steps, {"v": weight, "seven": number(7)})
    steps = [("Sign", ["v"], ["s"]), ("Abs", ["v"], ["a"]), ("ReduceMean", ["a"], ["m"], {"axes": [1, 2, 3]}), ("Mul", ["s", "m"], ["w"]), ("Conv", ["x", "w"], ["y"])]
    yield _block("Conv", "signs times a mean (XNOR)", steps, {"v": weight})
    steps = [("Mul", ["v", "mask"], ["w"]), ("Conv", ["x", "w"], ["y"])]
    yield _block("Conv", "masked (pruned) weight", steps, {"v": weight, "mask": (np.random.default_rng(4).random((4, 3, 3, 3)) > 0.5).astype(np.float32)})
    steps = [("MatMul", ["a", "b"], ["d"]), ("Add", ["v", "d"], ["w"]), ("MatMul", ["x", "w"], ["y"])]
    yield _block("MatMul", "low-rank update (LoRA)", steps, {"a": normal(6, 2), "b": normal(2, 4), "v": normal(6, 4)})
    steps = [("Transpose", ["v"], ["t"], {"perm": [1, 0]}), ("Cast", ["t"], ["w"], {"to": 1}), ("MatMul", ["x", "w"], ["y"])]
    yield _block("MatMul", "transposed half-precision weight", steps, {"v": normal(4, 6).astype(np.float16)})
    steps = [("Gather", ["book", "i"], ["w"], {"axis": 0}), ("MatMul", ["x", "w"], ["y"])]
    yield _block("MatMul", "weights by a code book", steps, {"book": normal(16), "i": np.random.default_rng(2).integers(0, 16, (6, 4))})
