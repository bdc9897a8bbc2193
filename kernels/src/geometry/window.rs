//! The geometry of a sliding window: what convolutions and poolings share.

/// A sliding window over one spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAxis {
    /// Length of the input.
    pub input: usize,
    /// Number of window positions.
    pub output: usize,
    /// Number of taps of the window.
    pub kernel: usize,
    /// Distance between window positions.
    pub stride: usize,
    /// Distance between taps.
    pub dilation: usize,
    /// Positions added before the input.
    pub pad_before: usize,
    /// Positions added after the input.
    pub pad_after: usize,
}

impl WindowAxis {
    /// An axis over which nothing slides.
    pub const POINT: WindowAxis = WindowAxis {
        input: 1,
        output: 1,
        kernel: 1,
        stride: 1,
        dilation: 1,
        pad_before: 0,
        pad_after: 0,
    };

    /// An axis with as many window positions as fit.
    pub fn fitting(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        [pad_before, pad_after]: [usize; 2],
    ) -> WindowAxis {
        let reach = (kernel - 1) * dilation + 1;
        let output = (pad_before + input + pad_after - reach) / stride + 1;
        WindowAxis { input, output, kernel, stride, dilation, pad_before, pad_after }
    }

    /// The input position that tap `tap` of window `position` reads, if it lies inside the input.
    pub fn source(&self, position: usize, tap: usize) -> Option<usize> {
        (position * self.stride + tap * self.dilation)
            .checked_sub(self.pad_before)
            .filter(|&source| source < self.input)
    }

    /// How many taps of window `position` lie inside the input, or inside the padded input.
    pub fn tap_count(&self, position: usize, with_padding: bool) -> usize {
        let start = position * self.stride;
        let (from, to) = if with_padding {
            (0, self.pad_before + self.input + self.pad_after)
        } else {
            (self.pad_before, self.pad_before + self.input)
        };
        // The taps in front of a place; windows may be so large that counting them one by one takes hours.
        let in_front_of = |place: usize| {
            place.saturating_sub(start).div_ceil(self.dilation.max(1)).min(self.kernel)
        };
        in_front_of(to) - in_front_of(from)
    }
}

/// A sliding window over all spatial axes, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The spatial axes (one for 1-D, two for images, three for volumes).
    pub axes: Vec<WindowAxis>,
}

impl Window {
    /// The spatial shape of the input.
    pub fn input_shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.input).collect()
    }

    /// The spatial shape of the output.
    pub fn output_shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.output).collect()
    }

    /// Elements of one input plane.
    pub fn input_len(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    /// Elements of one output plane.
    pub fn output_len(&self) -> usize {
        self.axes.iter().map(|axis| axis.output).product()
    }

    /// Calls `visit(output index, input index)` for every tap inside the input, over
    /// one plane, window by window and tap by tap in row-major order.
    pub fn for_each_tap(&self, mut visit: impl FnMut(usize, usize)) {
        let [depth, height, width] = self.as_volume();
        let mut output = 0;
        for z in 0..depth.output {
            for y in 0..height.output {
                for x in 0..width.output {
                    for source_z in taps(&depth, z) {
                        for source_y in taps(&height, y) {
                            let row = (source_z * height.input + source_y) * width.input;
                            for source_x in taps(&width, x) {
                                visit(output, row + source_x);
                            }
                        }
                    }
                    output += 1;
                }
            }
        }
    }

    /// The window as one over three axes, leading ones being points.
    fn as_volume(&self) -> [WindowAxis; 3] {
        let mut volume = [WindowAxis::POINT; 3];
        let leading = 3usize.saturating_sub(self.axes.len());
        for (slot, axis) in volume[leading..].iter_mut().zip(&self.axes) {
            *slot = *axis;
        }
        volume
    }
}

fn taps(axis: &WindowAxis, position: usize) -> impl Iterator<Item = usize> {
    (0..axis.kernel).filter_map(move |tap| axis.source(position, tap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_taps_with_and_without_padding() {
        let axis = WindowAxis {
            input: 4,
            output: 3,
            kernel: 3,
            stride: 2,
            dilation: 1,
            pad_before: 1,
            pad_after: 1,
        };
        let counts = |padding| [0, 1, 2].map(|position| axis.tap_count(position, padding));
        assert_eq!(counts(false), [2, 3, 1]);
        assert_eq!(counts(true), [3, 3, 2]);
    }

    #[test]
    fn taps_are_counted_as_one_by_one() {
        for case in 0..4096 {
            let digit = |place: u32| (case / 4usize.pow(place)) % 4;
            let [kernel, stride, dilation] = [1 + digit(0), 1 + digit(1), 1 + digit(2)];
            let pads = [digit(3), digit(4)];
            let reach = (kernel - 1) * dilation + 1;
            let input = (1 + digit(5)).max(reach.saturating_sub(pads[0] + pads[1]));
            let axis = WindowAxis::fitting(input, kernel, stride, dilation, pads);
            for at in 0..axis.output {
                let inside = (0..kernel).filter(|&tap| axis.source(at, tap).is_some()).count();
                assert_eq!(axis.tap_count(at, false), inside, "{axis:?}");
                assert_eq!(axis.tap_count(at, true), kernel, "{axis:?}");
            }
        }
    }

    #[test]
    fn visits_taps_in_order() {
        let axis = WindowAxis { input: 2, output: 2, kernel: 2, ..WindowAxis::POINT };
        let axis = WindowAxis { pad_after: 1, ..axis };
        let window = Window { axes: vec![WindowAxis { output: 1, ..axis }, axis] };
        let mut visited = vec![];
        window.for_each_tap(|output, input| visited.push((output, input)));
        assert_eq!(visited, [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 3)]);
    }
}
