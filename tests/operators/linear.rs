//! Linear layers, and BatchNormalization beside them.

use super::{all_hold, case, weight};
use onnxplain::network::Op;

use crate::support::Numbers;
use crate::support::onnx::{Graph, float, int, ints, text};

#[test]
fn convolutions() {
    const KINDS: &[&str] = &["convolution"];
    let conv = |name, shape: &[usize], kernel: &[usize], attributes: &[_]| {
        let outputs = kernel[0];
        case(name, 13, shape, KINDS, |g| {
            let (w, b) = (weight(g, kernel), weight(g, &[outputs]));
            g.node("Conv", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        conv("1-D", &[1, 2, 9], &[3, 2, 3], &[ints("strides", &[2]), ints("pads", &[1, 0])]),
        conv("2-D", &[1, 2, 5, 6], &[3, 2, 3, 2], &[ints("pads", &[1, 0, 2, 1])]),
        conv("3-D", &[1, 2, 3, 4, 3], &[2, 2, 2, 3, 2], &[ints("pads", &[0, 1, 1, 1, 0, 0])]),
        conv("grouped", &[1, 4, 4, 4], &[6, 2, 2, 2], &[int("group", 2)]),
        conv(
            "depthwise",
            &[1, 3, 5, 5],
            &[3, 1, 3, 3],
            &[int("group", 3), ints("strides", &[2, 2])],
        ),
        conv("depthwise multiplier", &[1, 2, 5, 5], &[4, 1, 3, 3], &[int("group", 2)]),
        conv(
            "dilated, strided",
            &[1, 2, 7, 8],
            &[2, 2, 2, 3],
            &[ints("dilations", &[3, 2]), ints("strides", &[2, 3]), ints("pads", &[1, 2, 0, 1])],
        ),
        conv("stride beyond kernel", &[1, 2, 7, 7], &[2, 2, 2, 2], &[ints("strides", &[3, 4])]),
        // The first layer of a vision transformer: many filters, and a stride as wide as a block of channels.
        conv("patches of 16", &[1, 1, 32, 32], &[16, 1, 16, 16], &[ints("strides", &[16, 16])]),
        conv("patches of 32", &[1, 1, 32, 64], &[16, 1, 32, 32], &[ints("strides", &[32, 32])]),
        conv("SAME_UPPER", &[1, 2, 6, 5], &[2, 2, 3, 2], &[text("auto_pad", "SAME_UPPER")]),
        conv(
            "SAME_LOWER strided",
            &[1, 2, 6, 5],
            &[2, 2, 3, 2],
            &[text("auto_pad", "SAME_LOWER"), ints("strides", &[2, 2])],
        ),
        conv("VALID", &[1, 2, 6, 5], &[2, 2, 3, 2], &[text("auto_pad", "VALID")]),
        case("without bias", 13, &[1, 2, 4, 4], KINDS, |g| {
            let w = weight(g, &[3, 2, 1, 1]);
            g.node("Conv", &["x", &w], &[])
        }),
    ]);
}

#[test]
fn transposed_convolutions() {
    const KINDS: &[&str] = &["convolution"];
    let conv = |name, shape: &[usize], kernel: &[usize], outputs, attributes: &[_]| {
        case(name, 13, shape, KINDS, |g| {
            let (w, b) = (weight(g, kernel), weight(g, &[outputs]));
            g.node("ConvTranspose", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        conv("1-D", &[1, 2, 5], &[2, 3, 3], 3, &[ints("strides", &[2])]),
        conv(
            "2-D",
            &[1, 2, 3, 4],
            &[2, 3, 3, 2],
            3,
            &[ints("strides", &[2, 3]), ints("pads", &[1, 0, 0, 1])],
        ),
        conv(
            "output padding",
            &[1, 2, 3, 4],
            &[2, 2, 3, 3],
            2,
            &[
                ints("strides", &[2, 2]),
                ints("output_padding", &[1, 1]),
                ints("pads", &[1, 1, 1, 1]),
            ],
        ),
        conv(
            "grouped",
            &[1, 4, 3, 3],
            &[4, 3, 2, 2],
            6,
            &[int("group", 2), ints("strides", &[2, 2])],
        ),
        conv(
            "dilated",
            &[1, 2, 3, 4],
            &[2, 2, 2, 3],
            2,
            &[ints("dilations", &[2, 2]), ints("strides", &[1, 2])],
        ),
        conv("3-D", &[1, 2, 2, 3, 2], &[2, 1, 2, 2, 2], 1, &[ints("strides", &[1, 2, 1])]),
    ]);
}

#[test]
fn dense_layers() {
    let gemm = |name, w: [usize; 2], attributes: &[_]| {
        case(name, 13, &[1, 5], &["dense"], |g| {
            let (w, b) = (weight(g, &w), weight(g, &[3]));
            g.node("Gemm", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        gemm("Gemm", [5, 3], &[]),
        gemm("Gemm transB", [3, 5], &[int("transB", 1)]),
        gemm("Gemm alpha", [3, 5], &[int("transB", 1), float("alpha", 0.5)]),
        gemm("Gemm beta", [3, 5], &[int("transB", 1), float("beta", 0.25)]),
        gemm("Gemm both", [3, 5], &[int("transB", 1), float("alpha", 3.0), float("beta", 0.25)]),
        case("Gemm without bias", 13, &[1, 5], &["dense"], |g| {
            let w = weight(g, &[5, 3]);
            g.node("Gemm", &["x", &w], &[])
        }),
        case("Gemm transA", 13, &[1, 4], &["reshape", "reshape", "dense"], |g| {
            let w = weight(g, &[3, 4]);
            let columns = g.node("Transpose", &["x"], &[ints("perm", &[1, 0])]);
            let x = g.node("Gemm", &[&columns, &w], &[int("transA", 1), int("transB", 1)]);
            g.node("Identity", &[&x], &[])
        }),
        case("MatMul, Add", 13, &[1, 5], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[5, 3]), weight(g, &[3]));
            let product = g.node("MatMul", &["x", &w], &[]);
            g.node("Add", &[&product, &b], &[])
        }),
        case("MatMul over positions", 13, &[1, 4, 5], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[5, 3]), weight(g, &[3]));
            let product = g.node("MatMul", &["x", &w], &[]);
            g.node("Add", &[&b, &product], &[])
        }),
        case("MatMul from the left", 13, &[1, 4, 5], &["reshape", "dense", "reshape"], |g| {
            let w = weight(g, &[3, 4]);
            g.node("MatMul", &[&w, "x"], &[])
        }),
    ]);
}

