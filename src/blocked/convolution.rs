//! Which kernel computes a convolution on images in blocks.

use std::sync::Arc;

use super::direct::Direct;
use super::filters::Filters;
use super::phased::Phased;
use super::{Kernel, LANES};
use crate::linear::{Window, WindowAxis};
use crate::microkernel::Instructions;

/// Filters below which most lanes of a block would stay empty.
const FEWEST_FILTERS: usize = LANES / 2;

/// Whether a convolution of weight `[O, I / groups, kernel...]` has kernels here, in both directions.
pub(crate) fn serves(weight: &[usize], groups: usize, window: &Window) -> bool {
    let ([vertical, horizontal], &[filters, channels, _, _]) = (&window.axes[..], weight) else {
        return false;
    };
    let is_empty = weight.contains(&0) || window.input_len() == 0 || window.output_len() == 0;
    Instructions::detect().is_some()
        && !is_empty
        && groups == 1
        && channels > 0
        && filters >= FEWEST_FILTERS
        && Instructions::knows_stride(horizontal.stride * LANES)
        && [vertical, horizontal].into_iter().all(can_be_reversed)
}

/// Whether the transposed map along an axis has a kernel.
fn can_be_reversed(axis: &WindowAxis) -> bool {
    let reach = (axis.kernel - 1) * axis.dilation;
    match axis.stride {
        1 => axis.pad_before <= reach && axis.pad_after <= reach,
        _ => axis.dilation == 1,
    }
}

/// The convolution.
pub(crate) fn gather(filters: Filters, window: &Window) -> Option<Arc<dyn Kernel>> {
    let axes = image_axes(window)?;
    let direct = Direct::new(Instructions::detect()?, filters, axes)?;
    Some(Arc::new(direct))
}

/// The transposed map of the convolution; `filters` are transposed.
pub(crate) fn scatter(filters: Filters, window: &Window) -> Option<Arc<dyn Kernel>> {
    let axes = image_axes(window)?;
    let instructions = Instructions::detect()?;
    if axes.iter().all(|axis| axis.stride == 1) {
        let direct = Direct::new(instructions, filters, axes.map(reversed))?;
        return Some(Arc::new(direct));
    }
    Some(Arc::new(Phased::new(instructions, filters, axes)?))
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
    use super::super::{Image, finish, to_blocks, to_rows};
    use super::*;
    use crate::linear::{Convolution, LinearMap, WeightPart};
    use crate::tensor::Tensor;

    fn numbers(shape: &[usize], step: usize) -> Tensor {
        let data: Vec<f32> =
            (0..shape.iter().product()).map(|n| ((n * step) % 17) as f32 / 4.0 - 2.0).collect();
        Tensor::new(shape, &data).unwrap()
    }

    fn axis(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        pads: [usize; 2],
    ) -> WindowAxis {
        let [pad_before, pad_after] = pads;
        let reach = (kernel - 1) * dilation + 1;
        let output = (input + pad_before + pad_after - reach) / stride + 1;
        WindowAxis { input, output, kernel, stride, dilation, pad_before, pad_after }
    }

    fn run(kernel: &dyn Kernel, input: &Tensor, shape: [usize; 3]) -> Tensor {
        let shape = [1, shape[0], shape[1], shape[2]];
        let image = Image::of(&shape).unwrap();
        let mut output = Tensor::filled(&image.shape(), f32::NAN).unwrap();
        let input = to_blocks(input).unwrap();
        kernel.run(input.data(), output.data_mut(), &finish::Forward::default());
        to_rows(&output, &shape).unwrap()
    }

    /// Against the kernels on rows; sums are exact here: all products are multiples of 1/16.
    fn check(filters: usize, channels: usize, axes: [WindowAxis; 2]) {
        let [vertical, horizontal] = axes;
        let weight = numbers(&[filters, channels, vertical.kernel, horizontal.kernel], 7);
        let window = Window { axes: axes.to_vec() };
        assert!(serves(weight.shape(), 1, &window));
        let convolution = Convolution {
            weight: weight.clone(),
            bias: None,
            groups: 1,
            window: window.clone(),
            is_transposed: false,
            in_blocks: false,
        };
        let input = numbers(&[1, channels, vertical.input, horizontal.input], 5);
        let part = WeightPart::Positive;
        let gathering = Filters { weight: &weight, part, is_transposed: false };
        let scattering = Filters { is_transposed: true, ..gathering };
        let expected = convolution.forward(part, None).unwrap()(&[input.clone()]).unwrap();
        let output = run(
            gather(gathering, &window).unwrap().as_ref(),
            &input,
            [filters, vertical.output, horizontal.output],
        );
        assert_eq!(output.data(), expected.data(), "{filters} {channels} {axes:?}");
        let expected = convolution.transposed(part).unwrap()(&output).unwrap();
        let back = run(
            scatter(scattering, &window).unwrap().as_ref(),
            &output,
            [channels, vertical.input, horizontal.input],
        );
        assert_eq!(back.data(), expected[0].data(), "{filters} {channels} {axes:?}, transposed");
    }

    #[test]
    fn agrees_with_the_kernels_on_rows() {
        check(16, 16, [axis(8, 3, 1, 1, [1, 1]), axis(8, 3, 1, 1, [1, 1])]);
        check(40, 24, [axis(7, 1, 1, 1, [0, 0]), axis(9, 1, 1, 1, [0, 0])]);
        check(48, 19, [axis(9, 3, 2, 1, [1, 1]), axis(10, 3, 2, 1, [1, 1])]);
        check(33, 16, [axis(9, 3, 2, 1, [0, 1]), axis(12, 5, 2, 1, [2, 1])]);
        check(16, 32, [axis(8, 1, 2, 1, [0, 0]), axis(9, 1, 2, 1, [0, 0])]);
        check(8, 8, [axis(11, 3, 1, 2, [2, 2]), axis(30, 3, 1, 1, [0, 2])]);
        check(16, 3, [axis(20, 7, 2, 1, [3, 3]), axis(21, 7, 2, 1, [3, 3])]);
        check(16, 16, [axis(1, 1, 1, 1, [0, 0]), axis(1, 1, 1, 1, [0, 0])]);
        check(16, 16, [axis(5, 2, 1, 1, [0, 1]), axis(4, 4, 1, 1, [3, 0])]);
    }
}
