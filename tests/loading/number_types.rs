//! Weights and inputs of other number types than float32.

use onnxplain::tensor::Tensor;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::support::onnx::{Graph, dims, fixed, int, tensor};
use super::support::{difference, message, noise};
use super::{PICTURE, agrees_with_reference, classifier, weights};

/// The bits of a number as a float16; only for normal numbers.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + 15;
    if value == 0.0 || exponent <= 0 {
        sign
    } else {
        sign | ((exponent as u16) << 10) | ((bits >> 13) & 0x3ff) as u16
    }
}

#[test]
fn a_model_of_float16() {
    let mut graph = classifier(13, &[]);
    graph.proto.input.clear();
    graph.input("x", &fixed(&PICTURE), DataType::Float16);
    for weight in &mut graph.proto.initializer {
        let halves =
            weight.raw_data.chunks(4).map(|raw| half(f32::from_le_bytes(raw.try_into().unwrap())));
        weight.raw_data = halves.flat_map(u16::to_le_bytes).collect();
        weight.data_type = DataType::Float16 as i32;
    }
    let model = graph.load().unwrap();
    agrees_with_reference(&model, 5e-3);
    let input = noise(&PICTURE, 1);
    let full = classifier(13, &fixed(&PICTURE)).load().unwrap().network.evaluate(&input).unwrap();
    assert!(difference(model.network.evaluate(&input).unwrap().data(), full.data()) < 5e-3);
}

#[test]
fn a_model_of_float64() {
    let mut graph = Graph::new(13);
    graph.input("x", &fixed(&[1, 4]), DataType::Double);
    let double = |name: &str, shape: &[usize]| TensorProto {
        name: name.to_string(),
        dims: dims(shape),
        data_type: DataType::Double as i32,
        double_data: weights(shape.iter().product()).into_iter().map(f64::from).collect(),
        ..TensorProto::default()
    };
    let w = graph.tensor(double("w", &[4, 3]));
    let b = graph.node("Constant", &[], &[tensor("value", double("b", &[3]))]);
    let y = graph.node("Gemm", &["x", &w, &b], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    agrees_with_reference(&model, 1e-5);
    let output = model.network.evaluate(&Tensor::zeros(&[1, 4]).unwrap()).unwrap();
    assert!(difference(output.data(), &weights(3)) < 1e-6);
}

#[test]
fn float16_weights_behind_casts() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let raw_data = weights(12).iter().flat_map(|&w| half(w).to_le_bytes()).collect();
    let w = graph.tensor(TensorProto {
        name: "w".to_string(),
        dims: dims(&[4, 3]),
        data_type: DataType::Float16 as i32,
        raw_data,
        ..TensorProto::default()
    });
    let w = graph.node("Cast", &[&w], &[int("to", 1)]);
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    agrees_with_reference(&graph.load().unwrap(), 1e-5);
}

/// A vector of numbers of a type, as it is in the file.
fn raw(number_type: DataType, length: usize, bytes: &[u8]) -> TensorProto {
    TensorProto {
        name: "w".to_string(),
        dims: dims(&[length]),
        data_type: number_type as i32,
        raw_data: bytes.to_vec(),
        ..TensorProto::default()
    }
}

#[test]
fn bfloat16_in_any_attribute() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let shape = graph.ints(&[4]);
    let value = raw(DataType::Bfloat16, 1, &0x4020_u16.to_le_bytes());
    let filled = graph.node("ConstantOfShape", &[&shape], &[tensor("value", value)]);
    let y = graph.node("Add", &["x", &filled], &[]);
    graph.output(&y);
    let output = graph.load().unwrap().network.evaluate(&Tensor::zeros(&[1, 4]).unwrap()).unwrap();
    assert!(difference(output.data(), &[2.5; 4]) == 0.0, "{:?}", output.data());
}

#[test]
fn types_that_are_not_read_are_named() {
    let told = |stored: TensorProto, is_constant: bool| {
        let mut graph = Graph::with_input(21, &[1, 4]);
        let w = match is_constant {
            true => graph.node("Constant", &[], &[tensor("value", stored)]),
            false => graph.tensor(stored),
        };
        let y = graph.node("Add", &["x", &w], &[]);
        graph.output(&y);
        message(graph.load())
    };
    for (number_type, bytes, word) in [
        (DataType::Int4, 2, "int4"),
        (DataType::Float8e4m3fn, 4, "float8e4m3fn"),
        (DataType::Complex64, 32, "complex64"),
    ] {
        let expected = format!("its number type is {word}, which is not read");
        for (is_constant, what) in [(false, "tensor \"w\""), (true, "the Constant node")] {
            let said = told(raw(number_type, 4, &vec![0; bytes]), is_constant);
            assert!(said.contains(&expected) && said.contains(what), "{said}");
        }
    }
    let said = told(raw(DataType::String, 4, &[0; 16]), true);
    assert!(said.contains("its words are stored as raw bytes"), "{said}");
}
