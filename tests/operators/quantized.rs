//! Quantised arithmetic against the integer arithmetic that ONNX defines, and its straight-through gradient.

use super::{check_books, kinds, spread};
use crate::support::onnx::{Graph, int};
use crate::support::{Numbers, explain};
use onnxplain::composite::Composite;
use onnxplain::network::Network;
use onnxplain::tensor::Tensor;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// Stored whole numbers of eight bits.
fn bytes(g: &mut Graph, shape: &[usize], number_type: DataType, values: &[i32]) -> String {
    let name = format!("w{}", g.proto.initializer.len());
    g.tensor(TensorProto {
        name,
        dims: shape.iter().map(|&length| length as i64).collect(),
        data_type: number_type as i32,
        int32_data: values.to_vec(),
        ..TensorProto::default()
    })
}

/// Whole numbers between −100 and 100.
fn weights(count: usize) -> Vec<i32> {
    Numbers::new(7).between(-100.0, 100.0, count).into_iter().map(|w| w as i32).collect()
}

fn quantized(x: f32, scale: f32, zero: i32, (low, high): (i32, i32)) -> i32 {
    ((x / scale).round_ties_even() as i32 + zero).clamp(low, high)
}

const BYTE: (i32, i32) = (0, 255);

/// How many steps of the result two values are apart at most.
fn steps_apart(ours: &Tensor, expected: &[f32], step: f32) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let apart = ours.data().iter().zip(expected).map(|(a, b)| ((a - b) / step).abs());
    apart.fold(0.0, |worst, apart| if apart.is_nan() { f32::INFINITY } else { worst.max(apart) })
}

fn gradient(network: &Network, input: &Tensor, initial: &Tensor) -> Tensor {
    let composite = Composite::find("gradient").unwrap();
    explain(network, &composite, None, input, initial).unwrap().relevance[0].clone()
}

#[test]
fn a_value_that_is_quantised_and_back_is_one_activation() {
    for (number_type, range) in [(DataType::Uint8, BYTE), (DataType::Int8, (-128, 127))] {
        let mut graph = Graph::with_input(13, &[1, 4, 3]);
        let g = &mut graph;
        let scale = g.floats(&[], &[0.02]);
        let zero = bytes(g, &[], number_type, &[20]);
        let y = g.node("QuantizeLinear", &["x", &scale, &zero], &[]);
        let y = g.node("DequantizeLinear", &[&y, &scale, &zero], &[]);
        g.output(&y);
        let network = graph.load().unwrap().network;
        assert_eq!(kinds(&network), ["activation"]);
        let input = spread(&[1, 4, 3], 3);
        let of = |&x: &f32| 0.02 * (quantized(x, 0.02, 20, range) - 20) as f32;
        let expected: Vec<f32> = input.data().iter().map(of).collect();
        assert!(steps_apart(&network.evaluate(&input).unwrap(), &expected, 0.02) < 1e-3);
        let ones = Tensor::filled(&[1, 4, 3], 1.0).unwrap();
        let slopes = gradient(&network, &input, &ones);
        for (&x, &slope) in input.data().iter().zip(slopes.data()) {
            let steps = (x / 0.02).round() as i32 + 20;
            let is_inside = range.0 < steps && steps < range.1;
            assert_eq!(slope, f32::from(is_inside), "at {x}");
        }
        check_books(&network, &input).unwrap();
    }
}

#[test]
fn a_scale_for_every_channel() {
    let mut graph = Graph::with_input(13, &[1, 2, 3]);
    let g = &mut graph;
    let scale = g.floats(&[2], &[0.5, 0.25]);
    let zero = bytes(g, &[2], DataType::Int8, &[0, 3]);
    let y = g.node("QuantizeLinear", &["x", &scale, &zero], &[int("axis", 1)]);
    let y = g.node("DequantizeLinear", &[&y, &scale, &zero], &[int("axis", 1)]);
    g.output(&y);
    let network = graph.load().unwrap().network;
    let input = Tensor::new(&[1, 2, 3], &[0.3, -0.8, 40.0, 0.3, -0.8, 40.0]).unwrap();
    let expected = [0.5, -1.0, 40.0, 0.25, -0.75, 31.0];
    assert_eq!(network.evaluate(&input).unwrap().data(), expected);
}

