"""How TensorFlow's, Keras' and Paddle's exporters write things: small graphs by hand, and scikit-learn's pipelines."""

from collections.abc import Callable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 4
Node = tuple


def graph(shape: tuple[int, ...], nodes: list[Node], constants: dict[str, np.ndarray], opset: int = 13) -> onnx.ModelProto:
    """A model from `x` to `y`; a node is (operator, inputs, outputs, attributes)."""
    made = [
        helper.make_node(operator, inputs, outputs, name=f"{operator}_{at}", **(rest[0] if rest else {}))
        for at, (operator, inputs, outputs, *rest) in enumerate(nodes)
    ]
    proto = helper.make_graph(
        made,
        "stranger",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(proto, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def idioms() -> Iterator[tuple[str, onnx.ModelProto, np.ndarray]]:
    """Name, model and input."""
    random = np.random.default_rng(11)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return random.normal(0, scale, shape).astype(np.float32)

    def whole(*values: int) -> np.ndarray:
        return np.array(values, np.int64)

    def floats(*values: float) -> np.ndarray:
        return np.array(values, np.float32)

    picture = random.random((1, 8, 8, 3)).astype(np.float32)
    stem = {"w": normal(6, 3, 3, 3, scale=0.3), "dense": normal(6, CLASSES), "bias": normal(CLASSES, scale=0.1)}
    to_first = ("Transpose", ["x0"], ["t"], {"perm": [0, 3, 1, 2]})

    # Keras' Rescaling and Normalization, an uneven Pad in front of a strided VALID convolution, a mean in NHWC
    nodes = [
        ("Mul", ["x", "scale"], ["x1"]), ("Add", ["x1", "offset"], ["x2"]), ("Sub", ["x2", "mean"], ["x3"]),
        ("Div", ["x3", "deviation"], ["x4"]), ("Transpose", ["x4"], ["t"], {"perm": [0, 3, 1, 2]}),
        ("Pad", ["t", "pads"], ["p"]), ("Conv", ["p", "w"], ["c"], {"strides": [2, 2], "auto_pad": "VALID"}),
        ("Mul", ["c", "gamma"], ["b0"]), ("Add", ["b0", "beta"], ["b1"]), ("Clip", ["b1", "zero", "six"], ["r"]),
        ("Transpose", ["r"], ["last"], {"perm": [0, 2, 3, 1]}), ("ReduceMean", ["last"], ["m"], {"axes": [1, 2], "keepdims": 0}),
        ("MatMul", ["m", "dense"], ["l"]), ("Add", ["l", "bias"], ["logits"]), ("Softmax", ["logits"], ["y"]),
    ]  # fmt: skip
    constants = stem | {
        "scale": floats(2.0), "offset": floats(-1.0), "mean": floats(0.1, 0.2, -0.1), "deviation": floats(0.5, 0.6, 0.4),
        "pads": whole(0, 0, 0, 0, 0, 0, 1, 1), "gamma": normal(1, 6, 1, 1), "beta": normal(1, 6, 1, 1),
        "zero": np.float32(0), "six": np.float32(6),
    }  # fmt: skip
    yield "Keras: rescaled, padded at one side, mean in NHWC", graph((1, 8, 8, 3), nodes, constants), picture

    # a softmax that is written out at the end, over keras' Dense
    nodes = [
        ("Identity", ["x"], ["x0"]), to_first, ("Conv", ["t", "w"], ["c"]), ("Relu", ["c"], ["r"]),
        ("GlobalAveragePool", ["r"], ["g"]), ("Squeeze", ["g", "axes"], ["s"]), ("MatMul", ["s", "dense"], ["l"]),
        ("Add", ["l", "bias"], ["z"]), ("ReduceMax", ["z"], ["most"], {"axes": [-1], "keepdims": 1}),
        ("Sub", ["z", "most"], ["d"]), ("Exp", ["d"], ["e"]), ("ReduceSum", ["e", "last"], ["total"], {"keepdims": 1}),
        ("Reciprocal", ["total"], ["i"]), ("Mul", ["e", "i"], ["y"]),
    ]  # fmt: skip
    yield "tf2onnx: softmax by Max, Exp, Reciprocal", graph((1, 8, 8, 3), nodes, stem | {"axes": whole(2, 3), "last": whole(-1)}), picture

    # Keras' MultiHeadAttention by Einsum
    tokens = normal(1, 10, 6)
    projections = {f"w{name}": normal(6, 2, 3, scale=0.5) for name in "qkv"} | {f"b{name}": normal(2, 3, scale=0.1) for name in "qkv"}
    nodes = []
    for name in "qkv":
        nodes += [("Einsum", ["x", f"w{name}"], [f"{name}0"], {"equation": "abc,cde->abde"}), ("Add", [f"{name}0", f"b{name}"], [name])]
    nodes += [
        ("Mul", ["q", "root"], ["qs"]), ("Einsum", ["k", "qs"], ["scores"], {"equation": "aecd,abcd->acbe"}),
        ("Softmax", ["scores"], ["a"]), ("Einsum", ["a", "v"], ["o"], {"equation": "acbe,aecd->abcd"}),
        ("Einsum", ["o", "wo"], ["p"], {"equation": "abcd,cde->abe"}), ("Add", ["p", "x"], ["r"]),
        ("ReduceMax", ["r"], ["m"], {"axes": [1], "keepdims": 0}), ("MatMul", ["m", "dense"], ["y"]),
    ]  # fmt: skip
    constants = projections | {"root": np.float32(3**-0.5), "wo": normal(2, 3, 6, scale=0.5), "dense": normal(6, CLASSES)}
    yield "Keras: MultiHeadAttention by Einsum", graph((1, 10, 6), nodes, constants), tokens

    # the shape of a Flatten computed from Shape, Slice, Concat, Cast, as Paddle and tf2onnx do
    nodes = [
        ("Identity", ["x"], ["x0"]), to_first, ("Conv", ["t", "w"], ["c"]), ("HardSigmoid", ["c"], ["h"], {"alpha": 1 / 6, "beta": 0.5}),
        ("Mul", ["c", "h"], ["s"]), ("Shape", ["s"], ["sides"]), ("Cast", ["sides"], ["sides32"], {"to": TensorProto.INT32}),
        ("Slice", ["sides32", "zero", "one", "zero"], ["batch"]), ("Concat", ["batch", "rest"], ["wanted32"], {"axis": 0}),
        ("Cast", ["wanted32"], ["wanted"], {"to": TensorProto.INT64}), ("Reshape", ["s", "wanted"], ["f"]),
        ("MatMul", ["f", "wide"], ["y"]),
    ]  # fmt: skip
    constants = {"w": stem["w"], "zero": whole(0), "one": whole(1), "rest": np.array([-1], np.int32), "wide": normal(216, CLASSES, scale=0.1)}
    yield "Paddle: a computed shape, hard swish by HardSigmoid", graph((1, 8, 8, 3), nodes, constants), picture

    # Paddle's scale, batch norm of opset 9 behind a depthwise convolution, a squeeze-excite by Clip
    nodes = [
        ("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]}), ("Conv", ["t", "w"], ["c"]),
        ("Conv", ["c", "depthwise"], ["d"], {"group": 6, "pads": [1, 1, 1, 1]}),
        ("BatchNormalization", ["d", "g", "b", "m", "v"], ["n"], {"epsilon": 1e-5}),
        ("GlobalAveragePool", ["n"], ["p"]), ("Conv", ["p", "down"], ["q"]), ("Relu", ["q"], ["r"]), ("Conv", ["r", "up"], ["u"]),
        ("Mul", ["u", "fifth"], ["u1"]), ("Add", ["u1", "half"], ["u2"]), ("Clip", ["u2", "zero", "one"], ["gate"]),
        ("Mul", ["n", "gate"], ["s"]), ("GlobalAveragePool", ["s"], ["e"]), ("Flatten", ["e"], ["f"]),
        ("MatMul", ["f", "dense"], ["y"]),
    ]  # fmt: skip
    constants = {
        "w": stem["w"], "depthwise": normal(6, 1, 3, 3), "g": normal(6), "b": normal(6), "m": normal(6), "v": random.random(6).astype(np.float32) + 0.5,
        "down": normal(3, 6, 1, 1), "up": normal(6, 3, 1, 1), "fifth": np.float32(0.2), "half": np.float32(0.5), "zero": np.float32(0),
        "one": np.float32(1), "dense": stem["dense"],
    }  # fmt: skip
    yield "Paddle: MobileNetV3's gate by Clip", graph((1, 8, 8, 3), nodes, constants), picture

    # a Keras LSTM in tf2onnx's words, the last state, sigmoid of one unit
    nodes = [
        ("Transpose", ["x"], ["t"], {"perm": [1, 0, 2]}),
        ("LSTM", ["t", "w", "r", "b"], ["all", "last"], {"hidden_size": 5, "direction": "forward"}),
        ("Squeeze", ["last", "zero"], ["s"]), ("MatMul", ["s", "dense"], ["l"]), ("Add", ["l", "bias"], ["z"]), ("Sigmoid", ["z"], ["y"]),
    ]  # fmt: skip
    constants = {"w": normal(1, 20, 6, scale=0.5), "r": normal(1, 20, 5, scale=0.5), "b": normal(1, 40, scale=0.2), "zero": whole(0), "dense": normal(5, 1), "bias": normal(1)}
    yield "Keras: LSTM and one sigmoid", graph((1, 10, 6), nodes, constants), tokens

    # a separable convolution in one dimension by Unsqueeze and Conv, causal padding
    nodes = [
        ("Transpose", ["x"], ["t"], {"perm": [0, 2, 1]}), ("Pad", ["t", "pads"], ["p"], {"mode": "constant"}),
        ("Unsqueeze", ["p", "two"], ["u"]), ("Conv", ["u", "depth"], ["d"], {"group": 6}), ("Conv", ["d", "point"], ["c"]),
        ("Squeeze", ["c", "two"], ["s"]), ("Elu", ["s"], ["e"]), ("ReduceMean", ["e"], ["m"], {"axes": [2], "keepdims": 0}),
        ("Gemm", ["m", "dense", "bias"], ["y"]),
    ]  # fmt: skip
    constants = {"pads": whole(0, 0, 2, 0, 0, 0), "two": whole(2), "depth": normal(6, 1, 1, 3), "point": normal(8, 6, 1, 1, scale=0.4), "dense": normal(8, CLASSES), "bias": normal(CLASSES)}
    yield "tf2onnx: SeparableConv1D", graph((1, 10, 6), nodes, constants), tokens

    # tf.image's resizing and a grey picture by a weighted sum
    nodes = [
        ("Mul", ["x", "grey"], ["g0"]), ("ReduceSum", ["g0", "last"], ["g"], {"keepdims": 1}), ("Transpose", ["g"], ["t"], {"perm": [0, 3, 1, 2]}),
        ("Resize", ["t", "", "", "sizes"], ["r"], {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
        ("Concat", ["r", "r", "r"], ["three"], {"axis": 1}), ("Conv", ["three", "w"], ["c"], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}), ("LeakyRelu", ["c"], ["l"], {"alpha": 0.3}),
        ("GlobalMaxPool", ["l"], ["m"]), ("Reshape", ["m", "flat"], ["f"]), ("MatMul", ["f", "dense"], ["y"]),
    ]  # fmt: skip
    constants = stem | {"grey": floats(0.299, 0.587, 0.114), "last": whole(-1), "sizes": whole(1, 1, 11, 9), "flat": whole(1, 6)}
    yield "TensorFlow: grey, resized, repeated", graph((1, 8, 8, 3), nodes, constants), picture

    # group convolution by Split and Concat, channel shuffle by Reshape
    nodes = [
        ("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]}), ("Conv", ["t", "w"], ["c"]), ("Split", ["c"], ["a", "b"], {"axis": 1}),
        ("Conv", ["a", "wa"], ["ca"]), ("Conv", ["b", "wb"], ["cb"]), ("Concat", ["ca", "cb"], ["j"], {"axis": 1}),
        ("Reshape", ["j", "apart"], ["r"]), ("Transpose", ["r"], ["s"], {"perm": [0, 2, 1, 3, 4]}), ("Reshape", ["s", "back"], ["k"]),
        ("Softplus", ["k"], ["sp"]), ("Tanh", ["sp"], ["th"]), ("Mul", ["k", "th"], ["mish"]), ("Add", ["mish", "c"], ["sum"]),
        ("GlobalAveragePool", ["sum"], ["g"]), ("Flatten", ["g"], ["f"]), ("Gemm", ["f", "dense", "bias"], ["y"]),
    ]  # fmt: skip
    constants = stem | {"wa": normal(3, 3, 1, 1), "wb": normal(3, 3, 1, 1), "apart": whole(0, 2, 3, 6, 6), "back": whole(0, 6, 6, 6)}
    yield "Caffe: groups by Split, shuffled channels, Mish", graph((1, 8, 8, 3), nodes, constants), picture


def pipelines() -> Iterator[tuple[str, onnx.ModelProto, np.ndarray]]:
    """scikit-learn's, by skl2onnx, where it is installed."""
    try:
        from skl2onnx import to_onnx
    except ImportError:
        return
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler
    from sklearn.svm import SVC

    random = np.random.default_rng(5)
    x = random.normal(0, 1, (120, 6)).astype(np.float32)
    y = (x @ random.normal(0, 1, (6, 3)) + 0.3 * random.normal(0, 1, (120, 3))).argmax(1)
    makers: dict[str, Callable[[], object]] = {
        "StandardScaler, PCA, LogisticRegression": lambda: make_pipeline(StandardScaler(), PCA(4), LogisticRegression()),
        "MinMaxScaler, MLPClassifier (tanh)": lambda: make_pipeline(MinMaxScaler(), MLPClassifier((8,), "tanh", max_iter=50)),
        "Normalizer, LogisticRegression": lambda: make_pipeline(Normalizer(), LogisticRegression()),
        "PolynomialFeatures, LogisticRegression": lambda: make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=500)),
        "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis,
        "GaussianNB": GaussianNB,
        "SVC (rbf)": lambda: SVC(probability=False),
        "CalibratedClassifierCV": lambda: CalibratedClassifierCV(LogisticRegression(), cv=2),
        "VotingClassifier": lambda: VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], voting="soft"),
        "RandomForestClassifier": lambda: RandomForestClassifier(3, max_depth=3),
    }
    for name, maker in makers.items():
        try:
            model = to_onnx(maker().fit(x, y), x[:1], options={"zipmap": False}, target_opset=15)
        except Exception:  # a version that does not convert this one
            continue
        yield f"scikit-learn: {name}", model, x[:1]
