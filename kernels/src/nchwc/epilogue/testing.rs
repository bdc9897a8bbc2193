//! What tests of epilogues share, those of crates that write their own among them.

use super::super::{Epilogue, LANES, SumPair};
use crate::AlignedBuf;
use crate::output::Output;

/// Applies an epilogue to four sums of the second of two blocks, and to an output that holds four floats; returns their
/// results and the totals.
pub fn finished(epilogue: &dyn Epilogue, sums: [f32; 4], output: [f32; 4]) -> ([f32; 4], [f64; 2]) {
    let mut output = in_lanes(output);
    let totals = applied(epilogue, sums, Output::from(&mut output[..]));
    (std::array::from_fn(|lane| output[LANES + lane]), totals)
}

/// Like [`finished`], with fresh memory.
pub fn finished_fresh(epilogue: &dyn Epilogue, sums: [f32; 4]) -> ([f32; 4], [f64; 2]) {
    let (output, totals) = AlignedBuf::written(2 * LANES, |output| applied(epilogue, sums, output));
    (std::array::from_fn(|lane| output[LANES + lane]), totals)
}

fn applied(epilogue: &dyn Epilogue, sums: [f32; 4], output: Output<'_>) -> [f64; 2] {
    let mut totals = SumPair::default();
    epilogue.apply(1, 2 * LANES, &in_lanes(sums), output, &mut totals);
    totals.sums()
}

fn in_lanes(numbers: [f32; 4]) -> [f32; 2 * LANES] {
    let mut lanes = [0.0; 2 * LANES];
    lanes[LANES..][..4].copy_from_slice(&numbers);
    lanes
}

/// An image of two pixels and two blocks, with these floats in the second pixel of the second block.
pub fn map(numbers: [f32; 4]) -> Vec<f32> {
    let mut map = vec![0.0; 4 * LANES];
    map[3 * LANES..][..4].copy_from_slice(&numbers);
    map
}
