//! Whatever only moves numbers, and interpolation.

use super::{all_hold, case, scalar, weight};
use crate::support::onnx::{Graph, float_tensor, int, ints, tensor, text};
use onnxplain::tensor::Tensor;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

#[test]
fn moves() {
    const SHAPE: &[usize] = &[1, 4, 3, 5];
    const KINDS: &[&str] = &["reshape"];
    let flat_case =
        |name, opset, build: fn(&mut Graph) -> String| case(name, opset, SHAPE, KINDS, build);
    all_hold(vec![
        case("Concat", 13, SHAPE, &["activation", "concat"], |g| {
            let y = g.node("Relu", &["x"], &[]);
            g.node("Concat", &["x", &y], &[int("axis", 1)])
        }),
        case("Concat with itself on the last axis", 13, SHAPE, &["concat"], |g| {
            g.node("Concat", &["x", "x"], &[int("axis", -1)])
        }),
        case("Concat with a constant", 13, SHAPE, &["constant", "concat"], |g| {
            let c = weight(g, &[1, 4, 1, 5]);
            g.node("Concat", &[&c, "x"], &[int("axis", 2)])
        }),
        flat_case("Slice by attributes", 9, |g| {
            g.node("Slice", &["x"], &[ints("starts", &[1]), ints("ends", &[3]), ints("axes", &[1])])
        }),
        flat_case("Slice with steps", 13, |g| {
            let (starts, ends) = (g.ints(&[0, -1]), g.ints(&[4, -9]));
            let (axes, steps) = (g.ints(&[1, 3]), g.ints(&[2, -2]));
            g.node("Slice", &["x", &starts, &ends, &axes, &steps], &[])
        }),
        case("Split", 13, SHAPE, &["reshape", "reshape", "activation", "sum"], |g| {
            g.named_node("split", "Split", &["x"], &["s0", "s1"], &[int("axis", 1)]);
            let y = g.node("Relu", &["s1"], &[]);
            g.node("Sub", &["s0", &y], &[])
        }),
        case("Split unevenly", 13, SHAPE, &["reshape", "reshape", "concat"], |g| {
            let lengths = g.ints(&[1, 3]);
            g.named_node("split", "Split", &["x", &lengths], &["s0", "s1"], &[int("axis", 1)]);
            g.node("Concat", &["s1", "s0"], &[int("axis", 1)])
        }),
        flat_case("Gather", 13, |g| {
            let indices = g.ints(&[2, 0, 2, -1]);
            g.node("Gather", &["x", &indices], &[int("axis", 3)])
        }),
        flat_case("Pad constant", 13, |g| {
            let (pads, value) = (g.ints(&[0, 0, 1, 2, 0, 1, 0, 1]), scalar(g, 0.5));
            g.node("Pad", &["x", &pads, &value], &[])
        }),
        flat_case("Pad by attributes", 9, |g| {
            g.node("Pad", &["x"], &[ints("pads", &[0, 0, 1, 2, 0, 1, 0, 1])])
        }),
        case("Pad reflect", 13, SHAPE, &["reshape", "reshape"], |g| {
            let pads = g.ints(&[0, 0, 1, 2, 0, 0, 0, 1]);
            g.node("Pad", &["x", &pads], &[text("mode", "reflect")])
        }),
        case("Pad edge", 13, SHAPE, &["reshape", "reshape"], |g| {
            let pads = g.ints(&[0, 0, 1, 2, 0, 0, 0, 1]);
            g.node("Pad", &["x", &pads], &[text("mode", "edge")])
        }),
        flat_case("Flatten", 13, |g| g.node("Flatten", &["x"], &[])),
        flat_case("Reshape", 13, |g| {
            let shape = g.ints(&[0, 2, -1]);
            g.node("Reshape", &["x", &shape], &[])
        }),
        flat_case("Squeeze by attribute", 9, |g| g.node("Squeeze", &["x"], &[ints("axes", &[0])])),
        flat_case("Squeeze", 13, |g| {
            let axes = g.ints(&[0]);
            g.node("Squeeze", &["x", &axes], &[])
        }),
        flat_case("Unsqueeze by attribute", 9, |g| {
            g.node("Unsqueeze", &["x"], &[ints("axes", &[2])])
        }),
        flat_case("Unsqueeze", 13, |g| {
            let axes = g.ints(&[2]);
            g.node("Unsqueeze", &["x", &axes], &[])
        }),
        flat_case("Transpose", 13, |g| g.node("Transpose", &["x"], &[ints("perm", &[0, 2, 3, 1])])),
        case("DepthToSpace", 13, SHAPE, &["reshape"; 4], |g| {
            g.node("DepthToSpace", &["x"], &[int("blocksize", 2)])
        }),
        case("SpaceToDepth", 13, &[1, 2, 4, 6], &["reshape"; 4], |g| {
            g.node("SpaceToDepth", &["x"], &[int("blocksize", 2)])
        }),
        case("Expand", 13, &[1, 3, 1, 1], KINDS, |g| {
            let shape = g.ints(&[1, 3, 2, 2]);
            g.node("Expand", &["x", &shape], &[])
        }),
        flat_case("Tile", 13, |g| {
            let repeats = g.ints(&[1, 2, 1, 2]);
            g.node("Tile", &["x", &repeats], &[])
        }),
        case("Dropout", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Relu", &["x"], &[]);
            g.node("Dropout", &[&y], &[])
        }),
        case("Identity", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Identity", &["x"], &[]);
            g.node("Relu", &[&y], &[])
        }),
        case("Cast to double and back", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Cast", &["x"], &[int("to", 11)]);
            let y = g.node("Cast", &[&y], &[int("to", 1)]);
            g.node("Relu", &[&y], &[])
        }),
        case("a constant by a node", 13, SHAPE, &["normalization"], |g| {
            let value = tensor("value", float_tensor("c", &[4, 1, 1], &[0.5, 1.0, -2.0, 3.0]));
            let c = g.node("Constant", &[], &[value]);
            g.node("Mul", &["x", &c], &[])
        }),
        case("nodes without names", 13, SHAPE, &["activation", "reshape"], |g| {
            g.named_node("", "Relu", &["x"], &["7"], &[]);
            g.named_node("", "Flatten", &["7"], &["8"], &[]);
            "8".to_string()
        }),
    ]);
}

