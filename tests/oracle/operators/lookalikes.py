"""What nearly is a LayerNormalization, a softmax, a GELU or an attention, and what is one in an unusual form."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from nearly_layer_norms()
    yield from layer_norms()
    yield from softmaxes()
    yield from activations()
    yield from attentions()


def _norm(
    label: str,
    *,
    before: list = (),
    of_mean: str = "x",
    of_deviation: str = "x",
    of_variance: str = "d",
    mean_axes: tuple[int, ...] = (-1,),
    variance_axes: tuple[int, ...] = (-1,),
    power: float = 2.0,
    root: float = 0.5,
    epsilon: float = 1e-5,
    numerator: str = "d",
    constants: dict | None = None,
    after: list = (),
) -> OperatorCase:
    """LayerNormalization written out, with one thing other than usual."""
    steps = [
        *before,
        ("ReduceMean", [of_mean], ["m"], {"axes": list(mean_axes)}),
        ("Sub", [of_deviation, "m"], ["d"]),
        ("Pow", [of_variance, "two"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": list(variance_axes)}),
        ("Add", ["v", "e"], ["w"]),
        ("Pow", ["w", "half"], ["r"]),
        ("Div", [numerator, "r"], ["y0" if after else "y"]),
        *after,
    ]
    numbers = {"e": number(epsilon), "two": number(power), "half": number(root), **(constants or {})}
    return chain("lookalike", "LayerNorm", label, steps, numbers)


def nearly_layer_norms() -> Iterator[OperatorCase]:
    """Each differs from LayerNormalization in a way that a probe at one strength may not see."""
    yield _norm("the mean is of tanh x", before=[("Tanh", ["x"], ["t"])], of_mean="t")
    yield _norm("the variance is of tanh d", after=[], before=[], of_variance="d", power=4.0)
    yield _norm("the numerator is x", numerator="x")
    yield _norm("the root is a cube root", root=1 / 3)
    yield _norm("no root", root=1.0)
    yield _norm("the variance is over other axes", variance_axes=(1, 2, 3))
    yield _norm("the mean is over other axes", mean_axes=(2, 3))
    yield _norm("the mean is over channels, the variance too", mean_axes=(1,), variance_axes=(1,))
    yield _norm("epsilon 10", epsilon=10.0)
    yield _norm("epsilon 0", epsilon=0.0)
    half = {"h": number(0.5)}
    yield _norm("half of the mean", before=[("Mul", ["x", "h"], ["t"])], of_mean="t", constants=half)
    yield _norm(
        "x + 0.01 sin x is normalised by x's statistics",
        before=[("Sin", ["x"], ["s"]), ("Mul", ["s", "h"], ["t0"]), ("Add", ["x", "t0"], ["t"])],
        of_deviation="t",
        constants={"h": number(0.01)},
    )
    yield _norm(
        "of x + erf x",
        before=[("Erf", ["x"], ["s"]), ("Add", ["x", "s"], ["t"])],
        of_mean="t",
        of_deviation="t",
    )
    yield _norm(
        "of x + clip x",
        before=[("Clip", ["x", "lo", "hi"], ["s"]), ("Add", ["x", "s"], ["t"])],
        of_mean="t",
        of_deviation="t",
        constants={"lo": number(-0.1), "hi": number(0.1)},
    )
    yield _norm(
        "of x, minus the mean of relu x, which is scaled",
        before=[("Relu", ["x"], ["t"])],
        of_mean="t",
    )
    yield _norm("the result is added to x", after=[("Add", ["y0", "x"], ["y"])])
    yield _norm("the result is multiplied by x", after=[("Mul", ["y0", "x"], ["y"])])
    yield _norm("the deviation is used once more", after=[("Add", ["y0", "d"], ["y"])])
    yield _norm("the standard deviation is used once more", after=[("Add", ["y0", "r"], ["y"])])
    steps = [
        ("ReduceMean", ["x"], ["m"], {"axes": [-1]}),
        ("Sub", ["x", "m"], ["d"]),
        ("Abs", ["d"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": [-1]}),
        ("Add", ["v", "e"], ["w"]),
        ("Div", ["d", "w"], ["y"]),
    ]
    yield chain("lookalike", "LayerNorm", "by the mean absolute deviation", steps, {"e": number(1e-5)})
    steps = [
        ("ReduceMax", ["x"], ["m"], {"axes": [-1]}),
        ("ReduceMin", ["x"], ["n"], {"axes": [-1]}),
        ("Sub", ["x", "n"], ["d"]),
        ("Sub", ["m", "n"], ["w"]),
        ("Div", ["d", "w"], ["y"]),
    ]
    yield chain("lookalike", "LayerNorm", "to the range from 0 to 1", steps)


def layer_norms() -> Iterator[OperatorCase]:
    """What is one."""
    deviation = [("ReduceMean", ["x"], ["m"], {"axes": [-1]}), ("Sub", ["x", "m"], ["d"])]
    steps = [
        *deviation,
        ("Mul", ["d", "d"], ["q"]),
        ("ReduceSum", ["q", "axis"], ["s"]),
        ("Div", ["s", "n"], ["v"]),
        ("Sqrt", ["v"], ["r"]),
        ("Add", ["r", "e"], ["w"]),
        ("Div", ["d", "w"], ["y"]),
    ]
    yield chain(
        "lookalike",
        "LayerNorm",
        "unbiased, epsilon outside the root",
        steps,
        {"e": number(1e-3), "n": number(5), "axis": whole(-1)},
    )
    steps = [
        ("Mul", ["x", "x"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": [1, 2, 3]}),
        ("ReduceMean", ["x"], ["m"], {"axes": [1, 2, 3]}),
        ("Mul", ["m", "m"], ["mm"]),
        ("Sub", ["v", "mm"], ["w"]),
        ("Add", ["w", "e"], ["u"]),
        ("Sqrt", ["u"], ["r"]),
        ("Sub", ["x", "m"], ["d"]),
        ("Div", ["d", "r"], ["y"]),
    ]
    yield chain("lookalike", "LayerNorm", "E x² - (E x)²", steps, {"e": number(1e-5)})
    steps = [
        *deviation,
        ("Mul", ["d", "d"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": [-1]}),
        ("Add", ["v", "e"], ["w"]),
        ("Sqrt", ["w"], ["r"]),
        ("Reciprocal", ["r"], ["i"]),
        ("Mul", ["i", "g"], ["k"]),
        ("Mul", ["x", "k"], ["a"]),
        ("Mul", ["m", "k"], ["c"]),
        ("Sub", ["b", "c"], ["f"]),
        ("Add", ["a", "f"], ["y"]),
    ]
    yield chain(
        "lookalike",
        "LayerNorm",
        "as TensorFlow has it: x k + (b - m k)",
        steps,
        {"e": number(1e-3), "g": positive(6), "b": normal(6)},
    )
    steps = [
        *deviation,
        ("ReduceL2", ["d"], ["n"], {"axes": [-1]}),
        ("Div", ["d", "n"], ["u"]),
        ("Mul", ["u", "k"], ["y"]),
    ]
    yield chain("lookalike", "LayerNorm", "by ReduceL2", steps, {"k": number(6**0.5)})
    steps = [
        ("ReduceSumSquare", ["x"], ["s"], {"axes": [-1]}),
        ("Mul", ["s", "k"], ["v"]),
        ("Max", ["v", "e"], ["w"]),
        ("Pow", ["w", "p"], ["r"]),
        ("Mul", ["x", "r"], ["y"]),
    ]
    yield chain(
        "lookalike",
        "RMSNorm",
        "by ReduceSumSquare, a floor, Pow(-0.5)",
        steps,
        {"k": number(1 / 6), "e": number(1e-6), "p": number(-0.5)},
    )
    steps = [
        ("Reshape", ["x", "to"], ["t"]),
        ("InstanceNormalization", ["t", "one", "zero"], ["n"]),
        ("Reshape", ["n", "back"], ["r"]),
        ("Mul", ["r", "s"], ["k"]),
        ("Add", ["k", "b"], ["y"]),
    ]
    constants = {
        "to": whole(0, 3, -1),
        "one": np.ones(3, np.float32),
        "zero": np.zeros(3, np.float32),
        "back": whole(1, 6, 6, 3),
        "s": positive(6, 1, 1),
        "b": normal(6, 1, 1),
    }
    yield chain("lookalike", "GroupNorm", "as torch exports it", steps, constants, shape=(1, 6, 6, 3))
    steps = [
        ("Reshape", ["x", "to"], ["t"]),
        ("ReduceMean", ["t"], ["m"], {"axes": [2, 3]}),
        ("Sub", ["t", "m"], ["d"]),
        ("Pow", ["d", "two"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": [2, 3]}),
        ("Add", ["v", "e"], ["w"]),
        ("Sqrt", ["w"], ["r"]),
        ("Div", ["d", "r"], ["n"]),
        ("Reshape", ["n", "back"], ["h"]),
        ("Mul", ["h", "s"], ["y"]),
    ]
    constants = {
        "to": whole(1, 2, 3, 18),
        "two": number(2),
        "e": number(1e-5),
        "back": whole(1, 6, 6, 3),
        "s": positive(1, 6, 1, 1),
    }
    yield chain("lookalike", "GroupNorm", "written out", steps, constants, shape=(1, 6, 6, 3))


def softmaxes() -> Iterator[OperatorCase]:
    """Written out, and what only looks so."""
    shifted = [("ReduceMax", ["x"], ["m"], {"axes": [-1]}), ("Sub", ["x", "m"], ["d"]), ("Exp", ["d"], ["e"])]
    over = [("ReduceSum", ["e", "ax"], ["s"]), ("Div", ["e", "s"], ["y"])]
    axis = {"ax": whole(-1)}
    yield chain("lookalike", "Softmax", "shifted by the maximum", [*shifted, *over], axis)
    steps = [*shifted, ("ReduceSum", ["e", "ax"], ["s"]), ("Add", ["s", "k"], ["t"]), ("Div", ["e", "t"], ["y"])]
    yield chain("lookalike", "Softmax", "plus one (off by one)", steps, axis | {"k": number(1)})
    yield chain("lookalike", "Softmax", "of base 2", [("Pow", ["two", "x"], ["e"]), *over], axis | {"two": number(2)})
    steps = [("Exp", ["x"], ["e"]), ("ReduceSum", ["e", "ax"], ["s"]), ("Div", ["e", "s"], ["y"])]
    yield chain("lookalike", "Softmax", "over two axes", steps, {"ax": whole(2, 3)})
    steps = [
        ("Exp", ["x"], ["e"]),
        ("Mul", ["e", "mask"], ["f"]),
        ("ReduceSum", ["f", "ax"], ["s"]),
        ("Div", ["f", "s"], ["y"]),
    ]
    mask = (np.random.default_rng(3).random((6, 6)) > 0.3).astype(np.float32)
    mask[:, 0] = 1
    yield chain("lookalike", "Softmax", "masked by a product", steps, axis | {"mask": mask})
    steps = [("ReduceLogSumExp", ["x"], ["s"], {"axes": [-1]}), ("Sub", ["x", "s"], ["l"]), ("Exp", ["l"], ["y"])]
    yield chain("lookalike", "Softmax", "by ReduceLogSumExp", steps)
    steps = [
        ("Relu", ["x"], ["r"]),
        ("ReduceSum", ["r", "ax"], ["s"]),
        ("Add", ["s", "k"], ["t"]),
        ("Div", ["r", "t"], ["y"]),
    ]
    yield chain("lookalike", "Softmax", "of ReLU (linear attention)", steps, axis | {"k": number(1e-6)})
    minus_infinity = number(-np.inf)
    lower = np.tril(np.ones((6, 6))) > 0
    steps = [("Where", ["keep", "x", "inf"], ["a"]), ("Softmax", ["a"], ["y"], {"axis": -1})]
    yield chain("lookalike", "Softmax", "Where -inf", steps, {"keep": lower, "inf": minus_infinity})
    steps = [
        ("Greater", ["x", "zero"], ["keep"]),
        ("Where", ["keep", "x", "low"], ["a"]),
        ("Softmax", ["a"], ["y"], {"axis": 1}),
    ]
    yield chain(
        "lookalike", "Softmax", "masked where the signal is below -1.9", steps, {"zero": number(-1.9), "low": number(-1e4)}
    )
    steps = [
        ("Where", ["keep", "x", "inf"], ["a"]),
        ("Softmax", ["a"], ["s"], {"axis": -1}),
        ("IsNaN", ["s"], ["n"]),
        ("Where", ["n", "zero", "s"], ["y"]),
    ]
    guarded = lower.copy()
    guarded[0] = False
    yield chain(
        "lookalike",
        "Softmax",
        "a row of -inf alone, guarded",
        steps,
        {"keep": guarded, "inf": minus_infinity, "zero": number(0)},
    )
    yield chain(
        "lookalike", "Softmax", "Clip behind -inf", [("Add", ["x", "m"], ["a"]), ("Max", ["a", "lo"], ["c"]),
        ("Softmax", ["c"], ["y"], {"axis": -1})],
        {"m": np.where(lower, 0, -np.inf).astype(np.float32), "lo": number(-1e4)},
    )  # fmt: skip


def activations() -> Iterator[OperatorCase]:
    """Written out in ways that exporters do not all share."""
    steps = [("Mul", ["x", "k"], ["a"]), ("Sigmoid", ["a"], ["s"]), ("Mul", ["s", "x"], ["y"])]
    yield chain("lookalike", "Swish", "alpha -0.7 written out", steps, {"k": number(-0.7)})
    steps = [("Softplus", ["x"], ["a"]), ("Tanh", ["a"], ["s"]), ("Mul", ["s", "x"], ["y"])]
    yield chain("lookalike", "Mish", "written out", steps)
    steps = [("Relu", ["x"], ["a"]), ("Mul", ["a", "a"], ["y"])]
    yield chain("lookalike", "Relu", "squared by Mul", steps)
    steps = [("Relu", ["x"], ["a"]), ("Add", ["a", "e"], ["b"]), ("Sqrt", ["b"], ["y"])]
    yield chain("lookalike", "Relu", "and its root", steps, {"e": number(1e-2)}, low=-0.5)
    steps = [("Mul", ["x", "k"], ["a"]), ("Sin", ["a"], ["s"]), ("Pow", ["s", "two"], ["q"]), ("Div", ["q", "k"], ["f"]),
             ("Add", ["x", "f"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Snake", "per channel", steps, {"k": positive(3, 1, 1), "two": number(2)})
    steps = [("Neg", ["x"], ["n"]), ("Relu", ["n"], ["b"]), ("Relu", ["x"], ["a"]), ("Mul", ["b", "k"], ["c"]),
             ("Sub", ["a", "c"], ["y"])]  # fmt: skip
    yield chain("lookalike", "PRelu", "by two ReLUs", steps, {"k": positive(3, 1, 1)})
    steps = [("Abs", ["x"], ["a"]), ("Add", ["x", "a"], ["s"]), ("Mul", ["s", "h"], ["y"])]
    yield chain("lookalike", "Relu", "by an absolute value", steps, {"h": number(0.5)})
    steps = [("Split", ["x"], ["a", "b"], {"axis": 3}), ("Sigmoid", ["b"], ["s"]), ("Mul", ["a", "s"], ["y"])]
    yield chain("lookalike", "GLU", "", steps)
    steps = [("Split", ["x"], ["a", "b"], {"axis": 3}), ("Max", ["a", "b"], ["y"])]
    yield chain("lookalike", "Maxout", "", steps)
    steps = [("Exp", ["x"], ["a"]), ("Sub", ["a", "one"], ["b"]), ("Min", ["b", "zero"], ["c"]), ("Relu", ["x"], ["d"]),
             ("Add", ["c", "d"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Elu", "by Min and Relu", steps, {"one": number(1), "zero": number(0)})
    steps = [("Exp", ["x"], ["a"]), ("Add", ["a", "one"], ["b"]), ("Log", ["b"], ["y"])]
    yield chain("lookalike", "Softplus", "written out", steps, {"one": number(1)})
    steps = [("Neg", ["x"], ["n"]), ("Exp", ["n"], ["a"]), ("Add", ["a", "one"], ["b"]), ("Div", ["x", "b"], ["y"])]
    yield chain("lookalike", "Swish", "x / (1 + exp -x)", steps, {"one": number(1)})
    steps = [("Greater", ["x", "zero"], ["k"]), ("Mul", ["x", "s"], ["n"]), ("Where", ["k", "x", "n"], ["y"])]
    yield chain("lookalike", "LeakyRelu", "by Where", steps, {"zero": number(0), "s": number(0.2)})
    steps = [("Greater", ["x", "zero"], ["k"]), ("Cast", ["k"], ["f"], {"to": 1}), ("Mul", ["x", "f"], ["y"])]
    yield chain("lookalike", "Relu", "by Cast of a comparison", steps, {"zero": number(0.1)})
    steps = [("Div", ["x", "three"], ["a"]), ("Clip", ["a", "lo", "hi"], ["c"]), ("Mul", ["c", "x"], ["p"]), ("Add", ["p", "x"], ["y"])]
    yield chain("lookalike", "HardSwish", "x + x clip(x / 3)", steps, {"three": number(3), "lo": number(-1), "hi": number(1)})
    steps = [("Mul", ["x", "x"], ["q"]), ("Mul", ["q", "x"], ["c"]), ("Mul", ["c", "k"], ["f"]), ("Add", ["f", "x"], ["g"]),
             ("Mul", ["g", "r"], ["h"]), ("Tanh", ["h"], ["t"]), ("Add", ["t", "one"], ["u"]), ("Mul", ["u", "half"], ["v"]),
             ("Mul", ["v", "x"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Gelu", "by tanh, the half at the gate", steps,
                {"k": number(0.044715), "r": number(0.7978845608), "one": number(1), "half": number(0.5)})  # fmt: skip


def attentions() -> Iterator[OperatorCase]:
    """Written out, with masks, norms and shapes that are not the usual ones."""
    weights = {f"w{name}": normal(6, 6, seed=seed, scale=0.4) for name, seed in (("q", 1), ("k", 2), ("v", 3))}
    project = [("MatMul", ["x", f"w{name}"], [name]) for name in "qkv"]
    scores = [("Transpose", ["k"], ["kt"], {"perm": [0, 2, 1]}), ("MatMul", ["q", "kt"], ["s0"])]
    mix = [("MatMul", ["p", "v"], ["y"])]

    def attention(label: str, middle: list, constants: dict | None = None, first: list = ()) -> OperatorCase:
        steps = [*project, *first, *scores, *middle, *mix]
        return chain("lookalike", "Attention", label, steps, {**weights, **(constants or {})}, shape=(1, 18, 6))

    soft = ("Softmax", ["s"], ["p"], {"axis": -1})
    yield attention("softcap: 2 tanh(s / 2)", [("Div", ["s0", "c"], ["a"]), ("Tanh", ["a"], ["t"]),
                                               ("Mul", ["t", "c"], ["s"]), soft], {"c": number(2)})  # fmt: skip
    yield attention("sigmoid in place of softmax", [("Add", ["s0", "b"], ["s"]), ("Sigmoid", ["s"], ["p"])],
                    {"b": number(-3)})  # fmt: skip
    yield attention("squared ReLU in place of softmax", [("Relu", ["s0"], ["s"]), ("Mul", ["s", "s"], ["p"])])
    far = (np.abs(np.arange(18)[:, None] - np.arange(18)) > 3)
    yield attention("window of -inf, relative bias", [("Add", ["s0", "b"], ["s1"]), ("Add", ["s1", "m"], ["s"]), soft],
                    {"b": normal(18, 18), "m": np.where(far, -np.inf, 0).astype(np.float32)})  # fmt: skip
    yield attention("Where(not far)", [("Not", ["far"], ["near"]), ("Where", ["near", "s0", "inf"], ["s"]), soft],
                    {"far": far, "inf": number(-np.inf)})  # fmt: skip
    yield attention("softmax over queries, then normalised", [("Softmax", ["s0"], ["p0"], {"axis": 1}),
                    ("ReduceSum", ["p0", "ax"], ["n"]), ("Add", ["n", "e"], ["n1"]), ("Div", ["p0", "n1"], ["p"])],
                    {"ax": whole(-1), "e": number(1e-8)})  # fmt: skip
    unit = [("LpNormalization", [name], [f"{name}n"], {"axis": -1}) for name in "qk"]
    steps = [*project, *unit, ("Transpose", ["kn"], ["kt"], {"perm": [0, 2, 1]}), ("MatMul", ["qn", "kt"], ["s0"]),
             ("Mul", ["s0", "t"], ["s"]), soft, *mix]  # fmt: skip
    yield chain("lookalike", "Attention", "of unit vectors (SwinV2)", steps, {**weights, "t": number(8)}, shape=(1, 18, 6))
    steps = [*project, ("Softmax", ["k"], ["ks"], {"axis": 1}), ("Softmax", ["q"], ["qs"], {"axis": -1}),
             ("Transpose", ["ks"], ["kt"], {"perm": [0, 2, 1]}), ("MatMul", ["kt", "v"], ["c"]),
             ("MatMul", ["qs", "c"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Attention", "linear: softmax of q and of k", steps, weights, shape=(1, 18, 6))
    steps = [*project, ("TopK", ["s0", "n"], ["tv", "ti"], {"axis": -1}), ("ReduceMin", ["tv"], ["low"], {"axes": [-1]}),
             ("Less", ["s0", "low"], ["cut"]), ("Where", ["cut", "inf", "s0"], ["s"]), soft, *mix]  # fmt: skip
    steps = [*project, *scores, *steps[3:]]
    yield chain("lookalike", "Attention", "the 5 largest scores of a row", steps,
                {**weights, "n": whole(5), "inf": number(-np.inf)}, shape=(1, 18, 6))  # fmt: skip
    steps = [("ReduceMean", ["x"], ["g"], {"axes": [1]}), ("MatMul", ["g", "wq"], ["q"]), ("MatMul", ["x", "wk"], ["k"]),
             *scores, soft[:1] + (["s0"], ["p"], {"axis": -1}), ("MatMul", ["p", "x"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Attention", "pooling by one query", steps, {"wq": weights["wq"], "wk": weights["wk"]},
                shape=(1, 18, 6))  # fmt: skip
    steps = [("MatMul", ["x", "a"], ["h"]), ("Tanh", ["h"], ["t"]), ("MatMul", ["x", "u"], ["g0"]), ("Sigmoid", ["g0"], ["g"]),
             ("Mul", ["t", "g"], ["z"]), ("MatMul", ["z", "w"], ["s"]), ("Softmax", ["s"], ["p"], {"axis": 1}),
             ("Mul", ["p", "x"], ["m"]), ("ReduceSum", ["m", "ax"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Attention", "gated pooling of a bag (MIL)", steps,
                {"a": normal(6, 5), "u": normal(6, 5, seed=4), "w": normal(5, 1), "ax": whole(1)}, shape=(1, 18, 6))  # fmt: skip
    steps = [("Einsum", ["x", "wq"], ["q"], {"equation": "bnc,chd->bhnd"}), ("Einsum", ["x", "wk"], ["k"], {"equation": "bnc,chd->bhnd"}),
             ("Einsum", ["q", "k"], ["s"], {"equation": "bhnd,bhmd->bhnm"}), ("Softmax", ["s"], ["p"], {"axis": -1}),
             ("Einsum", ["p", "x"], ["y"], {"equation": "bhnm,bmc->bhnc"})]  # fmt: skip
    yield chain("lookalike", "Attention", "by Einsum, the values shared", steps,
                {"wq": normal(6, 2, 3), "wk": normal(6, 2, 3, seed=2)}, shape=(1, 18, 6), opset=17)  # fmt: skip
    steps = [*project, *scores, ("Mul", ["s0", "k0"], ["s"]), soft, ("MatMul", ["p", "v"], ["o"]),
             ("Mul", ["o", "gate"], ["y"])]  # fmt: skip
    yield chain("lookalike", "Attention", "scores times 0.3, heads gated", steps,
                {**weights, "k0": number(0.3), "gate": floats(0.1, 1, 2, -1, 0.5, 0)}, shape=(1, 18, 6))  # fmt: skip
