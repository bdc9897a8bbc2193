"""Times of compiled graphs beside three forward passes in onnxruntime, the engine and zennit.

Everything is processor time of one thread, the least of runs that take turns: other programs on the machine make a run
longer, never shorter.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession

from compiling import HIGH, LOW, Model, build, compiled, options_of, run, session

NETWORKS = ["mobilenet_v2", "efficientnet_b0", "resnet18", "resnet50", "vgg16"]
RULES = ["epsilon-plus-flat", "epsilon-gamma-box"]
FEW, MANY = 2, 7
"""Inputs of the engine's two runs: what the second takes longer is that of the inputs that it has more of."""


def graph_times(paths: Sequence[Path], image: Path, rounds: int) -> list[float]:
    """Milliseconds of one run of each graph, by turns in this process."""
    x = np.load(image)[None]
    sessions = [session(path) for path in paths]
    feeds = [feed(it, x) for it in sessions]
    best = [float("inf")] * len(sessions)
    for _ in range(rounds + 1):
        for place, (it, given) in enumerate(zip(sessions, feeds, strict=True)):
            begin = time.process_time()
            it.run(None, given)
            best[place] = min(best[place], 1000 * (time.process_time() - begin))
    return best


def feed(it: InferenceSession, x: np.ndarray) -> dict[str, np.ndarray]:
    """What a graph reads: a picture, and the strongest class where it asks for one."""
    first, *more = it.get_inputs()
    return {first.name: x} | ({"target": np.array([-1], dtype=np.int64)} if more else {})


def load_and_memory(path: Path, image: Path) -> dict[str, float]:
    """Milliseconds to load a graph, and MiB that loading and one run add to the process."""
    before = resident()
    begin = time.process_time()
    it = session(path)
    load = 1000 * (time.process_time() - begin)
    it.run(None, feed(it, np.load(image)[None]))
    return {"load": load, "memory": resident() - before}


def resident() -> float:
    """MiB of the process that are in memory. (The most that it ever had is that of importing torch.)"""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def in_new_process(function: str, *words: str) -> object:
    """What a function of this file returns, run in a process of its own."""
    command = [sys.executable, __file__, function, *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def engine_times(onnxplain: Path, model: Model, rules: str, rounds: int) -> float:
    """Milliseconds of `onnxplain explain` for one more input, with reading it and writing its report."""
    best = {FEW: float("inf"), MANY: float("inf")}
    with tempfile.TemporaryDirectory() as folder:
        inputs = [str(Path(folder) / f"image{place}.npy") for place in range(MANY)]
        for path in inputs:
            np.save(path, model.image)
        for _ in range(rounds):
            for count in best:
                words = ["explain", str(model.path), *inputs[:count], "--save", "report", "-o", folder, "--overwrite"]
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                run(onnxplain, *words, "--quiet", "-j", "1", "--threads", "1", *options_of(rules))
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                taken = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
                best[count] = min(best[count], 1000 * taken)
    return (best[MANY] - best[FEW]) / (MANY - FEW)


def zennit_time(model: Model, rules: str, rounds: int) -> float:
    """Milliseconds of zennit on one thread."""
    import torch
    from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

    import compile_networks

    torch.set_num_threads(1)
    network = compile_networks.network(model.name, model.parameters)
    image = torch.from_numpy(model.image)[None]
    low, high = (torch.tensor(it)[None, :, None, None].expand_as(image) for it in (LOW, HIGH))
    composite = EpsilonPlusFlat() if rules == "epsilon-plus-flat" else EpsilonGammaBox(low=low, high=high)
    best = float("inf")
    for _ in range(rounds + 1):
        begin = time.process_time()
        with composite.context(network) as changed:
            given = image.clone().requires_grad_(True)
            torch.autograd.grad((changed(given).max(),), (given,))
        best = min(best, 1000 * (time.process_time() - begin))
    return best


def measured(onnxplain: Path, names: Sequence[str] | None, work: Path, rounds: int) -> Iterator[dict[str, object]]:
    """A row for every network and composite."""
    for name in names or NETWORKS:
        model = build(name, work)
        image = work / f"{name}.input.npy"
        for rules in RULES:
            graph = compiled(onnxplain, model, rules, work)
            forward, found = in_new_process("times", str(model.path), str(graph), str(image), str(rounds))
            yield {
                "kind": "speed",
                "network": name,
                "rules": rules,
                "forward": forward,
                "graph": found,
                "engine": engine_times(onnxplain, model, rules, min(rounds, 4)),
                "zennit": zennit_time(model, rules, rounds),
                "graph-costs": in_new_process("costs", str(graph), str(image)),
                "forward-costs": in_new_process("costs", str(model.path), str(image)),
            }


def main(words: Sequence[str]) -> object:
    """What a measuring process prints."""
    match words:
        case ["times", forward, graph, image, rounds]:
            return graph_times([Path(forward), Path(graph)], Path(image), int(rounds))
        case ["costs", path, image]:
            return load_and_memory(Path(path), Path(image))
    raise SystemExit("this is run by compile_parity.py --speed")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
