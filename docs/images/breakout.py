"""Trains a toy player and keeps its states: for the picture of docs/compare.md. Needs torch, onnx and Pillow.

    python breakout.py FOLDER

Frames are drawn: a wall with a tunnel, a ball, a paddle. The network learns whether the paddle has to go left, stay or go right to
be below the ball. FOLDER gets step-*.onnx with a card each, frames/ and objects.csv.
"""

import csv
import pathlib
import sys

import numpy
import torch
from PIL import Image

SIDE = 56
STEPS = [0, 50, 100, 200, 400, 800, 1600]
CARD = """labels: actions.txt
input: { layout: NCHW, channels: GRAY, size: [56, 56], scale: 0.00392156862, mean: [0], std: [1] }
"""

random = numpy.random.default_rng(0)


def frame():
    """A frame, the action that is right in it, and where its objects are (x0, y0, x1, y1)."""
    frame = numpy.zeros((SIDE, SIDE), numpy.float32)
    wall = numpy.ones((12, SIDE), bool)
    tunnel = random.integers(0, 8) * 7
    for row in range(3):
        for column in range(8):
            if random.random() < 0.15:
                wall[row * 4 : row * 4 + 4, column * 7 : column * 7 + 7] = False
    wall[:, tunnel : tunnel + 7] = False
    frame[6:18][wall] = 0.5
    paddle = random.integers(0, SIDE - 10)
    frame[52:54, paddle : paddle + 10] = 0.9
    x, y = random.integers(0, SIDE - 2), random.integers(20, 48)
    frame[y : y + 3, x : x + 3] = 1.0
    distance = (x + 1) - (paddle + 5)
    action = 0 if distance < -4 else 2 if distance > 4 else 1
    objects = {
        "paddle": (paddle, 52, paddle + 10, 54),
        "ball": (x, y, min(x + 3, SIDE), y + 3),
        "wall": (0, 6, SIDE, 18),
        "tunnel": (tunnel, 6, tunnel + 7, 18),
    }
    return frame, action, objects


def network():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 5, 2, 2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 16, 5, 2, 2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 16, 3, 2, 1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(16 * 49, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 3),
    )


def save(net, folder, step):
    path = folder / f"step-{step}.onnx"
    names = {"input_names": ["frame"], "output_names": ["action"]}
    torch.onnx.export(net, torch.zeros(1, 1, SIDE, SIDE), str(path), dynamo=False, **names)
    path.with_suffix(".yaml").write_text(CARD)


def train(folder):
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    save(net, folder, 0)
    for step in range(1, STEPS[-1] + 1):
        batch = [frame() for _ in range(64)]
        frames = torch.tensor(numpy.stack([frame for frame, _, _ in batch])[:, None])
        actions = torch.tensor([action for _, action, _ in batch])
        loss = torch.nn.functional.cross_entropy(net(frames), actions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in STEPS:
            save(net, folder, step)


def draw(folder):
    (folder / "frames").mkdir(exist_ok=True)
    (folder / "actions.txt").write_text("left\nstay\nright\n")
    with open(folder / "objects.csv", "w") as file:
        lines = csv.writer(file)
        lines.writerow(["input", "label", "x0", "y0", "x1", "y1"])
        for number in range(40):
            pixels, _, objects = frame()
            name = f"{number:02}.png"
            Image.fromarray((pixels * 255).astype(numpy.uint8)).save(folder / "frames" / name)
            for label, box in objects.items():
                lines.writerow([name, label, *box])


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train(target)
    draw(target)
