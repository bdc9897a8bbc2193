"""Arithmetic, comparisons and activations, element by element."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, floats, normal, number, positive, single

ACTIVATIONS: list[tuple[str, dict, int]] = [
    ("Relu", {}, 14), ("Relu", {}, 6), ("Sigmoid", {}, 13), ("Tanh", {}, 13), ("Softplus", {}, 1), ("Softsign", {}, 1),
    ("HardSwish", {}, 14), ("Mish", {}, 18), ("Erf", {}, 13), ("Identity", {}, 16),
    *(("LeakyRelu", {"alpha": alpha}, 16) for alpha in (0.0, 0.2, 1.0, -0.3)), ("LeakyRelu", {}, 6),
    ("LeakyRelu", {}, 16),
    *(("Elu", {"alpha": alpha}, 6) for alpha in (0.3, 1.0, 2.5)), ("Elu", {}, 22),
    *(("Celu", {"alpha": alpha}, 12) for alpha in (0.3, 1.0, 2.5)), ("Celu", {}, 12),
    ("Selu", {}, 6), ("Selu", {"alpha": 0.7, "gamma": 2.0}, 6), ("Selu", {"alpha": 2.0}, 22),
    ("Selu", {"gamma": 0.4}, 6),
    *(("HardSigmoid", {"alpha": a, "beta": b}, 6) for a, b in ((0.2, 0.5), (1 / 6, 0.5), (0.4, 0.1), (1.0, 0.9))),
    ("HardSigmoid", {}, 6),
    *(("ThresholdedRelu", {"alpha": alpha}, 10) for alpha in (0.3, 1.0, 0.0, -0.5)), ("ThresholdedRelu", {}, 10),
    ("Shrink", {"lambd": 0.5}, 9), ("Shrink", {"lambd": 0.5, "bias": 0.5}, 9),
    ("Shrink", {"lambd": 0.3, "bias": 0.1}, 9), ("Shrink", {"bias": 0.2}, 9),
    *(("Swish", {"alpha": alpha}, 24) for alpha in (1.0, 0.5, 1.702, -1.0)), ("Swish", {}, 24),
    ("Gelu", {}, 20), ("Gelu", {"approximate": "tanh"}, 20), ("Gelu", {"approximate": "none"}, 20),
]  # fmt: skip

FUNCTIONS = {
    "any": ["Neg", "Abs", "Exp", "Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh"],
    "discrete": ["Sign", "Floor", "Ceil", "Round"],
    "positive": ["Log", "Sqrt", "Reciprocal"],
    "unit": ["Asin", "Acos", "Atanh", "Tan"],
}


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from activations()
    yield from functions()
    yield from arithmetic()
    yield from clips()
    yield from choices()


def activations() -> Iterator[OperatorCase]:
    """Operators that are called activations."""
    for operator, attributes, opset in ACTIVATIONS:
        yield single("activation", operator, attributes, opset=max(opset, 9))
    for label, slope in {
        "scalar": number(0.2),
        "channel": normal(3, 1, 1),
        "one": floats(0.3),
        "plane": normal(1, 6, 6),
        "all": normal(1, 3, 6, 6),
    }.items():
        yield single("activation", "PRelu", {}, [("slope", slope)], label=f"slope per {label}", opset=16)
    yield single("activation", "PRelu", {}, [("slope", positive(3, 1, 1))], label="slope per channel", opset=9)


def functions() -> Iterator[OperatorCase]:
    """Functions of one signal."""
    ranges = {"any": (-2.0, 2.0), "discrete": (-2.0, 2.0), "positive": (0.3, 3.0), "unit": (-0.9, 0.9)}
    for kind, names in FUNCTIONS.items():
        for operator in names:
            low, high = ranges[kind]
            yield single("function", operator, opset=17, low=low, high=high)
    yield single("function", "Acosh", opset=17, low=1.2, high=3.0)
    for direction in ("", "negative", "positive"):
        attributes = {"detect_" + direction: 1} if direction else {}
        steps = [("IsInf", ["x"], ["i"], attributes), ("Where", ["i", "c", "x"], ["y"])]
        yield chain("function", "IsInf", direction or "both", steps, {"c": number(0.0)}, opset=20)
    yield chain(
        "function", "IsNaN", "guard", [("IsNaN", ["x"], ["i"]), ("Where", ["i", "c", "x"], ["y"])], {"c": number(0.0)}
    )
    for to, label, tolerance in (
        (10, "float16", 1e-3),
        (11, "float64", 1e-4),
        (16, "bfloat16", 1e-2),
        (6, "int32", 1e-4),
        (9, "bool", 1e-4),
    ):
        steps = [("Cast", ["x"], ["c"], {"to": to}), ("Cast", ["c"], ["y"], {"to": 1})]
        yield chain("function", "Cast", f"to {label} and back", steps, opset=17, tolerance=tolerance)


def arithmetic() -> Iterator[OperatorCase]:
    """Add, Sub, Mul, Div, Pow, Mod with constants on both sides and with signals."""
    shapes = {
        "number": number(0.7),
        "channel": positive(3, 1, 1),
        "plane": positive(6, 6),
        "row": positive(6),
        "all": positive(1, 3, 6, 6),
    }
    for operator in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"):
        low = 0.3 if operator in ("Div", "Pow") else -2.0
        for label, constant in shapes.items():
            yield single("arithmetic", operator, {}, [("c", constant)], label=f"x, {label}", low=low)
            yield single("arithmetic", operator, {}, [("c", constant)], inputs=["c", "x"], label=f"{label}, x", low=low)
        steps = [("Sigmoid", ["x"], ["s"]), (operator, ["x", "s"], ["y"])]
        yield chain("arithmetic", operator, "x, sigmoid x", steps, low=low)
        steps = [("ReduceMean", ["x"], ["m"], {"axes": [2, 3]}), (operator, ["x", "m"], ["y"])]
        yield chain("arithmetic", operator, "x, its mean (broadcast)", steps, low=low)
        steps = [("ReduceMean", ["x"], ["m"], {"axes": [2, 3]}), (operator, ["m", "x"], ["y"])]
        yield chain("arithmetic", operator, "its mean, x (broadcast)", steps, low=low)
        steps = [
            ("ReduceMean", ["x"], ["m"], {"axes": [2, 3]}),
            ("ReduceMean", ["x"], ["n"], {"axes": [1]}),
            (operator, ["m", "n"], ["y"]),
        ]
        yield chain("arithmetic", operator, "two broadcast signals", steps, low=low)
        yield chain("arithmetic", operator, "x, x", [(operator, ["x", "x"], ["y"])], low=low)
    for exponent in (2.0, 3.0, 0.5, -1.0, 1.0, 0.0, 2.5):
        yield single("arithmetic", "Pow", {}, [("c", number(exponent))], label=f"x ^ {exponent:g}", low=0.3)
    for exponent in (2.0, 3.0):
        yield single("arithmetic", "Pow", {}, [("c", number(exponent))], label=f"x ^ {exponent:g}, both signs")
    yield single("arithmetic", "Pow", {}, [("c", np.array(2, np.int64))], label="x ^ 2 (whole number)")
    yield single("arithmetic", "Mod", {"fmod": 1}, [("c", number(0.7))])
    for operator in ("Sum", "Mean", "Max", "Min"):
        steps = [("Tanh", ["x"], ["t"]), ("Neg", ["x"], ["n"]), (operator, ["x", "t", "n"], ["y"])]
        yield chain("arithmetic", operator, "of three signals", steps)
        yield chain("arithmetic", operator, "of one signal", [(operator, ["x"], ["y"])])


def clips() -> Iterator[OperatorCase]:
    """Clip, by attribute and by input."""
    yield single("arithmetic", "Clip", {"min": -0.5, "max": 0.7}, opset=9)
    yield single("arithmetic", "Clip", {"min": 0.0, "max": 6.0}, opset=9, low=-3.0, high=9.0)
    yield single("arithmetic", "Clip", {}, [("low", number(-0.5)), ("high", number(0.7))], label="both", opset=13)
    yield single("arithmetic", "Clip", {}, [("low", number(-0.5))], label="low alone", opset=13)
    yield single(
        "arithmetic", "Clip", {}, [("high", number(0.7))], inputs=["x", "", "high"], label="high alone", opset=13
    )


def choices() -> Iterator[OperatorCase]:
    """Comparisons, logic and Where."""
    c = {"c": number(0.2)}
    for operator in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"):
        steps = [(operator, ["x", "c"], ["m"]), ("Where", ["m", "x", "c"], ["y"])]
        yield chain("choice", operator, "chooses x or a constant", steps, c)
        steps = [(operator, ["x", "c"], ["m"]), ("Cast", ["m"], ["f"], {"to": 1}), ("Mul", ["x", "f"], ["y"])]
        yield chain("choice", operator, "cast and multiplied", steps, c)
    for operator in ("And", "Or", "Xor"):
        steps = [
            ("Greater", ["x", "c"], ["a"]),
            ("Less", ["x", "d"], ["b"]),
            (operator, ["a", "b"], ["m"]),
            ("Where", ["m", "x", "z"], ["y"]),
        ]
        yield chain(
            "choice", operator, "of two comparisons", steps, {"c": number(-0.5), "d": number(0.8), "z": number(0.1)}
        )
    steps = [("Greater", ["x", "c"], ["a"]), ("Not", ["a"], ["m"]), ("Where", ["m", "x", "c"], ["y"])]
    yield chain("choice", "Not", "of a comparison", steps, c)
    mask = np.random.default_rng(4).random((1, 3, 6, 6)) > 0.4
    for label, where in {"all": mask, "channel": mask[:, :, :1, :1], "plane": mask[0, 0]}.items():
        yield single(
            "choice",
            "Where",
            {},
            [("m", where), ("c", number(0.3))],
            inputs=["m", "x", "c"],
            label=f"constant mask per {label}, x, constant",
        )
        yield single(
            "choice",
            "Where",
            {},
            [("m", where), ("c", number(0.3))],
            inputs=["m", "c", "x"],
            label=f"constant mask per {label}, constant, x",
        )
        steps = [("Tanh", ["x"], ["t"]), ("Where", ["m", "x", "t"], ["y"])]
        yield chain("choice", "Where", f"constant mask per {label}, two signals", steps, {"m": where})
    steps = [("Tanh", ["x"], ["t"]), ("Greater", ["x", "c"], ["m"]), ("Where", ["m", "x", "t"], ["y"])]
    yield chain("choice", "Where", "computed mask, two signals", steps, c)
