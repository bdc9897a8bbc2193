//! What the weights of a convolution meet: products of inputs with what stands at the outputs, summed over positions.
//!
//! `G[o, c, k] = Σ_p s[o, p] · x[c, p + k]` is the gradient of `Σ s ⊙ (W * x)` by the weights. It is a matrix product whose
//! inner axis are the positions: the microkernel of the convolutions runs it with outputs in the place of filters and
//! with the channels under a row of the window, which lie side by side, in the place of pixels. No window is copied.

use crate::SizeError;
use crate::geometry::{Window, WindowAxis};
use crate::microkernel::{MOST_SUMS, Operands, run_blocks};
use crate::simd::{Isa, LANES};

/// Positions whose products are summed before they are added to the totals: their outputs stay in the second cache. Small
/// images are collected until there are so many, because the totals of a layer are larger than the images then.
const POSITIONS: usize = 1024;

/// The most images that are collected.
const MOST_IMAGES: usize = 8;

/// How the channels of an image lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other.
    Rows,
    /// In blocks of sixteen, side by side at every pixel; the last block is filled up.
    Blocks,
}

impl Order {
    fn lanes(self) -> usize {
        if self == Order::Blocks { LANES } else { 1 }
    }

    /// Those of so many channels, filled up.
    fn channels(self, count: usize) -> usize {
        count.div_ceil(self.lanes()) * self.lanes()
    }
}

/// The gradient of a convolution's weights, summed over any number of inputs.
pub struct WeightGradient {
    /// The window over three axes, leading ones being points.
    axes: [WindowAxis; 3],
    groups: usize,
    /// Of a group.
    outputs: usize,
    /// Of a group.
    inputs: usize,
    isa: Isa,
    /// `[group, panel of filters, row of the window, column, filter]`, the columns of a row filled up to whole tiles;
    /// of a convolution of single channels `[output, tap]`.
    sums: Vec<f32>,
    /// Images that are multiplied together.
    images: usize,
    /// How many of them are there.
    collected: usize,
    /// The inputs of a group, channels last, with their padding, image by image.
    padded: Vec<f32>,
    /// For each panel its outputs, position by position, image by image.
    panels: Vec<Vec<f32>>,
    /// Where each position of each image reads in `padded`.
    offsets: Vec<u32>,
}

impl WeightGradient {
    /// Nothing yet, of weights `[outputs, inputs / groups, kernel...]`.
    ///
    /// # Errors
    /// When groups do not divide the channels, or the input does not fit in offsets of 32 bits.
    pub fn new(
        [outputs, inputs]: [usize; 2],
        groups: usize,
        window: &Window,
    ) -> Result<WeightGradient, SizeError> {
        if groups == 0 || !outputs.is_multiple_of(groups) || !inputs.is_multiple_of(groups) {
            return Err(SizeError::new(format!(
                "{groups} groups do not divide {outputs} outputs and {inputs} inputs"
            )));
        }
        let mut axes = [WindowAxis::POINT; 3];
        let leading = 3usize.saturating_sub(window.axes.len());
        axes[leading..].copy_from_slice(&window.axes);
        let (outputs, inputs) = (outputs / groups, inputs / groups);
        let isa = Isa::detect();
        let mut gradient = WeightGradient {
            axes,
            groups,
            outputs,
            inputs,
            isa,
            sums: vec![],
            images: 1,
            collected: 0,
            padded: vec![],
            panels: vec![],
            offsets: vec![],
        };
        if gradient.is_of_single_channels() {
            gradient.sums = vec![0.0; groups * outputs * gradient.taps()];
            return Ok(gradient);
        }
        if groups == 1 {
            gradient.images = (POSITIONS / gradient.positions().max(1)).clamp(1, MOST_IMAGES);
        }
        let len = gradient.padded_until(gradient.images);
        if u32::try_from(len).is_err() {
            return Err(SizeError::new(format!("an input of {len} numbers is too large")));
        }
        gradient.panels = vec![vec![]; gradient.panel_count()];
        gradient.offsets = gradient.position_offsets();
        gradient.sums = vec![0.0; groups * gradient.panel_count() * gradient.panel_len()];
        Ok(gradient)
    }

