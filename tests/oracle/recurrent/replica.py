"""Layer-wise relevance propagation on recurrent classifiers, written out densely.

Every linear map `z = W x + b` becomes a matrix of shares `S[j, i] = W[j, i] x[i] / (z[j] + ε sign z[j])`, so that
`R_x = Sᵀ R_z` (Bach et al. 2015, epsilon rule). A sum of signals is such a map, a gate a coefficient (Arras et al. 2017).
"""

from dataclasses import dataclass

import numpy as np

from recurrent.networks import Direction, Recurrent

EPSILON = 1e-6


@dataclass
class Step:
    """What the way back needs of one step of one direction."""

    time: int
    x: np.ndarray
    state: np.ndarray
    cell: np.ndarray
    gates: dict[str, np.ndarray]


def shares(contributions: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The matrix of shares of contributions `[out, in]` to sums `[out]`."""
    stabilized = z + np.where(z >= 0, EPSILON, -EPSILON).astype(z.dtype)
    return contributions / stabilized[:, None]


def split(parts: list[np.ndarray], relevance: np.ndarray) -> list[np.ndarray]:
    """Relevance of the summands of an elementwise sum."""
    total = sum(parts)
    stabilized = total + np.where(total >= 0, EPSILON, -EPSILON).astype(total.dtype)
    return [part * relevance / stabilized for part in parts]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


def run(direction: Direction, xs: np.ndarray, length: int, kind: type) -> tuple[np.ndarray, list[Step]]:
    """The states `[T, H]` of one sequence, zero behind its end, and what each step had."""
    p = direction.cast(kind)
    hidden = p.state_weight.shape[1]
    state, cell = np.zeros(hidden, kind), np.zeros(hidden, kind)
    states, steps = np.zeros((len(xs), hidden), kind), []
    order = range(length - 1, -1, -1) if direction.is_reversed else range(length)
    for time in order:
        x = xs[time].astype(kind)
        step = Step(time, x, state, cell, {})
        of_input = p.input_weight @ x + p.input_bias
        of_state = p.state_weight @ state + p.state_bias
        if direction.kind == "LSTM":
            i, f, g, o = np.split(of_input + of_state, 4)
            step.gates = {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g), "o": sigmoid(o), "sums": g}
            cell = step.gates["f"] * cell + step.gates["i"] * step.gates["g"]
            state = step.gates["o"] * np.tanh(cell)
        elif direction.kind == "GRU":
            r, z = (sigmoid(a + b) for a, b in zip(np.split(of_input, 3)[:2], np.split(of_state, 3)[:2], strict=True))
            n_input = np.split(of_input, 3)[2]
            if direction.resets_sum:
                n_state = np.split(of_state, 3)[2]
                sums = n_input + r * n_state
            else:
                rows = slice(2 * hidden, None)
                n_state = p.state_weight[rows] @ (r * state) + p.state_bias[rows]
                sums = n_input + n_state
            n = np.tanh(sums)
            step.gates = {"r": r, "z": z, "n": n, "input": n_input, "state": n_state, "sums": sums}
            state = (1 - z) * n + z * state
        else:
            sums = of_input + of_state
            step.gates = {"sums": sums}
            state = np.tanh(sums)
        states[time] = state
        steps.append(step)
    return states, steps


def back(direction: Direction, steps: list[Step], relevance: np.ndarray, kind: type) -> np.ndarray:
    """Relevance `[T, I]` of the input, from that of the states `[T, H]`."""
    p = direction.cast(kind)
    hidden = p.state_weight.shape[1]
    of_input = np.zeros((len(relevance), p.input_weight.shape[1]), kind)
    of_state, of_cell = np.zeros(hidden, kind), np.zeros(hidden, kind)
    for step in reversed(steps):
        of_state = of_state + relevance[step.time]
        x, h, g = step.x, step.state, step.gates
        if direction.kind == "LSTM":
            kept, written = split([g["f"] * step.cell, g["i"] * g["g"]], of_cell + of_state)
            of_cell = kept
            rows = slice(2 * hidden, 3 * hidden)
            joined = np.concatenate([p.input_weight[rows] * x, p.state_weight[rows] * h], axis=1)
            taken = shares(joined, g["sums"]).T @ written
        elif direction.kind == "GRU":
            written, kept = split([(1 - g["z"]) * g["n"], g["z"] * h], of_state)
            rows = slice(2 * hidden, None)
            if direction.resets_sum:
                by_input, by_state = split([g["input"], g["r"] * g["state"]], written)
                taken_input = shares(p.input_weight[rows] * x, g["input"]).T @ by_input
                taken_state = shares(p.state_weight[rows] * h, g["state"]).T @ by_state
            else:
                joined = np.concatenate([p.input_weight[rows] * x, p.state_weight[rows] * (g["r"] * h)], axis=1)
                taken = shares(joined, g["sums"]).T @ written
                taken_input, taken_state = taken[: len(x)], taken[len(x) :]
            taken = np.concatenate([taken_input, taken_state + kept])
        else:
            joined = np.concatenate([p.input_weight * x, p.state_weight * h], axis=1)
            taken = shares(joined, g["sums"]).T @ of_state
        of_input[step.time] = taken[: len(x)]
        of_state = taken[len(x) :]
    return of_input


def explain(network: Recurrent, kind: type) -> tuple[np.ndarray, np.ndarray]:
    """The logits, and the relevance of the input for the strongest class, in the shape of the input."""
    values = network.sequences().astype(kind)
    kept = []
    for layer in network.layers:
        runs = [[run(direction, xs, length, kind) for direction in layer] for xs, length in network.each(values)]
        kept.append((layer, runs))
        values = np.stack([np.concatenate([states for states, _ in pair], axis=1) for pair in runs])
    weight, bias = network.dense_weight.astype(kind), network.dense_bias.astype(kind)
    pooled = network.pooled(values)
    logits = weight @ pooled + bias
    target = int(logits.argmax())
    # the logit itself is put in
    relevance = shares(weight[target : target + 1] * pooled, logits[target : target + 1])[0] * logits[target]
    relevance = network.unpooled(values, relevance, split)
    for layer, runs in reversed(kept):
        hidden = layer[0].state_weight.shape[1]
        relevance = np.stack(
            [
                sum(
                    back(direction, steps, relevance[number][:, at * hidden : (at + 1) * hidden], kind)
                    for at, (direction, (_, steps)) in enumerate(zip(layer, pair, strict=True))
                )
                for number, pair in enumerate(runs)
            ]
        )
    return logits, relevance.reshape(network.x.shape)
