//! ONNX `Col2Im`: blocks put back where they were cut out, those that overlap added up; torch's `fold`.

use tract_hir::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::wires::whole_numbers;
use crate::linear::ResampledAxis;
use crate::network::Interpolation;

/// What the ONNX reader calls for a `Col2Im` node.
pub(super) fn build(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let list = |name: &str| node.get_attr_opt_vec::<usize>(name);
    let fold =
        Fold { strides: list("strides")?, dilations: list("dilations")?, pads: list("pads")? };
    Ok((expand(fold), vec![]))
}

#[derive(Clone, Debug)]
struct Fold {
    strides: Option<Vec<usize>>,
    dilations: Option<Vec<usize>>,
    pads: Option<Vec<usize>>,
}

/// Lengths from a stored vector.
fn lengths(tensor: &Tensor) -> TractResult<Vec<usize>> {
    let numbers = whole_numbers(tensor)?;
    numbers.into_iter().map(|length| Ok(usize::try_from(length)?)).collect()
}

impl Fold {
    /// How many blocks there are along every axis.
    fn counts(&self, picture: &[usize], block: &[usize]) -> TractResult<Vec<usize>> {
        ensure!(picture.len() == block.len(), "blocks {block:?} of a picture {picture:?}");
        let count = |axis: usize| {
            let (stride, dilation, before, behind) = self.of_axis(axis, picture.len())?;
            let reach = (block[axis].max(1) - 1) * dilation + 1;
            let room = (picture[axis] + before + behind).checked_sub(reach);
            Ok(room.context("a block is larger than the picture")? / stride + 1)
        };
        (0..picture.len()).map(count).collect()
    }

    /// Stride, dilation, and the padding before and behind.
    fn of_axis(&self, axis: usize, axes: usize) -> TractResult<(usize, usize, usize, usize)> {
        let of = |list: &Option<Vec<usize>>, at: usize, usual| {
            list.as_ref().map_or(Some(usual), |list| list.get(at).copied())
        };
        let found = (
            of(&self.strides, axis, 1).filter(|&stride| stride > 0),
            of(&self.dilations, axis, 1),
            of(&self.pads, axis, 0),
            of(&self.pads, axis + axes, 0),
        );
        match found {
            (Some(stride), Some(dilation), Some(before), Some(behind)) => {
                Ok((stride, dilation, before, behind))
            }
            _ => bail!("strides, dilations or pads are not as many as axes"),
        }
    }

    /// For every pixel, the places in `[elements of a block, blocks]` that are added up there.
    fn taps(&self, picture: &[usize], block: &[usize]) -> TractResult<Vec<Vec<(usize, f32)>>> {
        let counts = self.counts(picture, block)?;
        let axes = picture.len();
        let number: usize = counts.iter().product();
        let mut taps = vec![vec![]; picture.iter().product()];
        for element in 0..block.iter().product() {
            for place in 0..number {
                let (mut inner, mut outer, mut pixel, mut stride) = (element, place, 0, 1);
                let mut is_inside = true;
                for axis in (0..axes).rev() {
                    let (step, dilation, before, _) = self.of_axis(axis, axes)?;
                    let at = outer % counts[axis] * step + inner % block[axis] * dilation;
                    is_inside &= at >= before && at - before < picture[axis];
                    pixel += at.wrapping_sub(before).wrapping_mul(stride);
                    stride *= picture[axis];
                    (inner, outer) = (inner / block[axis], outer / counts[axis]);
                }
                if is_inside {
                    taps[pixel].push((element * number + place, 1.0));
                }
            }
        }
        Ok(taps)
    }
}

impl Expansion for Fold {
    fn name(&self) -> StaticName {
        "Col2Im".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.given_3(
            &inputs[0].shape,
            &inputs[1].value,
            &inputs[2].value,
            move |s, x, picture, block| {
                let (picture, block) = (lengths(&picture)?, lengths(&block)?);
                let size: usize = block.iter().product();
                ensure!(x.len() == 3 && size > 0, "blocks of the shape {x:?}");
                let mut shape = vec![x[0].clone(), x[1].clone() / size];
                shape.extend(picture.iter().map(|length| length.to_dim()));
                s.equals(&outputs[0].shape, ShapeFactoid::from(shape))
            },
        )
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let known = |at: usize| {
            let value = model.outlet_fact(inputs[at])?.konst.clone();
            let value = value.context("its sizes depend on the picture")?;
            lengths(&value)
        };
        let (picture, block) = (known(1)?, known(2)?);
        let shape = model.outlet_fact(inputs[0])?.shape.clone();
        let shape = shape.as_concrete().context("blocks of unknown number")?.to_vec();
        let size: usize = block.iter().product();
        let number: usize = self.counts(&picture, &block)?.iter().product();
        ensure!(
            shape.len() == 3 && size > 0 && shape[1] % size == 0 && shape[2] == number,
            "blocks of the shape {shape:?} of a picture {picture:?}"
        );
        let dims = |lengths: &[usize]| {
            lengths.iter().map(|length| length.to_dim()).collect::<TVec<TDim>>()
        };
        let (batch, channels) = (shape[0], shape[1] / size);
        let (flat, rows) = ([batch, channels * size, number], [batch, channels, size * number]);
        let split = AxisOp::Reshape(0, dims(&flat), dims(&rows));
        let split = model.wire_node(format!("{prefix}.blocks"), split, &inputs[..1])?;
        let taps = self.taps(&picture, &block)?;
        let pixels = taps.len();
        let fold =
            Interpolation::new(vec![ResampledAxis { axis: 2, input: size * number, taps }], &rows);
        let sums = model.wire_node(format!("{prefix}.sums"), fold, &split)?;
        let back = AxisOp::Reshape(2, dims(&[pixels]), dims(&picture));
        model.wire_node(prefix, back, &sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_blocks_are_added_up() {
        let fold = Fold { strides: None, dilations: None, pads: None };
        let taps = fold.taps(&[3], &[2]).unwrap();
        assert_eq!(taps, [vec![(0, 1.0)], vec![(1, 1.0), (2, 1.0)], vec![(3, 1.0)]]);
        let padded = Fold { pads: Some(vec![1, 1]), strides: Some(vec![2]), ..fold };
        assert_eq!(padded.taps(&[2], &[2]).unwrap(), [vec![(2, 1.0)], vec![(1, 1.0)]]);
        assert!(padded.counts(&[1], &[9]).is_err());
    }
}
