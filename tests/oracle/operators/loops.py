"""`Scan` and `Loop` of a known length, and `If`."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from operators.case import OperatorCase, normal, number

FLOAT = TensorProto.FLOAT


def cases() -> Iterator[OperatorCase]:
    """All of them, over 18 steps of 6."""
    yield from scans()
    yield from loops()
    yield from branches()


def _case(operator: str, label: str, nodes: list, constants: dict | None = None, **rest: object) -> OperatorCase:
    return OperatorCase("loop", operator, label, nodes, dict(constants or {}), **{"shape": (18, 6), **rest})


def _value(name: str, shape: tuple | None = None, kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _body(nodes: list, inputs: list, outputs: list, constants: dict | None = None) -> onnx.GraphProto:
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    return helper.make_graph(nodes, "body", inputs, outputs, stored)


def _node(operator: str, inputs: list[str], outputs: list[str], **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, outputs, **attributes)


def scans() -> Iterator[OperatorCase]:
    """A leaky sum, an RNN with its weights outside and inside, both directions, other axes."""
    step = [_node("Mul", ["state", "keep"], ["kept"]), _node("Add", ["kept", "part"], ["next"]), _node("Tanh", ["next"], ["given"])]
    inputs, outputs = [_value("state", (6,)), _value("part", (6,))], [_value("next", (6,)), _value("given", (6,))]
    for directions in (None, [0], [1]):
        attributes = {} if directions is None else {"scan_input_directions": directions, "scan_output_directions": directions}
        body = _body(step, inputs, outputs, {"keep": number(0.8)})
        nodes = [_node("Scan", ["zero", "x"], ["last", "y"], body=body, num_scan_inputs=1, name="scan", **attributes)]
        yield _case("Scan", f"leaky sum, directions {directions}", nodes, {"zero": np.zeros(6, np.float32)})
    body = _body(step, inputs, outputs, {"keep": number(0.8)})
    nodes = [_node("Scan", ["zero", "x"], ["y", "all"], body=body, num_scan_inputs=1, name="scan")]
    yield _case("Scan", "the last state", nodes, {"zero": np.zeros(6, np.float32)})
    rnn = [
        _node("MatMul", ["part", "w"], ["a"]),
        _node("MatMul", ["state", "r"], ["b"]),
        _node("Add", ["a", "b"], ["c"]),
        _node("Tanh", ["c"], ["next"]),
        _node("Identity", ["next"], ["given"]),
    ]
    inputs, outputs = [_value("state", (1, 4)), _value("part", (1, 6))], [_value("next", (1, 4)), _value("given", (1, 4))]
    weights = {"w": normal(6, 4, scale=0.4), "r": normal(4, 4, seed=2, scale=0.4)}
    zero = {"zero": np.zeros((1, 4), np.float32)}
    for axis in (1, -2):
        nodes = [_node("Scan", ["zero", "x"], ["last", "y"], body=_body(rnn, inputs, outputs), num_scan_inputs=1, scan_input_axes=[axis], scan_output_axes=[1], name="scan")]
        yield _case("Scan", f"RNN along axis {axis}, weights around it", nodes, {**weights, **zero}, shape=(1, 18, 6))
    for opset in (11, 17):
        nodes = [_node("Scan", ["zero", "x"], ["last", "y"], body=_body(rnn, inputs, outputs, weights), num_scan_inputs=1, scan_input_axes=[1], name="scan")]
        yield _case("Scan", "RNN, weights in it", nodes, zero, shape=(1, 18, 6), opset=opset)
    products = [_node("Mul", ["part", "other"], ["given"])]
    body = _body(products, [_value("part", (6,)), _value("other", (6,))], [_value("given", (6,))])
    nodes = [_node("Tanh", ["x"], ["t"]), _node("Scan", ["x", "t"], ["y"], body=body, num_scan_inputs=2, scan_input_directions=[0, 1], name="scan")]
    yield _case("Scan", "two inputs, no state", nodes)


def loops() -> Iterator[OperatorCase]:
    """As `for` and `while` are scripted."""
    head = [_value("i", (), TensorProto.INT64), _value("go", (), TensorProto.BOOL)]
    same = _node("Identity", ["go"], ["goes"])
    again = _value("goes", (), TensorProto.BOOL)
    step = [same, _node("MatMul", ["state", "w"], ["m"]), _node("Tanh", ["m"], ["t"]), _node("Add", ["t", "state"], ["next"])]
    body = _body(step, [*head, _value("state", (18, 6))], [again, _value("next", (18, 6))])
    numbers = {"n": np.array(5, np.int64), "yes": np.array(True), "w": normal(6, 6, scale=0.4)}
    yield _case("Loop", "five times the same block", [_node("Loop", ["n", "yes", "x"], ["y"], body=body, name="loop")], numbers)
    yield _case("Loop", "five times, no condition", [_node("Loop", ["n", "", "x"], ["y"], body=body, name="loop")], numbers)
    step = [same, _node("Gather", ["x", "i"], ["row"], axis=0), _node("MatMul", ["row", "w"], ["a"]), _node("Add", ["a", "state"], ["b"]), _node("Tanh", ["b"], ["next"]), _node("Identity", ["next"], ["given"])]
    body = _body(step, [*head, _value("state", (6,))], [again, _value("next", (6,)), _value("given", (6,))])
    count = [_node("Shape", ["x"], ["s"]), _node("Gather", ["s", "first"], ["n"], axis=0)]
    loop = _node("Loop", ["n", "yes", "zero"], ["last", "y"], body=body, name="loop")
    constants = {"first": np.array(0, np.int64), "yes": np.array(True), "w": normal(6, 6, scale=0.4), "zero": np.zeros(6, np.float32)}
    yield _case("Loop", "over the rows of x, whose number is its shape's", [*count, loop], constants)
    step = [_node("Add", ["k", "one"], ["k2"]), _node("Less", ["k2", "end"], ["goes"]), _node("Mul", ["state", "f"], ["m"]), _node("Sin", ["m"], ["next"])]
    body = _body(step, [*head, _value("state", (18, 6)), _value("k", (), TensorProto.INT64)], [again, _value("next", (18, 6)), _value("k2", (), TensorProto.INT64)], {"one": np.array(1, np.int64), "end": np.array(4, np.int64), "f": number(1.3)})
    loop = _node("Loop", ["", "yes", "x", "zero"], ["y", "k_end"], body=body, name="loop")
    yield _case("Loop", "while k < 4", [loop], {"yes": np.array(True), "zero": np.array(0, np.int64)})
    weights = normal(3, 6, 6, scale=0.4)
    step = [same, _node("Gather", ["bank", "i"], ["w"], axis=0), _node("MatMul", ["state", "w"], ["m"]), _node("Relu", ["m"], ["next"])]
    body = _body(step, [*head, _value("state", (18, 6))], [again, _value("next", (18, 6))], {"bank": weights})
    yield _case("Loop", "a weight for every turn", [_node("Loop", ["n", "yes", "x"], ["y"], body=body, name="loop")], {"n": np.array([3], np.int64), "yes": np.array([True])})
    inner = _body([_node("Identity", ["go2"], ["goes2"]), _node("Tanh", ["s2"], ["n2"])], [_value("i2", (), TensorProto.INT64), _value("go2", (), TensorProto.BOOL), _value("s2", (18, 6))], [_value("goes2", (), TensorProto.BOOL), _value("n2", (18, 6))])
    step = [same, _node("Loop", ["two", "", "state"], ["u"], body=inner, name="inner"), _node("Add", ["u", "x"], ["next"])]
    body = _body(step, [*head, _value("state", (18, 6))], [again, _value("next", (18, 6))], {"two": np.array(2, np.int64)})
    yield _case("Loop", "in a loop", [_node("Loop", ["n", "yes", "x"], ["y"], body=body, name="loop")], {"n": np.array(3, np.int64), "yes": np.array(True)})


def branches() -> Iterator[OperatorCase]:
    """`If` on shapes, inside a loop, and on a stored flag."""
    then, other = (
        helper.make_graph([_node("Relu", ["x"], ["o"])], "then", [], [_value("o")]),
        helper.make_graph([_node("Tanh", ["x"], ["o"])], "else", [], [_value("o")]),
    )
    branch = _node("If", ["c"], ["y"], then_branch=then, else_branch=other, name="branch")
    yield _case("If", "a stored flag", [branch], {"c": np.array(False)})
    nodes = [_node("Shape", ["x"], ["s"]), _node("Gather", ["s", "at"], ["n"], axis=0), _node("Mod", ["n", "two"], ["r"]), _node("Equal", ["r", "zero"], ["c"]), branch]
    yield _case("If", "an even number of rows", nodes, {"at": np.array(0, np.int64), "two": np.array(2, np.int64), "zero": np.array(0, np.int64)})
    taken = helper.make_graph([_node("Relu", ["state"], ["o"])], "then", [], [_value("o")])
    left = helper.make_graph([_node("Sin", ["state"], ["o"])], "else", [], [_value("o")])
    step = [_node("Identity", ["go"], ["goes"]), _node("Equal", ["i", "one"], ["c"]), _node("If", ["c"], ["next"], then_branch=taken, else_branch=left, name="inner")]
    body = _body(step, [_value("i", (), TensorProto.INT64), _value("go", (), TensorProto.BOOL), _value("state", (18, 6))], [_value("goes", (), TensorProto.BOOL), _value("next", (18, 6))], {"one": np.array(1, np.int64)})
    loop = _node("Loop", ["n", "yes", "x"], ["y"], body=body, name="loop")
    yield _case("If", "in a loop, by the turn", [loop], {"n": np.array(3, np.int64), "yes": np.array(True)})
