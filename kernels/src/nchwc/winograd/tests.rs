//! Against sums tap by tap in `f64`.

use super::*;
use crate::AlignedBuf;
use crate::geometry::WeightPart;
use crate::nchwc::Image;
use crate::nchwc::filters::Floats;
use crate::threads::Threads;

/// All weights of a convolution.
fn of(weights: &[f32], [filters, channels]: [usize; 2]) -> Filters {
    let weights: Floats = std::sync::Arc::new(weights.to_vec());
    let (shape, prepack) = ([filters, channels, 3, 3], Prepack::Once);
    Filters { weights, shape, part: WeightPart::Plain, is_transposed: false, prepack }
}

/// Writes the sums, and adds them and their squares up.
struct Copying;

impl Epilogue for Copying {
    fn apply(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: Output<'_>,
        totals: &mut SumPair,
    ) {
        assert_eq!((sums.len(), sums.len() % LANES, at % LANES), (output.len(), 0, 0));
        assert!(block * LANES <= at);
        output.copy(sums);
        for (lane, &sum) in sums.iter().enumerate() {
            totals.lanes[0][lane % LANES] += f64::from(sum);
            totals.lanes[1][lane % LANES] += f64::from(sum).powi(2);
        }
    }
}

fn numbers(len: usize, step: usize) -> Vec<f32> {
    (0..len).map(|n| ((n * step) % 17) as f32 / 4.0 - 2.0).collect()
}

fn axis(input: usize, pads: [usize; 2]) -> WindowAxis {
    WindowAxis::fitting(input, 3, 1, 1, pads)
}

/// `[O, H, W]` from an image in blocks.
fn expected(
    input: &[f32],
    weight: &[f32],
    [filters, channels]: [usize; 2],
    [vertical, horizontal]: [WindowAxis; 2],
) -> Vec<f64> {
    let mut sums = vec![];
    for filter in 0..filters {
        for y in 0..vertical.output {
            for x in 0..horizontal.output {
                let mut sum = 0.0;
                for channel in 0..channels {
                    for (tap, weight) in
                        weight[(filter * channels + channel) * 9..][..9].iter().enumerate()
                    {
                        let Some(y) = vertical.source(y, tap / 3) else { continue };
                        let Some(x) = horizontal.source(x, tap % 3) else { continue };
                        let pixel = (channel / LANES * vertical.input + y) * horizontal.input + x;
                        let value = input[pixel * LANES + channel % LANES];
                        sum += f64::from(value) * f64::from(*weight);
                    }
                }
                sums.push(sum);
            }
        }
    }
    sums
}

fn check([filters, channels]: [usize; 2], axes: [WindowAxis; 2]) {
    let [vertical, horizontal] = axes;
    let weight = numbers(filters * channels * 9, 7);
    let from = Image { channels, height: vertical.input, width: horizontal.input };
    let to = Image { channels: filters, height: vertical.output, width: horizontal.output };
    let all = || of(&weight, [filters, channels]);
    let input = numbers(from.len(), 5);
    let expected = expected(&input, &weight, [filters, channels], axes);
    let most = expected.iter().fold(1.0, |most: f64, sum| most.max(sum.abs()));
    for isa in Isa::all() {
        for tile in [Tile::Two, Tile::Four] {
            let kernel = Winograd::new(isa, all(), axes, tile).unwrap();
            let run = |kernel: &Winograd| {
                AlignedBuf::written(to.len(), |output| kernel.run(&input, output, &Copying))
            };
            let (output, totals) = run(&kernel);
            for (at, sum) in output.iter().enumerate() {
                let (pixel, lane) = (at / LANES % to.pixels(), at % LANES);
                let filter = at / to.block_len() * LANES + lane;
                let expected = match filter < filters {
                    true => expected[filter * to.pixels() + pixel],
                    false => 0.0,
                };
                let error = (f64::from(*sum) - expected).abs();
                let allowed = if filter < filters { 2e-5 * most } else { 0.0 };
                assert!(error <= allowed, "{isa:?} {tile:?} {axes:?} {at}: {sum} {expected}");
            }
            let in_passing = Filters { prepack: Prepack::OnTheFly, ..all() };
            let in_passing = Winograd::new(isa, in_passing, axes, tile).unwrap();
            assert_eq!(*output, *run(&in_passing).0);
            let (again, others) = Threads::new(2).unwrap().run(|| run(&kernel));
            assert_eq!(totals.lanes, others.lanes);
            assert_eq!(*output, *again);
        }
    }
}

