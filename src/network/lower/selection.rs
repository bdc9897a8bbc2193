//! What is taken at places that depend on the picture: `TopK`, `ArgMax`, gathers by computed indices, `GridSample`.

use anyhow::{Result, bail, ensure};
use tract_core::internal::*;
use tract_core::ops::array::{Gather, GatherElements, GatherNd, OneHot, Topk};
use tract_core::ops::nn::grid_sample::{GridSample, InterpolationMode, PaddingMode};

use super::{Lowering, NodeContext, Value};
use crate::linear::{ResampledAxis, Resampling};
use crate::network::Op;
use crate::operator::{
    Affine, Beyond, Interpolation, Pick, PickedBy, Routing, Sampling, TopElements, TopPositions,
};
use crate::tensor::{Tensor as Array, scalar};

impl Lowering<'_> {
    /// The values of a `TopK`; its indices become the layer of its second output.
    pub(super) fn top_elements(&mut self, context: &NodeContext, op: &Topk) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let elements = TopElements {
            axis: op.axis,
            count: context.output_shape[op.axis],
            is_largest: op.largest,
            input_shape: self.lowered.drafts[input].shape.clone(),
        };
        if !context.node.outputs[1].successors.is_empty() {
            let output_shape = context.output_shape.clone();
            let positions = TopPositions { elements: elements.clone(), output_shape };
            let positions = self.layer(context, Op::TopPositions(positions).into(), vec![input]);
            self.lowered.values.insert(OutletId::new(context.node.id, 1), positions);
        }
        Ok(self.layer(context, Op::TopElements(elements).into(), vec![input]))
    }

    /// Where the largest or smallest element of an axis is.
    pub(super) fn top_position(
        &mut self,
        context: &NodeContext,
        axes: &[usize],
        is_largest: bool,
        is_last: bool,
    ) -> Result<Value> {
        ensure!(!is_last, "the last of equal elements is asked for");
        let &[axis] = axes else { bail!("the largest element of {} axes", axes.len()) };
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let elements = TopElements { axis, count: 1, is_largest, input_shape };
        let op = TopPositions { elements, output_shape: context.output_shape.clone() };
        Ok(self.layer(context, Op::TopPositions(op).into(), vec![input]))
    }

    /// A gather whose indices depend on the picture; `None` for any other node.
    pub(super) fn pick(&mut self, context: &NodeContext) -> Result<Option<Value>> {
        let op = &context.node.op;
        let by = if let Some(op) = op.downcast_ref::<Gather>() {
            PickedBy::Slices(op.axis)
        } else if let Some(op) = op.downcast_ref::<GatherElements>() {
            PickedBy::Elements(op.axis)
        } else if let Some(op) = op.downcast_ref::<GatherNd>() {
            PickedBy::Tuples(op.batch_dims)
        } else {
            return Ok(None);
        };
        if !matches!(context.inputs.get(1), Some(Value::Layer(_))) {
            return Ok(None);
        }
        let inputs = self.layers_of_inputs(context)?;
        let [signal, indices] = inputs.as_slice() else {
            bail!("a gather of {} inputs", inputs.len())
        };
        let shape = |id: &usize| self.lowered.drafts[*id].shape.clone();
        let input_shapes = [shape(signal), shape(indices)];
        let output_shape = context.output_shape.clone();
        let op = Op::Pick(Pick { by, input_shapes, output_shape });
        Ok(Some(self.layer(context, op.into(), inputs)))
    }

    /// `y_j = on` where `j` is the index, `off` elsewhere: the number that stands at `depth − 1 + j − index` in a row of
    /// `off` with one `on`. A second `on` is for indices that count from the end.
    pub(super) fn one_hot(&mut self, context: &NodeContext, op: &OneHot) -> Result<Value> {
        let indices = self.signal(context, 0)?;
        let (on, off) = (scalar::<f32>(&op.on)?, scalar::<f32>(&op.off)?);
        let (depth, shape) = (op.dim, context.output_shape.clone());
        ensure!((1..1 << 24).contains(&depth), "a depth of {depth}");
        let mut row = Array::filled(&[3 * depth - 1], off)?;
        [depth - 1, 2 * depth - 1].into_iter().for_each(|at| row.data_mut()[at] = on);
        let mut places = vec![1; shape.len()];
        places[op.axis] = depth;
        let starts: Vec<f32> = (0..depth).map(|at| (depth - 1 + at) as f32).collect();
        let away = Affine {
            scale: Some(Array::new(&[], &[-1.0])?),
            shift: Some(Array::new(&places, &starts)?),
        };
        let of_indices = self.lowered.drafts[indices].shape.clone();
        let spread = self.route(context, indices, repeated(&of_indices, op.axis, &shape));
        let mut push = |op: Op, inputs, shape: &[usize]| {
            self.push(&context.name, &context.op_type, op.into(), inputs, shape.to_vec())
        };
        let away = push(Op::Affine(away), vec![spread], &shape);
        let input_shapes = [row.shape().to_vec(), shape.clone()];
        let row = push(Op::Constant(row.clone()), vec![], row.shape());
        let pick = Pick { by: PickedBy::Slices(0), input_shapes, output_shape: shape.clone() };
        Ok(Value::Layer(push(Op::Pick(pick), vec![row, away], &shape)))
    }

    /// Interpolation at the places of a grid: one linear map over all pixels where the grid is stored.
    pub(super) fn grid_sample(&mut self, context: &NodeContext, op: &GridSample) -> Result<Value> {
        let inputs = self.layers_of_inputs(context)?;
        let [picture, grid] = *inputs.as_slice() else {
            bail!("a grid of {} inputs", inputs.len())
        };
        let shape = |id: usize| self.lowered.drafts[id].shape.clone();
        let sampling = Sampling {
            interpolation: match op.mode {
                InterpolationMode::Nearest => Interpolation::Nearest,
                InterpolationMode::Bilinear => Interpolation::Linear,
                InterpolationMode::Bicubic => Interpolation::Cubic,
            },
            beyond: match op.padding_mode {
                PaddingMode::Zeros => Beyond::Zeros,
                PaddingMode::Border => Beyond::Border,
                PaddingMode::Reflection => Beyond::Reflection,
            },
            aligns_corners: op.align_corners,
            picture: shape(picture),
            grid: shape(grid),
        };
        let axes = sampling.picture.len().saturating_sub(2);
        ensure!(
            axes > 0 && sampling.grid.len() == axes + 2 && sampling.grid.last() == Some(&axes),
            "a grid of the shape {:?} for {:?}",
            sampling.grid,
            sampling.picture
        );
        ensure!(
            axes == 2 || sampling.interpolation != Interpolation::Cubic,
            "cubic interpolation of {axes} axes"
        );
        let is_border = sampling.beyond == Beyond::Border;
        ensure!(
            !is_border || sampling.interpolation != Interpolation::Cubic,
            "cubic interpolation with the border repeated, of which readers make different things; export with \
             padding_mode=zeros or reflection"
        );
        let Some(Value::Constant(places)) =
            context.inputs.get(1).filter(|_| sampling.picture[0] == 1)
        else {
            return Ok(self.layer(context, Op::Sampling(sampling).into(), inputs));
        };
        let (channels, area) =
            (sampling.picture[1], sampling.picture[2..].iter().product::<usize>());
        let rows = vec![1, channels, area];
        let flat =
            self.route(context, picture, Routing::reshape("Reshape", &sampling.picture, &rows));
        let taps = sampling.taps(places.array()?.data());
        let sampled = vec![1, channels, taps.len()];
        let axes = vec![ResampledAxis { axis: 2, input: area, taps }];
        let op = Op::Resampling(Resampling { axes, input_shape: rows }).into();
        let layer = self.push(&context.name, &context.op_type, op, vec![flat], sampled.clone());
        let back = Routing::reshape("Reshape", &sampled, &context.output_shape);
        Ok(Value::Layer(self.route(context, layer, back)))
    }
}

/// Repeats a value along an axis that it does not have.
fn repeated(shape: &[usize], axis: usize, output_shape: &[usize]) -> Routing {
    let behind: usize = shape[axis..].iter().product();
    let repeats = output_shape[axis];
    let count: usize = output_shape.iter().product();
    let source = |place: usize| (place / (behind * repeats) * behind + place % behind) as u32;
    let sources = (0..count).map(source).collect();
    Routing::from_sources("Expand", shape, output_shape, sources)
}
