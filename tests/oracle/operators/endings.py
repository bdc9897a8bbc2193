"""What files end in: probabilities of every make, classes, tables, several outputs."""

from collections.abc import Iterator

import numpy as np
from onnx import TensorProto

from operators.case import OperatorCase, chain, floats, normal, number, positive, whole


def cases() -> Iterator[OperatorCase]:
    """All of them, behind a dense layer of five unless said."""
    yield from probabilities()
    yield from ensembles()
    yield from scores()
    yield from decisions()


def _head(operator: str, label: str, steps: list, constants: dict | None = None, width: int = 5, **rest: object) -> OperatorCase:
    return chain("ending", operator, label, steps, constants, ends_in_classes=True, dense_before=width, **rest)


def probabilities() -> Iterator[OperatorCase]:
    """One softmax or sigmoid, in many forms."""
    soft = ("Softmax", ["x"], ["p"], {"axis": -1})
    shifted = [("ReduceMax", ["x"], ["m"], {"axes": [1]}), ("Sub", ["x", "m"], ["d"]), ("Exp", ["d"], ["e"])]
    yield _head("Softmax", "shifted, written out", [*shifted, ("ReduceSum", ["e", "ax"], ["s"]), ("Div", ["e", "s"], ["y"])], {"ax": whole(1)})
    yield _head("Softmax", "LogSoftmax, then Exp", [("LogSoftmax", ["x"], ["l"]), ("Exp", ["l"], ["y"])])
    yield _head("Softmax", "by ReduceLogSumExp", [("ReduceLogSumExp", ["x"], ["s"], {"axes": [1]}), ("Sub", ["x", "s"], ["l"]), ("Exp", ["l"], ["y"])])
    yield _head("LogSoftmax", "by ReduceLogSumExp", [("ReduceLogSumExp", ["x"], ["s"], {"axes": [1]}), ("Sub", ["x", "s"], ["y"])])
    yield _head("Softmax", "reshaped", [soft, ("Reshape", ["p", "to"], ["y"])], {"to": whole(1, 5, 1, 1)})
    yield _head("Softmax", "of a map of one place", [("Reshape", ["x", "to"], ["r"]), ("Softmax", ["r"], ["y"], {"axis": 1})], {"to": whole(1, 5, 1, 1)})
    yield _head("Softmax", "squeezed to a vector", [soft, ("Squeeze", ["p", "ax"], ["y"])], {"ax": whole(0)})
    yield _head("Softmax", "without the background class", [soft, ("Slice", ["p", "one", "end", "one"], ["y"])], {"one": whole(1), "end": whole(9)})
    yield _head("Softmax", "classes in another order", [soft, ("Gather", ["p", "i"], ["y"], {"axis": 1})], {"i": whole(3, 1, 0, 4, 2)})
    yield _head("Softmax", "times priors, normalised again",
                [soft, ("Mul", ["p", "k"], ["q"]), ("ReduceSum", ["q", "ax"], ["s"]), ("Div", ["q", "s"], ["y"])], {"k": positive(5), "ax": whole(1)})
    yield _head("Softmax", "sharpened", [soft, ("Pow", ["p", "k"], ["q"]), ("ReduceSum", ["q", "ax"], ["s"]), ("Div", ["q", "s"], ["y"])],
                {"k": number(2.0), "ax": whole(1)})
    yield _head("Softmax", "smoothed: 0.9 p + 0.02", [soft, ("Mul", ["p", "k"], ["q"]), ("Add", ["q", "c"], ["y"])], {"k": number(0.9), "c": number(0.02)})
    yield _head("Softmax", "of the scores' negative (distances)", [("Neg", ["x"], ["n"]), ("Softmax", ["n"], ["y"], {"axis": 1})])
    yield _head("Softmax", "float64 in between", [("Cast", ["x"], ["h"], {"to": 11}), ("Softmax", ["h"], ["p"], {"axis": 1}), ("Cast", ["p"], ["y"], {"to": 1})])
    yield _head("Log", "of a clipped softmax", [soft, ("Clip", ["p", "lo", "hi"], ["q"]), ("Log", ["q"], ["y"])], {"lo": number(1e-9), "hi": number(1.0)})
    yield _head("Softmax", "1 - p", [soft, ("Sub", ["one", "p"], ["y"])], {"one": number(1)})
    for order in ("p, 1 - p", "1 - p, p"):
        names = ["p", "q"] if order.startswith("p") else ["q", "p"]
        yield _head("Sigmoid", f"[{order}] with p by Exp", [("Neg", ["x"], ["n"]), ("Exp", ["n"], ["e"]), ("Add", ["e", "one"], ["f"]), ("Reciprocal", ["f"], ["p"]),
                    ("Sub", ["one", "p"], ["q"]), ("Concat", names, ["y"], {"axis": 1})], {"one": number(1)}, width=1)
    yield _head("Sigmoid", "sigmoid of x and of -x side by side", [("Neg", ["x"], ["n"]), ("Concat", ["n", "x"], ["c"], {"axis": 1}), ("Sigmoid", ["c"], ["y"])], width=1)
    yield _head("Softmax", "of [0, x]", [("Concat", ["zero", "x"], ["c"], {"axis": 1}), ("Softmax", ["c"], ["y"], {"axis": 1})], {"zero": np.zeros((1, 1), np.float32)}, width=1)
    yield _head("Softmax", "of [-x, x]", [("Neg", ["x"], ["n"]), ("Concat", ["n", "x"], ["c"], {"axis": 1}), ("Softmax", ["c"], ["y"], {"axis": 1})], width=1)
    yield _head("Tanh", "(tanh + 1) / 2", [("Tanh", ["x"], ["t"]), ("Add", ["t", "one"], ["u"]), ("Mul", ["u", "half"], ["y"])], {"one": number(1), "half": number(0.5)}, width=1)
    yield _head("HardSigmoid", "of five", [("HardSigmoid", ["x"], ["y"])])
    yield _head("Sigmoid", "of five, times 100", [("Sigmoid", ["x"], ["p"]), ("Mul", ["p", "k"], ["y"])], {"k": number(100)})
    yield _head("Sigmoid", "one, a scalar", [("Sigmoid", ["x"], ["p"]), ("Squeeze", ["p"], ["y"])], width=1)
    yield _head("Sigmoid", "one, as [batch]", [("Sigmoid", ["x"], ["p"]), ("Squeeze", ["p", "ax"], ["y"])], {"ax": whole(1)}, width=1)


