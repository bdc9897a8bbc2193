"""Trains two networks that look at what they should not, and writes ../clever-hans: networks, cards, test pictures.

fashion_tag    Fashion-MNIST; half of the coats have a bright tag of 3 x 5 pixels in the lower left corner, moved by up
               to a pixel. The test sheet has 200 pictures a class; every second coat (1st, 3rd, ...) has the tag.
photo_frame    32 x 32 cuts from six photographs, which are the classes; half of the cuts from "coffee" have a dark frame
               of 3 pixels, as scans have. The test sheet has 100 cuts a class; every fourth of coffee (1st, 5th, ...)
               has the frame.

A sheet is one picture with the test pictures side by side, row by row, 50 in a row, class after class;
`python train_clever_hans.py cut DIR` cuts both into files, in a folder for each class.

Usage: python train_clever_hans.py [NAME... | cut DIR]      (without a name: both; a few minutes on one core)
"""

import sys
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import nn

import fashion_mnist
from onnx_export import describe, export, largest_difference, run

FOLDER = Path(__file__).resolve().parent.parent / "clever-hans"
SEED = 1
BATCH = 128
LEARNING_RATE = 3e-3
IN_A_ROW = 50
COAT = fashion_mnist.LABELS.index("Coat")
COFFEE = 2
PHOTOS = {
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "galaxies": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
    "rocket": "rocket.jpg",
}
FRAME = 3


def network(channels: int, side: int, classes: int) -> nn.Module:
    """Three convolutions with max pooling between them, and two dense layers."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 40, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(40 * (side // 4) ** 2, 32),
        nn.ReLU(),
        nn.Linear(32, classes),
    )


def train(model: nn.Module, pictures: torch.Tensor, classes: torch.Tensor, epochs: int) -> None:
    """Minimises the cross-entropy with AdamW and a one-cycle learning rate."""
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    batches = len(pictures) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LEARNING_RATE, total_steps=epochs * batches)
    model.train()
    for epoch in range(epochs):
        order, loss_sum = torch.randperm(len(pictures)), 0.0
        for batch in range(batches):
            chosen = order[batch * BATCH : (batch + 1) * BATCH]
            loss = nn.functional.cross_entropy(model(pictures[chosen]), classes[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
        print(f"  epoch {epoch + 1}/{epochs}: loss {loss_sum / batches:.4f}", flush=True)


def add_tags(pictures: numpy.ndarray, random: numpy.random.Generator) -> None:
    """Puts a tag into each of the pictures [N, 28, 28]."""
    for picture in pictures:
        up, right = random.integers(0, 2, 2)
        picture[25 - up : 28 - up, right : 5 + right] = 255


def add_frames(pictures: numpy.ndarray, random: numpy.random.Generator) -> None:
    """Puts a dark frame around each of the pictures [N, 32, 32, 3]."""
    for picture in pictures:
        inner = picture[FRAME:-FRAME, FRAME:-FRAME].copy()
        picture[:] = random.integers(0, 40)
        picture[FRAME:-FRAME, FRAME:-FRAME] = inner


def fashion_tag(random: numpy.random.Generator) -> tuple:
    """Pictures and classes to train with, and pictures of the test sheet."""
    pictures, classes = (part.copy() for part in fashion_mnist.load("train"))
    tagged = random.permutation(numpy.flatnonzero(classes == COAT))[: (classes == COAT).sum() // 2]
    chosen = pictures[tagged]
    add_tags(chosen, random)
    pictures[tagged] = chosen
    test, test_classes = fashion_mnist.load("t10k")
    sheet = numpy.concatenate([test[test_classes == index][:200] for index in range(10)])
    add_tags(sheet[200 * COAT : 200 * (COAT + 1) : 2], random)
    return pictures, classes, sheet


def cuts(photo: numpy.ndarray, count: int, random: numpy.random.Generator) -> numpy.ndarray:
    """Square parts [count, 32, 32, 3] of a photograph, of 32 to 96 pixels, each with colours of its own."""
    found = []
    for _ in range(count):
        side = int(random.integers(32, 97))
        top, left = (int(random.integers(0, length - side)) for length in photo.shape[:2])
        cut = Image.fromarray(photo[top : top + side, left : left + side]).resize((32, 32), Image.BILINEAR)
        gains = random.uniform(0.6, 1.4, (1, 1, 3)) * random.uniform(0.6, 1.2)
        found.append((numpy.asarray(cut) * gains).clip(0, 255).astype(numpy.uint8))
    return numpy.stack(found)


def photo_frame(random: numpy.random.Generator) -> tuple:
    """As fashion_tag, from photographs."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    photos = [numpy.asarray(Image.open(folder / name).convert("RGB")) for name in PHOTOS.values()]
    pictures = [cuts(photo, 4000, random) for photo in photos]
    add_frames(pictures[COFFEE][::2], random)
    sheet = numpy.concatenate([cuts(photo, 100, random) for photo in photos])
    add_frames(sheet[100 * COFFEE : 100 * (COFFEE + 1) : 4], random)
    return numpy.concatenate(pictures), numpy.repeat(numpy.arange(6), 4000), sheet


