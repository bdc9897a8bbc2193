mod case;
mod rewritten;

use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

use self::case::{LIMIT, attribute, case, case_of_unknown};
use super::*;
use crate::onnx::rewrite::node as node_of;
use crate::onnx::weights::declared;

#[test]
fn shapes_follow_the_standard() {
    let picture = [1, 4, 9, 8];
    let conv = || case("Conv", &picture).floats(&[6, 4, 3, 3]);
    assert_eq!(conv().shape(), [1, 6, 7, 6]);
    assert_eq!(conv().ints("pads", &[1, 1, 1, 1]).ints("strides", &[2, 2]).shape(), [1, 6, 5, 4]);
    assert_eq!(conv().ints("dilations", &[2, 3]).shape(), [1, 6, 5, 2]);
    assert_eq!(
        conv().word("auto_pad", "SAME_UPPER").ints("strides", &[4, 3]).shape(),
        [1, 6, 3, 3]
    );
    assert_eq!(case("Conv", &picture).floats(&[4, 2, 1, 1]).int("group", 2).shape(), [1, 4, 9, 8]);
    let transposed =
        || case("ConvTranspose", &picture).floats(&[4, 5, 3, 3]).ints("strides", &[2, 2]);
    assert_eq!(transposed().shape(), [1, 5, 19, 17]);
    assert_eq!(
        transposed().ints("output_padding", &[1, 1]).ints("pads", &[1, 1, 1, 1]).shape(),
        [1, 5, 18, 16]
    );
    let pool = || case("MaxPool", &picture).ints("kernel_shape", &[2, 2]).ints("strides", &[2, 2]);
    assert_eq!(pool().shape(), [1, 4, 4, 4]);
    assert_eq!(pool().int("ceil_mode", 1).shape(), [1, 4, 5, 4]);
    // Rounded up, one window may reach beyond its input: `AvgPool2d(2560, ceil_mode=True)` of transformers' EfficientNet.
    let beyond =
        case("AveragePool", &picture).ints("kernel_shape", &[25, 25]).ints("strides", &[25, 25]);
    assert_eq!(beyond.int("ceil_mode", 1).shape(), [1, 4, 1, 1]);
    assert_eq!(case("Transpose", &picture).ints("perm", &[0, 2, 3, 1]).shape(), [1, 9, 8, 4]);
    assert_eq!(case("Reshape", &picture).whole(&[0, -1, 6]).shape(), [1, 48, 6]);
    assert_eq!(case("Flatten", &picture).int("axis", -1).shape(), [36, 8]);
    assert_eq!(
        case("Slice", &picture).whole(&[1]).whole(&[-1]).whole(&[2]).whole(&[3]).shape(),
        [1, 4, 3, 8]
    );
    assert_eq!(case("ReduceMean", &picture).whole(&[-1, 2]).shape(), [1, 4, 1, 1]);
    assert_eq!(case("ReduceSum", &picture).int("keepdims", 0).whole(&[0, 1]).shape(), [9, 8]);
    assert_eq!(case("Gather", &picture).whole(&[3, -4]).int("axis", 1).shape(), [1, 2, 9, 8]);
    assert_eq!(case("MatMul", &picture).floats(&[8, 5]).shape(), [1, 4, 9, 5]);
    assert_eq!(case("MatMul", &picture).floats(&[8]).shape(), [1, 4, 9]);
    assert_eq!(
        case("Einsum", &picture).floats(&[8, 5]).word("equation", "bchw, wk -> hbk").shape(),
        [9, 1, 5]
    );
    assert_eq!(case("Pad", &picture).whole(&[0, 0, 1, -2, 0, 0, 3, 1]).shape(), [1, 4, 13, 7]);
    assert_eq!(case("DepthToSpace", &picture).int("blocksize", 2).shape(), [1, 1, 18, 16]);
}

#[test]
fn channels_are_an_axis() {
    let scaled = |shape: &[usize]| {
        (0..4).fold(case("BatchNormalization", shape), |node, _| node.floats(&[9]))
    };
    assert_eq!(scaled(&[4, 9]).shape(), [4, 9]);
    assert!(scaled(&[9]).refused().contains("no axis of channels"));
}

