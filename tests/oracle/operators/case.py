"""A classifier around one operator: picture → operator → flatten → dense layer → a few logits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 4
PICTURE = (1, 3, 6, 6)


@dataclass(frozen=True)
class OperatorCase:
    """An operator with its attributes, fed by a picture."""

    family: str
    operator: str
    label: str
    """Attributes and constants, for people: `alpha=0.3`."""
    nodes: list[onnx.NodeProto]
    """From `x` to `y`."""
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    opset: int = 17
    picture: tuple[int, ...] = PICTURE
    shape: tuple[int, ...] | None = None
    """What the picture is reshaped to in front of the operator, where that needs another rank."""
    low: float = -2.0
    high: float = 2.0
    domains: tuple[tuple[str, int], ...] = ()
    output_type: int = TensorProto.FLOAT
    ends_in_classes: bool = False
    """Whether `y` is what the classifier says, so that no dense layer follows."""
    result: tuple[int, ...] = (1, CLASSES)
    """Shape of `y`, where nothing else runs the operator."""
    is_ranged: bool = True
    """Whether LRP is told the range of the picture."""
    tolerance: float = 1e-4
    """Of the prediction; more where the operator rounds, which nobody has to imitate."""
    hidden: str = "x"
    """Behind `dense_before`: the value that may be explained in place of the output."""
    is_decision: bool = False
    """Whether `y` is a class, so that what is in front of it is explained."""
    dense_before: int = 0
    """Width of a dense layer in front of the operator, for heads; 0 for none."""

    @property
    def name(self) -> str:
        """Unique among all cases."""
        return f"{self.operator}-{self.opset} {self.label}".strip()

    def tensor(self, seed: int = 0) -> np.ndarray:
        """A picture of noise."""
        noise = np.random.default_rng(seed).random(self.picture)
        return (self.low + (self.high - self.low) * noise).astype(np.float32)

    def _before(self) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        """From `picture` to `x`."""
        if self.dense_before:
            random = np.random.default_rng(5)
            size = int(np.prod(self.picture))
            weight = random.normal(0, size**-0.5, (size, self.dense_before)).astype(np.float32)
            bias = random.normal(0, 0.1, self.dense_before).astype(np.float32)
            nodes = [helper.make_node("Flatten", ["picture"], ["flat_picture"], name="flatten_picture")]
            nodes += [helper.make_node("Gemm", ["flat_picture", "before_w", "before_b"], ["x"], name="before")]
            return nodes, {"before_w": weight, "before_b": bias}
        if self.shape is not None:
            node = helper.make_node("Reshape", ["picture", "before_shape"], ["x"], name="reshape_picture")
            return [node], {"before_shape": np.array(self.shape, np.int64)}
        return [], {}

    def operator_alone(self) -> onnx.ModelProto:
        """The model that ends in the operator, to learn the shape of `y`."""
        nodes, constants = self._before()
        return self._model([*nodes, *self.nodes], {**constants, **self.constants}, "y")

    def in_front_of_head(self) -> onnx.ModelProto:
        """The model that ends in what may be explained in place of the output of a head."""
        nodes, constants = self._before()
        return self._model([*nodes, *self.nodes], {**constants, **self.constants}, self.hidden)

    def classifier(self, values: Sequence[int]) -> onnx.ModelProto:
        """The model, where `y` has the shape `values`."""
        if self.ends_in_classes:
            return self.operator_alone()
        nodes, constants = self._before()
        size = int(np.prod(values))
        random = np.random.default_rng(3)
        constants |= self.constants | {
            "after_shape": np.array([1, size], np.int64),
            "after_w": random.normal(0, size**-0.5, (size, CLASSES)).astype(np.float32),
            "after_b": random.normal(0, 0.1, CLASSES).astype(np.float32),
        }
        after = [
            helper.make_node("Reshape", ["y", "after_shape"], ["flat"], name="after_reshape"),
            helper.make_node("Gemm", ["flat", "after_w", "after_b"], ["logits"], name="after_dense"),
        ]
        return self._model([*nodes, *self.nodes, *after], constants, "logits")

    def _model(self, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], output: str) -> onnx.ModelProto:
        kind = self.output_type if self.ends_in_classes and output == "y" else TensorProto.FLOAT
        first = "picture" if any("picture" in node.input for node in nodes) else "x"
        graph = helper.make_graph(
            nodes,
            "classifier",
            [helper.make_tensor_value_info(first, TensorProto.FLOAT, self.picture)],
            [helper.make_tensor_value_info(output, kind, None)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        imports = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(*domain) for domain in self.domains)]
        return helper.make_model(graph, opset_imports=imports, ir_version=min(10, max(8, self.opset - 11)))


def words(attributes: dict) -> str:
    """Attributes in a line."""

    def word(value: object) -> str:
        if isinstance(value, float):
            return f"{value:g}"
        if isinstance(value, (list, tuple)):
            return "[" + ",".join(map(word, value)) + "]"
        return str(value)

    return " ".join(f"{name}={word(value)}" for name, value in attributes.items())


def single(
    family: str,
    operator: str,
    attributes: dict | None = None,
    constants: Sequence[tuple[str, object]] = (),
    *,
    label: str | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] = ("y",),
    domain: str = "",
    **rest: object,
) -> OperatorCase:
    """A case of one node that reads `x` and constants, in this order unless `inputs` says otherwise."""
    attributes = attributes or {}
    names = inputs if inputs is not None else ["x", *(name for name, _ in constants)]
    node = helper.make_node(operator, list(names), list(outputs), name="operator", domain=domain, **attributes)
    text = words(attributes) if label is None else label
    domains = ((domain, 1),) if domain else ()
    return OperatorCase(family, operator, text, [node], dict(constants), domains=domains, **rest)


def chain(
    family: str,
    operator: str,
    label: str,
    steps: Sequence[tuple],
    constants: dict[str, object] | None = None,
    **rest: object,
) -> OperatorCase:
    """A case of several nodes: each step is (operator, inputs, outputs, attributes)."""
    nodes = [
        helper.make_node(
            kind, list(inputs), list(outputs), name=f"{kind}_{place}", **(attributes[0] if attributes else {})
        )
        for place, (kind, inputs, outputs, *attributes) in enumerate(steps)
    ]
    return OperatorCase(family, operator, label, nodes, dict(constants or {}), **rest)


def normal(*shape: int, seed: int = 1, scale: float = 1.0) -> np.ndarray:
    """Random numbers in float32."""
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def positive(*shape: int, seed: int = 2) -> np.ndarray:
    """Random numbers between 0.5 and 1.5."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape).astype(np.float32)


def floats(*values: float) -> np.ndarray:
    """Numbers in float32."""
    return np.array(values, np.float32)


def number(value: float) -> np.ndarray:
    """One number, of no axes."""
    return np.array(value, np.float32)


def whole(*values: int) -> np.ndarray:
    """Whole numbers in int64."""
    return np.array(values, np.int64)
