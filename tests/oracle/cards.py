"""How a model card turns a picture into the network's input, as far as the sample models need it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

Array = np.ndarray
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Card:
    """The model card's preprocessing, as far as the sample models need it."""

    size: tuple[int, int]
    short_side: int | None
    filter: Image.Resampling
    gray: bool
    channels_last: bool
    scale: float
    mean: Array
    std: Array

    @staticmethod
    def read(path: Path) -> "Card":
        """The `input` of a card."""
        steps = yaml.safe_load(path.read_text(encoding="utf-8"))["input"]
        resize = steps.get("resize", {})
        return Card(
            size=tuple(steps["size"]),
            short_side=resize.get("short-side"),
            filter=FILTERS[resize.get("filter", "bilinear")],
            gray=steps.get("channels") == "GRAY",
            channels_last=steps.get("layout") == "NHWC",
            scale=steps.get("scale", 1.0),
            mean=np.array(steps.get("mean", 0.0), dtype=np.float64),
            std=np.array(steps.get("std", 1.0), dtype=np.float64),
        )

    def apply(self, picture: Image.Image) -> Array:
        """The network's input [C, H, W]."""
        picture = picture.convert("L" if self.gray else "RGB")
        height, width = self.size
        if self.short_side:
            factor = self.short_side / min(picture.size)
            picture = picture.resize([round(side * factor) for side in picture.size], self.filter)
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        else:
            picture = picture.resize((width, height), self.filter)
        pixels = np.asarray(picture, dtype=np.float64).reshape(height, width, -1)
        return ((pixels * self.scale - self.mean) / self.std).transpose(2, 0, 1).astype(np.float32)

    def input_range(self) -> str:
        """Lowest and highest input per channel, as `--input-range` wants it."""
        low = np.atleast_1d((0.0 - self.mean) / self.std)
        high = np.atleast_1d((255.0 * self.scale - self.mean) / self.std)
        return ",".join(";".join(str(value) for value in ends) for ends in (low, high))
