//! What tests of epilogues share, those of crates that write their own among them.

use super::super::{Epilogue, LANES, SumPair};

/// Applies an epilogue to four sums of the second of two blocks; returns their results and the totals.
pub fn finished(epilogue: &dyn Epilogue, sums: [f32; 4], output: [f32; 4]) -> ([f32; 4], [f64; 2]) {
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

/// An image of two pixels and two blocks, with these floats in the second pixel of the second block.
pub fn map(numbers: [f32; 4]) -> Vec<f32> {
    let mut map = vec![0.0; 4 * LANES];
    map[3 * LANES..][..4].copy_from_slice(&numbers);
    map
}
