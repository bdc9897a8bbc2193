//! `Einsum` of one, two and three factors, batches of weight matrices, and images in a batch.

use super::{all_hold, case, weight};
use crate::support::onnx::{Graph, int, ints, text};

/// An `Einsum` of the input and weights of the given shapes.
fn einsum(g: &mut Graph, equation: &str, weights: &[&[usize]]) -> String {
    let weights: Vec<String> = weights.iter().map(|shape| weight(g, shape)).collect();
    let inputs: Vec<&str> =
        std::iter::once("x").chain(weights.iter().map(String::as_str)).collect();
    g.node("Einsum", &inputs, &[text("equation", equation)])
}

#[test]
fn sums_of_one_factor() {
    all_hold(vec![
        case("a transpose", 13, &[1, 2, 3], &["reshape"], |g| einsum(g, "bij->bji", &[])),
        case("a sum", 13, &[1, 2, 3], &["average-pool", "reshape"], |g| einsum(g, "bij->bi", &[])),
        case("a diagonal", 13, &[1, 3, 3], &["reshape"], |g| einsum(g, "bii->bi", &[])),
        case("a trace", 13, &[1, 3, 3], &["reshape", "average-pool", "reshape"], |g| {
            einsum(g, "bii->b", &[])
        }),
    ]);
}

#[test]
fn products_of_several_factors() {
    all_hold(vec![
        case("two weights", 13, &[1, 2, 3], &["dense", "dense"], |g| {
            einsum(g, "bij,jk,kl->bil", &[&[3, 4], &[4, 2]])
        }),
        case(
            "an axis that only the signal has",
            13,
            &[1, 2, 3],
            &["average-pool", "reshape", "dense"],
            |g| einsum(g, "bij,jk->bk", &[&[3, 4]]),
        ),
        case("an axis that only the weight has", 13, &[1, 2, 3], &["dense"], |g| {
            einsum(g, "bij,jkl->bil", &[&[3, 4, 2]])
        }),
        case("two signals and a weight", 13, &[1, 2, 3], &["reshape", "matmul", "dense"], |g| {
            let w = weight(g, &[2, 4]);
            g.node("Einsum", &["x", "x", &w], &[text("equation", "bij,bkj,ke->bie")])
        }),
    ]);
}

#[test]
fn batches_of_matrices() {
    let heads = ["reshape", "reshape", "dense", "reshape", "dense", "concat", "reshape"];
    all_hold(vec![
        case("one for every head", 13, &[1, 2, 3, 4], &heads, |g| {
            let w = weight(g, &[2, 4, 5]);
            g.node("MatMul", &["x", &w], &[])
        }),
        case("on the left", 13, &[1, 2, 3, 4], &heads, |g| {
            let w = weight(g, &[2, 5, 3]);
            g.node("MatMul", &[&w, "x"], &[])
        }),
        case("for a signal without the axis", 13, &[1, 3, 4], &["dense", "reshape"], |g| {
            einsum(g, "btd,hde->bhte", &[&[2, 4, 5]])
        }),
    ]);
}

/// Experts mixed by the picture (CondConv): the weight of the convolution is a signal.
#[test]
fn convolutions_with_a_computed_weight() {
    let mixed = |g: &mut Graph, shape: &[usize]| {
        let len = shape.iter().product();
        let w = weight(g, &[2, len]);
        let pooled = g.node("ReduceMean", &["x"], &[ints("axes", &[2, 3]), int("keepdims", 0)]);
        let y = g.node("MatMul", &[&pooled, &w], &[]);
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let shape = g.ints(&shape);
        g.node("Reshape", &[&y, &shape], &[])
    };
    let weights = ["average-pool", "reshape", "reshape", "dense"];
    let kinds = [weights.as_slice(), &["reshape"; 4], &["matmul", "reshape"]].concat();
    let biased = [kinds.as_slice(), &["normalization"]].concat();
    all_hold(vec![
        case("padded and strided", 13, &[1, 2, 5, 4], &biased, |g| {
            let (w, b) = (mixed(g, &[3, 2, 3, 2]), weight(g, &[3]));
            let geometry = [ints("pads", &[1, 0, 1, 1]), ints("strides", &[2, 1])];
            g.node("Conv", &["x", &w, &b], &geometry)
        }),
        case("grouped and dilated", 13, &[1, 2, 5, 5], &kinds, |g| {
            let w = mixed(g, &[4, 1, 2, 2]);
            g.node("Conv", &["x", &w], &[int("group", 2), ints("dilations", &[2, 2])])
        }),
    ]);
}

#[test]
fn images_in_a_batch() {
    let frames = |g: &mut Graph| {
        let shape = g.ints(&[3, 2, 5, 5]);
        g.node("Reshape", &["x", &shape], &[])
    };
    const SHAPE: &[usize] = &[1, 3, 2, 5, 5];
    let behind = |kind| ["reshape", kind];
    all_hold(vec![
        case("a convolution", 13, SHAPE, &behind("convolution"), |g| {
            let (y, w, b) = (frames(g), weight(g, &[4, 2, 3, 3]), weight(g, &[4]));
            g.node("Conv", &[&y, &w, &b], &[ints("pads", &[1, 1, 1, 1]), ints("strides", &[2, 2])])
        }),
        case("a depthwise convolution", 13, SHAPE, &behind("convolution"), |g| {
            let (y, w) = (frames(g), weight(g, &[2, 1, 3, 3]));
            g.node("Conv", &[&y, &w], &[int("group", 2)])
        }),
        case("a transposed convolution", 13, SHAPE, &behind("convolution"), |g| {
            let (y, w, b) = (frames(g), weight(g, &[2, 3, 2, 2]), weight(g, &[3]));
            g.node("ConvTranspose", &[&y, &w, &b], &[])
        }),
        case("the largest", 13, SHAPE, &behind("max-pool"), |g| {
            let y = frames(g);
            g.node("MaxPool", &[&y], &[ints("kernel_shape", &[2, 2])])
        }),
        case("the mean", 13, SHAPE, &behind("average-pool"), |g| {
            let y = frames(g);
            g.node("AveragePool", &[&y], &[ints("kernel_shape", &[2, 2])])
        }),
    ]);
}
