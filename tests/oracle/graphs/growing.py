"""A graph that grows node by node. Every node is run by onnxruntime at once, so that what is kept is valid."""

from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LARGEST = 4096
"""Elements of a value, so that graphs stay small."""


class Unfit(Exception):
    """onnxruntime refuses the node, or its value is of no use."""


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """onnxruntime, unoptimised, on one thread."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@dataclass
class Graph:
    """The nodes so far, with the values of one run."""

    opset: int
    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)

    def constant(self, array: np.ndarray | list) -> str:
        """Stores numbers; whole ones where a list is given."""
        array = np.asarray(array, np.int64) if isinstance(array, list) else array
        name = f"w{len(self.constants)}"
        self.constants[name] = array
        return name

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        """Stores noise."""
        return self.constant(self.random.normal(0, scale, shape).astype(np.float32))

    def positive(self, *shape: int) -> str:
        """Stores numbers between 0.5 and 1.5."""
        return self.constant(self.random.uniform(0.5, 1.5, shape).astype(np.float32))

    def known(self, name: str) -> np.ndarray:
        """The value of a name."""
        return self.constants[name] if name in self.constants else self.values[name]

    def add(self, operator: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: object) -> str:
        """Adds a node and runs it; the name of its first output.

        Raises:
            Unfit: when it cannot be run, or gives numbers that are not finite, too many, or too large.
        """
        attributes = {name: value for name, value in attributes.items() if value is not None}
        place = len(self.nodes)
        names = [f"v{place}" if slot == 0 else f"v{place}_{slot}" for slot in range(outputs)]
        node = helper.make_node(operator, list(inputs), names, name=f"{operator}_{place}", domain=domain, **attributes)
        read = {name: self.known(name) for name in inputs if name}
        for name, value in zip(names, self.run(node, read), strict=True):
            good = np.isfinite(value).all() if value.dtype.kind == "f" else True
            if not good or not 0 < value.size <= LARGEST or (value.dtype.kind == "f" and np.abs(value).max() > 1e4):
                raise Unfit(operator)
            self.values[name] = value
        self.nodes.append(node)
        return names[0]

    def run(self, node: onnx.NodeProto, read: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of one node."""
        constants = {name: value for name, value in read.items() if name in self.constants}
        given = {name: value for name, value in read.items() if name not in self.constants}
        graph = helper.make_graph(
            [node],
            "node",
            [helper.make_tensor_value_info(name, kind(value), value.shape) for name, value in given.items()],
            [helper.make_empty_tensor_value_info(name) for name in node.output],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        try:
            return session(self.model_of(graph)).run(None, given)
        except Exception as error:  # onnxruntime raises kinds of its own
            raise Unfit(str(error)) from error

    def model_of(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        """A graph with its versions."""
        imports = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=min(10, max(8, self.opset - 11)))

    def model(self, output: str) -> onnx.ModelProto:
        """The whole model, from `x` to a value, without what that does not need."""
        needed, nodes = {output}, []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                nodes.insert(0, node)
                needed |= set(node.input)
        return self.model_of(
            helper.make_graph(
                nodes,
                "random",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.values["x"].shape)],
                [helper.make_empty_tensor_value_info(output)],
                [numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in needed],
            )
        )


def kind(value: np.ndarray) -> int:
    """The number type of an array."""
    return helper.np_dtype_to_tensor_dtype(value.dtype)
