"""What docs/finetune.md tells of Fashion-MNIST: pictures, networks to train, and the runs.

    apt-get install dataset-fashion-mnist
    python tests/oracle/finetune_fashion.py pictures WORK [--training 6000] [--test 2000]
    python tests/oracle/finetune_fashion.py reset sample-models/fashion_resnet.onnx WORK/reset.onnx --layers '^7\\.'
    python tests/oracle/finetune_fashion.py step WORK/step.onnx [--hidden 128,64]
    python tests/oracle/finetune_fashion.py judge WORK MODEL...

`pictures` writes PNGs in folders that are called like their class, `reset` gives layers the numbers of an untrained network,
`step` makes a network of dense layers with step functions between them, `judge` says what onnxruntime gets right of the test
pictures.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "sample-models" / "training"))

from fashion_mnist import load, preprocess  # noqa: E402


def pictures(work: Path, counts: dict[str, int]) -> None:
    """As many of every class, in the order of the data set."""
    for part, count in counts.items():
        images, classes = load({"training": "train", "test": "t10k"}[part])
        for index in range(10):
            folder = work / part / str(index)
            folder.mkdir(parents=True, exist_ok=True)
            for place in numpy.flatnonzero(classes == index)[: count // 10]:
                Image.fromarray(images[place]).save(folder / f"{place:05}.png")


def reset(source: Path, target: Path, layers: str) -> None:
    """He initialisation for weights, 1 for scales, biases that are small but not 0: LFP would leave those at 0; statistics stay."""
    import re

    generator = numpy.random.default_rng(0)
    model = onnx.load(source)
    for stored in model.graph.initializer:
        if not re.search(layers, stored.name) or "running_" in stored.name:
            continue
        shape = tuple(stored.dims)
        if len(shape) > 1:
            fan_in = numpy.prod(shape[1:])
            numbers = generator.normal(0, numpy.sqrt(2 / fan_in), shape)
        else:
            is_scale = stored.name.endswith("weight")
            numbers = numpy.ones(shape) if is_scale else generator.normal(0, 0.1, shape)
        stored.CopyFrom(numpy_helper.from_array(numbers.astype(numpy.float32), stored.name))
    onnx.save(model, target)
    card = source.with_suffix(".yaml")
    if card.exists():
        shutil.copy(card, target.with_suffix(".yaml"))
        shutil.copy(source.with_name("fashion.txt"), target.with_name("fashion.txt"))


def step(target: Path, hidden: list[int]) -> None:
    """Dense layers with `1 where z > 0, else 0` between them, untrained."""
    generator = numpy.random.default_rng(0)
    sizes = [784, *hidden, 10]
    nodes, stored = [helper.make_node("Flatten", ["input"], ["flat"], name="flatten")], []
    stored.append(numpy_helper.from_array(numpy.float32(0), "zero"))
    value = "flat"
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weight = generator.normal(0, numpy.sqrt(2 / inputs), (outputs, inputs))
        # A weight or bias of exactly 0 never gets feedback.
        bias = generator.normal(0, 0.1, outputs)
        for name, numbers in (("weight", weight), ("bias", bias)):
            name = f"dense{index}.{name}"
            stored.append(numpy_helper.from_array(numbers.astype(numpy.float32), name))
        is_last = index == len(sizes) - 2
        output = "logits" if is_last else f"z{index}"
        operands = [value, f"dense{index}.weight", f"dense{index}.bias"]
        nodes.append(helper.make_node("Gemm", operands, [output], name=f"dense{index}", transB=1))
        if not is_last:
            nodes.append(helper.make_node("Greater", [output, "zero"], [f"is{index}"], name=f"greater{index}"))
            nodes.append(
                helper.make_node("Cast", [f"is{index}"], [f"a{index}"], name=f"step{index}", to=TensorProto.FLOAT)
            )
            value = f"a{index}"
    graph = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, target)
    card = (ROOT / "sample-models" / "fashion_vgg.yaml").read_text()
    target.with_suffix(".yaml").write_text(card.split("source:")[0])
    shutil.copy(ROOT / "sample-models" / "fashion.txt", target.with_name("fashion.txt"))


def judge(work: Path, models: list[Path]) -> None:
    """With onnxruntime, on the test pictures that `pictures` wrote."""
    images, classes = load("t10k")
    places = sorted(int(path.stem) for path in (work / "test").rglob("*.png"))
    inputs, classes = preprocess(images[places]), classes[places]
    for model in models:
        session = onnxruntime.InferenceSession(model)
        outputs = session.run(None, {session.get_inputs()[0].name: inputs})[0]
        print(f"{model}: {100 * (outputs.argmax(1) == classes).mean():.2f} % of {len(places)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("pictures")
    command.add_argument("work", type=Path)
    command.add_argument("--training", type=int, default=6000)
    command.add_argument("--test", type=int, default=2000)
    command = commands.add_parser("reset")
    command.add_argument("source", type=Path)
    command.add_argument("target", type=Path)
    command.add_argument("--layers", required=True)
    command = commands.add_parser("step")
    command.add_argument("target", type=Path)
    command.add_argument("--hidden", default="128,64")
    command = commands.add_parser("judge")
    command.add_argument("work", type=Path)
    command.add_argument("models", type=Path, nargs="+")
    given = parser.parse_args()
    match given.command:
        case "pictures":
            pictures(given.work, {"training": given.training, "test": given.test})
        case "reset":
            reset(given.source, given.target, given.layers)
        case "step":
            step(given.target, [int(size) for size in given.hidden.split(",")])
        case "judge":
            judge(given.work, given.models)


if __name__ == "__main__":
    main()