#[test]
fn batch_normalizations() {
    let normalized = |g: &mut Graph, value: &str, channels: usize| {
        let [scale, shift, mean] = [(); 3].map(|()| weight(g, &[channels]));
        let variance = g.floats(&[channels], &Numbers::new(3).between(0.5, 2.0, channels));
        let epsilon = float("epsilon", 1e-3);
        g.node("BatchNormalization", &[value, &scale, &shift, &mean, &variance], &[epsilon])
    };
    all_hold(vec![
        case("alone", 15, &[1, 3, 4, 4], &["normalization"], |g| normalized(g, "x", 3)),
        case("opset 9", 9, &[1, 3, 4, 4], &["normalization"], |g| normalized(g, "x", 3)),
        case("of a vector", 15, &[1, 3], &["normalization"], |g| normalized(g, "x", 3)),
        case("after Conv", 15, &[1, 2, 4, 4], &["convolution", "normalization"], |g| {
            let w = weight(g, &[3, 2, 3, 3]);
            let y = g.node("Conv", &["x", &w], &[]);
            normalized(g, &y, 3)
        }),
        case("after ConvTranspose", 15, &[1, 2, 3, 3], &["convolution", "normalization"], |g| {
            let w = weight(g, &[2, 3, 2, 2]);
            let y = g.node("ConvTranspose", &["x", &w], &[ints("strides", &[2, 2])]);
            normalized(g, &y, 3)
        }),
        case("after Gemm", 15, &[1, 4], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[3, 4]), weight(g, &[3]));
            let y = g.node("Gemm", &["x", &w, &b], &[int("transB", 1)]);
            normalized(g, &y, 3)
        }),
        case(
            "before ReLU and Conv",
            15,
            &[1, 2, 4, 4],
            &["normalization", "activation", "convolution"],
            |g| {
                let y = normalized(g, "x", 2);
                let y = g.node("Relu", &[&y], &[]);
                let w = weight(g, &[3, 2, 3, 3]);
                g.node("Conv", &[&y, &w], &[ints("pads", &[1, 1, 1, 1])])
            },
        ),
    ]);
}

#[test]
fn a_bias_of_zeros_is_none() {
    let bias_of = |numbers: [f32; 2]| {
        let mut graph = Graph::with_input(13, &[1, 3]);
        let (w, b) = (weight(&mut graph, &[2, 3]), graph.floats(&[2], &numbers));
        let y = graph.node("Gemm", &["x", &w, &b], &[int("transB", 1)]);
        graph.output(&y);
        let network = graph.load().unwrap().network;
        match &network.layers[network.output].op {
            Op::Dense(dense) => dense.bias.as_ref().map(|bias| bias.data().to_vec()),
            op => panic!("{op:?}"),
        }
    };
    assert_eq!(bias_of([0.0, -0.0]), None);
    assert_eq!(bias_of([0.0, 0.5]), Some(vec![0.0, 0.5]));
    assert!(bias_of([0.0, f32::NAN]).is_some_and(|bias| bias[1].is_nan()));
}

#[test]
fn a_bias_of_nan_is_not_one_of_zeros() {
    let bias_of = |op: &str, numbers: [f32; 2]| {
        let mut graph = Graph::with_input(13, &[1, 2, 4, 4]);
        let (w, b) = (weight(&mut graph, &[2, 2, 3, 3]), graph.floats(&[2], &numbers));
        let y = graph.node(op, &["x", &w, &b], &[]);
        graph.output(&y);
        let network = graph.load().unwrap().network;
        match &network.layers[network.output].op {
            Op::Convolution(map) => map.bias.as_ref().map(|bias| bias.data().to_vec()),
            op => panic!("{op:?}"),
        }
    };
    for op in ["Conv", "ConvTranspose"] {
        assert_eq!(bias_of(op, [0.0, -0.0]), None, "{op}");
        assert!(bias_of(op, [0.0, f32::NAN]).is_some_and(|bias| bias[1].is_nan()), "{op}");
        let all = bias_of(op, [f32::NAN; 2]);
        assert!(all.is_some_and(|bias| bias.iter().all(|number| number.is_nan())), "{op}");
    }
}