#[test]
fn indices_lie_on_their_axes() {
    let tuples = |indices: &[i64]| case("GatherND", &[3, 4]).whole(indices);
    assert_eq!(tuples(&[2, -4]).shape(), [0; 0]);
    assert!(tuples(&[2, 4]).refused().contains("element 4 of axis 1"));
    assert!(tuples(&[1 << 32, 0]).refused().contains("element 4294967296 of axis 0"));
    let scattered = case("ScatterND", &[3, 4]).whole(&[3]).floats(&[4]);
    assert!(scattered.refused().contains("element 3 of axis 0"));
}

#[test]
fn switches_are_on_or_off() {
    let picture = [1, 4, 9, 8];
    let told = case("ReduceMean", &picture).int("keepdims", 1 << 31).refused();
    assert!(told.contains("keepdims is 2147483648, but must be 0 or 1"), "{told}");
    let told = case("CumSum", &picture).whole(&[1]).int("exclusive", -1).refused();
    assert!(told.contains("exclusive is -1"), "{told}");
}

#[test]
fn attributes_that_became_inputs_fit_the_version() {
    let picture = [1, 1, 9, 8];
    for (name, since, new) in [
        ("axes", 13, case("Squeeze", &picture).ints("axes", &[0])),
        ("axes", 18, case("ReduceMean", &picture).ints("axes", &[0])),
        ("pads", 11, case("Pad", &picture).ints("pads", &[0; 8])),
        ("max", 11, case("Clip", &picture).float("max", 1.0)),
        ("shape", 5, case("Reshape", &picture).ints("shape", &[9, 8]).whole(&[8, 9])),
    ] {
        let told = new.refused();
        let expected = format!("the attribute {name}, which is its input 1 since version {since}");
        assert!(told.contains(&expected) || name == "max" && told.contains("input 2"), "{told}");
    }
    for (name, case) in [
        ("axes", case("Unsqueeze", &picture).whole(&[0])),
        ("split", case("Split", &picture).whole(&[4, 5])),
        ("k", case("TopK", &picture).whole(&[2])),
        ("starts", case("Slice", &picture).whole(&[0]).whole(&[1])),
    ] {
        let told = case.check_with(9).unwrap_err();
        assert!(told.contains(&format!("an input 1, which is its attribute {name}")), "{told}");
    }
    let squeezed = case("Squeeze", &picture).ints("axes", &[0]);
    assert_eq!(squeezed.check_with(12), Ok(Some(vec![1, 9, 8])));
}

#[test]
fn windows_must_fit() {
    let picture = [1, 3, 8, 8];
    let told = case("Conv", &picture).floats(&[2, 3, 0, 3]).refused();
    assert!(told.contains("at least 1"), "{told}");
    let pool = || case("AveragePool", &picture);
    assert!(pool().ints("kernel_shape", &[0, 2]).refused().contains("kernel_shape [0, 2]"));
    assert!(pool().refused().contains("kernel_shape is missing"));
    assert!(
        pool()
            .ints("kernel_shape", &[2, 9])
            .refused()
            .contains("larger than the 8 elements of axis 3")
    );
    assert!(
        pool()
            .ints("kernel_shape", &[2, 2])
            .ints("strides", &[0, 1])
            .refused()
            .contains("strides [0, 1]")
    );
    assert!(
        pool()
            .ints("kernel_shape", &[2, 2])
            .ints("pads", &[0, 0, 2, 0])
            .refused()
            .contains("padding only")
    );
    assert!(pool().ints("kernel_shape", &[2]).refused().contains("has 2 numbers"));
    let conv = || case("Conv", &picture).floats(&[4, 3, 3, 3]);
    assert!(conv().ints("dilations", &[0, 1]).refused().contains("dilations"));
    assert!(conv().ints("dilations", &[4, 1]).refused().contains("window of 9"));
    assert!(conv().ints("pads", &[-1, 0, 0, 0]).refused().contains("negative"));
    assert!(conv().ints("pads", &[1, 1]).refused().contains("pads [1, 1]"));
    assert!(conv().int("group", 3).refused().contains("group is 3"));
    assert!(conv().int("group", 0).refused().contains("at least 1"));
    assert!(conv().int("group", 2).refused().contains("takes 6"));
    assert!(conv().word("auto_pad", "SAME").refused().contains("NOTSET"));
    assert!(conv().float("group", 1.0).refused().contains("wrong type"));
    assert!(conv().floats(&[3]).refused().contains("4 filters"));
    let told =
        case("ConvTranspose", &picture).floats(&[3, 4, 1, 1]).ints("pads", &[4, 0, 4, 0]).refused();
    assert!(told.contains("take away all 8"), "{told}");
}

