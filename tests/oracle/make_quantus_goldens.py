"""Write tests/golden/quantus: what Quantus 0.6 says of two pictures, for `cargo test` to compare without Python.

    python tests/oracle/make_quantus_goldens.py

Needs the environment of requirements-quantus.txt.
"""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import torch

from evaluate_run import SAMPLE_MODELS, pictures, write
from quantus_pairs import PAIRS, Subject

GOLDEN = Path(__file__).parents[1] / "golden" / "quantus"
STEMS = ("bag", "sneaker")


def main() -> None:
    """Write them."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found = pictures("fashion_resnet", [SAMPLE_MODELS / "photos" / "fashion" / f"{stem}.png" for stem in STEMS])
    shutil.rmtree(GOLDEN, ignore_errors=True)
    write(found, GOLDEN)
    subject = Subject.of(found)
    expected = {}
    for pair in PAIRS:
        values = np.asarray(pair.quantus(subject), dtype=np.float64)
        order = "lerf" if "lerf" in pair.theirs else "morf" if values.ndim > 1 else "value"
        tolerance = {"tolerance": pair.tolerance, "is_relative": pair.is_relative}
        entry = {"metric": pair.name, "what": order, **tolerance}
        entry["quantus"] = {stem: np.round(row, 9).tolist() for stem, row in zip(STEMS, values, strict=True)}
        expected[pair.theirs.replace("`", "")] = entry
    text = json.dumps(expected, indent=1)
    (GOLDEN / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
