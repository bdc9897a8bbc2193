//! What tests compare with: convolutions by their definition, on numbers whose sums are exact in any order.

use crate::geometry::WindowAxis;
use crate::nchw::Correlation;

/// Quarters between −2 and 2: sums of their products are exact.
pub fn quarters(count: usize, step: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * step) % 17) as f32 / 4.0 - 2.0).collect()
}

/// `[I, input...]` to `[O, output...]`.
pub fn forward(correlation: &Correlation, input: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; correlation.filters * correlation.window.output_len()];
    for_each_product(correlation, |o, i, weight| output[o] += weight * input[i]);
    output
}

/// `[O, output...]` back to `[I, input...]`.
pub fn transposed(correlation: &Correlation, output: &[f32]) -> Vec<f32> {
    let channels = correlation.groups * correlation.channels_per_group();
    let mut input = vec![0.0; channels * correlation.window.input_len()];
    for_each_product(correlation, |o, i, weight| input[i] += weight * output[o]);
    input
}

/// Calls `visit(output index, input index, weight)` for every weight at every window position.
fn for_each_product(correlation: &Correlation, mut visit: impl FnMut(usize, usize, f32)) {
    let Correlation { weights, filters, groups, window } = *correlation;
    let mut axes = window.axes.clone();
    if axes.len() == 1 {
        axes.insert(0, WindowAxis::POINT);
    }
    let [vertical, horizontal] = axes[..] else { return };
    let channels = correlation.channels_per_group();
    let (inputs, outputs) = (window.input_len(), window.output_len());
    for (filter, weights) in weights.chunks_exact(channels * correlation.taps()).enumerate() {
        let first = filter / (filters / groups) * channels;
        for (at, &weight) in weights.iter().enumerate() {
            let (channel, tap) = (first + at / correlation.taps(), at % correlation.taps());
            for position in 0..outputs {
                let (y, x) = (position / horizontal.output, position % horizontal.output);
                let row = vertical.source(y, tap / horizontal.kernel);
                let column = horizontal.source(x, tap % horizontal.kernel);
                if let (Some(row), Some(column)) = (row, column) {
                    let place = channel * inputs + row * horizontal.input + column;
                    visit(filter * outputs + position, place, weight);
                }
            }
        }
    }
}