#[test]
fn large_windows_must_be_few() {
    for pool in ["AveragePool", "MaxPool"] {
        let large = |shape: &[usize]| case(pool, shape).ints("kernel_shape", &[2, 65535]);
        let refused = large(&[1, 2, 6, 400_000]).refused();
        assert!(refused.contains("windows of [2, 65535] elements would read"), "{refused}");
        assert_eq!(large(&[1, 2, 3, 65536]).shape(), [1, 2, 2, 2]);
        let local = case(pool, &[1, 64, 512, 512]).ints("kernel_shape", &[31, 31]);
        assert_eq!(local.shape(), [1, 64, 482, 482]);
    }
}

#[test]
fn axes_and_orders_must_exist() {
    let picture = [1, 3, 8, 8];
    assert!(
        case("Transpose", &picture)
            .ints("perm", &[0, 2, 2, 1])
            .refused()
            .contains("perm [0, 2, 2, 1]")
    );
    assert!(case("Transpose", &picture).ints("perm", &[0, 2, 1]).refused().contains("3 axes"));
    assert!(
        case("LayerNormalization", &picture)
            .floats(&[8])
            .int("axis", -5)
            .refused()
            .contains("axis is -5")
    );
    for op_type in ["Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "ArgMax"] {
        let told = case(op_type, &picture).int("axis", 4).refused();
        assert!(told.contains("axis is 4") && told.contains("from -4 to 3"), "{told}");
    }
    for op_type in ["ReduceMean", "ReduceMax", "ReduceL2", "Squeeze"] {
        assert!(case(op_type, &picture).whole(&[-6]).refused().contains("axes"), "{op_type}");
    }
    assert!(case("Squeeze", &picture).whole(&[1]).refused().contains("has 3 elements, not one"));
    assert!(case("Unsqueeze", &picture).whole(&[0, 0]).refused().contains("twice"));
    assert!(case("Reshape", &picture).whole(&[-1, -1]).refused().contains("only one"));
    assert!(case("Reshape", &picture).whole(&[5, 7]).refused().contains("192 elements"));
    assert!(case("Reshape", &picture).whole(&[-1, 7]).refused().contains("does not divide"));
    assert!(case("Gather", &picture).whole(&[3]).int("axis", 1).refused().contains("element 3"));
    assert!(
        case("Slice", &picture)
            .whole(&[0])
            .whole(&[1])
            .whole(&[0])
            .whole(&[0])
            .refused()
            .contains("may be 0")
    );
    assert!(case("MatMul", &picture).floats(&[7, 2]).refused().contains("8 columns meet 7 rows"));
    assert!(
        case("Concat", &picture).floats(&[1, 3, 8]).int("axis", 1).refused().contains("differ")
    );
    assert!(case("Split", &picture).whole(&[1, 1]).int("axis", 1).refused().contains("add up"));
    assert!(
        case("DepthToSpace", &picture).int("blocksize", 2).refused().contains("does not divide")
    );
    assert!(case("Add", &picture).floats(&[5]).refused().contains("[5]"));
    assert!(case("Einsum", &picture).word("equation", "ab->b").refused().contains("names 2 axes"));
    assert!(case("TopK", &picture).whole(&[9]).refused().contains("k is 9"));
    for epsilon in [f32::NAN, f32::INFINITY] {
        let told =
            case("LayerNormalization", &picture).floats(&[8]).float("epsilon", epsilon).refused();
        assert!(told.contains("must be finite"), "{told}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let picture = [1, 3, 8, 8];
    let large = 1 << 20;
    let huge = [
        case("Pad", &picture).whole(&[0, 0, large, large, 0, 0, large, large]),
        case("Expand", &[1, 1]).whole(&[large, large]),
        case("Tile", &picture).whole(&[1, 1, large, large]),
        case("Resize", &picture).ints("axes", &[2, 3]).word("mode", "nearest"),
        case("Add", &[1, 20_000]).floats(&[20_000, 1]),
    ];
    for (index, case) in huge.into_iter().enumerate() {
        // The factors of a Resize.
        let case = if index == 3 {
            case.floats(&[0]).floats(&[0]).whole(&[400_000, 400_000])
        } else {
            case
        };
        let told = case.refused();
        assert!(told.contains("the limit of 1.0 GiB; --max-memory"), "{told}");
    }
    let told = case("Relu", &[1, 3, 1 << 20, 1 << 20]).check_with(18).unwrap_err();
    assert!(told.contains("input \"x\""), "{told}");
    case("Relu", &[1, 3, 4096, 8192]).check_with(18).unwrap();
}

#[test]
fn what_is_too_large_for_any_input_is_refused() {
    let huge = 1 << 20;
    let cases = [
        case_of_unknown("Expand").whole(&[huge, -1, huge]),
        case_of_unknown("Tile").whole(&[huge, 1, huge]),
        case_of_unknown("Pad").whole(&[0, 5, huge, huge, 0, huge]),
        case_of_unknown("Resize").floats(&[0]).floats(&[0]).whole(&[huge, huge]),
        case_of_unknown("Reshape").whole(&[huge, huge]),
        case_of_unknown("OneHot").whole(&[huge * huge]).floats(&[2]),
        case_of_unknown("ConvTranspose").floats(&[1, 1, 3, 3]).ints("output_shape", &[huge, huge]),
    ];
    for case in cases {
        let told = case.refused();
        assert!(told.contains("asks for too much memory"), "{told}");
    }
    assert_eq!(case_of_unknown("Reshape").whole(&[2, 3]).check_with(18), Ok(Some(vec![2, 3])));
    assert_eq!(case_of_unknown("Reshape").whole(&[0, 3]).check_with(18), Ok(None));
    assert_eq!(case_of_unknown("Expand").whole(&[8, 8]).check_with(18), Ok(None));
    let told = case_of_unknown("Expand").whole(&[huge, huge]).refused();
    assert!(told.contains("at least 1099511627776 elements"), "{told}");
}

#[test]
fn axes_of_unknown_values_have_bounds() {
    // tract counts to such an axis.
    for given in [1 << 60, -2, i64::MIN] {
        let norm = case_of_unknown("LayerNormalization").floats(&[4]).int("axis", given);
        assert!(norm.refused().contains(&format!("axis is {given}")));
        let one_hot = case_of_unknown("OneHot").whole(&[3]).floats(&[2]).int("axis", given);
        assert!(one_hot.refused().contains(&format!("axis is {given}")));
    }
    let norm = case_of_unknown("LayerNormalization").floats(&[4, 5]).int("axis", -2);
    assert_eq!(norm.check_with(18), Ok(None));
    // Before version 7 the second input was repeated from an axis on.
    let add = case("Add", &[1, 4, 5, 6]).floats(&[4]);
    assert_eq!(add.check_with(6), Ok(Some(vec![1, 4, 5, 6])));
}

#[test]
fn what_is_computed_of_shapes_is_followed() {
    // Reshape(x, Concat(Shape(x)[0:1], [-1])).
    let stored = |name: &str, values: &[i64]| TensorProto {
        name: name.to_string(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    };
    let mut concat = node_of("concat", "Concat", &["batch", "rest"], "to");
    concat.attribute = case("", &[]).int("axis", 0).attributes;
    let mut graph = GraphProto {
        node: vec![
            node_of("shape", "Shape", &["x"], "shape"),
            node_of("batch", "Slice", &["shape", "zero", "one"], "batch"),
            concat,
            node_of("reshape", "Reshape", &["x", "to"], "flat"),
            node_of("product", "MatMul", &["flat", "w"], "y"),
        ],
        initializer: vec![
            stored("zero", &[0]),
            stored("one", &[1]),
            stored("rest", &[-1]),
            TensorProto {
                name: "w".to_string(),
                dims: vec![12, 5],
                data_type: DataType::Float as i32,
                float_data: vec![0.0; 60],
                ..TensorProto::default()
            },
        ],
        input: vec![declared("x", DataType::Float as i32, None)],
        ..GraphProto::default()
    };
    let check = |graph: &GraphProto, shape: &[usize]| {
        let input = Input { name: "x", shape, is_open: true };
        validate(graph, 17, input, (MemoryLimit::new(Some(LIMIT)), Checked::All))
    };
    check(&graph, &[2, 3, 2, 2]).unwrap();
    let told = format!("{:#}", check(&graph, &[2, 3, 2, 3]).unwrap_err());
    assert!(told.contains("MatMul node \"product\"") && told.contains("--size"), "{told}");
    assert!(told.contains("18 columns meet 12 rows"), "{told}");
    // Nodes may stand in any order, but not in a circle.
    graph.node.reverse();
    check(&graph, &[2, 3, 2, 2]).unwrap();
    graph.node[0].output[0] = "x2".to_string();
    graph.node[4].input[0] = "x2".to_string();
    let told = check(&graph, &[2, 3, 2, 2]).unwrap_err().to_string();
    assert!(told.contains("its own output"), "{told}");
    graph.node[4].input[0] = "nothing".to_string();
    let told = check(&graph, &[2, 3, 2, 2]).unwrap_err().to_string();
    assert!(told.contains("\"nothing\", which nothing computes"), "{told}");
    graph.node[4].output[0] = "x2".to_string();
    let told = check(&graph, &[2, 3, 2, 2]).unwrap_err().to_string();
    assert!(told.contains("is computed by the MatMul node"), "{told}");
}

#[test]
fn inner_graphs_are_checked_without_their_surroundings() {
    let mut inner = node_of("inner", "Transpose", &["x"], "t");
    inner.attribute = case("", &[]).ints("perm", &[1, 1]).attributes;
    let branch = GraphProto { node: vec![inner], ..GraphProto::default() };
    let mut choice = node_of("choice", "If", &["condition"], "y");
    choice.attribute =
        vec![AttributeProto { g: Some(branch), ..attribute("then_branch", AttributeType::Graph) }];
    let graph = GraphProto {
        node: vec![choice],
        input: vec![declared("x", 1, None), declared("condition", 9, None)],
        ..GraphProto::default()
    };
    let input = Input { name: "x", shape: &[1, 2], is_open: false };
    let told = validate(&graph, 17, input, (MemoryLimit::new(None), Checked::All)).unwrap_err();
    let told = format!("{told:#}");
    assert!(told.contains("Transpose node \"inner\" of an inner graph"), "{told}");
}

#[test]
fn what_is_missing_is_named() {
    assert!(case("Pad", &[1, 2]).refused().contains("its pads are missing"));
    assert!(case("MatMul", &[1, 2]).refused().contains("its input 1 is missing"));
    for (case, told) in [
        (case("Cast", &[2]), "its attribute to is missing"),
        (case("Cast", &[2]).int("to", 99), "to is 99, which is no number type of ONNX"),
        (case("Cast", &[2]).int("to", 22), "to is int4, which is not read"),
        (case("EyeLike", &[2, 2]).int("dtype", 14), "dtype is complex64, which is not read"),
        (case("Constant", &[1]), "it has no value"),
        (case("Constant", &[1]).int("value_int", 1).float("value_float", 2.0), "several values"),
    ] {
        let said = case.refused();
        assert!(said.contains(told), "{said}");
    }
    let graph = GraphProto { output: vec![declared("y", 1, None)], ..GraphProto::default() };
    let input = Input { name: "x", shape: &[1], is_open: false };
    let told = validate(&graph, 17, input, (MemoryLimit::new(None), Checked::All)).unwrap_err();
    assert_eq!(told.to_string(), "the output \"y\" is computed by nothing");
}

#[test]
fn the_steps_of_recurrent_layers_count_as_nodes() {
    let lstm = |steps: usize| case("LSTM", &[steps, 1, 3]).floats(&[1, 8, 3]).floats(&[1, 8, 2]);
    assert_eq!(lstm(4000).shape(), [4000, 1, 1, 2]);
    let told = lstm(20_000).refused();
    assert!(told.contains("a graph of 320000 nodes up to here takes 1.2 GiB"), "{told}");
    let gru = case("GRU", &[10_000, 1, 3]).floats(&[1, 6, 3]).floats(&[1, 6, 2]);
    assert_eq!(gru.shape(), [10_000, 1, 1, 2]);
}
