//! Which kernel computes a convolution on images in blocks.

use std::sync::Arc;

use super::direct::Direct;
use super::filters::Filters;
use super::strided_transposed::StridedTransposed;
use super::winograd::{Tile, Winograd};
use super::{Kernel, LANES, depthwise};
use crate::geometry::{WeightPart, Window, WindowAxis};
use crate::microkernel::knows_stride_of_blocks;
use crate::simd::Isa;

/// Fewest filters of a convolution in blocks: with fewer, most lanes would be empty.
const FEWEST_FILTERS: usize = LANES / 2;

/// Whether a convolution of weight `[O, I / groups, kernel...]` has kernels in this layout, in both directions.
pub fn serves(weight: &[usize], groups: usize, window: &Window) -> bool {
    let (Some(axes), &[filters, channels, _, _]) = (image_axes(window), weight) else {
        return false;
    };
    let is_empty = weight.contains(&0) || window.input_len() == 0 || window.output_len() == 0;
    let has_kernels = match groups {
        1 => knows_stride_of_blocks(axes[1].stride) && can_be_reversed(&axes),
        _ => is_depthwise(groups, filters, channels),
    };
    !is_empty && filters >= FEWEST_FILTERS && has_kernels
}

/// Whether every channel is convolved on its own, with one filter.
fn is_depthwise(groups: usize, filters: usize, channels_per_group: usize) -> bool {
    groups > 1 && groups == filters && channels_per_group == 1
}

/// Whether the transposed map has a kernel.
fn can_be_reversed(axes: &[WindowAxis; 2]) -> bool {
    let is_phased = axes.iter().any(|axis| axis.stride > 1);
    axes.iter().all(|axis| {
        let reach = (axis.kernel - 1) * axis.dilation;
        let fits = axis.stride > 1 || (axis.pad_before <= reach && axis.pad_after <= reach);
        fits && (!is_phased || axis.dilation == 1)
    })
}

/// The kernel of a convolution; `None` if it has none in this layout.
pub fn forward(filters: Filters, groups: usize, window: &Window) -> Option<Arc<dyn Kernel>> {
    let axes = image_axes(window)?;
    if groups > 1 {
        let weights = filters.part.of_slice((*filters.weights).as_ref());
        return Some(Arc::new(depthwise::forward(&weights, groups, axes[0], axes[1])));
    }
    along(filters, axes)
}

/// The kernel of the transposed map of a convolution, whose `filters` are transposed; `None` if it has none in this
/// layout.
pub fn transposed(filters: Filters, groups: usize, window: &Window) -> Option<Arc<dyn Kernel>> {
    let axes = image_axes(window)?;
    if groups > 1 {
        let weights = filters.part.of_slice((*filters.weights).as_ref());
        return Some(Arc::new(depthwise::transposed(&weights, groups, axes[0], axes[1])));
    }
    if axes.iter().all(|axis| axis.stride == 1) {
        return along(filters, axes.map(reversed));
    }
    Some(Arc::new(StridedTransposed::new(Isa::detect(), filters, axes)?))
}

/// The kernel of windows over the input as it is.
fn along(filters: Filters, axes: [WindowAxis; 2]) -> Option<Arc<dyn Kernel>> {
    let isa = Isa::detect();
    match by_minimal_filtering(isa, filters.clone(), axes) {
        Some(kernel) => Some(kernel),
        None => Some(Arc::new(Direct::new(isa, filters, axes)?)),
    }
}

/// A kernel for windows of 3 x 3 pixels with fewer multiplications (Winograd), where that is faster.
fn by_minimal_filtering(
    isa: Isa,
    filters: Filters,
    axes: [WindowAxis; 2],
) -> Option<Arc<dyn Kernel>> {
    // A forward pass decides which ReLUs are active, so it must round as little as possible.
    let is_decisive = !filters.is_transposed && filters.part == WeightPart::Plain;
    let largest = if is_decisive { Tile::Two } else { Tile::Four };
    let pixels = axes[0].output * axes[1].output;
    let tile = Tile::fastest(largest, filters.channels(), filters.count(), pixels)?;
    Some(Arc::new(Winograd::new(isa, filters, axes, tile)?))
}

/// The windows of the transposed map along an axis of stride 1.
fn reversed(axis: WindowAxis) -> WindowAxis {
    let reach = (axis.kernel - 1) * axis.dilation;
    WindowAxis {
        input: axis.output,
        output: axis.input,
        pad_before: reach - axis.pad_before,
        pad_after: reach - axis.pad_after,
        ..axis
    }
}

