"""Products of matrices, and attention."""

from collections.abc import Iterator

import numpy as np

from operators.case import OperatorCase, chain, normal, number, single, whole


def cases() -> Iterator[OperatorCase]:
    """All of them."""
    yield from dense()
    yield from einsums()
    yield from attention()


def dense() -> Iterator[OperatorCase]:
    """Gemm and MatMul."""
    flat = {"shape": (1, 108)}
    bias = ("c", normal(7, seed=3))
    yield single("product", "Gemm", {}, [("w", normal(108, 7)), bias], label="plain", **flat)
    yield single(
        "product",
        "Gemm",
        {"transB": 1, "alpha": 0.5, "beta": 2.0},
        [("w", normal(7, 108)), bias],
        label="transB alpha beta",
        **flat,
    )
    yield single("product", "Gemm", {"transA": 1}, [("w", normal(108, 7))], label="transA", shape=(108, 1))
    yield single(
        "product",
        "Gemm",
        {"alpha": -1.5},
        [("w", normal(108, 7)), ("c", number(0.3))],
        label="one number as bias",
        **flat,
    )
    yield single("product", "Gemm", {}, [("w", normal(108, 7)), ("c", normal(1, 1))], label="bias [1,1]", **flat)
    yield single(
        "product", "Gemm", {}, [("w", normal(6, 7)), ("c", normal(18, 1))], label="bias per row", shape=(18, 6)
    )
    yield single(
        "product", "Gemm", {}, [("w", normal(4, 18))], inputs=["w", "x"], label="constant on the left", shape=(18, 6)
    )
    for label, weight in {
        "matrix": normal(6, 4),
        "batch of matrices": normal(3, 6, 4),
        "full batch": normal(1, 3, 6, 4),
        "vector": normal(6),
        "broadcast batch": normal(2, 1, 6, 4),
    }.items():
        yield single("product", "MatMul", {}, [("w", weight)], label=f"x, {label}")
    for label, weight in {"matrix": normal(4, 6), "batch of matrices": normal(3, 4, 6), "vector": normal(6)}.items():
        yield single("product", "MatMul", {}, [("w", weight)], inputs=["w", "x"], label=f"{label}, x")
    yield single("product", "MatMul", {}, [("w", normal(108, 4))], label="vector, matrix", shape=(108,))
    yield chain(
        "product",
        "MatMul",
        "two signals",
        [("Transpose", ["x"], ["t"], {"perm": [0, 1, 3, 2]}), ("MatMul", ["x", "t"], ["y"])],
    )
    yield chain(
        "product",
        "MatMul",
        "two signals, broadcast",
        [("ReduceMean", ["x"], ["m"], {"axes": [1], "keepdims": 0}), ("MatMul", ["x", "m"], ["y"])],
    )


def einsums() -> Iterator[OperatorCase]:
    """Einsum of one to three operands."""
    one = ["bchw->bhwc", "bchw->bc", "bcii->bci", "bcii->bc", "...hw->...wh", "bchw"]
    for equation in one:
        yield single("product", "Einsum", {"equation": equation}, opset=12)
    two = {
        "bchw,cd->bdhw": (3, 4),
        "bchw,cde->bdhe": None,
        "bchw,c->bhw": (3,),
        "bchw,hwd->bcd": (6, 6, 4),
        "...w,wd->...d": (6, 4),
        "bchw,bcwd->bchd": (1, 3, 6, 4),
        "bchw,chw->b": (3, 6, 6),
        "bchw,chw->bchw": (3, 6, 6),
        "bchw,k->bkchw": (2,),
    }
    for equation, shape in two.items():
        if shape:
            yield single("product", "Einsum", {"equation": equation}, [("w", normal(*shape))], opset=12)
    yield single(
        "product",
        "Einsum",
        {"equation": "dc,bchw->bdhw"},
        [("w", normal(4, 3))],
        inputs=["w", "x"],
        label="constant first",
        opset=12,
    )
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t"], ["y"], {"equation": "bchw,bcvw->bchv"})]
    yield chain("product", "Einsum", "two signals bchw,bcvw->bchv", steps, opset=12)
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t"], ["y"], {"equation": "bchw,bchw->bc"})]
    yield chain("product", "Einsum", "two signals bchw,bchw->bc", steps, opset=12)
    yield single(
        "product",
        "Einsum",
        {"equation": "bchw,cd,de->behw"},
        [("w", normal(3, 4)), ("v", normal(4, 5))],
        label="x and two constants",
        opset=12,
    )
    steps = [("Tanh", ["x"], ["t"]), ("Einsum", ["x", "t", "w"], ["y"], {"equation": "bchw,bchw,cd->bd"})]
    yield chain("product", "Einsum", "two signals and a constant", steps, {"w": normal(3, 4)}, opset=12)


def attention() -> Iterator[OperatorCase]:
    """Attention of opset 23 and its masks; the picture is 6 tokens of 18, or 2 heads of 9."""
    causal = np.tril(np.ones((6, 6), bool))
    some = np.random.default_rng(3).random((6, 6)) > 0.3
    some[:, 0] = True
    additive = normal(6, 6, seed=8)
    masks: dict[str, np.ndarray | None] = {
        "no mask": None, "boolean causal": causal, "boolean": some,
        "boolean per head": np.stack([some, some.T | causal])[None], "boolean broadcast": some[:1].copy(),
        "additive": additive, "additive -inf": np.where(causal, 0, -np.inf).astype(np.float32),
        "additive per head": normal(1, 2, 6, 6, seed=9), "all true": np.ones((6, 6), bool),
    }  # fmt: skip
    options: list[dict] = [
        {},
        {"scale": 0.7},
        {"is_causal": 1},
        {"softcap": 1.5},
        {"scale": 0.7, "softcap": 2.0, "is_causal": 1},
    ]
    for mask_label, mask in masks.items():
        for attributes in options if mask is None or mask_label in ("boolean", "additive") else options[:1]:
            for rank in (3, 4):
                yield _attention(rank, attributes, mask_label, mask)
    for mask_label in ("no mask", "boolean", "additive"):
        yield _attention(3, {}, mask_label, masks[mask_label], kv_heads=1)
    yield _attention(4, {"softmax_precision": 1}, "no mask", None)


def _attention(rank: int, attributes: dict, label: str, mask: np.ndarray | None, kv_heads: int = 2) -> OperatorCase:
    constants: dict[str, np.ndarray] = {
        "wq": normal(18, 18, seed=1, scale=0.3),
        "wk": normal(18, 9 * kv_heads, seed=2, scale=0.3),
        "wv": normal(18, 9 * kv_heads, seed=3, scale=0.3),
    }
    steps: list[tuple] = [("MatMul", ["x", f"w{word}"], [word]) for word in "qkv"]
    if rank == 4:
        constants["heads"] = whole(1, 6, 2, 9)
        for word in "qkv":
            steps += [
                ("Reshape", [word, "heads"], [word + "r"]),
                ("Transpose", [word + "r"], [word + "t"], {"perm": [0, 2, 1, 3]}),
            ]
        inputs = ["qt", "kt", "vt"]
    else:
        attributes = {**attributes, "q_num_heads": 2, "kv_num_heads": kv_heads}
        inputs = ["q", "k", "v"]
    if mask is not None:
        constants["mask"] = mask
        inputs.append("mask")
    steps.append(("Attention", inputs, ["y"], attributes))
    text = " ".join([f"rank {rank}", label, *(f"{name}={value}" for name, value in attributes.items())])
    return chain("attention", "Attention", text, steps, constants, shape=(1, 6, 18), opset=23)