def ensembles() -> Iterator[OperatorCase]:
    """Several distributions made one."""
    two = [("Softmax", ["x"], ["a"]), ("MatMul", ["x", "w"], ["z"]), ("Softmax", ["z"], ["b"])]
    constants = {"w": normal(5, 5)}
    yield _head("Softmax", "mean of two by Mean", [*two, ("Mean", ["a", "b"], ["y"])], constants)
    yield _head("Softmax", "weighted 0.3 and 0.7", [*two, ("Mul", ["a", "k"], ["c"]), ("Mul", ["b", "l"], ["d"]), ("Add", ["c", "d"], ["y"])],
                {**constants, "k": number(0.3), "l": number(0.7)})
    yield _head("Softmax", "product of two, normalised", [*two, ("Mul", ["a", "b"], ["q"]), ("ReduceSum", ["q", "ax"], ["s"]), ("Div", ["q", "s"], ["y"])],
                {**constants, "ax": whole(1)})
    yield _head("Softmax", "geometric mean, by logs", [*two, ("Log", ["a"], ["c"]), ("Log", ["b"], ["d"]), ("Add", ["c", "d"], ["y"])], constants)
    yield _head("Softmax", "the larger of two", [*two, ("Max", ["a", "b"], ["y"])], constants)
    yield _head("Softmax", "stacked, then a mean", [*two, ("Unsqueeze", ["a", "ax"], ["c"]), ("Unsqueeze", ["b", "ax"], ["d"]),
                ("Concat", ["c", "d"], ["e"], {"axis": 0}), ("ReduceMean", ["e"], ["y"], {"axes": [0], "keepdims": 0})], {**constants, "ax": whole(0)})
    yield _head("Softmax", "gated by a sigmoid of another", [*two, ("MatMul", ["x", "g"], ["h"]), ("Sigmoid", ["h"], ["k"]), ("Sub", ["one", "k"], ["l"]),
                ("Mul", ["a", "k"], ["c"]), ("Mul", ["b", "l"], ["d"]), ("Add", ["c", "d"], ["y"])], {**constants, "g": normal(5, 1), "one": number(1)})
    yield _head("Softmax", "coarse times fine", [("MatMul", ["x", "v"], ["z"]), ("Softmax", ["z"], ["b"]), ("Gather", ["b", "i"], ["c"], {"axis": 1}),
                ("Softmax", ["x"], ["a"]), ("Mul", ["a", "c"], ["y"])], {"v": normal(5, 2), "i": whole(0, 0, 1, 1, 1)})
    yield _head("Sigmoid", "noisy or: 1 - (1 - p)(1 - q)", [("MatMul", ["x", "w"], ["z"]), ("Sigmoid", ["x"], ["p"]), ("Sigmoid", ["z"], ["q"]), ("Sub", ["one", "p"], ["a"]),
                ("Sub", ["one", "q"], ["b"]), ("Mul", ["a", "b"], ["c"]), ("Sub", ["one", "c"], ["y"])], {**constants, "one": number(1)})
    yield _head("Sigmoid", "mean of three", [("MatMul", ["x", "w"], ["z"]), ("MatMul", ["z", "w"], ["u"]), ("Sigmoid", ["x"], ["a"]), ("Sigmoid", ["z"], ["b"]), ("Sigmoid", ["u"], ["c"]),
                ("Sum", ["a", "b", "c"], ["s"]), ("Div", ["s", "three"], ["y"])], {**constants, "three": number(3)})
    yield _head("Softmax", "of each of two labels", [("Reshape", ["x", "to"], ["r"]), ("Softmax", ["r"], ["s"], {"axis": 2}), ("Reshape", ["s", "back"], ["y"])],
                {"to": whole(1, 2, 3), "back": whole(1, 6)}, width=6)


