"""Random nodes: each function adds an operator with random attributes behind a value, and returns what comes of it."""

from collections.abc import Callable

import numpy as np

from graphs.growing import Graph, Unfit

Step = Callable[[Graph, str], str]
STEPS: dict[str, Step] = {}

ACTIVATIONS = {
    "Relu": {}, "Sigmoid": {}, "Tanh": {}, "Softplus": {}, "Softsign": {}, "Erf": {}, "Abs": {}, "Neg": {}, "Sin": {},
    "Cos": {}, "Atan": {}, "Asinh": {}, "Exp": {}, "HardSwish": {}, "Mish": {}, "Identity": {}, "Sign": {}, "Floor": {},
    "LeakyRelu": {"alpha": (0.01, 0.5)}, "Elu": {"alpha": (0.2, 2)}, "Celu": {"alpha": (0.3, 2)},
    "Selu": {"alpha": (1, 2), "gamma": (0.8, 1.2)}, "HardSigmoid": {"alpha": (0.1, 0.4), "beta": (0.3, 0.6)},
    "ThresholdedRelu": {"alpha": (0.1, 0.8)}, "Shrink": {"lambd": (0.1, 0.6), "bias": (0, 0.3)},
    "Gelu": {}, "Swish": {"alpha": (0.5, 1.7)},
}  # fmt: skip


def step(function: Step) -> Step:
    """Puts a function into the table."""
    STEPS[function.__name__] = function
    return function


def rank(graph: Graph, name: str, *wanted: int) -> tuple[int, ...]:
    """The shape of a value, which must have so many axes."""
    shape = graph.known(name).shape
    if len(shape) not in wanted:
        raise Unfit(f"{len(shape)} axes")
    return shape


def axis(graph: Graph, count: int, first: int = 0) -> int:
    """A random axis, counted from either end."""
    found = int(graph.random.integers(first, count))
    return found if graph.random.random() < 0.5 else found - count


def perhaps(graph: Graph, value: object, chance: float = 0.5) -> object | None:
    """The value, or nothing."""
    return value if graph.random.random() < chance else None


def whole(graph: Graph, low: int, high: int, count: int) -> list[int]:
    """Random whole numbers, both ends included."""
    return [int(number) for number in graph.random.integers(low, high + 1, count)]


@step
def activation(graph: Graph, x: str) -> str:
    operator = str(graph.random.choice(list(ACTIVATIONS)))
    ranges = ACTIVATIONS[operator]
    attributes = {name: float(graph.random.uniform(*ends)) for name, ends in ranges.items()}
    return graph.add(operator, x, **attributes)


@step
def guarded_root(graph: Graph, x: str) -> str:
    square = graph.add("Mul", x, x)
    shifted = graph.add("Add", square, graph.constant(np.float32(0.5)))
    return graph.add(str(graph.random.choice(["Sqrt", "Log", "Reciprocal"])), shifted)


@step
def clip(graph: Graph, x: str) -> str:
    low, high = sorted(float(end) for end in graph.random.uniform(-1.5, 1.5, 2))
    if graph.opset < 11:
        return graph.add("Clip", x, min=low, max=high)
    ends = [graph.constant(np.float32(low)) if graph.random.random() < 0.7 else "", graph.constant(np.float32(high))]
    return graph.add("Clip", x, *ends)


@step
def power(graph: Graph, x: str) -> str:
    exponent = graph.constant(np.float32(graph.random.choice([2.0, 3.0])))
    return graph.add("Pow", x, exponent)


