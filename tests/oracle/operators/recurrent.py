"""Recurrent layers."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, normal


def cases() -> Iterator[OperatorCase]:
    """LSTM, GRU and RNN over 18 steps of 6 with 5 units."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}
    for operator, count in gates.items():
        for direction in ("forward", "reverse", "bidirectional"):
            yield _recurrent(operator, count, {"direction": direction})
        yield _recurrent(operator, count, {}, output=1)
        yield _recurrent(operator, count, {}, bias=False)
        yield _recurrent(operator, count, {}, initial=True)
        yield _recurrent(operator, count, {}, lengths=True)
        for direction in ("forward", "reverse", "bidirectional"):
            for output in (0, 1):
                yield _recurrent(operator, count, {"direction": direction}, output=output, several=True)
        yield _recurrent(operator, count, {"clip": 0.4})
    yield _recurrent("LSTM", 4, {"input_forget": 1})
    yield _recurrent("LSTM", 4, {}, peepholes=True)
    yield _recurrent("GRU", 3, {"linear_before_reset": 1})
    yield _recurrent("GRU", 3, {"linear_before_reset": 1, "direction": "bidirectional"})
    yield _recurrent("RNN", 1, {"activations": ["Relu"]})
    yield _recurrent(
        "LSTM", 4, {"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [0.2], "activation_beta": [0.5]}
    )
    yield _recurrent("LSTM", 4, {"layout": 1}, layout=1)


def _recurrent(
    operator: str,
    gates: int,
    attributes: dict,
    *,
    output: int = 0,
    bias: bool = True,
    initial: bool = False,
    lengths: bool = False,
    several: bool = False,
    peepholes: bool = False,
    layout: int = 0,
) -> OperatorCase:
    units, size, directions = 5, 6, 2 if attributes.get("direction") == "bidirectional" else 1
    constants: dict[str, np.ndarray] = {
        "w": normal(directions, gates * units, size, scale=0.4),
        "r": normal(directions, gates * units, units, seed=2, scale=0.4),
    }
    inputs = ["x", "w", "r"] + [""] * 5
    if bias:
        constants["b"], inputs[3] = normal(directions, 2 * gates * units, seed=3, scale=0.3), "b"
    if lengths:
        constants["l"], inputs[4] = np.array([11], np.int32), "l"
    if several:
        constants["l"], inputs[4] = np.array([4, 6, 1], np.int32), "l"
    if initial:
        constants["h"], inputs[5] = normal(directions, 1, units, seed=4), "h"
        if operator == "LSTM":
            constants["c"], inputs[6] = normal(directions, 1, units, seed=5), "c"
    if peepholes:
        constants["p"], inputs[7] = normal(directions, 3 * units, seed=6), "p"
    while not inputs[-1]:
        inputs.pop()
    outputs = ["y"] if output == 0 else ["", "y"]
    words = [
        name
        for name, there in (
            ("last state", output == 1),
            ("no bias", not bias),
            ("initial state", initial),
            ("lengths", lengths),
            ("several lengths", several),
            ("peepholes", peepholes),
        )
        if there
    ]
    label = " ".join([*words, *(f"{name}={value}" for name, value in attributes.items())])
    shape = (6, 3, size) if several else (1, 18, size) if layout else (18, 1, size)
    return chain(
        "recurrent",
        operator,
        label,
        [(operator, inputs, outputs, {"hidden_size": units, **attributes})],
        constants,
        shape=shape,
        opset=14,
    )
