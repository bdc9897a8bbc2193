//! Broadcasting a small tensor to the shape of a larger one, such as `[1, C, 1, 1]` to `[N, C, H, W]`.

use anyhow::{Result, ensure};
use onnxplain_kernels::elementwise;
use onnxplain_kernels::nchwc::LANES;

use crate::parallel::for_each_chunk;
use crate::tensor::{Tensor, sum_of};

/// Elements that one thread combines at a time.
const CHUNK: usize = 1 << 12;

/// How a small tensor is repeated in a large one.
///
/// The large tensor, row-major, consists of `outer` repeats of the small one. In each of them, every one of the `middle`
/// groups of `lanes` elements is repeated `inner` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Repeats of the whole small tensor.
    pub outer: usize,
    /// Groups of the small tensor.
    pub middle: usize,
    /// Repeats of one group.
    pub inner: usize,
    /// Elements of a group: 1, or 16 for images in blocks of channels (`[1, B, 1, 1, 16]` to `[1, B, H, W, 16]`).
    pub lanes: usize,
}

impl Broadcast {
    /// How `small` is broadcast to `large`. `None` if the axes that are longer than one are not neighbours (`[C, 1, W]` to
    /// `[C, H, W]`); the lanes of an image in blocks are the only exception.
    pub fn between(small: &[usize], large: &[usize]) -> Option<Broadcast> {
        if let [.., lanes @ LANES] = *small
            && let [.., LANES] = *large
            && small.len() == 5
            && large.len() == 5
        {
            let outside = Broadcast::in_one_block(&small[..4], &large[..4])?;
            let is_whole = outside.inner == 1;
            return Some(match is_whole {
                true => Broadcast { middle: outside.middle * lanes, ..outside },
                false => Broadcast { lanes, ..outside },
            });
        }
        Broadcast::in_one_block(small, large)
    }

    fn in_one_block(small: &[usize], large: &[usize]) -> Option<Broadcast> {
        let padding = large.len().checked_sub(small.len())?;
        let length = |axis: usize| {
            if axis < padding { 1 } else { small[axis - padding] }
        };
        let fits = (0..large.len()).all(|axis| length(axis) == 1 || length(axis) == large[axis]);
        if !fits {
            return None;
        }
        let own = |axis: &usize| length(*axis) != 1;
        let Some(first) = (0..large.len()).find(own) else {
            let inner = large.iter().product();
            return Some(Broadcast { outer: 1, middle: 1, inner, lanes: 1 });
        };
        let last = (0..large.len()).rev().find(own).unwrap_or(first);
        let is_one_block = (first..=last).all(|axis| length(axis) == large[axis]);
        is_one_block.then(|| Broadcast {
            outer: large[..first].iter().product(),
            middle: large[first..=last].iter().product(),
            inner: large[last + 1..].iter().product(),
            lanes: 1,
        })
    }

    /// Calls `function(element of large, element of small)` for every element of `large`.
    pub fn zip(
        &self,
        large: &mut [f32],
        small: &[f32],
        function: impl Fn(&mut f32, f32) + Send + Sync,
    ) {
        if self.lanes > 1 {
            let lanes = self.lanes;
            for_each_chunk(large, self.inner * lanes, |group, large| {
                let small = &small[group % self.middle * lanes..][..lanes];
                elementwise::each_with_lanes(large, small, |to, from| function(to, from));
            });
            return;
        }
        if self.inner > 1 {
            for_each_chunk(large, self.inner, |run, large| {
                let from = small[run % small.len()];
                elementwise::each(large, |to| function(to, from));
            });
            return;
        }
        // Every chunk is a part of one repeat of the small tensor.
        let len = if self.middle > CHUNK { CHUNK } else { self.middle };
        for row in large.chunks_exact_mut(self.middle.max(1)) {
            for_each_chunk(row, len, |index, large| {
                let small = &small[index * len..];
                elementwise::each_with(large, small, |to, from| function(to, from));
            });
        }
    }

