"""Reductions, normalizations, softmaxes inside the network."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, normal, number, positive, single, whole

REDUCTIONS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"]


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from reductions()
    yield from cumulative()
    yield from normalizations()
    yield from softmaxes()


def reductions() -> Iterator[OperatorCase]:
    """Reduce… over every kind of axes, by attribute and by input."""
    for word in REDUCTIONS:
        operator, low = f"Reduce{word}", 0.3 if word in ("LogSum", "Prod") else -2.0
        for axes in ([1], [2, 3], [-1], [1, 2, 3]):
            for kept in (0, 1):
                yield single("reduction", operator, {"axes": axes, "keepdims": kept}, opset=11, low=low)
                constants = [("axes", whole(*axes))]
                yield single(
                    "reduction",
                    operator,
                    {"keepdims": kept},
                    constants,
                    label=f"axes input {axes} keepdims={kept}",
                    opset=18,
                    low=low,
                )
        yield single("reduction", operator, {"keepdims": 1}, label="all axes", opset=11, low=low)
        yield single("reduction", operator, {"noop_with_empty_axes": 1}, opset=18, low=low)
    for operator in ("ArgMax", "ArgMin"):
        steps = [
            (operator, ["x"], ["i"], {"axis": 1, "keepdims": 1}),
            ("GatherElements", ["x", "i"], ["y"], {"axis": 1}),
        ]
        yield chain("reduction", operator, "gathers", steps)
    for largest in (0, 1):
        for axis in (1, 3):
            steps = [("TopK", ["x", "k"], ["y", "i"], {"axis": axis, "largest": largest})]
            yield chain("reduction", "TopK", f"values axis={axis} largest={largest}", steps, {"k": whole(2)})


def cumulative() -> Iterator[OperatorCase]:
    """CumSum."""
    for axis in (1, 3):
        for exclusive in (0, 1):
            for reverse in (0, 1):
                yield single(
                    "reduction",
                    "CumSum",
                    {"exclusive": exclusive, "reverse": reverse},
                    [("axis", np.array(axis, np.int64))],
                    label=f"axis={axis} exclusive={exclusive} reverse={reverse}",
                    opset=14,
                )


def normalizations() -> Iterator[OperatorCase]:
    """Every normalization of ONNX."""
    scale, bias, mean, variance = positive(3), normal(3, seed=3), normal(3, seed=4), positive(3, seed=5)
    constants = [("s", scale), ("b", bias), ("m", mean), ("v", variance)]
    for epsilon in (1e-5, 0.1):
        yield single(
            "normalization",
            "BatchNormalization",
            {"epsilon": epsilon},
            constants,
            label=f"epsilon={epsilon:g}",
            opset=15,
        )
        yield single(
            "normalization",
            "BatchNormalization",
            {"epsilon": epsilon},
            constants,
            label=f"epsilon={epsilon:g}",
            opset=9,
        )
        yield single(
            "normalization",
            "InstanceNormalization",
            {"epsilon": epsilon},
            constants[:2],
            label=f"epsilon={epsilon:g}",
            opset=11,
        )
    yield single(
        "normalization",
        "BatchNormalization",
        {"training_mode": 1},
        constants,
        outputs=["y", "rm", "rv"],
        label="training_mode=1",
        opset=15,
    )
    for axis in (1, 2, 3, -1, -2):
        shape = (3, 6, 6)[(axis if axis > 0 else axis + 4) - 1 :]
        for epsilon in (1e-5, 0.1):
            constants = [("s", positive(*shape)), ("b", normal(*shape))]
            yield single(
                "normalization",
                "LayerNormalization",
                {"axis": axis, "epsilon": epsilon},
                constants,
                label=f"axis={axis} epsilon={epsilon:g}",
                opset=17,
            )
            yield single(
                "normalization",
                "RMSNormalization",
                {"axis": axis, "epsilon": epsilon},
                constants[:1],
                label=f"axis={axis} epsilon={epsilon:g}",
                opset=23,
            )
    yield single(
        "normalization", "LayerNormalization", {"axis": -1}, [("s", positive(6))], label="without bias", opset=17
    )
    for groups in (1, 2, 6):
        yield single(
            "normalization",
            "GroupNormalization",
            {"num_groups": groups},
            [("s", positive(6)), ("b", normal(6))],
            label=f"num_groups={groups}",
            shape=(1, 6, 6, 3),
            opset=21,
        )
        yield single(
            "normalization",
            "GroupNormalization",
            {"num_groups": groups},
            [("s", positive(groups)), ("b", normal(groups))],
            label=f"num_groups={groups}",
            shape=(1, 6, 6, 3),
            opset=18,
        )
    for p in (1, 2):
        for axis in (1, -1):
            yield single("normalization", "LpNormalization", {"p": p, "axis": axis}, opset=11)
    for axes in ([0, 2, 3], [1], [1, 2, 3]):
        yield single("normalization", "MeanVarianceNormalization", {"axes": axes}, opset=13)
    for size, alpha, beta, offset in (
        (3, 0.3, 0.75, 1.0),
        (2, 0.5, 0.5, 2.0),
        (1, 1e-4, 0.75, 1.0),
        (5, 1.0, 1.0, 0.5),
    ):
        attributes = {"size": size, "alpha": alpha, "beta": beta, "bias": offset}
        yield single("normalization", "LRN", attributes, shape=(1, 6, 6, 3), opset=13)
    steps = [
        ("ReduceMean", ["x"], ["m"], {"axes": [-1]}),
        ("Sub", ["x", "m"], ["d"]),
        ("Mul", ["d", "d"], ["q"]),
        ("ReduceMean", ["q"], ["v"], {"axes": [-1]}),
        ("Add", ["v", "e"], ["w"]),
        ("Sqrt", ["w"], ["r"]),
        ("Div", ["d", "r"], ["y"]),
    ]
    yield chain("normalization", "LayerNorm written out", "squares by Mul", steps, {"e": number(1e-5)})
    steps = [
        ("ReduceL2", ["x"], ["n"], {"axes": [2, 3]}),
        ("ReduceMean", ["n"], ["m"], {"axes": [1]}),
        ("Add", ["m", "e"], ["p"]),
        ("Div", ["n", "p"], ["g"]),
        ("Mul", ["x", "g"], ["h"]),
        ("Add", ["h", "x"], ["y"]),
    ]
    yield chain("normalization", "GRN", "ConvNeXtV2", steps, {"e": number(1e-6)})


def softmaxes() -> Iterator[OperatorCase]:
    """Softmax, LogSoftmax and Hardmax inside the network, with the meaning before and since opset 13."""
    for operator in ("Softmax", "LogSoftmax"):
        for opset in (11, 13):
            for axis in (0, 1, 2, 3, -1) if opset == 13 else (1, 2, 3, -1):
                yield single("softmax", operator, {"axis": axis}, opset=opset)
            yield single("softmax", operator, {}, label="default axis", opset=opset)
    yield single("softmax", "Hardmax", {"axis": 1}, opset=13)
    steps = [("Softmax", ["x"], ["s"], {"axis": 1}), ("IsNaN", ["s"], ["i"]), ("Where", ["i", "z", "s"], ["y"])]
    yield chain("softmax", "Softmax", "with a guard against NaN", steps, {"z": number(0.0)})
    mask = np.where(np.triu(np.ones((6, 6)), 1) > 0, -np.inf, 0.0).astype(np.float32)
    steps = [("Add", ["x", "m"], ["a"]), ("Softmax", ["a"], ["y"], {"axis": -1})]
    yield chain("softmax", "Softmax", "mask of -inf added", steps, {"m": mask})
    yield chain("softmax", "Softmax", "mask of -3.4e38 added", steps, {"m": np.maximum(mask, np.finfo(np.float32).min)})
    yield chain("softmax", "Softmax", "mask of -10000 added", steps, {"m": np.maximum(mask, np.float32(-10000))})
    steps = [("Where", ["k", "x", "n"], ["a"]), ("Softmax", ["a"], ["y"], {"axis": -1})]
    yield chain("softmax", "Softmax", "masked by Where with -inf", steps, {"k": mask == 0, "n": number(-np.inf)})
    steps = [
        ("ReduceMax", ["x"], ["m"], {"axes": [-1]}),
        ("Sub", ["x", "m"], ["d"]),
        ("Exp", ["d"], ["e"]),
        ("ReduceSum", ["e", "ax"], ["s"]),
        ("Div", ["e", "s"], ["y"]),
    ]
    yield chain("softmax", "Softmax", "written out inside", steps, {"ax": whole(-1)})
