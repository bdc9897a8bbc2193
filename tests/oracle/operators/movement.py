"""What moves values: Pad, Slice, Gather, Scatter, Concat, Reshape, Transpose and their like."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, normal, number, positive, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from pads()
    yield from slices()
    yield from gathers()
    yield from scatters()
    yield from shapes()
    yield from joins()


def pads() -> Iterator[OperatorCase]:
    """Pad with every mode, by attribute and input, negative too."""
    amounts = {
        "all sides": (0, 0, 1, 2, 0, 0, 2, 1),
        "one side": (0, 0, 0, 0, 0, 0, 0, 3),
        "channels": (0, 1, 0, 0, 0, 1, 0, 0),
        "negative": (0, 0, -1, 0, 0, 0, 0, -2),
        "mixed signs": (0, 0, -1, 2, 0, 0, 1, -1),
    }
    for label, amount in amounts.items():
        for mode in ("constant", "reflect", "edge", "wrap"):
            opset = 19 if mode == "wrap" else 13
            yield single(
                "movement", "Pad", {"mode": mode}, [("pads", whole(*amount))], label=f"{mode} {label}", opset=opset
            )
        yield single(
            "movement",
            "Pad",
            {"mode": "constant"},
            [("pads", whole(*amount)), ("value", number(0.7))],
            label=f"constant 0.7 {label}",
            opset=13,
        )
    yield single("movement", "Pad", {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 0.3}, opset=10)
    yield single(
        "movement",
        "Pad",
        {},
        [("pads", whole(1, 2)), ("value", number(0.2)), ("axes", whole(-1))],
        label="axes",
        opset=18,
    )


def slices() -> Iterator[OperatorCase]:
    """Slice forwards, backwards, beyond the end."""
    options = {
        "inside": ((1, 1), (5, 4), (2, 3), None), "steps": ((0, 1), (6, 6), (2, 3), (2, 3)),
        "backwards": ((-1, -1), (-7, -7), (2, 3), (-1, -2)),
        "beyond": ((2, 0), (1000, 9223372036854775807), (2, 3), None),
        "from the end": ((-3, -4), (-1, 1000), (2, 3), None), "negative axes": ((1, 0), (3, 2), (-1, -3), None),
        "backwards to the start": ((4,), (-9223372036854775808,), (3,), (-1,)), "channel": ((1,), (2,), (1,), None),
    }  # fmt: skip
    for label, (starts, ends, axes, steps) in options.items():
        constants = [("starts", whole(*starts)), ("ends", whole(*ends)), ("axes", whole(*axes))]
        if steps:
            constants.append(("steps", whole(*steps)))
        yield single("movement", "Slice", {}, constants, label=label, opset=13)
    yield single("movement", "Slice", {"starts": [1, 2], "ends": [5, 6], "axes": [2, 3]}, opset=9)
    yield chain("movement", "Split", "equal", [("Split", ["x"], ["a", "b"], {"axis": 3}), ("Mul", ["a", "b"], ["y"])])
    yield chain("movement", "Split", "sizes", [("Split", ["x", "s"], ["a", "y"], {"axis": 2})], {"s": whole(2, 4)})
    yield chain(
        "movement",
        "Split",
        "num_outputs uneven",
        [("Split", ["x"], ["a", "b", "c", "y"], {"axis": 2, "num_outputs": 4})],
        opset=18,
        picture=(1, 3, 7, 6),
    )


def gathers() -> Iterator[OperatorCase]:
    """Gather, GatherElements, GatherND, Compress, ReverseSequence."""
    for axis, indices in ((1, [2, 0]), (3, [[0, 5], [1, 1]]), (2, [-1, -2, 0]), (-1, [3])):
        yield single(
            "movement",
            "Gather",
            {"axis": axis},
            [("i", np.array(indices, np.int64))],
            label=f"axis {axis} of {indices}",
        )
    yield single("movement", "Gather", {"axis": 1}, [("i", np.array(1, np.int64))], label="one index")
    for axis in (1, 2, 3):
        shape = [1, 3, 6, 6]
        shape[axis] = 2
        indices = np.random.default_rng(axis).integers(0, [1, 3, 6, 6][axis], shape)
        yield single("movement", "GatherElements", {"axis": axis}, [("i", indices)], label=f"axis {axis}")
    yield single(
        "movement",
        "GatherElements",
        {"axis": -1},
        [("i", np.random.default_rng(9).integers(-6, 6, (1, 3, 6, 4)))],
        label="negative indices",
    )
    yield single("movement", "GatherND", {}, [("i", np.array([[0, 1, 2], [0, 2, 5]], np.int64))], label="rows")
    yield single(
        "movement", "GatherND", {}, [("i", np.array([[0, 1, 2, 3], [0, 2, 5, -1]], np.int64))], label="elements"
    )
    yield single(
        "movement", "GatherND", {"batch_dims": 1}, [("i", np.array([[[2], [0]]], np.int64))], label="batch_dims=1"
    )
    yield single(
        "movement", "Compress", {"axis": 2}, [("c", np.array([True, False, True, True, False, True]))], label="axis 2"
    )
    yield single("movement", "Compress", {}, [("c", np.arange(108) % 3 == 0)], label="flat")
    yield single("movement", "ReverseSequence", {"batch_axis": 0, "time_axis": 1}, [("l", whole(2))], label="time 1")
    for axes in ({"batch_axis": 0, "time_axis": 1}, {"batch_axis": 1, "time_axis": 0}):
        label = f"several lengths, time {axes['time_axis']}"
        lengths = [("l", whole(2, 5, 1))]
        shape = (3, 6, 6) if axes["time_axis"] else (6, 3, 6)
        yield single("movement", "ReverseSequence", axes, lengths, label=label, shape=shape)
    yield chain(
        "movement",
        "OneHot",
        "of a constant",
        [("OneHot", ["i", "d", "v"], ["h"]), ("MatMul", ["x", "h"], ["y"])],
        {"i": whole(1, 0, 3, 2, 5, 4), "d": whole(6), "v": np.array([0, 1], np.float32)},
    )


def scatters() -> Iterator[OperatorCase]:
    """ScatterElements and ScatterND, into and of signals."""
    indices = np.random.default_rng(2).permuted(np.tile(np.arange(6), (1, 3, 2, 1)), axis=3)[..., :3].astype(np.int64)
    values = normal(1, 3, 2, 3)
    for reduction in ("none", "add", "mul", "max", "min"):
        attributes = {"axis": 3, **({"reduction": reduction} if reduction != "none" else {})}
        yield single(
            "movement",
            "ScatterElements",
            attributes,
            [("i", indices), ("u", values)],
            label=f"constants {reduction}",
            opset=18,
        )
        block = np.array([[0, 0, 1], [0, 2, 3]], np.int64)
        attributes = {"reduction": reduction} if reduction != "none" else {}
        yield single(
            "movement",
            "ScatterND",
            attributes,
            [("i", block), ("u", normal(2, 6))],
            label=f"constants {reduction}",
            opset=18,
        )
        steps = [
            ("Slice", ["x", "s", "e", "a"], ["u0"]),
            ("Tanh", ["u0"], ["u"]),
            ("ScatterElements", ["x", "i", "u"], ["y"], {"axis": 3, **attributes}),
        ]
        constants = {"s": whole(0, 0), "e": whole(2, 3), "a": whole(2, 3), "i": indices}
        yield chain("movement", "ScatterElements", f"a signal into a signal {reduction}", steps, constants, opset=18)
    steps = [("ScatterElements", ["c", "i", "x"], ["y"], {"axis": 3})]
    order = np.random.default_rng(2).permuted(np.tile(np.arange(6), (1, 3, 6, 1)), axis=3).astype(np.int64)
    yield chain(
        "movement",
        "ScatterElements",
        "a signal into zeros",
        steps,
        {"c": np.zeros((1, 3, 6, 6), np.float32), "i": order},
        opset=18,
    )
    steps = [("ScatterElements", ["c", "i", "x"], ["y"], {"axis": 3, "reduction": "add"})]
    order = np.random.default_rng(2).integers(0, 6, (1, 3, 6, 6))
    yield chain(
        "movement",
        "ScatterElements",
        "a signal added to zeros at repeated places",
        steps,
        {"c": np.zeros((1, 3, 6, 6), np.float32), "i": order},
        opset=18,
    )


def shapes() -> Iterator[OperatorCase]:
    """Reshape and what changes nothing but the order."""
    for target in ((1, -1, 9), (0, 0, -1), (1, 6, 3, 6)):
        yield single("movement", "Reshape", {}, [("s", whole(*target))], label=str(target))
    yield single("movement", "Reshape", {"allowzero": 1}, [("s", whole(1, 108))], label="allowzero", opset=14)
    for permutation in ((0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0)):
        yield single("movement", "Transpose", {"perm": permutation})
    yield single("movement", "Transpose")
    for axis in (0, 1, 2, -1, 4):
        yield single("movement", "Flatten", {"axis": axis})
    yield chain("movement", "Squeeze", "axes", [("Squeeze", ["x", "a"], ["y"])], {"a": whole(0)}, opset=13)
    yield chain("movement", "Squeeze", "all", [("Squeeze", ["x"], ["y"])], opset=13)
    yield chain("movement", "Unsqueeze", "axes", [("Unsqueeze", ["x", "a"], ["y"])], {"a": whole(1, -1)}, opset=13)
    for mode in ("DCR", "CRD"):
        yield single(
            "movement",
            "DepthToSpace",
            {"blocksize": 2, "mode": mode},
            picture=(1, 3, 8, 6),
            shape=(1, 12, 4, 3),
            opset=13,
        )
    yield single("movement", "DepthToSpace", {"blocksize": 2}, picture=(1, 3, 8, 6), shape=(1, 12, 4, 3), opset=13)
    yield single("movement", "SpaceToDepth", {"blocksize": 2}, opset=13)
    yield single("movement", "SpaceToDepth", {"blocksize": 3}, opset=13)
    yield single("movement", "Expand", {}, [("s", whole(2, 3, 6, 6))], label="batch")
    yield single("movement", "Expand", {}, [("s", whole(4, 1, 1, 1, 1))], label="a new axis")
    yield single("movement", "Tile", {}, [("r", whole(1, 2, 1, 3))], label="1,2,1,3")
    for upper in (0, 1):
        for k in (None, 0, 1, -2):
            constants = [] if k is None else [("k", np.array(k, np.int64))]
            yield single("movement", "Trilu", {"upper": upper}, constants, label=f"upper={upper} k={k}", opset=14)
    yield single(
        "movement",
        "Col2Im",
        {},
        [("size", whole(7, 7)), ("block", whole(2, 2))],
        picture=(1, 3, 12, 12),
        shape=(1, 12, 36),
        label="2x2",
        opset=18,
    )
    yield single("movement", "CenterCropPad", {"axes": [2, 3]}, [("s", whole(4, 9))], opset=18)


def joins() -> Iterator[OperatorCase]:
    """Concat of signals and constants."""
    for axis in (1, 2, 3, -1):
        steps = [("Tanh", ["x"], ["t"]), ("Concat", ["x", "t", "x"], ["y"], {"axis": axis})]
        yield chain("movement", "Concat", f"axis {axis}", steps)
    yield chain(
        "movement",
        "Concat",
        "with a constant in front",
        [("Concat", ["c", "x"], ["y"], {"axis": 1})],
        {"c": positive(1, 2, 6, 6)},
    )
    yield chain(
        "movement",
        "Concat",
        "CReLU",
        [("Neg", ["x"], ["n"]), ("Concat", ["x", "n"], ["c"], {"axis": 1}), ("Relu", ["c"], ["y"])],
    )
    yield chain("movement", "Concat", "of one", [("Concat", ["x"], ["y"], {"axis": 1})])
