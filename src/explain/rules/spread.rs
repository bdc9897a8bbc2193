//! Relevance of a layer that reads single elements some apart, spread over the elements between them.
//!
//! A 1 × 1 convolution of stride 2 reads every second element of every second row, so relevance draws a lattice. It is in
//! the network's function, and hides what a reader looks for. The element that is read stands for its cell, the elements up
//! to the next one: those of its sign share what it gets, in proportion to their values. Others get nothing, as in every
//! rule that multiplies by the input.

use anyhow::Result;
use onnxplain_kernels::nchwc::LANES;

use super::relevance::{Relevance, StepOutput};
use crate::linear::Window;
use crate::tensor::Tensor;

/// Spreads what a step handed to the only input of its layer over the cells of a window; `value` is that input, both are in
/// blocks or row by row.
pub(in crate::explain) fn spread(
    window: &Window,
    in_blocks: bool,
    value: &Tensor,
    mut output: StepOutput,
) -> Result<StepOutput> {
    if let Some(Relevance { mut tensor, .. }) = output.inputs[0].take() {
        let lanes = if in_blocks { LANES } else { 1 };
        spread_cells(&cells(window), lanes, value.data(), tensor.data_mut());
        output.inputs[0] = Some(tensor.into());
    }
    Ok(output)
}

/// The elements of every cell of a plane, the one that is read first.
fn cells(window: &Window) -> Vec<Vec<usize>> {
    let mut cells = vec![vec![0]];
    for axis in &window.axes {
        let mut longer = vec![];
        for cell in &cells {
            for read in 0..axis.output {
                let first = read * axis.stride;
                let along = first..axis.input.min(first + axis.stride);
                let of_cell = |&at: &usize| along.clone().map(move |next| at * axis.input + next);
                longer.push(cell.iter().flat_map(of_cell).collect());
            }
        }
        cells = longer;
    }
    cells
}

fn spread_cells(cells: &[Vec<usize>], lanes: usize, value: &[f32], relevance: &mut [f32]) {
    let plane: usize = cells.iter().map(Vec::len).sum::<usize>() * lanes;
    let planes = relevance.chunks_exact_mut(plane.max(1)).zip(value.chunks_exact(plane.max(1)));
    for (relevance, value) in planes {
        for cell in cells {
            for lane in 0..lanes {
                spread_cell(cell.iter().map(|&at| at * lanes + lane), value, relevance);
            }
        }
    }
}

/// Spreads over the elements of a cell, the first of which is read.
fn spread_cell(cell: impl Iterator<Item = usize> + Clone, value: &[f32], relevance: &mut [f32]) {
    let Some(read) = cell.clone().next() else { return };
    let (handed, own) = (relevance[read], value[read]);
    if handed == 0.0 || own == 0.0 {
        return;
    }
    let shares = |at: &usize| value[*at] * own.signum() > 0.0;
    let total: f32 = cell.clone().filter(shares).map(|at| value[at]).sum();
    for at in cell.filter(shares) {
        relevance[at] = handed * (value[at] / total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::WindowAxis;

    fn axis(input: usize, stride: usize) -> WindowAxis {
        let output = input.div_ceil(stride);
        let pad_after = output * stride - input;
        WindowAxis { input, output, kernel: stride, stride, dilation: 1, pad_before: 0, pad_after }
    }

    #[test]
    fn cells_cover_the_plane() {
        let found = cells(&Window { axes: vec![axis(3, 2), axis(5, 3)] });
        assert_eq!(found[0], [0, 1, 2, 5, 6, 7]);
        assert_eq!(found[1], [3, 4, 8, 9]);
        assert_eq!(found[2..], [vec![10, 11, 12], vec![13, 14]]);
    }

    #[test]
    fn elements_of_the_same_sign_share() {
        let cells = [vec![0, 1, 2, 3]];
        let spread = |value: [f32; 4], handed: f32| {
            let mut relevance = [handed, 0.0, 0.0, 0.0];
            spread_cells(&cells, 1, &value, &mut relevance);
            relevance
        };
        assert_eq!(spread([1.0, 2.0, -4.0, 1.0], 8.0), [2.0, 4.0, 0.0, 2.0]);
        assert_eq!(spread([-1.0, 2.0, -3.0, 0.0], 8.0), [2.0, 0.0, 6.0, 0.0]);
        // Nothing stands for an element of 0: it keeps what a rule without inputs gives it.
        assert_eq!(spread([0.0, 2.0, 1.0, 1.0], 8.0), [8.0, 0.0, 0.0, 0.0]);
        assert!(spread([1.0, 1.0, 0.0, 0.0], f32::NAN)[1].is_nan());
    }

    #[test]
    fn lanes_are_spread_by_themselves() {
        let mut relevance = [6.0, 5.0, 0.0, 0.0];
        spread_cells(&[vec![0, 1]], 2, &[1.0, 4.0, 2.0, 1.0], &mut relevance);
        assert_eq!(relevance, [2.0, 4.0, 4.0, 1.0]);
    }
}
