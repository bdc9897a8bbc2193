//! Elements that are normalised together: the groups of a softmax and of a LayerNormalization.

use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// The number of elements of a group, and their distance in memory.
pub(super) type LengthAndStride = (usize, usize);

/// The groups over neighbouring axes of a tensor of the given shape.
pub(super) fn over_axes(shape: &[usize], first_axis: usize, axis_count: usize) -> LengthAndStride {
    let end = first_axis + axis_count;
    (shape[first_axis..end].iter().product(), shape[end..].iter().product())
}

/// Calls `work` with the elements of every group as a slice, which it may change, and with the same elements of `other`
/// (an empty slice if there is no other).
pub(super) fn for_each_group(
    (length, stride): LengthAndStride,
    tensor: &mut Tensor,
    other: Option<&Tensor>,
    work: impl Fn(&mut [f32], &[f32]) + Send + Sync,
) {
    let block = (length * stride).max(1);
    let other = other.map_or(&[][..], Tensor::data);
    for_each_chunk(tensor.data_mut(), block, |index, to| {
        let other = other.get(index * block..(index + 1) * block).unwrap_or_default();
        if stride == 1 {
            return work(to, other);
        }
        for offset in 0..stride {
            let gathered = |from: &[f32]| -> Vec<f32> {
                from.iter().skip(offset).step_by(stride).copied().collect()
            };
            let mut row = gathered(to);
            work(&mut row, &gathered(other));
            to.iter_mut().skip(offset).step_by(stride).zip(row).for_each(|(to, from)| *to = from);
        }
    });
}
