//! Epilogues: what a rule makes of the sums of a kernel while they are in the first cache, denominators and quotients.

mod division;
mod quotient;
mod split;

pub(in crate::explain) use division::Division;
pub(in crate::explain) use quotient::Quotient;
pub(in crate::explain) use split::{Contributions, SplitQuotient};

#[cfg(test)]
mod tests {
    use onnxplain_kernels::nchwc::{Epilogue, LANES};
    use onnxplain_kernels::simd::SumPair;

    /// Four of the sums of a epilogue that are worked out by hand, on the second of two blocks.
    pub(super) fn finished(
        epilogue: &dyn Epilogue,
        sums: [f32; 4],
        output: [f32; 4],
    ) -> ([f32; 4], [f64; 2]) {
        let in_lanes = |numbers: [f32; 4]| {
            let mut lanes = [0.0; 2 * LANES];
            lanes[LANES..][..4].copy_from_slice(&numbers);
            lanes
        };
        let (sums, mut output) = (in_lanes(sums), in_lanes(output));
        let mut totals = SumPair::default();
        epilogue.apply(1, 2 * LANES, &sums, &mut output, &mut totals);
        (std::array::from_fn(|lane| output[LANES + lane]), totals.sums())
    }

    /// Numbers of the second pixel of the second block of an image of two pixels.
    pub(super) fn map(numbers: [f32; 4]) -> Vec<f32> {
        let mut map = vec![0.0; 4 * LANES];
        map[3 * LANES..][..4].copy_from_slice(&numbers);
        map
    }
}
