//! Numbers that parts of a network are run on, to know them by their values.

use anyhow::Result;

use crate::random::Stream;
use crate::tensor::Tensor;

/// Numbers in −1..1 without a pattern, others for every seed.
pub(super) fn noise(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut noise = Tensor::zeros(shape)?;
    let stream = Stream::new(seed, &[]);
    for (at, value) in noise.data_mut().iter_mut().enumerate() {
        *value = 2.0 * stream.uniform(at as u64) - 1.0;
    }
    Ok(noise)
}
