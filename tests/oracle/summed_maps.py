"""Is the sum of the maps of LRP and Grad-CAM better than either?

    python summed_maps.py onnxplain model.onnx photos/ work/ [OPTIONS of preprocessing...]

Explains all pictures by both methods, divides each map by its sum of magnitudes, adds the two, and lets `onnxplain evaluate`
judge the sum as a map that another tool made, beside both. Networks that read pictures only.
"""

import subprocess
import sys
from pathlib import Path

import numpy
from numpy.typing import NDArray

METHODS = ("lrp", "grad-cam")


def plane(path: Path) -> NDArray[numpy.float64]:
    """The map of a picture, summed over channels (the axis of 1 or 3), its magnitudes adding up to 1."""
    relevance = numpy.load(path).astype(float)
    relevance = relevance.reshape(relevance.shape[-3:])
    channels = 0 if relevance.shape[0] in (1, 3) else 2
    relevance = relevance.sum(channels)
    return relevance / max(numpy.abs(relevance).sum(), 1e-30)


def main() -> None:
    """The command line's work."""
    tool, model, pictures, work, *options = sys.argv[1:]
    for method in METHODS:
        words = ["explain", model, pictures, "--method", method, "--save", "relevance", "--overwrite", "-q"]
        subprocess.run([tool, *words, "-o", f"{work}/{method}", *options], check=True, stdout=subprocess.DEVNULL)
    sums = Path(work) / "sum"
    sums.mkdir(exist_ok=True)
    ending = ".relevance.npy"
    for path in sorted((Path(work) / METHODS[0]).glob(f"*{ending}")):
        total = sum(plane(Path(work) / method / path.name) for method in METHODS)
        numpy.save(sums / f"{path.name.removesuffix(ending)}.npy", total.astype(numpy.float32))
    words = ["evaluate", model, pictures, "--methods", ",".join(METHODS), "--maps", f"sum={sums}", "--metrics", "srg"]
    words += ["--levels", "16", "--no-controls", "-q", "--overwrite", "-o", f"{work}/evaluation"]
    subprocess.run([tool, *words, *options], check=True)


if __name__ == "__main__":
    main()