    /// Sums the large tensor over all repeats of each element of the small one: the transpose of broadcasting.
    pub fn sum(&self, large: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.middle * self.lanes];
        if self.lanes > 1 {
            let groups = large.chunks_exact((self.inner * self.lanes).max(1));
            for (group, repeats) in groups.enumerate() {
                let sums = &mut sums[group % self.middle * self.lanes..][..self.lanes];
                for lanes in repeats.chunks_exact(self.lanes) {
                    sums.iter_mut().zip(lanes).for_each(|(sum, &value)| *sum += f64::from(value));
                }
            }
            return sums.into_iter().map(|sum| sum as f32).collect();
        }
        if self.inner == 1 {
            for row in large.chunks_exact(self.middle.max(1)) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            return sums.into_iter().map(|sum| sum as f32).collect();
        }
        for block in large.chunks_exact((self.middle * self.inner).max(1)) {
            for (run, sum) in block.chunks_exact(self.inner.max(1)).zip(&mut sums) {
                *sum += sum_of(run);
            }
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}

impl Tensor {
    /// Calls `function` for every element of this tensor and the element of `small` that is broadcast to it.
    ///
    /// # Errors
    /// When `small` does not broadcast to this shape in one block.
    pub fn combine_broadcast(
        &mut self,
        small: &Tensor,
        function: impl Fn(&mut f32, f32) + Send + Sync,
    ) -> Result<()> {
        let broadcast = Broadcast::between(small.shape(), self.shape());
        ensure!(
            broadcast.is_some(),
            "a tensor of shape {:?} does not broadcast to {:?}",
            small.shape(),
            self.shape()
        );
        if let Some(broadcast) = broadcast {
            broadcast.zip(self.data_mut(), small.data(), function);
        }
        Ok(())
    }

    /// This constant combined with another by a commutative operation. Both broadcast to `shape`; the result has the
    /// shape of the larger one if that is enough, otherwise `shape`.
    ///
    /// # Errors
    /// When one of them does not broadcast to `shape`.
    pub fn combined(
        &self,
        other: &Tensor,
        shape: &[usize],
        function: impl Fn(&mut f32, f32) + Send + Sync,
    ) -> Result<Tensor> {
        let fits = |small: &Tensor, large: &Tensor| {
            Broadcast::between(small.shape(), large.shape()).is_some()
        };
        let (mut result, small) = if fits(other, self) {
            (self.clone(), other)
        } else if fits(self, other) {
            (other.clone(), self)
        } else {
            let mut full = Tensor::zeros(shape)?;
            full.combine_broadcast(self, |to, from| *to = from)?;
            (full, other)
        };
        result.combine_broadcast(small, function)?;
        Ok(result)
    }

    /// This tensor summed to a shape that broadcasts to its own.
    ///
    /// # Errors
    /// When `shape` does not broadcast to this tensor's shape in one block.
    pub fn summed_to(&self, shape: &[usize]) -> Result<Tensor> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        match Broadcast::between(shape, self.shape()) {
            Some(broadcast) => Tensor::new(shape, &broadcast.sum(self.data())),
            None => anyhow::bail!("{:?} cannot be summed to {shape:?}", self.shape()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_block() {
        let between = |small: &[usize], large: &[usize]| {
            Broadcast::between(small, large).map(|b| (b.outer, b.middle, b.inner))
        };
        let lanes = Broadcast::between(&[1, 3, 1, 1, 16], &[1, 3, 4, 5, 16]);
        assert_eq!(lanes, Some(Broadcast { outer: 1, middle: 3, inner: 20, lanes: 16 }));
        assert_eq!(between(&[1, 3, 1, 1, 16], &[1, 3, 1, 1, 16]), Some((1, 48, 1)));
        assert_eq!(between(&[1, 3, 1, 1], &[1, 3, 4, 5]), Some((1, 3, 20)));
        assert_eq!(between(&[5], &[2, 3, 5]), Some((6, 5, 1)));
        assert_eq!(between(&[], &[2, 3]), Some((1, 1, 6)));
        assert_eq!(between(&[1, 3, 4, 5], &[1, 3, 4, 5]), Some((1, 60, 1)));
        assert_eq!(between(&[3, 1, 5], &[3, 4, 5]), None);
        assert_eq!(between(&[2], &[3]), None);
    }

    #[test]
    fn lanes_spread_over_pixels() {
        let lanes: Vec<f32> = (0..32).map(|lane| lane as f32).collect();
        let small = Tensor::new(&[1, 2, 1, 1, 16], &lanes).unwrap();
        let mut large = Tensor::zeros(&[1, 2, 1, 3, 16]).unwrap();
        large.combine_broadcast(&small, |to, from| *to += from).unwrap();
        assert_eq!(large.data()[16..32], lanes[..16]);
        assert_eq!(large.data()[48..64], lanes[16..]);
        let sums = large.summed_to(&[1, 2, 1, 1, 16]).unwrap();
        assert_eq!(sums.data(), small.map(|x| 3.0 * x).unwrap().data());
    }

    #[test]
    fn spreading_and_summing_are_transposes() {
        let small = Tensor::new(&[2, 1], &[10.0, 20.0]).unwrap();
        let mut large = Tensor::new(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        large.combine_broadcast(&small, |to, from| *to += from).unwrap();
        assert_eq!(large.data(), &[11.0, 12.0, 13.0, 24.0, 25.0, 26.0]);
        assert_eq!(large.summed_to(&[2, 1]).unwrap().data(), &[36.0, 75.0]);
    }
}