#[test]
fn adds_up_what_lies_below_the_window() {
    check([32, 16], [axis(28, [1, 1]), axis(28, [1, 1])]);
    check([16, 32], [axis(7, [1, 1]), axis(7, [1, 1])]);
    check([48, 48], [axis(14, [1, 1]), axis(14, [1, 1])]);
}

#[test]
fn takes_any_number_of_channels_and_pixels() {
    check([5, 3], [axis(9, [0, 1]), axis(11, [1, 0])]);
    check([20, 17], [axis(1, [1, 1]), axis(13, [0, 0])]);
    check([40, 24], [axis(5, [0, 0]), axis(75, [1, 1])]);
    check([33, 8], [axis(4, [2, 2]), axis(3, [5, 1])]);
    check([16, 16], [axis(3, [1, 9]), axis(2, [1, 9])]);
}

#[test]
fn goes_strip_by_strip() {
    check([17, 130], [axis(23, [1, 1]), axis(131, [1, 1])]);
}

#[test]
fn what_is_no_window_of_nine_pixels_is_left_to_others() {
    let isa = Isa::detect();
    let good = axis(8, [1, 1]);
    let made = |axes| Winograd::new(isa, of(&[1.0; 9], [1, 1]), axes, Tile::Two).is_some();
    assert!(made([good, good]));
    assert!(!made([WindowAxis { stride: 2, output: 4, ..good }, good]));
    assert!(!made([good, WindowAxis { dilation: 2, output: 6, ..good }]));
    assert!(!made([WindowAxis { kernel: 1, output: 10, ..good }, good]));
    assert!(Winograd::new(isa, of(&[], [0, 1]), [good, good], Tile::Two).is_none());
}

#[test]
fn lanes_without_a_filter_have_no_weight() {
    let filters = Filters { part: WeightPart::One, ..of(&numbers(5 * 27, 7), [5, 3]) };
    let axes = [axis(6, [1, 1]); 2];
    let input = vec![1.0; 6 * 6 * LANES];
    for isa in Isa::all() {
        let kernel = Winograd::new(isa, filters.clone(), axes, Tile::Four).unwrap();
        let mut output = vec![f32::NAN; 6 * 6 * LANES];
        kernel.run(&input, Output::from(&mut output[..]), &Copying);
        assert!(output.chunks(LANES).all(|lanes| lanes[4] > 11.0 && lanes[5..] == [0.0; 11]));
    }
}

#[test]
fn narrow_layers_are_left_to_others() {
    assert_eq!(Tile::fastest(Tile::Four, 64, 64, 56 * 56), Some(Tile::Four));
    assert_eq!(Tile::fastest(Tile::Four, 256, 256, 14 * 14), Some(Tile::Two));
    assert_eq!(Tile::fastest(Tile::Four, 16, 64, 14 * 14), None);
    assert_eq!(Tile::fastest(Tile::Four, 1024, 1024, 7 * 7), None);
    assert_eq!(Tile::fastest(Tile::Two, 64, 64, 56 * 56), Some(Tile::Two));
    assert_eq!(Tile::fastest(Tile::Two, 16, 64, 56 * 56), None);
    assert_eq!(Tile::fastest(Tile::Four, 3, 64, 224 * 224), None);
}