/// The integer arithmetic of a product of matrices, and its real-valued gradient.
#[test]
fn a_quantised_product_is_one_step_from_the_integer_one() {
    let (rows, inner, columns) = (2, 6, 4);
    let w = weights(inner * columns);
    let mut graph = Graph::with_input(13, &[1, rows, inner]);
    let g = &mut graph;
    let [s, ws, ys] = [0.05, 0.01, 0.04].map(|scale| g.floats(&[], &[scale]));
    let [z, yz] = [120, 128].map(|zero| bytes(g, &[], DataType::Uint8, &[zero]));
    let wz = bytes(g, &[], DataType::Int8, &[3]);
    let w_name = bytes(g, &[inner, columns], DataType::Int8, &w);
    let q = g.node("QuantizeLinear", &["x", &s, &z], &[]);
    let q = g.node("QLinearMatMul", &[&q, &s, &z, &w_name, &ws, &wz, &ys, &yz], &[]);
    let y = g.node("DequantizeLinear", &[&q, &ys, &yz], &[]);
    g.output(&y);
    let network = graph.load().unwrap().network;
    assert_eq!(kinds(&network), ["activation", "dense", "activation"]);
    let input = spread(&[1, rows, inner], 5);
    let mut expected = vec![];
    for row in input.data().chunks(inner) {
        let q: Vec<i32> = row.iter().map(|&x| quantized(x, 0.05, 120, BYTE)).collect();
        for column in 0..columns {
            let sum: i32 = (0..inner).map(|k| (q[k] - 120) * (w[k * columns + column] - 3)).sum();
            let result = quantized(sum as f32 * 0.05 * 0.01, 0.04, 128, BYTE);
            expected.push((result - 128) as f32 * 0.04);
        }
    }
    assert!(steps_apart(&network.evaluate(&input).unwrap(), &expected, 0.04) < 1.001);
    check_books(&network, &input).unwrap();
    let small = Tensor::filled(&[1, rows, inner], 0.1).unwrap();
    let ones = Tensor::filled(&[1, rows, columns], 1.0).unwrap();
    let slopes = gradient(&network, &small, &ones);
    for (at, slope) in slopes.data().iter().enumerate() {
        let row = &w[at % inner * columns..][..columns];
        let expected: f32 = row.iter().map(|&w| (w - 3) as f32 * 0.01).sum();
        assert!((slope - expected).abs() < 1e-4, "{slope}, not {expected}");
    }
}

#[test]
fn a_quantised_convolution_with_a_bias() {
    let w = weights(4 * 2);
    let bias = [40, -30, 0, 25];
    let mut graph = Graph::with_input(13, &[1, 2, 3, 3]);
    let g = &mut graph;
    let [s, ys] = [0.05, 0.06].map(|scale| g.floats(&[], &[scale]));
    let ws = g.floats(&[4], &[0.01, 0.02, 0.01, 0.03]);
    let [z, yz] = [100, 90].map(|zero| bytes(g, &[], DataType::Uint8, &[zero]));
    let wz = bytes(g, &[4], DataType::Int8, &[0, 0, 0, 0]);
    let w_name = bytes(g, &[4, 2, 1, 1], DataType::Int8, &w);
    let b = bytes(g, &[4], DataType::Int32, &bias);
    let q = g.node("QuantizeLinear", &["x", &s, &z], &[]);
    let q = g.node("QLinearConv", &[&q, &s, &z, &w_name, &ws, &wz, &ys, &yz, &b], &[]);
    let y = g.node("DequantizeLinear", &[&q, &ys, &yz], &[]);
    g.output(&y);
    let network = graph.load().unwrap().network;
    assert_eq!(kinds(&network), ["activation", "convolution", "activation"]);
    let input = spread(&[1, 2, 3, 3], 6);
    let mut expected = vec![];
    for (filter, scale) in [0.01f32, 0.02, 0.01, 0.03].into_iter().enumerate() {
        for pixel in 0..9 {
            let q = |channel: usize| quantized(input.data()[channel * 9 + pixel], 0.05, 100, BYTE);
            let sum =
                (0..2).map(|channel| (q(channel) - 100) * w[filter * 2 + channel]).sum::<i32>();
            let sum = (sum + bias[filter]) as f32 * 0.05 * scale;
            expected.push((quantized(sum, 0.06, 90, BYTE) - 90) as f32 * 0.06);
        }
    }
    assert!(steps_apart(&network.evaluate(&input).unwrap(), &expected, 0.06) < 1.001);
    check_books(&network, &input).unwrap();
}

#[test]
fn a_product_quantised_while_it_runs() {
    let (inner, columns) = (5, 3);
    let w = weights(inner * columns);
    let mut graph = Graph::with_input(13, &[1, inner]);
    let g = &mut graph;
    let w_name = bytes(g, &[inner, columns], DataType::Int8, &w);
    let ws = g.floats(&[], &[0.01]);
    let outputs = ["q", "s", "z"];
    g.named_node("dynamic", "DynamicQuantizeLinear", &["x"], &outputs, &[]);
    let sums = g.node("MatMulInteger", &["q", &w_name, "z"], &[]);
    let sums = g.node("Cast", &[&sums], &[int("to", 1)]);
    let scale = g.node("Mul", &["s", &ws], &[]);
    let y = g.node("Mul", &[&sums, &scale], &[]);
    g.output(&y);
    let network = graph.load().unwrap().network;
    let input = spread(&[1, inner], 4);
    let high = input.data().iter().fold(0.0f32, |high, &x| high.max(x));
    let low = input.data().iter().fold(0.0f32, |low, &x| low.min(x));
    let scale = (high - low) / 255.0;
    let zero = (-low / scale).round_ties_even() as i32;
    let q: Vec<i32> = input.data().iter().map(|&x| quantized(x, scale, zero, BYTE)).collect();
    let sum = |column: usize| -> i32 {
        (0..inner).map(|k| (q[k] - zero) * w[k * columns + column]).sum()
    };
    let expected: Vec<f32> = (0..columns).map(|column| sum(column) as f32 * scale * 0.01).collect();
    // A step of one input, times the largest weight.
    assert!(steps_apart(&network.evaluate(&input).unwrap(), &expected, scale) < 1.001);
    let ones = Tensor::filled(&[1, columns], 1.0).unwrap();
    let slopes = gradient(&network, &input, &ones);
    for (row, slope) in w.chunks(columns).zip(slopes.data()) {
        let expected = row.iter().sum::<i32>() as f32 * 0.01;
        assert!((slope - expected).abs() < 0.05 * expected.abs().max(1.0), "{slope}, {expected}");
    }
    check_books(&network, &input).unwrap();
}
