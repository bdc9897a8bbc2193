//! The transpose of a convolution, `R[i] = Σ w[k] · s[o]` over all `o`, `k` whose tap reads `i`.
//!
//! With stride 1 that is a convolution with the flipped kernel. With stride `d`, the input positions of an axis are
//! divided into `d` phases. Every phase reads only each `d`-th tap, and is a convolution of stride 1; the results of the
//! phases are interleaved. With tract's convolutions this is 1.3 to 2.5 times as fast as tract's deconvolution.

use anyhow::{Result, ensure};
use onnxplain_kernels::geometry::phases::{PhaseAxis, phases_of};
use onnxplain_kernels::nchw::FewChannels;

use super::correlation::{Correlation, Kernel};
use super::{Window, row_kernels};
use crate::tensor::Tensor;

/// The kernel that carries `[N, O, output...]` back to `[N, I, input...]`.
pub(super) fn transposed(forward: &Correlation) -> Result<Kernel> {
    if let Some(map) = FewChannels::new(&forward.of_slices()) {
        let shape = forward.input_shape();
        return Ok(Box::new(move |output| {
            let [read, _] = map.lens();
            ensure!(
                output.len() == read,
                "a transposed convolution got a tensor of shape {:?}",
                output.shape()
            );
            Tensor::written_by(&shape, |input| map.run(output.data(), input))
        }));
    }
    let weight = exchange_channels(&forward.weight, forward.groups)?;
    let phases = phase_grid(&forward.window)
        .into_iter()
        .filter(|phase| phase.iter().all(|axis| axis.count > 0 && !axis.taps.is_empty()))
        .map(|phase| PhaseKernel::new(&weight, forward.groups, phase))
        .collect::<Result<Vec<_>>>()?;
    let mut shape = vec![1, weight.shape()[0]];
    shape.extend(forward.window.input_shape());
    if let [only] = phases.as_slice()
        && only.fills_input(&forward.window)
    {
        return Ok(phases.into_iter().map(|phase| phase.kernel).collect::<Vec<_>>().remove(0));
    }
    Ok(Box::new(move |output| {
        let mut input = Tensor::zeros(&shape)?;
        for phase in &phases {
            let part = (phase.kernel)(output)?;
            interleave(&part, &phase.axes, &mut input);
        }
        Ok(input)
    }))
}

/// `[O, I / groups, kernel...]` to `[I, O / groups, kernel...]`.
pub(crate) fn exchange_channels(weight: &Tensor, groups: usize) -> Result<Tensor> {
    let mut shape = weight.shape().to_vec();
    let (rows, columns) = (shape[0] / groups, shape[1]);
    let taps: usize = shape[2..].iter().product();
    (shape[0], shape[1]) = (columns * groups, rows);
    let mut exchanged = Tensor::zeros(&shape)?;
    let block = rows * columns * taps;
    let blocks = exchanged.data_mut().chunks_exact_mut(block.max(1));
    for (to, from) in blocks.zip(weight.data().chunks_exact(block.max(1))) {
        for row in 0..rows {
            for column in 0..columns {
                let source = (row * columns + column) * taps;
                let target = (column * rows + row) * taps;
                to[target..target + taps].copy_from_slice(&from[source..source + taps]);
            }
        }
    }
    Ok(exchanged)
}

/// Every combination of the phases of the axes.
fn phase_grid(window: &Window) -> Vec<Vec<PhaseAxis>> {
    window.axes.iter().fold(vec![vec![]], |grid, axis| {
        let phases = phases_of(axis);
        grid.iter()
            .flat_map(|prefix| {
                phases.iter().map(move |phase| {
                    let mut combination = prefix.clone();
                    combination.push(phase.clone());
                    combination
                })
            })
            .collect()
    })
}

struct PhaseKernel {
    axes: Vec<PhaseAxis>,
    kernel: Kernel,
}

impl PhaseKernel {
    fn new(weight: &Tensor, groups: usize, axes: Vec<PhaseAxis>) -> Result<PhaseKernel> {
        let correlation = Correlation {
            weight: pick_taps(weight, &axes)?,
            groups,
            window: Window { axes: axes.iter().map(|axis| axis.window).collect() },
        };
        Ok(PhaseKernel { axes, kernel: row_kernels::forward(&correlation, None)? })
    }

    /// Whether the result of the phase is the whole input: there is only one phase.
    fn fills_input(&self, window: &Window) -> bool {
        self.axes.iter().zip(&window.axes).all(|(phase, axis)| {
            phase.stride == 1 && phase.skipped == 0 && phase.window.output == axis.input
        })
    }
}

/// The weight restricted to the taps of a phase, in their order.
fn pick_taps(weight: &Tensor, axes: &[PhaseAxis]) -> Result<Tensor> {
    let kernel = &weight.shape()[2..];
    let offsets = axes.iter().zip(kernel).fold(vec![0], |offsets, (axis, &length)| {
        let step = |offset: &usize| {
            let offset = offset * length;
            axis.taps.iter().map(move |tap| offset + tap).collect::<Vec<_>>()
        };
        offsets.iter().flat_map(step).collect()
    });
    let taps: usize = kernel.iter().product();
    let mut shape = weight.shape()[..2].to_vec();
    shape.extend(axes.iter().map(|axis| axis.taps.len()));
    let mut picked = Tensor::zeros(&shape)?;
    let filters = picked.data_mut().chunks_exact_mut(offsets.len().max(1));
    for (to, from) in filters.zip(weight.data().chunks_exact(taps.max(1))) {
        to.iter_mut().zip(&offsets).for_each(|(to, &offset)| *to = from[offset]);
    }
    Ok(picked)
}

/// Writes one phase's results to the input positions they belong to.
fn interleave(part: &Tensor, axes: &[PhaseAxis], input: &mut Tensor) {
    let part_spatial = &part.shape()[2..].to_vec();
    let input_spatial = input.shape()[2..].to_vec();
    let part_plane: usize = part_spatial.iter().product();
    let input_plane: usize = input_spatial.iter().product();
    let Some((last, outer)) = axes.split_last() else {
        return;
    };
    let rows = outer.iter().enumerate().fold(vec![(0, 0)], |rows, (depth, axis)| {
        let step = |&(from, to): &(usize, usize)| {
            let (part_length, input_length) = (part_spatial[depth], input_spatial[depth]);
            (0..axis.count)
                .map(move |n| {
                    let position = axis.first + n * axis.stride;
                    (from * part_length + axis.skipped + n, to * input_length + position)
                })
                .collect::<Vec<_>>()
        };
        rows.iter().flat_map(step).collect()
    });
    let (part_row, input_row) = (part_spatial[axes.len() - 1], input_spatial[axes.len() - 1]);
    let planes = input.data_mut().chunks_exact_mut(input_plane.max(1));
    for (to, from) in planes.zip(part.data().chunks_exact(part_plane.max(1))) {
        for &(from_row, to_row) in &rows {
            let from = &from[from_row * part_row + last.skipped..][..last.count];
            let to = to[to_row * input_row + last.first..].iter_mut().step_by(last.stride);
            to.zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}
