"""Makes many different photos of the sample photos, by crops and flips: make_photos.py FOLDER COUNT"""

import random
import sys
from pathlib import Path

from PIL import Image

SAMPLES = Path(__file__).parent.parent / "sample-models" / "photos"
NAMES = ["chelsea.png", "coffee.jpg", "rocket.jpg"]


def crop(photo: Image.Image, dice: random.Random) -> Image.Image:
    """A part of at least three fifths of each side, every other one turned left to right."""
    width, height = (round(side * dice.uniform(0.6, 1.0)) for side in photo.size)
    left, top = dice.randint(0, photo.width - width), dice.randint(0, photo.height - height)
    part = photo.crop((left, top, left + width, top + height))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if dice.random() < 0.5 else part


def main(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    photos = [Image.open(SAMPLES / name).convert("RGB") for name in NAMES]
    dice = random.Random(0)
    for number in range(count):
        crop(photos[number % len(photos)], dice).save(folder / f"{number:05}.jpg", quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