@step
def arithmetic(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    cut = graph.random.integers(0, len(shape) + 1)
    small = [1 if graph.random.random() < 0.4 else length for length in shape[cut:]]
    operator = str(graph.random.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"]))
    other = graph.positive(*small) if operator == "Div" else graph.normal(*small)
    inputs = (other, x) if graph.random.random() < 0.3 and operator != "Div" else (x, other)
    return graph.add(operator, *inputs)


@step
def two_signals(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    others = [name for name, value in graph.values.items() if value.shape == shape and value.dtype == np.float32]
    other = str(graph.random.choice(others))
    operator = str(graph.random.choice(["Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean"]))
    return graph.add(operator, x, other)


@step
def choice(graph: Graph, x: str) -> str:
    condition = graph.constant(graph.random.random(graph.known(x).shape) < 0.5)
    return graph.add("Where", condition, x, graph.normal(1))


@step
def decided_choice(graph: Graph, x: str) -> str:
    operator = str(graph.random.choice(["Greater", "Less"]))
    condition = graph.add(operator, x, graph.constant(np.float32(graph.random.normal())))
    return graph.add("Where", condition, x, graph.add("Tanh", x))


@step
def parametric(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    slope = [1] * len(shape)
    if len(shape) > 1 and graph.random.random() < 0.6:
        slope = [shape[1], *([1] * (len(shape) - 2))]
    return graph.add("PRelu", x, graph.normal(*slope, scale=0.3))


def windows(graph: Graph, places: tuple[int, ...], largest: int = 4) -> dict:
    """Random kernel, strides, dilations and padding for some axes."""
    count = len(places)
    kernel = [int(graph.random.integers(1, min(largest, length) + 1)) for length in places]
    attributes: dict = {"kernel_shape": kernel, "strides": perhaps(graph, whole(graph, 1, 3, count))}
    padding = graph.random.random()
    if padding < 0.3:
        attributes["auto_pad"] = str(graph.random.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    elif padding < 0.75:
        attributes["pads"] = [int(graph.random.integers(0, length)) for length in kernel * 2]
    return attributes


@step
def convolution(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 3, 4, 5)
    channels = shape[1]
    group = int(graph.random.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    filters = group * int(graph.random.integers(1, 4))
    attributes = windows(graph, shape[2:])
    attributes["dilations"] = perhaps(graph, whole(graph, 1, 2, len(shape) - 2), 0.4)
    kernel = attributes["kernel_shape"]
    if graph.random.random() < 0.4:
        del attributes["kernel_shape"]
    weight = graph.normal(filters, channels // group, *kernel, scale=0.5)
    inputs = [x, weight] + ([graph.normal(filters)] if graph.random.random() < 0.6 else [])
    return graph.add("Conv", *inputs, group=perhaps(graph, group, 1.0 if group > 1 else 0.5), **attributes)


@step
def transposed_convolution(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 3, 4)
    count, channels = len(shape) - 2, shape[1]
    group = int(graph.random.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    kernel = whole(graph, 1, 3, count)
    strides = whole(graph, 1, 2, count)
    attributes: dict = {"strides": strides, "dilations": perhaps(graph, whole(graph, 1, 2, count), 0.3)}
    if graph.random.random() < 0.4:
        attributes["pads"] = [int(graph.random.integers(0, length)) for length in kernel * 2]
    if graph.random.random() < 0.3:
        attributes["output_padding"] = [int(graph.random.integers(0, stride)) for stride in strides]
    weight = graph.normal(channels, int(graph.random.integers(1, 3)), *kernel, scale=0.5)
    return graph.add("ConvTranspose", x, weight, group=group, **attributes)


@step
def pool(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 3, 4, 5)
    operator = str(graph.random.choice(["MaxPool", "AveragePool", "LpPool"]))
    attributes = windows(graph, shape[2:], 3)
    if operator == "AveragePool":
        attributes["count_include_pad"] = perhaps(graph, 1)
    if operator == "LpPool":
        attributes["p"] = int(graph.random.integers(1, 4))
    if operator != "LpPool" and graph.opset >= 10:
        attributes["ceil_mode"] = perhaps(graph, 1, 0.3)
    if operator == "MaxPool" and graph.opset >= 10:
        attributes["dilations"] = perhaps(graph, whole(graph, 1, 2, len(shape) - 2), 0.3)
    return graph.add(operator, x, **attributes)


@step
def global_pool(graph: Graph, x: str) -> str:
    rank(graph, x, 3, 4, 5)
    return graph.add(str(graph.random.choice(["GlobalAveragePool", "GlobalMaxPool"])), x)


@step
def transpose(graph: Graph, x: str) -> str:
    count = graph.known(x).ndim
    order = [0, *(int(place) + 1 for place in graph.random.permutation(count - 1))]
    return graph.add("Transpose", x, perm=order)


@step
def reshape(graph: Graph, x: str) -> str:
    shape = list(graph.known(x).shape)
    rest = int(np.prod(shape[1:]))
    parts, left = [], rest
    for _ in range(graph.random.integers(0, 3)):
        factor = int(graph.random.choice([f for f in range(1, left + 1) if left % f == 0]))
        parts.append(factor)
        left //= factor
    target = [1, *parts, left]
    if graph.random.random() < 0.5:
        target[int(graph.random.integers(len(target)))] = -1
    elif graph.random.random() < 0.5:
        target[0] = 0
    return graph.add("Reshape", x, graph.constant(target))


@step
def flatten(graph: Graph, x: str) -> str:
    return graph.add("Flatten", x, axis=perhaps(graph, 1))


@step
def squeezed(graph: Graph, x: str) -> str:
    count = graph.known(x).ndim
    place = int(graph.random.integers(1, count + 1))
    if graph.opset < 13:
        return graph.add("Unsqueeze", x, axes=[place])
    return graph.add("Unsqueeze", x, graph.constant([place if graph.random.random() < 0.5 else place - count - 1]))


@step
def pad(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    mode = str(graph.random.choice(["constant", "reflect", "edge", *(["wrap"] if graph.opset >= 19 else [])]))
    inner = [0 if place == 0 else int(graph.random.integers(0, min(3, length))) for place, length in enumerate(shape)]
    outer = [0 if place == 0 else int(graph.random.integers(0, min(3, length))) for place, length in enumerate(shape)]
    if mode == "constant" and graph.random.random() < 0.3:
        inner[-1] = -1 if shape[-1] > 2 else 0
    if graph.opset < 11:
        return graph.add("Pad", x, mode=mode, pads=inner + outer, value=perhaps(graph, 0.3))
    more = [graph.constant(np.float32(0.4))] if mode == "constant" and graph.random.random() < 0.5 else []
    return graph.add("Pad", x, graph.constant(inner + outer), *more, mode=mode)


@step
def cut(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    place = axis(graph, len(shape), 1)
    length = shape[place]
    if graph.opset < 10:
        return graph.add("Slice", x, axes=[place % len(shape)], starts=[0], ends=[max(1, length - 1)])
    way = int(graph.random.choice([1, 1, 2, -1, -2]))
    ends = [int(graph.random.integers(-length, length)), int(graph.random.choice([2**31 - 1, 2**63 - 1, -1, length]))]
    if way < 0:
        ends = [int(graph.random.choice([-1, length, 2**31 - 1])), -(2**31)]
    return graph.add("Slice", x, *(graph.constant([number]) for number in (*ends, place, way)))


@step
def split(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    place = axis(graph, len(shape), 1)
    first = int(graph.random.integers(0, shape[place])) or 1
    if first == shape[place]:
        raise Unfit("one element")
    parts = [first, shape[place] - first]
    if graph.opset < 13:
        graph.add("Split", x, outputs=2, axis=place, split=parts)
    else:
        graph.add("Split", x, graph.constant(parts), outputs=2, axis=place)
    return str(graph.random.choice(graph.nodes[-1].output))


@step
def concat(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    place = axis(graph, len(shape), 1)
    others = [name for name, value in graph.values.items() if value.ndim == len(shape) and value.dtype == np.float32]
    fits = [n for n in others if all(a == b for p, (a, b) in enumerate(zip(graph.known(n).shape, shape)) if p != place % len(shape))]
    other = str(graph.random.choice(fits)) if graph.random.random() < 0.6 else graph.normal(*shape)
    return graph.add("Concat", *([x, other] if graph.random.random() < 0.5 else [other, x]), axis=place)


@step
def gather(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    place = axis(graph, len(shape), 1)
    length = shape[place]
    low = 0 if graph.opset < 11 else -length
    indices = graph.random.integers(low, length, graph.random.integers(1, 4)).astype(np.int64)
    return graph.add("Gather", x, graph.constant(indices), axis=place)


@step
def gather_elements(graph: Graph, x: str) -> str:
    if graph.opset < 11:
        raise Unfit("opset")
    shape = list(graph.known(x).shape)
    place = axis(graph, len(shape), 1)
    indices = graph.random.integers(0, shape[place], shape).astype(np.int64)
    return graph.add("GatherElements", x, graph.constant(indices), axis=place)


@step
def expand(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    target = [int(graph.random.integers(1, 4)) if length == 1 and place else length for place, length in enumerate(shape)]
    return graph.add("Expand", x, graph.constant(target))


@step
def tile(graph: Graph, x: str) -> str:
    count = graph.known(x).ndim
    return graph.add("Tile", x, graph.constant([1, *whole(graph, 1, 2, count - 1)]))


@step
def space(graph: Graph, x: str) -> str:
    _, channels, height, width = rank(graph, x, 4)
    if channels % 4 == 0 and graph.random.random() < 0.5:
        return graph.add("DepthToSpace", x, blocksize=2, mode=str(graph.random.choice(["DCR", "CRD"])))
    size = int(graph.random.choice([b for b in (1, 2, 3) if height % b == 0 and width % b == 0]))
    return graph.add("SpaceToDepth", x, blocksize=size)


@step
def resize(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 4)
    mode = str(graph.random.choice(["nearest", "linear", "cubic"]))
    factors = [1.0, 1.0, *(float(f) for f in graph.random.choice([0.5, 1.0, 1.5, 2.0, 3.0], 2))]
    if graph.opset < 11:
        return graph.add("Resize", x, graph.constant(np.array(factors, np.float32)), mode="nearest")
    place = str(graph.random.choice(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]))
    attributes: dict = {"mode": mode, "coordinate_transformation_mode": place}
    if mode == "nearest":
        kinds = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
        attributes["nearest_mode"] = str(graph.random.choice(kinds))
    roi = graph.constant(np.zeros(0, np.float32)) if graph.opset < 13 else ""
    if graph.random.random() < 0.5:
        return graph.add("Resize", x, roi, graph.constant(np.array(factors, np.float32)), **attributes)
    sizes = [*shape[:2], *whole(graph, 1, 9, 2)]
    empty = graph.constant(np.zeros(0, np.float32)) if graph.opset < 13 else ""
    return graph.add("Resize", x, roi, empty, graph.constant([int(size) for size in sizes]), **attributes)


@step
def reduction(graph: Graph, x: str) -> str:
    kinds = ["Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"]
    operator = "Reduce" + str(graph.random.choice(kinds))
    count = graph.known(x).ndim
    if count < 3:
        raise Unfit("too few axes")
    places = sorted({int(place) for place in graph.random.integers(1, count, graph.random.integers(1, 3))})
    places = [place if graph.random.random() < 0.5 else place - count for place in places]
    keeps = perhaps(graph, int(graph.random.integers(0, 2)))
    if graph.opset >= 18 or (operator == "ReduceSum" and graph.opset >= 13):
        return graph.add(operator, x, graph.constant(places), keepdims=keeps)
    if graph.opset < 11:
        places = [place % count for place in places]
    return graph.add(operator, x, axes=places, keepdims=keeps)


@step
def softmax(graph: Graph, x: str) -> str:
    count = graph.known(x).ndim
    operator = str(graph.random.choice(["Softmax", "Softmax", "LogSoftmax"]))
    return graph.add(operator, x, axis=axis(graph, count, 1) if graph.opset >= 11 else int(graph.random.integers(1, count)))


@step
def running_sum(graph: Graph, x: str) -> str:
    if graph.opset < 11:
        raise Unfit("opset")
    place = graph.constant(np.array(axis(graph, graph.known(x).ndim, 1), np.int64))
    return graph.add("CumSum", x, place, exclusive=perhaps(graph, 1), reverse=perhaps(graph, 1))


@step
def normalization(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 3, 4)
    channels = shape[1]
    kind = graph.random.integers(0, 4)
    if kind == 0:
        per_channel = [graph.positive(channels), graph.normal(channels), graph.normal(channels), graph.positive(channels)]
        return graph.add("BatchNormalization", x, *per_channel, epsilon=perhaps(graph, 1e-3))
    if kind == 1:
        return graph.add("InstanceNormalization", x, graph.positive(channels), graph.normal(channels), epsilon=0.1)
    if kind == 2 and graph.opset >= 17:
        place = axis(graph, len(shape), 1)
        inner = shape[place % len(shape):]
        return graph.add("LayerNormalization", x, graph.positive(*inner), graph.normal(*inner), axis=place, epsilon=0.1)
    size = int(graph.random.choice([1, 3, 5]))
    return graph.add("LRN", x, size=size, alpha=0.1, beta=0.6, bias=1.2) if len(shape) == 4 else graph.add("LpNormalization", x, axis=1)


@step
def product(graph: Graph, x: str) -> str:
    shape = graph.known(x).shape
    width = int(graph.random.integers(1, 6))
    if graph.random.random() < 0.3:
        return graph.add("MatMul", graph.normal(width, shape[-2], scale=0.5), x)
    return graph.add("MatMul", x, graph.normal(shape[-1], width, scale=0.5))


@step
def dense(graph: Graph, x: str) -> str:
    columns = rank(graph, x, 2)[1]
    width = int(graph.random.integers(1, 9))
    flips = int(graph.random.integers(0, 2))
    weight = graph.normal(*((width, columns) if flips else (columns, width)), scale=0.5)
    bias = [graph.normal(*([width] if graph.random.random() < 0.7 else [1]))] if graph.random.random() < 0.7 else []
    if graph.opset < 11 and not bias:
        bias = [graph.normal(width)]
    scales = {"alpha": perhaps(graph, 0.7), "beta": perhaps(graph, 1.3)}
    return graph.add("Gemm", x, weight, *bias, transB=flips, **scales)


@step
def einsum(graph: Graph, x: str) -> str:
    if graph.opset < 12:
        raise Unfit("opset")
    shape = graph.known(x).shape
    letters = "abcde"[: len(shape)]
    place = int(graph.random.integers(1, len(shape)))
    result = letters.replace(letters[place], "z") if graph.random.random() < 0.7 else letters.replace(letters[place], "") + "z"
    weight = graph.normal(shape[place], int(graph.random.integers(1, 5)), scale=0.5)
    return graph.add("Einsum", x, weight, equation=f"{letters},{letters[place]}z->{result}")


@step
def attention(graph: Graph, x: str) -> str:
    shape = rank(graph, x, 3)
    order = graph.add("Transpose", x, perm=[0, 2, 1])
    scores = graph.add("MatMul", x, order)
    weights = graph.add("Softmax", graph.add("Mul", scores, graph.constant(np.float32(shape[2] ** -0.5))), axis=2)
    return graph.add("MatMul", weights, x)


@step
def recurrent(graph: Graph, x: str) -> str:
    _, length, features = rank(graph, x, 3)
    if length > 30:
        raise Unfit("long")
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    operator, gates = [("LSTM", 4), ("GRU", 3), ("RNN", 1)][int(graph.random.integers(3))]
    direction = str(graph.random.choice(["forward", "reverse", "bidirectional"]))
    count, hidden = (2 if direction == "bidirectional" else 1), int(graph.random.integers(1, 4))
    weights = [graph.normal(count, gates * hidden, features, scale=0.5), graph.normal(count, gates * hidden, hidden, scale=0.5)]
    bias = [graph.normal(count, 2 * gates * hidden, scale=0.3)] if graph.random.random() < 0.5 else []
    more = {"linear_before_reset": perhaps(graph, 1)} if operator == "GRU" else {}
    value = graph.add(operator, x, *weights, *bias, hidden_size=hidden, direction=direction, **more)
    # the batch axis goes back to the front
    return graph.add("Transpose", value, perm=[2, 0, 1, 3])


@step
def computed_shape(graph: Graph, x: str) -> str:
    shape = graph.add("Shape", x)
    first = graph.add("Gather", shape, graph.constant([0]), axis=0)
    return graph.add("Reshape", x, graph.add("Concat", first, graph.constant([-1]), axis=0))
