//! The transpose of a convolution that reads few channels, such as the first one of a network.
//!
//! With three channels the flipped convolutions of [`convolution_transposed`](super::convolution_transposed)
//! leave most of tract's tile empty. One matrix product `Wᵀ s`, whose rows are all
//! taps of all channels, fills it; the rows are then added up where their taps read.

use anyhow::Result;

use super::convolution::{Correlation, Kernel};
use super::rows::for_each_row;
use super::{Window, WindowAxis};
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Channels up to which this way is faster.
const FEW_CHANNELS: usize = 4;

/// Whether this kernel applies.
pub(super) fn applies(forward: &Correlation) -> bool {
    forward.groups == 1
        && forward.window.axes.len() == 2
        && forward.weight.shape()[1] <= FEW_CHANNELS
}

/// The kernel that carries `[1, O, H', W']` back to `[1, I, H, W]`.
pub(super) fn scatter(forward: &Correlation) -> Result<Kernel> {
    let product = Correlation {
        weight: transposed_matrix(&forward.weight)?,
        groups: 1,
        window: pointwise(forward.window.output_len()),
    };
    let product = product.gather(None)?;
    let window = forward.window.clone();
    let (outputs, inputs) = (forward.weight.shape()[0], forward.weight.shape()[1]);
    let taps: usize = forward.weight.shape()[2..].iter().product();
    let shape: Vec<usize> = [1, inputs].into_iter().chain(window.input_shape()).collect();
    Ok(Box::new(move |output| {
        let output = output.clone().reshaped(&[1, outputs, window.output_len()])?;
        let columns = product(&output)?;
        let mut input = Tensor::zeros(&shape)?;
        for_each_chunk(input.data_mut(), window.input_len(), |channel, plane| {
            for_each_row(&window, |row| {
                let column = (channel * taps + row.tap) * window.output_len();
                row.scatter(1.0, &columns.data()[column..], plane);
            });
        });
        Ok(input)
    }))
}

/// `[O, I, kernel...]` as `[I · taps, O, 1]`.
fn transposed_matrix(weight: &Tensor) -> Result<Tensor> {
    let outputs = weight.shape()[0];
    let columns = weight.len() / outputs.max(1);
    let mut matrix = Tensor::zeros(&[columns, outputs, 1])?;
    for (row, values) in matrix.data_mut().chunks_exact_mut(outputs.max(1)).enumerate() {
        for (output, value) in values.iter_mut().enumerate() {
            *value = weight.data()[output * columns + row];
        }
    }
    Ok(matrix)
}

/// A window of one tap over a line.
fn pointwise(length: usize) -> Window {
    Window { axes: vec![WindowAxis { input: length, output: length, ..WindowAxis::POINT }] }
}