    /// Adds the products of one input `[C, spatial...]` with what stands at its outputs, `[O, spatial...]`.
    ///
    /// # Errors
    /// When there are more or fewer numbers than the geometry says.
    pub fn add(&mut self, input: &[f32], output: &[f32]) -> Result<(), SizeError> {
        self.add_images((input, Order::Rows), (output, Order::Rows))
    }

    /// The same where one or both lie in blocks of sixteen channels, `[C / 16, spatial..., 16]`.
    ///
    /// # Errors
    /// When there are more or fewer numbers than the geometry says, or blocks where there are groups.
    pub fn add_images(
        &mut self,
        input: (&[f32], Order),
        output: (&[f32], Order),
    ) -> Result<(), SizeError> {
        let (input_len, output_len) = (self.input_len(), self.positions());
        let (inputs, outputs) = (self.groups * self.inputs, self.groups * self.outputs);
        let expected =
            [input.1.channels(inputs) * input_len, output.1.channels(outputs) * output_len];
        if [input.0.len(), output.0.len()] != expected {
            return Err(SizeError::new(format!(
                "{} inputs and {} outputs where the window has {expected:?}",
                input.0.len(),
                output.0.len()
            )));
        }
        if self.groups == 1 {
            self.add_group(0, input, output);
            return Ok(());
        }
        if [input.1, output.1] != [Order::Rows; 2] {
            return Err(SizeError::new("groups of channels do not lie in blocks"));
        }
        for group in 0..self.groups {
            let input = &input.0[group * self.inputs * input_len..][..self.inputs * input_len];
            let output =
                &output.0[group * self.outputs * output_len..][..self.outputs * output_len];
            match self.is_of_single_channels() {
                true => self.add_single_channel(group, input, output),
                false => self.add_group(group, (input, Order::Rows), (output, Order::Rows)),
            }
        }
        Ok(())
    }

    /// Multiplies the images that were collected, and frees their memory.
    pub fn settle(&mut self) {
        self.multiply_collected();
        self.padded = vec![];
        self.panels.fill(vec![]);
    }

