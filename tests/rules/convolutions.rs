//! Convolutions and transposed convolutions of any geometry.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::support::Numbers;
use super::support::dense_map::{self, Axis};
use super::support::onnx::int;
use super::*;

fn convolution(io: [usize; 2], groups: usize, axes: &[Axis]) -> Layer {
    let [inputs, outputs] = io;
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let shape = [&[outputs, inputs / groups], kernel.as_slice()].concat();
    let mut numbers = Numbers::new(11);
    let (weight, bias) = (numbers.eighths(shape.iter().product()), numbers.eighths(outputs));
    let map = dense_map::convolution(&weight, &bias, io, groups, axes);
    let mut attributes = axis_attributes(axes);
    attributes.extend([dilations(axes), int("group", groups as i64)]);
    Layer {
        name: format!("Conv {io:?} groups {groups} {axes:?}"),
        input_shape: shape_of(inputs, axes),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let (w, b) = (graph.floats(&shape, &weight), graph.floats(&[outputs], &bias));
            graph.named_node("layer", "Conv", &[value, &w, &b], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

fn transposed_convolution(io: [usize; 2], groups: usize, axes: &[Axis], padding: usize) -> Layer {
    let [inputs, outputs] = io;
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let shape = [&[inputs, outputs / groups], kernel.as_slice()].concat();
    let mut numbers = Numbers::new(12);
    let (weight, bias) = (numbers.eighths(shape.iter().product()), numbers.eighths(outputs));
    let map = dense_map::transposed_convolution(&weight, &bias, io, groups, axes, padding);
    let mut attributes = axis_attributes(axes);
    attributes.extend([dilations(axes), int("group", groups as i64)]);
    attributes.push(ints("output_padding", &vec![padding as i64; axes.len()]));
    Layer {
        name: format!("ConvTranspose {io:?} groups {groups} {axes:?} output padding {padding}"),
        input_shape: shape_of(inputs, axes),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let (w, b) = (graph.floats(&shape, &weight), graph.floats(&[outputs], &bias));
            graph.named_node("layer", "ConvTranspose", &[value, &w, &b], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn convolutions() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        convolution([2, 3], 1, &[Axis::new(9, 3).stride(2).padding(1, 0)]),
        convolution([2, 3], 1, &plane(Axis::new(5, 3).padding(1, 1), Axis::new(4, 2))),
        convolution(
            [2, 2],
            1,
            &[Axis::new(3, 2), Axis::new(4, 3).padding(1, 1), Axis::new(3, 2).stride(2)],
        ),
        convolution([4, 6], 2, &plane(Axis::new(4, 2), Axis::new(4, 3).padding(0, 1))),
        convolution(
            [3, 3],
            3,
            &plane(Axis::new(5, 3).stride(2).padding(1, 1), Axis::new(5, 3).padding(1, 1)),
        ),
        convolution([2, 4], 2, &plane(Axis::new(5, 3), Axis::new(4, 3).padding(1, 1))),
        // Enough channels for blocks of sixteen, and no whole ones.
        convolution([20, 12], 1, &plane(Axis::new(4, 3).padding(1, 1), Axis::new(3, 2))),
        convolution([2, 2], 1, &plane(Axis::new(7, 3).dilation(2), Axis::new(6, 2).dilation(3))),
        convolution(
            [2, 2],
            1,
            &plane(
                Axis::new(7, 3).stride(2).padding(2, 1),
                Axis::new(6, 2).stride(3).padding(0, 2),
            ),
        ),
    ]);
}

#[test]
fn convolutions_of_awkward_geometry() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        convolution(
            [2, 2],
            1,
            &plane(
                Axis::new(9, 3).stride(2).dilation(3).padding(2, 3),
                Axis::new(8, 2).stride(3).dilation(2),
            ),
        ),
        convolution(
            [1, 2],
            1,
            &plane(
                Axis::new(9, 3).stride(4).dilation(2).padding(1, 0),
                Axis::new(7, 3).stride(2).dilation(2),
            ),
        ),
        // A window larger than the input itself.
        convolution(
            [2, 2],
            1,
            &plane(Axis::new(2, 5).padding(2, 2), Axis::new(3, 4).padding(3, 0)),
        ),
        // A stride beyond the kernel: positions that no tap reads, also at the end.
        convolution(
            [2, 2],
            1,
            &plane(Axis::new(7, 2).stride(3), Axis::new(8, 1).stride(4).padding(1, 0)),
        ),
        // Windows that lie wholly in the padding.
        convolution(
            [1, 2],
            1,
            &plane(Axis::new(3, 2).padding(3, 3), Axis::new(2, 1).padding(2, 1)),
        ),
        convolution([2, 2], 2, &plane(Axis::new(6, 1).stride(2), Axis::new(5, 1).stride(3))),
        convolution([2, 2], 1, &plane(Axis::new(1, 1), Axis::new(1, 1))),
    ]);
}

