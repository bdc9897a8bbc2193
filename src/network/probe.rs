//! Probes: numbers that parts of a network are run on, to recognise what they compute.

use anyhow::Result;

use crate::random::Stream;
use crate::tensor::Tensor;

/// Random numbers in −1..1; every seed gives others.
pub(super) fn noise(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut noise = Tensor::zeros(shape)?;
    let stream = Stream::new(seed, &[]);
    for (at, value) in noise.data_mut().iter_mut().enumerate() {
        *value = 2.0 * stream.uniform(at as u64) - 1.0;
    }
    Ok(noise)
}
