//! Elements that are normalised together: the groups of a softmax and of a LayerNormalization.

use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Elements of a group, and the distance between them.
pub(super) type LengthAndStride = (usize, usize);

/// Those of a block of neighbouring axes of a tensor of the given shape.
pub(super) fn over_axes(shape: &[usize], first_axis: usize, axis_count: usize) -> LengthAndStride {
    let end = first_axis + axis_count;
    (shape[first_axis..end].iter().product(), shape[end..].iter().product())
}

/// Calls `work` with every group, gathered in a row that it may write to, and the same elements of
/// `other`; with an empty row where there is no other.
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
