//! Sliding windows over images, row by row: what a tap reads along one row is evenly spaced in memory.

use super::{Window, WindowAxis};

/// One tap along one row of windows: `count` outputs from `output` on, which read inputs from `input` on.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Index of the first input.
    pub input: usize,
    /// Index of the first output.
    pub output: usize,
    /// Number of outputs.
    pub count: usize,
    stride: usize,
}

impl Row {
    /// The indices of outputs along the row, each with that of the input that it reads.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        (self.output..self.output + self.count).zip((self.input..).step_by(self.stride))
    }

    /// Calls `take(output, input)` for every output along the row.
    pub fn zip(&self, input: &[f32], output: &mut [f32], take: impl Fn(&mut f32, f32)) {
        let outputs = output[self.output..][..self.count].iter_mut();
        let inputs = &input[self.input..];
        if self.stride == 1 {
            outputs.zip(inputs).for_each(|(output, &input)| take(output, input));
        } else {
            let inputs = inputs.iter().step_by(self.stride);
            outputs.zip(inputs).for_each(|(output, &input)| take(output, input));
        }
    }
}

/// Calls `work` for every tap of every row of windows that reads inside the input; two spatial axes.
pub fn for_each_row(window: &Window, mut work: impl FnMut(&Row)) {
    let [vertical, horizontal] = window.axes[..] else { return };
    for y in 0..vertical.output {
        for tap_y in 0..vertical.kernel {
            let Some(source_y) = vertical.source(y, tap_y) else { continue };
            for tap_x in 0..horizontal.kernel {
                let (first, count) = positions_inside(&horizontal, tap_x);
                if count == 0 {
                    continue;
                }
                let offset = first * horizontal.stride + tap_x * horizontal.dilation;
                work(&Row {
                    input: source_y * horizontal.input + offset - horizontal.pad_before,
                    output: y * horizontal.output + first,
                    count,
                    stride: horizontal.stride,
                });
            }
        }
    }
}

/// The first window position whose tap reads inside the input, and how many follow in a row.
fn positions_inside(axis: &WindowAxis, tap: usize) -> (usize, usize) {
    let offset = tap * axis.dilation;
    let first = axis.pad_before.saturating_sub(offset).div_ceil(axis.stride);
    // Positions up to which p·stride + offset − pad_before < input.
    let end = (axis.input + axis.pad_before).saturating_sub(offset).div_ceil(axis.stride);
    (first, end.min(axis.output).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_inside_agree_with_the_window() {
        for stride in 1..4 {
            for dilation in 1..3 {
                for pad_before in 0..4 {
                    let axis = WindowAxis {
                        input: 7,
                        output: (7 + pad_before + 1 - 2 * dilation - 1) / stride + 1,
                        kernel: 3,
                        stride,
                        dilation,
                        pad_before,
                        pad_after: 1,
                    };
                    for tap in 0..3 {
                        let inside: Vec<usize> = (0..axis.output)
                            .filter(|&position| axis.source(position, tap).is_some())
                            .collect();
                        let (first, count) = positions_inside(&axis, tap);
                        assert_eq!(count, inside.len(), "{axis:?} tap {tap}");
                        assert!(count == 0 || inside[0] == first, "{axis:?} tap {tap}");
                    }
                }
            }
        }
    }
}