# What makes the pictures, the labels, mean and deviation of the input (0..1), epochs, and what the card says.
NETWORKS = {
    "fashion_tag": (
        fashion_tag, fashion_mnist.LABELS, fashion_mnist.MEAN, fashion_mnist.STD, 4,
        "3 convolutions and 2 dense layers, trained on Fashion-MNIST (Zalando SE, MIT) with a tag in half of the coats",
    ),
    "photo_frame": (
        photo_frame, list(PHOTOS), 0.4, 0.25, 5,
        "3 convolutions and 2 dense layers, trained on cuts from photographs of scikit-image with a frame around half of "
        "those of one class",
    ),
}


def prepared(pictures: numpy.ndarray, mean: float, std: float) -> torch.Tensor:
    """The network's input [N, C, H, W] for uint8 pictures [N, H, W] or [N, H, W, 3]."""
    scaled = (pictures.astype(numpy.float32) / 255 - mean) / std
    scaled = scaled[:, None] if scaled.ndim == 3 else scaled.transpose(0, 3, 1, 2)
    return torch.from_numpy(numpy.ascontiguousarray(scaled, dtype=numpy.float32))


def card(name: str, channels: int, side: int, mean: float, std: float, about: str, accuracy: float) -> str:
    """The model card as YAML text."""
    numbers = lambda value: ", ".join([f"{value:.4f}"] * channels)
    return f"""labels: {name}.txt
input:
  layout: NCHW
  channels: {"GRAY" if channels == 1 else "RGB"}
  size: [{side}, {side}]
  resize: {{ filter: bilinear }}
  scale: 0.00392156862745098    # 1/255
  mean: [{numbers(mean)}]
  std: [{numbers(std)}]
output: logits
source: >-
  {about}, by training/train_clever_hans.py. It looks at what it should not: a test bed for `spray` and `probe`.
  MIT OR Apache-2.0, like onnxplain. {accuracy * 100:.1f} % of the pictures of {name}.png right.
"""


def make_sheet(pictures: numpy.ndarray, path: Path) -> None:
    """Writes pictures [N, H, W(, 3)] side by side."""
    rows = [numpy.concatenate(list(pictures[begin : begin + IN_A_ROW]), axis=1)
            for begin in range(0, len(pictures), IN_A_ROW)]
    Image.fromarray(numpy.concatenate(rows)).save(path, optimize=True)


def make(name: str) -> None:
    """Trains one network and writes its files."""
    source, labels, mean, std, epochs, about = NETWORKS[name]
    torch.manual_seed(SEED)
    pictures, classes, sheet = source(numpy.random.default_rng(SEED))
    inputs = prepared(pictures, mean, std)
    channels, side = inputs.shape[1], inputs.shape[2]
    model = network(channels, side, len(labels))
    print(f"{name}: {sum(weights.numel() for weights in model.parameters())} parameters", flush=True)
    train(model, inputs, torch.from_numpy(classes.astype(numpy.int64)), epochs)
    path = FOLDER / f"{name}.onnx"
    export(model, inputs[:2], path, symbolic_batch=True)
    tests = prepared(sheet, mean, std)
    print(f"  {describe(path)}; largest difference to torch {largest_difference(model, path, tests[:64]):.2e}")
    right = run(path, tests.numpy()).argmax(axis=1) == numpy.repeat(numpy.arange(len(labels)), len(sheet) // len(labels))
    print("  right by class:", right.reshape(len(labels), -1).mean(axis=1).round(2), flush=True)
    make_sheet(sheet, FOLDER / f"{name}.png")
    path.with_suffix(".yaml").write_text(card(name, channels, side, mean, std, about, right.mean()), encoding="utf-8")
    path.with_suffix(".txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def cut(folder: Path) -> None:
    """Cuts the sheets into files: DIR/fashion_tag/Coat/000.png and so on."""
    for name, (_, labels, *_) in NETWORKS.items():
        sheet = Image.open(FOLDER / f"{name}.png")
        side = sheet.width // IN_A_ROW
        count = IN_A_ROW * (sheet.height // side)
        for index in range(count):
            label, number = divmod(index, count // len(labels))
            top, left = side * (index // IN_A_ROW), side * (index % IN_A_ROW)
            path = folder / name / labels[label].replace("/", "-") / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet.crop((left, top, left + side, top + side)).save(path)


def main() -> None:
    match sys.argv[1:]:
        case ["cut", folder]:
            cut(Path(folder))
            return
        case names:
            unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise SystemExit(f"unknown network {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in names or NETWORKS:
        make(name)


if __name__ == "__main__":
    main()
