//! Matrix products of two signals, attention in one node and in many.

use super::{all_hold, case, weight};
use crate::support::onnx::{Graph, float, int, ints, text};

/// The tokens `[1, 3, 4]` times a weight: a projection of them.
fn projection(g: &mut Graph) -> String {
    let w = weight(g, &[4, 4]);
    g.node("MatMul", &["x", &w], &[])
}

/// The tokens split into two heads: `[1, 2, 3, 2]`.
fn heads(g: &mut Graph) -> String {
    let y = projection(g);
    let shape = g.ints(&[1, 3, 2, 2]);
    let y = g.node("Reshape", &[&y, &shape], &[]);
    g.node("Transpose", &[&y], &[ints("perm", &[0, 2, 1, 3])])
}

/// The kinds of what [`heads`] adds.
const HEADS: &[&str] = &["dense", "reshape", "reshape"];

#[test]
fn matrix_products_of_two_signals() {
    all_hold(vec![
        case("squares", 13, &[1, 3, 3], &["matmul"], |g| g.node("MatMul", &["x", "x"], &[])),
        case("gram", 13, &[1, 3, 4], &["reshape", "matmul"], |g| {
            let transposed = g.node("Transpose", &["x"], &[ints("perm", &[0, 2, 1])]);
            g.node("MatMul", &["x", &transposed], &[])
        }),
        case(
            "einsum with the output transposed",
            13,
            &[1, 3, 4],
            &["reshape", "matmul", "reshape"],
            |g| g.node("Einsum", &["x", "x"], &[text("equation", "bik,bjk->bji")]),
        ),
        case("a batch", 13, &[1, 2, 3, 3], &["reshape", "reshape", "matmul", "reshape"], |g| {
            g.node("MatMul", &["x", "x"], &[])
        }),
        case(
            "one matrix for all",
            13,
            &[1, 2, 3, 3],
            &["reshape", "reshape", "reshape", "matmul", "reshape"],
            |g| {
                let (zero, one, axis) = (g.ints(&[0]), g.ints(&[1]), g.ints(&[1]));
                let first = g.node("Slice", &["x", &zero, &one, &axis], &[]);
                g.node("MatMul", &["x", &first], &[])
            },
        ),
        case("a vector", 13, &[1, 3, 3], &["reshape", "matmul"], |g| {
            let (zero, one, axis) = (g.ints(&[0]), g.ints(&[1]), g.ints(&[2]));
            let column = g.node("Slice", &["x", &zero, &one, &axis], &[]);
            g.node("MatMul", &["x", &column], &[])
        }),
    ]);
}

#[test]
fn attention_written_out() {
    let scores = &[
        "reshape",
        "reshape",
        "reshape",
        "matmul",
        "reshape",
        "normalization",
        "normalization",
        "softmax",
    ];
    let mixed = &["reshape", "reshape", "matmul", "reshape", "reshape", "reshape"];
    let kinds = &[HEADS, HEADS, scores, HEADS, mixed].concat();
    let attention = |name, mask: &'static [f32]| {
        case(name, 13, &[1, 3, 4], kinds, |g| {
            let (q, k) = (heads(g), heads(g));
            let k = g.node("Transpose", &[&k], &[ints("perm", &[0, 1, 3, 2])]);
            let scores = g.node("MatMul", &[&q, &k], &[]);
            let scale = g.floats(&[], &[0.7]);
            let scores = g.node("Mul", &[&scores, &scale], &[]);
            let mask = g.floats(&[3, 3], mask);
            let scores = g.node("Add", &[&scores, &mask], &[]);
            let weights = g.node("Softmax", &[&scores], &[int("axis", -1)]);
            let v = heads(g);
            let y = g.node("MatMul", &[&weights, &v], &[]);
            let y = g.node("Transpose", &[&y], &[ints("perm", &[0, 2, 1, 3])]);
            let shape = g.ints(&[1, 3, 4]);
            g.node("Reshape", &[&y, &shape], &[])
        })
    };
    const BIAS: &[f32] = &[0.1, -0.2, 0.3, 0.0, 0.5, -0.1, 0.2, 0.2, -0.4];
    const CLOSED: f32 = -1e9;
    const CAUSAL: &[f32] = &[0.0, CLOSED, CLOSED, 0.0, 0.0, CLOSED, 0.0, 0.0, 0.0];
    const HIDDEN: f32 = f32::NEG_INFINITY;
    const HIDING: &[f32] = &[0.0, HIDDEN, HIDDEN, 0.0, 0.0, HIDDEN, 0.0, 0.0, 0.0];
    all_hold(vec![
        attention("a bias", BIAS),
        attention("a mask that closes", CAUSAL),
        attention("a mask of −∞", HIDING),
    ]);
}

#[test]
fn attention_as_one_node() {
    let attention = &[
        "reshape",
        "reshape",
        "matmul",
        "normalization",
        "softmax",
        "reshape",
        "matmul",
        "reshape",
    ];
    let mixing = &[&attention[2..], &["reshape", "reshape"]].concat();
    let of_heads = [HEADS, HEADS, HEADS, attention].concat();
    let of_tokens = [of_heads.as_slice(), &["reshape", "reshape"]].concat();
    all_hold(vec![
        case("four axes", 23, &[1, 3, 4], &of_heads, |g| {
            let (q, k, v) = (heads(g), heads(g), heads(g));
            g.node("Attention", &[&q, &k, &v], &[])
        }),
        case("with a scale and a mask", 23, &[1, 3, 4], &of_heads, |g| {
            let (q, k, v) = (heads(g), heads(g), heads(g));
            let mask = g.floats(&[3, 3], &[0.1, -0.2, 0.3, 0.0, 0.5, -0.1, 0.2, 0.2, -0.4]);
            g.node("Attention", &[&q, &k, &v, &mask], &[float("scale", 0.5)])
        }),
        case(
            "heads that share keys",
            23,
            &[1, 3, 4],
            &[HEADS, HEADS, HEADS, &["reshape"; 4], mixing].concat(),
            |g| {
                let q = projection(g);
                let w = weight(g, &[4, 2]);
                let (k, v) = (g.node("MatMul", &["x", &w], &[]), g.node("MatMul", &["x", &w], &[]));
                let heads = [int("q_num_heads", 2), int("kv_num_heads", 1)];
                g.node("Attention", &[&q, &k, &v], &heads)
            },
        ),
        case("three axes", 23, &[1, 3, 4], &of_tokens, |g| {
            let (q, k, v) = (projection(g), projection(g), projection(g));
            let heads = [int("q_num_heads", 2), int("kv_num_heads", 2)];
            g.node("Attention", &[&q, &k, &v], &heads)
        }),
    ]);
}

#[test]
fn attention_with_a_part_that_is_not_known_is_refused_by_name() {
    let mut graph = Graph::with_input(23, &[1, 3, 4]);
    let (q, k, v) = (heads(&mut graph), heads(&mut graph), heads(&mut graph));
    let y = graph.node("Attention", &[&q, &k, &v], &[int("qk_matmul_output_mode", 1)]);
    graph.output(&y);
    let error = crate::support::message(graph.load());
    assert!(error.contains("Attention") && error.contains("qk_matmul_output_mode"), "{error}");
}