    /// Adds the sums of another gradient of the same weights.
    ///
    /// # Errors
    /// When it is one of other weights.
    pub fn absorb(&mut self, mut other: WeightGradient) -> Result<(), SizeError> {
        other.multiply_collected();
        self.multiply_collected();
        if self.sums.len() != other.sums.len() {
            return Err(SizeError::new("sums of other weights"));
        }
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum += more);
        Ok(())
    }

    /// Writes the sums as `[outputs, inputs / groups, kernel...]`, and begins again.
    ///
    /// # Errors
    /// When there is not room for exactly these.
    pub fn take(&mut self, to: &mut [f32]) -> Result<(), SizeError> {
        let taps = self.taps();
        let len = self.groups * self.outputs * self.inputs * taps;
        if to.len() != len {
            return Err(SizeError::new(format!("{len} weights do not fit in {}", to.len())));
        }
        self.multiply_collected();
        if self.is_of_single_channels() {
            to.copy_from_slice(&self.sums);
        } else {
            let (rows, per_row) = (self.rows(), self.taps_of_row());
            let (columns, width) = (self.padded_columns(), self.width());
            let of_output = self.inputs * taps;
            for (output, to) in to.chunks_exact_mut(of_output.max(1)).enumerate() {
                let sums =
                    &self.sums[self.first_sum(output / self.outputs, output % self.outputs)..];
                for (channel, to) in to.chunks_exact_mut(taps.max(1)).enumerate() {
                    for (row, to) in to.chunks_exact_mut(per_row).enumerate().take(rows) {
                        for (tap, to) in to.iter_mut().enumerate() {
                            *to = sums[(row * columns + tap * self.inputs + channel) * width];
                        }
                    }
                }
            }
        }
        self.sums.fill(0.0);
        Ok(())
    }

    /// Depthwise convolutions have one product a position and tap: nothing to tile.
    fn is_of_single_channels(&self) -> bool {
        self.inputs == 1 && self.groups > 1
    }

    fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Taps side by side: those of a row of the window, where nothing lies between them.
    fn taps_of_row(&self) -> usize {
        let [_, _, last] = self.axes;
        if last.dilation == 1 { last.kernel } else { 1 }
    }

    fn rows(&self) -> usize {
        self.taps() / self.taps_of_row().max(1)
    }

    fn columns(&self) -> usize {
        self.taps_of_row() * self.inputs
    }

    /// The columns of a row, filled up: whole tiles, and half a one at the end where that is enough.
    fn padded_columns(&self) -> usize {
        let half = (self.isa.pixels() / 2).max(1);
        self.columns().div_ceil(half) * half
    }

    fn blocks(&self) -> usize {
        self.isa.blocks().min(self.outputs.div_ceil(LANES)).max(1)
    }

    fn width(&self) -> usize {
        self.blocks() * LANES
    }

    fn panel_count(&self) -> usize {
        self.outputs.div_ceil(self.width())
    }

    fn panel_len(&self) -> usize {
        self.rows() * self.padded_columns() * self.width()
    }

    fn positions(&self) -> usize {
        self.axes.iter().map(|axis| axis.output).product()
    }

    fn input_len(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    fn padded_axes(&self) -> [usize; 3] {
        self.axes.map(|axis| {
            let reach = (axis.output.max(1) - 1) * axis.stride
                + (axis.kernel.max(1) - 1) * axis.dilation
                + 1;
            (axis.pad_before + axis.input + axis.pad_after).max(reach)
        })
    }

    fn padded_len(&self) -> usize {
        self.padded_axes().iter().product::<usize>() * self.inputs
    }

    /// The numbers of so many inputs: the last tile of a row reads behind its columns.
    fn padded_until(&self, images: usize) -> usize {
        images * self.padded_len() + self.padded_columns()
    }

    /// Where the sum of a filter and the first column is.
    fn first_sum(&self, group: usize, filter: usize) -> usize {
        let (panel, filter) = (filter / self.width(), filter % self.width());
        (group * self.panel_count() + panel) * self.panel_len() + filter
    }

    fn position_offsets(&self) -> Vec<u32> {
        let [depth, height, width] = self.axes;
        let [_, padded_height, padded_width] = self.padded_axes();
        let mut offsets = Vec::with_capacity(self.images * self.positions());
        for z in 0..depth.output {
            for y in 0..height.output {
                for x in 0..width.output {
                    let row = z * depth.stride * padded_height + y * height.stride;
                    let place = row * padded_width + x * width.stride;
                    offsets.push((place * self.inputs) as u32);
                }
            }
        }
        let len = self.padded_len() as u32;
        for image in 1..self.images as u32 {
            offsets.extend_from_within(..self.positions());
            let of_image = offsets.iter_mut().rev().take(self.positions());
            of_image.for_each(|offset| *offset += image * len);
        }
        offsets
    }

    /// Where the first tap of a row of the window reads at the first position.
    fn row_start(&self, row: usize) -> usize {
        let [depth, height, width] = self.axes;
        let [_, padded_height, padded_width] = self.padded_axes();
        let per_row = if self.taps_of_row() == 1 { width.kernel } else { 1 };
        let (x, rest) = (row % per_row, row / per_row);
        let (y, z) = (rest % height.kernel, rest / height.kernel);
        let line = z * depth.dilation * padded_height + y * height.dilation;
        (line * padded_width + x * width.dilation) * self.inputs
    }

    /// Lays an input beside those that were collected.
    fn pad(&mut self, (input, order): (&[f32], Order)) {
        let [depth, height, width] = self.axes;
        let [_, padded_height, padded_width] = self.padded_axes();
        let lanes = order.lanes();
        let first = self.collected * self.padded_len();
        // What lies outside stays 0.
        if self.padded.len() < self.padded_until(self.collected + 1) {
            self.padded.resize(self.padded_until(self.collected + 1), 0.0);
        }
        let planes = input.chunks_exact((self.input_len() * lanes).max(1));
        for (block, plane) in planes.enumerate() {
            let (channel, count) = (block * lanes, lanes.min(self.inputs - block * lanes));
            for (line, numbers) in plane.chunks_exact((width.input * lanes).max(1)).enumerate() {
                let (z, y) = (line / height.input, line % height.input);
                let line = (z + depth.pad_before) * padded_height + y + height.pad_before;
                let place = (line * padded_width + width.pad_before) * self.inputs + channel;
                let to = self.padded[first + place..].chunks_mut(self.inputs);
                match (order, count) {
                    (Order::Blocks, LANES) => {
                        for (to, from) in to.zip(numbers.as_chunks::<LANES>().0) {
                            to[..LANES].copy_from_slice(from);
                        }
                    }
                    _ => {
                        for (to, from) in to.zip(numbers.chunks_exact(lanes)) {
                            to[..count].copy_from_slice(&from[..count]);
                        }
                    }
                }
            }
        }
    }

    fn add_group(&mut self, group: usize, input: (&[f32], Order), output: (&[f32], Order)) {
        self.pad(input);
        let positions = self.positions();
        // Images with more positions than that are not collected.
        for first in (0..positions).step_by(POSITIONS) {
            let range = first..positions.min(first + POSITIONS);
            self.lay_outputs(output, range.clone());
            if self.images == 1 {
                self.multiply(group, range);
            }
        }
        if self.images > 1 {
            self.collected += 1;
            if self.collected == self.images {
                self.multiply_collected();
            }
        }
    }

    /// Lays what stands at some positions of an output behind that of the images that were collected.
    fn lay_outputs(&mut self, (output, order): (&[f32], Order), range: std::ops::Range<usize>) {
        let (width, positions, lanes) = (self.width(), self.positions(), order.lanes());
        let place = self.collected * positions * width;
        for (index, panel) in self.panels.iter_mut().enumerate() {
            panel.resize(panel.len().max(place + range.len() * width), 0.0);
            let panel = &mut panel[place..][..range.len() * width];
            let planes = output.chunks_exact((positions * lanes).max(1));
            let planes = planes.skip(index * width / lanes).take(width / lanes);
            let filled = planes.len() * lanes;
            for (plane, numbers) in planes.enumerate() {
                let numbers = &numbers[range.start * lanes..range.end * lanes];
                let places = panel.chunks_exact_mut(width);
                match order {
                    Order::Rows => {
                        for (to, from) in places.zip(numbers) {
                            to[plane] = *from;
                        }
                    }
                    Order::Blocks => {
                        for (to, from) in places.zip(numbers.as_chunks::<LANES>().0) {
                            to[plane * LANES..][..LANES].copy_from_slice(from);
                        }
                    }
                }
            }
            if filled < width {
                panel.chunks_exact_mut(width).for_each(|to| to[filled..].fill(0.0));
            }
        }
    }

    fn multiply_collected(&mut self) {
        let collected = std::mem::take(&mut self.collected);
        if collected > 0 {
            self.multiply(0, 0..collected * self.positions());
        }
    }

    /// Adds the products of what was laid down, at some positions.
    fn multiply(&mut self, group: usize, positions: std::ops::Range<usize>) {
        let (blocks, width, columns) = (self.blocks(), self.width(), self.padded_columns());
        let (isa, panel_len) = (self.isa, self.panel_len());
        let offsets = &self.offsets[positions];
        let starts: Vec<usize> = (0..self.rows()).map(|row| self.row_start(row)).collect();
        let (whole, half) = (isa.pixels(), (isa.pixels() / 2).max(1));
        let mut sums = [0.0; MOST_SUMS];
        for (index, weights) in self.panels.iter().enumerate() {
            let totals = (group * self.panel_count() + index) * panel_len;
            let mut totals = &mut self.sums[totals..][..panel_len];
            for start in &starts {
                let mut column = 0;
                while column < columns {
                    let pixels = if columns - column >= whole { whole } else { half };
                    let input = &self.padded[start + column..];
                    let operands = Operands { weights, input, offsets, prefetch: None };
                    run_blocks(isa, blocks, (pixels, 1), operands, &mut sums);
                    let (to, behind) = totals.split_at_mut(pixels * width);
                    add_tile(&sums, (blocks, pixels), to);
                    (totals, column) = (behind, column + pixels);
                }
            }
        }
    }

    fn add_single_channel(&mut self, group: usize, input: &[f32], output: &[f32]) {
        let [depth, height, width] = self.axes;
        let taps = self.taps();
        for (index, output) in output.chunks_exact(self.positions().max(1)).enumerate() {
            let sums = &mut self.sums[(group * self.outputs + index) * taps..][..taps];
            for (tap, sum) in sums.iter_mut().enumerate() {
                let (tap_x, rest) = (tap % width.kernel, tap / width.kernel);
                let (tap_y, tap_z) = (rest % height.kernel, rest / height.kernel);
                let columns = inside(&width, tap_x);
                for (line, output) in output.chunks_exact(width.output.max(1)).enumerate() {
                    let (z, y) = (line / height.output, line % height.output);
                    let source = depth.source(z, tap_z).zip(height.source(y, tap_y));
                    let Some((source_z, source_y)) = source else { continue };
                    let Some(first) = width.source(columns.start, tap_x) else { continue };
                    let start = (source_z * height.input + source_y) * width.input + first;
                    let output = &output[columns.clone()];
                    *sum += match width.stride {
                        1 => dot(output, &input[start..][..output.len()]),
                        stride => {
                            let input = input[start..].iter().step_by(stride);
                            output.iter().zip(input).map(|(a, b)| a * b).sum()
                        }
                    };
                }
            }
        }
    }
}