#[test]
fn transposed_convolutions() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        transposed_convolution([2, 3], 1, &[Axis::new(4, 3).stride(2).padding(1, 0)], 0),
        transposed_convolution(
            [2, 3],
            1,
            &plane(Axis::new(3, 3).padding(1, 1), Axis::new(4, 2)),
            0,
        ),
        transposed_convolution(
            [2, 2],
            1,
            &plane(Axis::new(3, 3).stride(2).padding(1, 1), Axis::new(2, 3).stride(2)),
            1,
        ),
        transposed_convolution(
            [4, 6],
            2,
            &plane(Axis::new(2, 2).stride(2), Axis::new(3, 2).stride(2)),
            0,
        ),
        transposed_convolution([3, 3], 3, &plane(Axis::new(3, 2).stride(2), Axis::new(3, 3)), 0),
        transposed_convolution(
            [2, 2],
            1,
            &plane(Axis::new(3, 2).dilation(2), Axis::new(2, 3).stride(3).dilation(2)),
            0,
        ),
        transposed_convolution(
            [1, 2],
            1,
            &plane(Axis::new(3, 1).stride(3), Axis::new(3, 2).stride(3)),
            0,
        ),
        transposed_convolution(
            [1, 2],
            1,
            &[Axis::new(2, 2), Axis::new(2, 2).stride(2), Axis::new(2, 1)],
            0,
        ),
    ]);
}

fn any_axis() -> impl Strategy<Value = Axis> {
    (1usize..7, 1usize..5, 1usize..4, 1usize..3, 0usize..4, 0usize..4)
        .prop_map(|(input, kernel, stride, dilation, before, after)| {
            Axis::new(input, kernel).stride(stride).dilation(dilation).padding(before, after)
        })
        .prop_filter("the window fits", |axis| axis.output().is_some())
}

/// Inside a network, where a layer can be in blocks: the output is read row by row.
const INSIDE: [Place; 2] = [Place::BeforeRelu, Place::BelowFlat];

fn hold_at(layer: &Layer, places: &[Place]) -> Result<(), TestCaseError> {
    for &place in places {
        let failures = check(layer, place);
        prop_assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn convolutions_of_any_geometry(
        height in any_axis(),
        width in any_axis(),
        groups in 1usize..4,
        inputs in 1usize..3,
        outputs in 1usize..3,
    ) {
        let layer = convolution([inputs * groups, outputs * groups], groups, &[height, width]);
        hold_at(&layer, &PLACES)?;
    }

    /// Enough channels and filters for the kernels on images in blocks.
    #[test]
    fn convolutions_in_blocks_of_any_geometry(
        height in any_axis(),
        width in any_axis(),
        inputs in 8usize..34,
        outputs in 8usize..34,
    ) {
        let layer = convolution([inputs, outputs], 1, &[height, width]);
        hold_at(&layer, &INSIDE)?;
    }

    /// Rules that favour contributions of one sign have kernels of their own here.
    #[test]
    fn pointwise_convolutions_in_blocks(
        [height, width] in [1usize..7, 1usize..9],
        inputs in 8usize..40,
        outputs in 8usize..40,
    ) {
        let axes = [Axis::new(height, 1), Axis::new(width, 1)];
        hold_at(&convolution([inputs, outputs], 1, &axes), &INSIDE)?;
    }

    #[test]
    fn depthwise_convolutions_in_blocks_of_any_geometry(
        height in any_axis(),
        width in any_axis(),
        channels in 8usize..34,
    ) {
        let layer = convolution([channels; 2], channels, &[height, width]);
        hold_at(&layer, &INSIDE)?;
    }
}

/// Where the picture is black under every positive weight and white under every negative one, z-box divides by sums
/// that are a ten-thousandth of what the output holds.
#[test]
fn z_box_does_not_cancel_on_black_and_white() {
    let (inputs, outputs, [low, high]) = (2, 16, [-2.5, 2.25]);
    let taps = inputs * 9;
    let sign = |tap: usize| if tap.is_multiple_of(2) { 1.0 } else { -1.0 };
    let magnitudes = Numbers::new(3).between(0.5, 1.0, outputs * taps);
    let weight: Vec<f32> = (magnitudes.iter().enumerate())
        .map(|(at, magnitude)| sign(at % taps) * magnitude)
        .collect();
    let axes = [Axis::new(3, 3), Axis::new(3, 3)];
    let bias = vec![64.0; outputs];
    let layer = Layer {
        name: "black and white".to_string(),
        input_shape: shape_of(inputs, &axes),
        map: dense_map::convolution(&weight, &bias, [inputs, outputs], 1, &axes),
        is_exact: false,
        append: Box::new(move |graph, value| {
            let w = graph.floats(&[outputs, inputs, 3, 3], &weight);
            let b = graph.floats(&[outputs], &bias);
            graph.named_node("layer", "Conv", &[value, &w, &b], &["y"], &[]);
            "y".to_string()
        }),
    };
    let (graph, head) = graph_of(&layer, Place::BeforeRelu);
    let network = graph.load().unwrap().network;
    let near = Numbers::new(4).between(1e-4, 1e-3, taps);
    let x: Vec<f32> = (near.iter().enumerate())
        .map(|(tap, near)| if sign(tap) > 0.0 { low + near } else { high - near })
        .collect();
    let x = Tensor::new(&layer.input_shape, &x).unwrap();
    let initial = Tensor::new(&[1, CLASSES], &[1.0, 0.0, 0.0]).unwrap();
    let rule = Setting {
        epsilon: 1e-6,
        ..setting(Rule::ZBox(f64::from(low), f64::from(high)), true, Stabilizer::Additive)
    };
    let head_rule = setting(Rule::Epsilon, true, Stabilizer::Additive);
    let ours = explain(&network, &composite(&rule, &head_rule), None, &x, &initial).unwrap();
    let (x, initial) = (in_f64(x.data()), in_f64(initial.data()));
    let expected =
        expected(&layer.map, &head, Place::BeforeRelu, [&rule, &head_rule], &x, &initial);
    let error = error(&in_f64(ours.relevance[0].data()), &expected, &initial);
    assert!(error < 1e-5, "wrong by {error:e}");
}
