"""What stands at the end of classifiers: probabilities, and classes."""

from collections.abc import Iterator

from onnx import TensorProto

from operators.case import OperatorCase, chain, floats, number, positive, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from probabilities()
    yield from class_outputs()


def probabilities() -> Iterator[OperatorCase]:
    """What classifiers end in, behind a dense layer of five."""

    def head(
        operator: str, label: str, steps: list, constants: dict | None = None, width: int = 5, **rest: object
    ) -> OperatorCase:
        return chain("head", operator, label, steps, constants, ends_in_classes=True, dense_before=width, **rest)

    for operator in ("Softmax", "LogSoftmax", "Sigmoid"):
        yield head(operator, "head", [(operator, ["x"], ["y"])])
    yield head("Sigmoid", "head of one", [("Sigmoid", ["x"], ["y"])], width=1)
    yield head("Tanh", "head of one", [("Tanh", ["x"], ["y"])], width=1)
    exponentials = [("Exp", ["x"], ["e"]), ("ReduceSum", ["e", "ax"], ["s"]), ("Div", ["e", "s"], ["y"])]
    yield head("Softmax", "written out", exponentials, {"ax": whole(1)})
    yield head(
        "Softmax", "of temperature 2", [("Div", ["x", "t"], ["d"]), ("Softmax", ["d"], ["y"])], {"t": number(2.0)}
    )
    yield head("Softmax", "twice", [("Softmax", ["x"], ["s"]), ("Softmax", ["s"], ["y"])], hidden="s")
    yield head(
        "Sigmoid",
        "[1 - p, p]",
        [("Sigmoid", ["x"], ["p"]), ("Sub", ["one", "p"], ["q"]), ("Concat", ["q", "p"], ["y"], {"axis": 1})],
        {"one": number(1.0)},
        width=1,
    )
    yield head(
        "Sigmoid",
        "over their sum",
        [("Sigmoid", ["x"], ["p"]), ("ReduceSum", ["p", "ax"], ["s"]), ("Div", ["p", "s"], ["y"])],
        {"ax": whole(1)},
    )
    yield head(
        "Relu",
        "over their sum",
        [("Softplus", ["x"], ["p"]), ("ReduceL1", ["p"], ["s"], {"axes": [1]}), ("Div", ["p", "s"], ["y"])],
    )
    yield head(
        "Softmax",
        "mean of two",
        [
            ("Softmax", ["x"], ["a"]),
            ("Mul", ["x", "t"], ["z"]),
            ("Softmax", ["z"], ["b"]),
            ("Add", ["a", "b"], ["s"]),
            ("Mul", ["s", "h"], ["y"]),
        ],
        {"t": number(-0.7), "h": number(0.5)},
    )
    yield head(
        "Softmax",
        "clipped",
        [("Softmax", ["x"], ["a"]), ("Clip", ["a", "lo", "hi"], ["y"])],
        {"lo": number(1e-7), "hi": number(1 - 1e-7)},
    )
    yield head("Log", "of a softmax", [("Softmax", ["x"], ["a"]), ("Log", ["a"], ["y"])])
    yield head("LpNormalization", "head (embedding)", [("LpNormalization", ["x"], ["y"], {"axis": 1, "p": 2})])
    yield head(
        "Softmax", "times 100 (per cent)", [("Softmax", ["x"], ["a"]), ("Mul", ["a", "h"], ["y"])], {"h": floats(100.0)}
    )


def class_outputs() -> Iterator[OperatorCase]:
    """Files that end in classes or in the few best: the scores in front are what there is to explain."""
    options = {"ends_in_classes": True, "dense_before": 5, "opset": 13}
    for keep in (0, 1):
        yield single("head", "ArgMax", {"axis": 1, "keepdims": keep}, output_type=TensorProto.INT64, **options)
    steps = [("Softmax", ["x"], ["p"]), ("ArgMax", ["p"], ["y"], {"axis": 1})]
    yield chain("head", "ArgMax", "of a softmax", steps, output_type=TensorProto.INT64, **options)
    yield chain(
        "head",
        "TopK",
        "indices",
        [("TopK", ["x", "k"], ["v", "y"])],
        {"k": whole(2)},
        output_type=TensorProto.INT64,
        **options,
    )
    steps = [("Sigmoid", ["x"], ["p"]), ("Greater", ["p", "h"], ["y"])]
    yield chain("head", "Greater", "than a half", steps, {"h": number(0.5)}, output_type=TensorProto.BOOL, **options)
    steps = [("Softmax", ["x"], ["p"]), ("MatMul", ["p", "v"], ["y"])]
    yield chain(
        "head", "Softmax", "expected value (age)", steps, {"v": positive(5, 1)}, ends_in_classes=True, dense_before=5
    )
