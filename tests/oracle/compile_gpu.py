"""Time a graph of `onnxplain compile` and its network on every execution provider that onnxruntime has here.

    python tests/oracle/compile_gpu.py explainer.onnx model.onnx [batch ...]

Prints a Markdown table for docs/compile.md: milliseconds for a batch, and the difference to the processor's relevance.
"""

import statistics
import sys
import time

import numpy as np
import onnxruntime

RUNS = 20
WANTED = ["CUDAExecutionProvider", "TensorrtExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider"]


def inputs(session: onnxruntime.InferenceSession, batch: int) -> dict[str, np.ndarray]:
    """Random inputs of the types that a graph takes."""
    generator = np.random.default_rng(0)
    given = {}
    for value in session.get_inputs():
        shape = [batch, *value.shape[1:]]
        if value.type == "tensor(int64)":
            given[value.name] = np.full(batch, -1)
        elif value.type == "tensor(uint8)":
            given[value.name] = generator.integers(0, 256, shape, dtype=np.uint8)
        else:
            given[value.name] = generator.normal(size=shape).astype(np.float32)
    return given


def milliseconds(session: onnxruntime.InferenceSession, given: dict[str, np.ndarray]) -> float:
    """The median of several runs."""
    for _ in range(3):
        session.run(None, given)
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        session.run(None, given)
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def main(graph: str, model: str, batches: list[int]) -> None:
    """The table."""
    cpu = ["CPUExecutionProvider"]
    reference = onnxruntime.InferenceSession(graph, providers=cpu)
    print("| provider | batch | network, ms | explainer, ms | explainer / network | off |")
    print("|---|---|---|---|---|---|")
    available = onnxruntime.get_available_providers()
    for provider in [*cpu, *(name for name in WANTED if name in available)]:
        sessions = [onnxruntime.InferenceSession(path, providers=[provider, *cpu]) for path in (model, graph)]
        for batch in batches:
            given = inputs(reference, batch)
            (expected,) = reference.run(["relevance"], given)
            (found,) = sessions[1].run(["relevance"], given)
            off = np.abs(found - expected).max() / np.abs(expected).max()
            forward = inputs(sessions[0], batch)
            try:
                network = milliseconds(sessions[0], forward)
            except Exception:  # a model of a fixed batch
                network = batch * milliseconds(sessions[0], {name: value[:1] for name, value in forward.items()})
            explainer = milliseconds(sessions[1], given)
            print(f"| {provider} | {batch} | {network:.2f} | {explainer:.2f} | {explainer / network:.2f} | {off:.1e} |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3:]] or [1, 8, 32])