/// What is padded by less than nothing is cut off, whatever stands on the other side.
#[test]
fn paddings_of_both_signs() {
    let of = |mode: &str, pads: [i64; 4]| {
        let mut graph = Graph::with_input(19, &[1, 4]);
        let pads = graph.ints(&pads);
        let y = graph.node("Pad", &["x", &pads], &[text("mode", mode)]);
        graph.output(&y);
        let network = graph.load().unwrap().network;
        let input = Tensor::new(&[1, 4], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        network.evaluate(&input).unwrap().data().to_vec()
    };
    assert_eq!(of("constant", [0, -1, 0, 2]), [2.0, 3.0, 4.0, 0.0, 0.0]);
    assert_eq!(of("constant", [0, -1, 0, -1]), [2.0, 3.0]);
    assert_eq!(of("reflect", [0, 2, 0, -1]), [3.0, 2.0, 1.0, 2.0, 3.0]);
    assert_eq!(of("edge", [0, -2, 0, 2]), [3.0, 4.0, 4.0, 4.0]);
    assert_eq!(of("wrap", [0, 1, 0, 2]), [4.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
}

#[test]
fn moves_by_tables() {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    const KINDS: &[&str] = &["reshape"];
    let indices = |g: &mut Graph, shape: &[i64], values: &[i64]| {
        let flat = g.ints(values);
        let shape = g.ints(shape);
        g.node("Reshape", &[&flat, &shape], &[])
    };
    all_hold(vec![
        case("Trilu, upper", 14, SHAPE, KINDS, |g| g.node("Trilu", &["x"], &[])),
        case("Trilu, lower and wider", 14, SHAPE, KINDS, |g| {
            let one = g.tensor(whole("k", 1));
            g.node("Trilu", &["x", &one], &[int("upper", 0)])
        }),
        case("GatherElements", 13, SHAPE, KINDS, |g| {
            let at = indices(g, &[1, 2, 1, 4], &[0, 2, 1, 1, 2, 2, 0, -1]);
            g.node("GatherElements", &["x", &at], &[int("axis", 2)])
        }),
        case("GatherND", 13, SHAPE, KINDS, |g| {
            let at = indices(g, &[2, 2], &[0, 1, 0, 0]);
            g.node("GatherND", &["x", &at], &[])
        }),
        case("ScatterND of numbers", 16, SHAPE, &["reshape", "normalization"], |g| {
            let (at, updates) = (indices(g, &[1, 2], &[0, 1]), weight(g, &[1, 3, 4]));
            g.node("ScatterND", &["x", &at, &updates], &[])
        }),
        case(
            "ScatterElements of a signal into another",
            16,
            SHAPE,
            &["activation", "reshape", "reshape", "reshape", "concat", "reshape"],
            |g| {
                let at = indices(g, &[1, 2, 1, 4], &[0, 2, 1, 1, 2, 2, 0, 1]);
                let (from, to, axis) = (g.ints(&[0]), g.ints(&[1]), g.ints(&[2]));
                let part = g.node("Slice", &["x", &from, &to, &axis], &[]);
                let y = g.node("Sigmoid", &["x"], &[]);
                g.node("ScatterElements", &[&y, &at, &part], &[int("axis", 2)])
            },
        ),
        case(
            "ScatterElements that adds, twice at one place",
            18,
            SHAPE,
            &["reshape", "reshape", "sum", "reshape", "sum"],
            |g| {
                let at = indices(g, &[1, 1, 1, 2], &[1, -3]);
                let (from, to) = (g.ints(&[0, 0, 0]), g.ints(&[1, 1, 2]));
                let axes = g.ints(&[1, 2, 3]);
                let part = g.node("Slice", &["x", &from, &to, &axes], &[]);
                let attributes = [int("axis", 3), text("reduction", "add")];
                g.node("ScatterElements", &["x", &at, &part], &attributes)
            },
        ),
        case("ScatterND that multiplies by numbers", 18, SHAPE, &["normalization"], |g| {
            let (at, updates) = (indices(g, &[1, 2], &[0, 1]), weight(g, &[1, 3, 4]));
            g.node("ScatterND", &["x", &at, &updates], &[text("reduction", "mul")])
        }),
        case("TopK", 11, SHAPE, &["max-pool", "activation"], |g| {
            let two = g.ints(&[2]);
            g.named_node("top", "TopK", &["x", &two], &["values", "places"], &[int("axis", 2)]);
            g.node("Relu", &["values"], &[])
        }),
        case("CumSum", 14, SHAPE, &["resize"], |g| {
            let axis = g.tensor(whole("axis", 2));
            g.node("CumSum", &["x", &axis], &[])
        }),
        case("CumSum from the end, without itself", 14, SHAPE, &["resize"], |g| {
            let axis = g.tensor(whole("axis", -1));
            g.node("CumSum", &["x", &axis], &[int("reverse", 1), int("exclusive", 1)])
        }),
    ]);
}

/// A whole number that is no vector.
fn whole(name: &str, value: i64) -> TensorProto {
    TensorProto {
        name: name.to_string(),
        data_type: DataType::Int64 as i32,
        int64_data: vec![value],
        ..TensorProto::default()
    }
}

#[test]
fn interpolations() {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    let resize = |name, scales: [f32; 4], kinds, attributes: &[_]| {
        case(name, 13, SHAPE, kinds, |g| {
            let scales = g.floats(&[4], &scales);
            g.node("Resize", &["x", "", &scales], attributes)
        })
    };
    let mode = |mode: &str, transformation: &str| {
        vec![text("mode", mode), text("coordinate_transformation_mode", transformation)]
    };
    let asymmetric = {
        let mut attributes = mode("nearest", "asymmetric");
        attributes.push(text("nearest_mode", "floor"));
        attributes
    };
    let double = [1.0, 1.0, 2.0, 2.0];
    all_hold(vec![
        resize("nearest asymmetric", double, &["reshape"], &asymmetric),
        resize("nearest half_pixel", double, &["reshape"], &mode("nearest", "half_pixel")),
        resize("nearest, uneven", [1.0, 1.0, 1.0, 1.5], &["reshape"], &asymmetric),
        resize("nearest, smaller", [1.0, 1.0, 1.0, 0.5], &["reshape"], &asymmetric),
        resize("linear half_pixel", double, &["resize"], &mode("linear", "half_pixel")),
        resize("linear align_corners", double, &["resize"], &mode("linear", "align_corners")),
        resize("linear asymmetric", double, &["resize"], &mode("linear", "asymmetric")),
        resize(
            "linear pytorch",
            [1.0, 1.0, 2.0, 1.5],
            &["resize"],
            &mode("linear", "pytorch_half_pixel"),
        ),
        resize("linear, smaller", [1.0, 1.0, 1.0, 0.5], &["resize"], &mode("linear", "half_pixel")),
        resize("linear, same length", [1.0, 1.0, 1.0, 1.2], &[], &mode("linear", "asymmetric")),
        resize("cubic", double, &["resize", "resize"], &mode("cubic", "half_pixel")),
        case("by sizes", 13, SHAPE, &["resize"], |g| {
            let sizes = g.ints(&[1, 2, 5, 7]);
            g.node("Resize", &["x", "", "", &sizes], &mode("linear", "half_pixel"))
        }),
        case("opset 10", 10, SHAPE, &["resize"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Resize", &["x", &scales], &[text("mode", "linear")])
        }),
        case("opset 10 nearest", 10, SHAPE, &["reshape"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Resize", &["x", &scales], &[])
        }),
        case("Upsample 9", 9, SHAPE, &["reshape"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Upsample", &["x", &scales], &[text("mode", "nearest")])
        }),
        case("Upsample 9 linear", 9, SHAPE, &["resize"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Upsample", &["x", &scales], &[text("mode", "linear")])
        }),
    ]);
}

#[test]
fn a_slice_to_the_end_whose_bound_comes_through_a_cast_is_whole() {
    let mut graph = Graph::with_input(13, &[1, 4, 2]);
    let (start, end) = (graph.ints(&[1]), graph.ints(&[i64::MAX]));
    let (axis, step) = (graph.ints(&[1]), graph.ints(&[2]));
    let end = graph.node("Cast", &[&end], &[int("to", 7)]);
    let y = graph.node("Slice", &["x", &start, &end, &axis, &step], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    let input = Tensor::new(&[1, 4, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).unwrap();
    let output = model.network.evaluate(&input).unwrap();
    assert_eq!(output.shape(), &[1, 2, 2]);
    assert_eq!(output.data(), &[2.0, 3.0, 6.0, 7.0]);
}

#[test]
fn a_constant_of_shape_without_a_value_is_zero_in_single_precision() {
    let mut graph = Graph::with_input(13, &[1, 4, 2]);
    let shape = graph.ints(&[4, 2]);
    let zeros = graph.node("ConstantOfShape", &[&shape], &[]);
    let y = graph.node("Add", &["x", &zeros], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    let input = Tensor::filled(&[1, 4, 2], 3.0).unwrap();
    assert_eq!(model.network.evaluate(&input).unwrap().data(), &[3.0; 8]);
}
