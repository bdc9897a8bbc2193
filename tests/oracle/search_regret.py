"""How good is the winner of `onnxplain search`? Against the full grid on pictures that took no part.

    python search_regret.py onnxplain model.onnx space.yaml held-out/ work/ choosing-0/ choosing-1/ ...

Every composite of the space is evaluated by srg on the held-out pictures (`onnxplain evaluate`, once; kept in WORK). For each
folder of choosing pictures, with its number as the seed, `onnxplain search` chooses on all of them. The regret is the best mean
of the grid on the held-out pictures less that of the winner; the cost is that of choosing, in runs of the network and
explanations, relative to srg of all composites on the same pictures.
"""

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy
import yaml


def composites(space: Path, folder: Path) -> list[Path]:
    """The composites of a space as files, in the order of `onnxplain search`: the last parameter changes first."""
    text = space.read_text()
    parameters = yaml.safe_load(text)["parameters"]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, values in enumerate(itertools.product(*parameters.values())):
        candidate = text
        for name, value in zip(parameters, values):
            candidate = re.sub(rf"\${name}\b", json.dumps(value), candidate)
        document = yaml.safe_load(candidate)
        del document["parameters"]
        document["name"] = f"c{number:04d}"
        paths.append(folder / f"{document['name']}.yaml")
        paths[-1].write_text(yaml.safe_dump(document))
    return paths


def grid(tool: str, model: str, paths: list[Path], held_out: str, work: Path) -> numpy.ndarray:
    """srg on held-out pictures, [composites, pictures]."""
    values = []
    for begin in range(0, len(paths), 25):
        some = paths[begin : begin + 25]
        output = work / f"grid-{begin:04d}"
        if not (output / "summary.json").exists():
            command = [tool, "evaluate", model, held_out, "--methods", "lrp:" + ",lrp:".join(map(str, some))]
            command += ["--metrics", "srg", "--levels", "16", "--no-controls", "-q", "--format", "json", "--overwrite"]
            subprocess.run([*command, "-o", str(output)], check=True, stdout=subprocess.DEVNULL)
        by_method: dict[str, dict[str, float]] = {}
        for line in map(json.loads, (output / "report.jsonl").open()):
            by_method.setdefault(line["method"], {})[line["input"]] = line["metrics"]["srg"]
        values += [[by_method[f"lrp:{path.stem}"][name] for name in sorted(by_method[f"lrp:{path.stem}"])] for path in some]
    return numpy.array(values)


def main() -> None:
    tool, model, space, held_out, work, *choosing = sys.argv[1:]
    paths = composites(Path(space), Path(work) / "composites")
    srg = grid(tool, model, paths, held_out, Path(work))
    means = srg.mean(axis=1)
    best = int(means.argmax())
    print(f"{len(paths)} composites on {srg.shape[1]} held-out pictures; the best is {best}: {means[best]:.4f}")
    for seed, folder in enumerate(choosing):
        output = Path(work) / f"search-{seed}"
        begin = time.time()
        command = [tool, "search", model, folder, "--confirm", held_out, "--space", space, "--seed", str(seed), "--overwrite"]
        subprocess.run([*command, "-q", "-o", str(output)], check=True, stdout=subprocess.DEVNULL)
        found = json.loads((output / "search.json").read_text())
        trials = [json.loads(line) for line in (output / "trials.jsonl").open()]
        pictures = len(list(Path(folder).iterdir()))
        screened = next(line["decided"] for line in trials if "decided" in line)
        raced = sum(line.get("stage") == "race" for line in trials)
        cost = screened["screening_pictures"] * (101 + len(screened["screened"])) + 31 * raced
        full = pictures * len(paths) * (62 + 1)
        difference = srg[best] - srg[found["winner"]]
        error = difference.std(ddof=1) / len(difference) ** 0.5
        print(
            f"seed {seed}, {pictures} pictures: winner {found['winner']} {means[found['winner']]:.4f}, regret"
            f" {difference.mean():.4f} ± {error:.4f}, rank {int((means > means[found['winner']]).sum()) + 1},"
            f" cost {100 * cost / full:.1f} % of the grid, {time.time() - begin:.0f} s with confirming"
        )


if __name__ == "__main__":
    main()