def scores() -> Iterator[OperatorCase]:
    """Scores that are no logits of a softmax."""
    yield _head("Softplus", "evidence over its sum (Dirichlet)", [("Softplus", ["x"], ["e"]), ("Add", ["e", "one"], ["a"]), ("ReduceSum", ["a", "ax"], ["s"]), ("Div", ["a", "s"], ["y"])],
                {"one": number(1), "ax": whole(1)})
    yield _head("Relu", "over its L1 norm", [("Relu", ["x"], ["r"]), ("LpNormalization", ["r"], ["y"], {"axis": 1, "p": 1})])
    yield _head("Gemm", "cosines times 16", [("LpNormalization", ["x"], ["u"], {"axis": 1}), ("MatMul", ["u", "w"], ["c"]), ("Mul", ["c", "k"], ["y"])], {"w": normal(5, 4), "k": number(16)})
    distance = [("Unsqueeze", ["x", "ax"], ["u"]), ("Sub", ["u", "c"], ["d"]), ("Mul", ["d", "d"], ["q"]), ("ReduceSum", ["q", "last"], ["s"])]
    constants = {"ax": whole(1), "c": normal(1, 4, 5), "last": whole(2)}
    distance[-1] = ("ReduceSum", ["q", "last"], ["s"], {"keepdims": 0})
    yield _head("Prototypes", "minus squared distances", [*distance, ("Neg", ["s"], ["y"])], constants)
    yield _head("Prototypes", "exp(-distance)", [*distance, ("Neg", ["s"], ["n"]), ("Exp", ["n"], ["y"])], constants)
    yield _head("Prototypes", "softmax of minus distances", [*distance, ("Neg", ["s"], ["n"]), ("Softmax", ["n"], ["y"], {"axis": 1})], constants, hidden="n")
    yield _head("Prototypes", "log((d + 1) / (d + eps)) (ProtoPNet)", [*distance, ("Add", ["s", "one"], ["a"]), ("Add", ["s", "e"], ["b"]), ("Div", ["a", "b"], ["r"]), ("Log", ["r"], ["y"])],
                {**constants, "one": number(1), "e": number(1e-4)})
    yield _head("Prototypes", "1 / (1 + sqrt d)", [*distance, ("Sqrt", ["s"], ["r"]), ("Add", ["r", "one"], ["a"]), ("Reciprocal", ["a"], ["y"])], {**constants, "one": number(1)})
    yield _head("Ordinal", "differences of sigmoids", [("Sigmoid", ["x"], ["p"]), ("Slice", ["p", "zero", "four", "one"], ["a"]), ("Slice", ["p", "one", "five", "one"], ["b"]), ("Sub", ["a", "b"], ["y"])],
                {"zero": whole(0), "one": whole(1), "four": whole(4), "five": whole(5)})
    yield _head("Ordinal", "sum of sigmoids (a rank)", [("Sigmoid", ["x"], ["p"]), ("ReduceSum", ["p", "one"], ["y"])], {"one": whole(1)})
    yield _head("Regression", "one number", [("Identity", ["x"], ["y"])], width=1)
    yield _head("Gemm", "clipped to 0..1", [("Clip", ["x", "lo", "hi"], ["y"])], {"lo": number(0), "hi": number(1)}, width=3)