fn image_axes(window: &Window) -> Option<[WindowAxis; 2]> {
    match window.axes[..] {
        [vertical, horizontal] => Some([vertical, horizontal]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Floats, Image, Prepack, epilogue, has_few_channels, to_blocks, to_rows};
    use super::*;
    use crate::AlignedBuf;
    use crate::geometry::WeightPart;
    use crate::nchw::Correlation;
    use crate::output::Output;
    use crate::reference::{self, quarters};

    /// Runs a kernel between row-major images.
    fn run(kernel: &dyn Kernel, input: &[f32], from: Image, to: Image) -> Vec<f32> {
        let mut blocks = vec![f32::NAN; from.len()];
        let input = match has_few_channels(from.channels) {
            true => input,
            false => {
                to_blocks(from, input, Output::from(&mut blocks[..]));
                &blocks
            }
        };
        let (output, _) = AlignedBuf::written(to.len(), |output| {
            kernel.run(input, output, &epilogue::Forward::default())
        });
        let rows_len = to.channels * to.pixels();
        AlignedBuf::written(rows_len, |rows| to_rows(to, &output, rows)).0.to_vec()
    }

    /// Minimal filtering rounds, unlike the sums tap by tap, all of whose products are multiples of 1/16.
    fn assert_near(output: &[f32], expected: &[f32], what: &str) {
        let largest = expected.iter().fold(0.0f32, |largest, sum| largest.max(sum.abs()));
        assert_eq!(output.len(), expected.len());
        for (got, expected) in output.iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-5 * largest, "{got} is not {expected}: {what}");
        }
    }

    /// Against the definition.
    fn check(filters: usize, channels: usize, axes: [WindowAxis; 2]) {
        for part in [WeightPart::Positive, WeightPart::One, WeightPart::Squared] {
            check_part(filters, channels, axes, part);
        }
    }

    fn check_part(filters: usize, channels: usize, axes: [WindowAxis; 2], part: WeightPart) {
        let [vertical, horizontal] = axes;
        let shape = [filters, channels, vertical.kernel, horizontal.kernel];
        let numbers = quarters(shape.iter().product(), 7);
        let window = Window { axes: axes.to_vec() };
        assert!(serves(&shape, 1, &window));
        let inner = Image { channels, height: vertical.input, width: horizontal.input };
        let outer = Image { channels: filters, height: vertical.output, width: horizontal.output };
        let parts = part.of_slice(&numbers);
        let correlation = Correlation { weights: &parts, filters, groups: 1, window: &window };
        let weights: Floats = Arc::new(numbers.clone());
        let prepack = Prepack::Once;
        let plain = Filters { weights, shape, part, is_transposed: false, prepack };
        let flipped = Filters { is_transposed: true, ..plain.clone() };
        let what = format!("{filters} {channels} {axes:?} {part:?}");

        let input = quarters(channels * inner.pixels(), 5);
        let sums = reference::forward(&correlation, &input);
        let kernel = forward(plain.clone(), 1, &window).unwrap();
        assert_near(&run(kernel.as_ref(), &input, inner, outer), &sums, &what);
        let output = quarters(filters * outer.pixels(), 3);
        let sums_back = reference::transposed(&correlation, &output);
        let kernel = transposed(flipped.clone(), 1, &window).unwrap();
        assert_near(&run(kernel.as_ref(), &output, outer, inner), &sums_back, &what);
        for isa in Isa::all() {
            let direct = Direct::new(isa, plain.clone(), axes).unwrap();
            assert_eq!(run(&direct, &input, inner, outer), sums, "{isa:?} {what}");
            if vertical.dilation.max(horizontal.dilation) == 1 {
                let strided = StridedTransposed::new(isa, flipped.clone(), axes).unwrap();
                let back = run(&strided, &output, outer, inner);
                assert_eq!(back, sums_back, "{isa:?} {what}");
            }
        }
    }

    #[test]
    fn both_directions_are_naive_sums() {
        check(
            16,
            16,
            [WindowAxis::fitting(8, 3, 1, 1, [1, 1]), WindowAxis::fitting(8, 3, 1, 1, [1, 1])],
        );
        check(
            40,
            24,
            [WindowAxis::fitting(7, 1, 1, 1, [0, 0]), WindowAxis::fitting(9, 1, 1, 1, [0, 0])],
        );
        check(
            48,
            19,
            [WindowAxis::fitting(9, 3, 2, 1, [1, 1]), WindowAxis::fitting(10, 3, 2, 1, [1, 1])],
        );
        check(
            33,
            16,
            [WindowAxis::fitting(9, 3, 2, 1, [0, 1]), WindowAxis::fitting(12, 5, 2, 1, [2, 1])],
        );
        check(
            16,
            32,
            [WindowAxis::fitting(8, 1, 2, 1, [0, 0]), WindowAxis::fitting(9, 1, 2, 1, [0, 0])],
        );
        check(
            8,
            8,
            [WindowAxis::fitting(11, 3, 1, 2, [2, 2]), WindowAxis::fitting(30, 3, 1, 1, [0, 2])],
        );
        check(
            16,
            3,
            [WindowAxis::fitting(20, 7, 2, 1, [3, 3]), WindowAxis::fitting(21, 7, 2, 1, [3, 3])],
        );
        check(
            40,
            7,
            [WindowAxis::fitting(31, 3, 1, 1, [1, 1]), WindowAxis::fitting(30, 3, 1, 1, [1, 1])],
        );
        check(
            24,
            1,
            [WindowAxis::fitting(6, 1, 1, 1, [0, 0]), WindowAxis::fitting(5, 1, 1, 1, [0, 0])],
        );
        check(
            16,
            16,
            [WindowAxis::fitting(1, 1, 1, 1, [0, 0]), WindowAxis::fitting(1, 1, 1, 1, [0, 0])],
        );
        check(
            16,
            16,
            [WindowAxis::fitting(5, 2, 1, 1, [0, 1]), WindowAxis::fitting(4, 4, 1, 1, [3, 0])],
        );
        check(
            8,
            8,
            [WindowAxis::fitting(1, 1, 2, 1, [0, 0]), WindowAxis::fitting(1, 2, 2, 1, [0, 1])],
        );
    }

    #[test]
    fn a_stride_beside_a_dilation_is_left_to_other_kernels() {
        let axes =
            vec![WindowAxis::fitting(6, 3, 1, 2, [1, 1]), WindowAxis::fitting(6, 4, 2, 1, [1, 0])];
        assert!(!serves(&[16, 16, 3, 4], 1, &Window { axes }));
    }
}
