//! What a network does to an input before anything else: preprocessing that is a part of the graph.

use super::{LayerId, Network, Op, Wiring};
use crate::operator::Affine;
use crate::tensor::Tensor;

impl Network {
    /// `scale` and `shift` of `scale · x + shift`, one number each or one per channel, with which the network begins at an
    /// input; `None` where it begins with something else. Transposes and reshapes before and between are passed over.
    pub fn input_scaling(&self, input: LayerId) -> Option<[Vec<f32>; 2]> {
        let mut found: Option<[Vec<f32>; 2]> = None;
        let (mut place, wiring) = (input, Wiring::of(self));
        while let Some(next) = wiring.only_consumer(self, place) {
            match &self.layers[next].op {
                Op::Routing(_) => {}
                Op::Affine(affine) => found = Some(then(found, affine)?),
                _ => break,
            }
            place = next;
        }
        found
    }
}

/// A scale and shift after another one; `None` where their numbers of channels differ.
fn then(before: Option<[Vec<f32>; 2]>, Affine { scale, shift }: &Affine) -> Option<[Vec<f32>; 2]> {
    let numbers = |tensor: &Option<Tensor>, default: f32| {
        tensor.as_ref().map_or(vec![default], |tensor| tensor.data().to_vec())
    };
    let (scale, shift) = (numbers(scale, 1.0), numbers(shift, 0.0));
    let [earlier_scale, earlier_shift] = before.unwrap_or([vec![1.0], vec![0.0]]);
    let all = [&scale, &shift, &earlier_scale, &earlier_shift];
    let count = all.iter().map(|numbers| numbers.len()).max()?;
    // One per pixel is no preprocessing that has a range.
    if count > 4 || all.iter().any(|numbers| ![1, count].contains(&numbers.len())) {
        return None;
    }
    let at = |numbers: &[f32], index: usize| numbers[index.min(numbers.len() - 1)];
    let scales = (0..count).map(|index| at(&scale, index) * at(&earlier_scale, index));
    let shifts =
        (0..count).map(|index| at(&scale, index) * at(&earlier_shift, index) + at(&shift, index));
    Some([scales.collect(), shifts.collect()])
}