def decisions() -> Iterator[OperatorCase]:
    """Files that end in the class."""
    integer = {"output_type": TensorProto.INT64}
    soft = ("Softmax", ["x"], ["p"], {"axis": 1})
    yield _head("ArgMax", "of logits, cast to int32", [("ArgMax", ["x"], ["a"], {"axis": 1, "keepdims": 0}), ("Cast", ["a"], ["y"], {"to": 6})], output_type=TensorProto.INT32)
    yield _head("ArgMax", "plus one", [("ArgMax", ["x"], ["a"], {"axis": -1, "keepdims": 0}), ("Add", ["a", "one"], ["y"])], {"one": np.array(1, np.int64)}, **integer)
    yield _head("ArgMax", "reads a table of names' numbers", [("ArgMax", ["x"], ["a"], {"axis": 1, "keepdims": 0}), ("Gather", ["table", "a"], ["y"])], {"table": whole(10, 20, 30, 40, 50)}, **integer)
    yield _head("ArgMax", "of a reshaped softmax", [soft, ("Reshape", ["p", "to"], ["r"]), ("ArgMax", ["r"], ["y"], {"axis": 0, "keepdims": 0})], {"to": whole(-1)}, **integer)
    yield _head("ArgMin", "of distances", [("Neg", ["x"], ["n"]), ("ArgMin", ["x"], ["y"], {"axis": 1, "keepdims": 0})], hidden="n", **integer)
    yield _head("TopK", "of a softmax, classes", [soft, ("TopK", ["p", "k"], ["v", "y"], {"axis": 1})], {"k": whole(3)}, **integer)
    yield _head("Greater", "than 0.3, cast", [("Sigmoid", ["x"], ["p"]), ("Greater", ["p", "h"], ["b"]), ("Cast", ["b"], ["y"], {"to": 7})], {"h": number(0.3)}, **integer)
    yield _head("Round", "of a sigmoid, cast", [("Sigmoid", ["x"], ["p"]), ("Round", ["p"], ["r"]), ("Cast", ["r"], ["y"], {"to": 7})], **integer)
    yield _head("Where", "a class or none", [("ReduceMax", ["x"], ["m"], {"axes": [1], "keepdims": 0}), ("Greater", ["m", "h"], ["b"]), ("ArgMax", ["x"], ["a"], {"axis": 1, "keepdims": 0}),
                ("Where", ["b", "a", "none"], ["y"])], {"h": number(0.0), "none": np.array(-1, np.int64)}, **integer)
    yield _head("Hardmax", "one-hot", [("Hardmax", ["x"], ["y"], {"axis": 1})], is_decision=True)
    yield _head("OneHot", "of an ArgMax", [("ArgMax", ["x"], ["a"], {"axis": 1, "keepdims": 0}), ("OneHot", ["a", "d", "v"], ["y"], {"axis": -1})],
                {"d": whole(5), "v": floats(0, 1)}, is_decision=True)