/// Adds `[blocks, pixels, 16]` sums to `[pixels, blocks, 16]` totals.
fn add_tile(sums: &[f32], (blocks, pixels): (usize, usize), totals: &mut [f32]) {
    let (sums, totals) = (sums.as_chunks::<LANES>().0, totals.as_chunks_mut::<LANES>().0);
    for (pixel, totals) in totals.chunks_exact_mut(blocks).enumerate() {
        for (block, total) in totals.iter_mut().enumerate() {
            let sum = &sums[block * pixels + pixel];
            total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
        }
    }
}

/// The positions at which a tap reads inside the input.
fn inside(axis: &WindowAxis, tap: usize) -> std::ops::Range<usize> {
    let reads = |position: &usize| axis.source(*position, tap).is_some();
    let start = (0..axis.output).find(reads).unwrap_or(axis.output);
    let end = (start..axis.output).rev().find(reads).map_or(start, |last| last + 1);
    start..end
}

/// The sum of products, in sixteen sums at a time.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * step) % 13) as f32 / 4.0 - 1.5).collect()
    }

    /// Against the definition; numbers are multiples of 1/16, so every order of summation gives the same.
    fn check([outputs, inputs]: [usize; 2], groups: usize, axes: &[WindowAxis]) {
        let window = Window { axes: axes.to_vec() };
        let mut gradient = WeightGradient::new([outputs, inputs], groups, &window).unwrap();
        let (input_len, output_len) = (window.input_len(), window.output_len());
        let taps: usize = axes.iter().map(|axis| axis.kernel).product();
        let per_group = inputs / groups;
        let mut expected = vec![0.0; outputs * per_group * taps];
        for round in 0..4 {
            let input = numbers(inputs * input_len, 5 + round);
            let output = numbers(outputs * output_len, 7 + round);
            let order = |is_in_blocks: bool| match is_in_blocks && groups == 1 {
                true => Order::Blocks,
                false => Order::Rows,
            };
            let (of_input, of_output) = (order(round % 2 == 1), order(round / 2 == 1));
            let [ordered_input, ordered_output] =
                [(&input, inputs, of_input), (&output, outputs, of_output)].map(ordered);
            gradient.add_images((&ordered_input, of_input), (&ordered_output, of_output)).unwrap();
            for (place, expected) in expected.iter_mut().enumerate() {
                let (tap, rest) = (place % taps, place / taps);
                let (channel, filter) = (rest % per_group, rest / per_group);
                let channel = filter / (outputs / groups) * per_group + channel;
                for position in 0..output_len {
                    let Some(source) = source(axes, position, tap) else { continue };
                    *expected += output[filter * output_len + position]
                        * input[channel * input_len + source];
                }
            }
        }
        let mut found = vec![f32::NAN; expected.len()];
        gradient.take(&mut found).unwrap();
        assert_eq!(found, expected, "{outputs} {inputs} {groups} {axes:?}");
        gradient.take(&mut found).unwrap();
        assert!(found.iter().all(|sum| *sum == 0.0));
        check_absorbed(&window, [outputs, inputs], groups);
    }

    /// Two gradients of some images each are that of all of them, however many are collected.
    fn check_absorbed(window: &Window, [outputs, inputs]: [usize; 2], groups: usize) {
        let empty = || WeightGradient::new([outputs, inputs], groups, window).unwrap();
        let add = |gradient: &mut WeightGradient, round: usize| {
            let input = numbers(inputs * window.input_len(), 3 + round % 5);
            let output = numbers(outputs * window.output_len(), 4 + round % 7);
            gradient.add(&input, &output).unwrap();
        };
        let (mut whole, mut parts) = (empty(), [empty(), empty()]);
        for round in 0..21 {
            add(&mut whole, round);
            let part = &mut parts[usize::from(round >= 11)];
            add(part, round);
            if round == 4 {
                part.settle();
            }
        }
        let [mut first, second] = parts;
        first.absorb(second).unwrap();
        let len =
            outputs * inputs / groups * window.axes.iter().map(|it| it.kernel).product::<usize>();
        let mut found = [vec![f32::NAN; len], vec![f32::NAN; len]];
        whole.take(&mut found[0]).unwrap();
        first.take(&mut found[1]).unwrap();
        assert_eq!(found[0], found[1], "{outputs} {inputs} {groups} {window:?}");
    }

    /// Planes in blocks, where they are asked for. Lanes without a channel hold what must not matter.
    fn ordered((planes, channels, order): (&Vec<f32>, usize, Order)) -> Vec<f32> {
        if order == Order::Rows {
            return planes.clone();
        }
        let len = planes.len() / channels;
        let mut blocks = vec![0.0; order.channels(channels) * len];
        for channel in 0..channels {
            for place in 0..len {
                blocks[(channel / LANES * len + place) * LANES + channel % LANES] =
                    planes[channel * len + place];
            }
        }
        blocks
    }

    /// The element that a tap reads at a position, over any number of axes.
    fn source(axes: &[WindowAxis], mut position: usize, mut tap: usize) -> Option<usize> {
        let (mut place, mut stride) = (0, 1);
        for axis in axes.iter().rev() {
            place += stride * axis.source(position % axis.output, tap % axis.kernel)?;
            (position, tap) = (position / axis.output, tap / axis.kernel);
            stride *= axis.input;
        }
        Some(place)
    }

    #[test]
    fn gradients_of_every_geometry() {
        let fit = WindowAxis::fitting;
        check([5, 3], 1, &[fit(9, 3, 1, 1, [1, 1]), fit(7, 3, 1, 1, [1, 1])]);
        check([40, 17], 1, &[fit(6, 3, 2, 1, [0, 1]), fit(6, 3, 2, 1, [1, 0])]);
        check([33, 20], 1, &[fit(5, 1, 1, 1, [0, 0]), fit(40, 1, 1, 1, [0, 0])]);
        check([16, 16], 1, &[fit(8, 3, 1, 2, [2, 2]), fit(8, 3, 1, 2, [2, 2])]);
        check([8, 4], 2, &[fit(7, 2, 1, 1, [0, 0]), fit(7, 5, 3, 1, [2, 2])]);
        check([6, 6], 6, &[fit(7, 3, 1, 1, [1, 1]), fit(40, 3, 1, 1, [1, 1])]);
        check([12, 6], 6, &[fit(8, 3, 2, 1, [1, 1]), fit(9, 3, 2, 1, [1, 1])]);
        check([4, 3], 1, &[fit(50, 5, 2, 1, [2, 2])]);
        check(
            [3, 2],
            1,
            &[fit(4, 2, 1, 1, [0, 1]), fit(5, 3, 1, 1, [1, 1]), fit(6, 3, 2, 1, [1, 1])],
        );
        // More positions than are summed at once.
        check([3, 2], 1, &[fit(40, 3, 1, 1, [1, 1]), fit(40, 3, 1, 1, [1, 1])]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let window = Window { axes: vec![WindowAxis::fitting(9, 3, 1, 1, [1, 1])] };
        assert!(WeightGradient::new([5, 3], 2, &window).is_err());
        let mut gradient = WeightGradient::new([5, 3], 1, &window).unwrap();
        assert!(gradient.add(&[0.0; 26], &[0.0; 45]).is_err());
        assert!(gradient.take(&mut [0.0; 44]).is_err());
    }
}
