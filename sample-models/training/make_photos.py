"""Writes ../photos: three photographs of scikit-image, two of them side by side, and one Fashion-MNIST test picture per class.

Usage: python make_photos.py
"""

import shutil
from pathlib import Path

import skimage
from PIL import Image

from fashion_mnist import LABELS, load

PHOTOS = Path(__file__).resolve().parent.parent / "photos"
PICTURES = Path(skimage.__file__).parent / "data"
JPEG_QUALITY = 90


def write_photographs() -> None:
    """Copies the two files that are small enough; stores the large PNG as JPEG."""
    for name in ("chelsea.png", "rocket.jpg"):
        shutil.copyfile(PICTURES / name, PHOTOS / name)
    with Image.open(PICTURES / "coffee.png") as coffee:
        coffee.convert("RGB").save(PHOTOS / "coffee.jpg", quality=JPEG_QUALITY, optimize=True)


def write_pair() -> None:
    """The cat and the cup side by side: one picture with two classes."""
    size = (301, 420)
    cat = Image.open(PICTURES / "chelsea.png").convert("RGB").crop((125, 0, 340, 300))
    cup = Image.open(PICTURES / "coffee.png").convert("RGB").crop((175, 40, 433, 400))
    pair = Image.new("RGB", (2 * size[0], size[1]))
    pair.paste(cat.resize(size, Image.LANCZOS), (0, 0))
    pair.paste(cup.resize(size, Image.LANCZOS), (size[0], 0))
    pair.save(PHOTOS / "cat_and_coffee.jpg", quality=JPEG_QUALITY, optimize=True)


def write_fashion_pictures() -> None:
    """Stores the first test picture of each class, 28x28 and grey."""
    images, classes = load("t10k")
    folder = PHOTOS / "fashion"
    folder.mkdir(exist_ok=True)
    for index, label in enumerate(LABELS):
        first = int((classes == index).argmax())
        Image.fromarray(images[first]).save(folder / f"{file_name(label)}.png", optimize=True)


def file_name(label: str) -> str:
    """The label as a file name: "T-shirt/top" becomes "t-shirt-top"."""
    return label.lower().replace("/", "-").replace(" ", "-")


if __name__ == "__main__":
    PHOTOS.mkdir(exist_ok=True)
    write_photographs()
    write_pair()
    write_fashion_pictures()
