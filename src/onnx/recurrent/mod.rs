//! ONNX `LSTM`, `GRU` and `RNN`, unrolled for the length of their input.
//!
//! Every step becomes the layers that it is made of: one dense layer over the input and the state before side by
//! side, activations, products with gates. So relevance follows Arras et al. 2017 (gates are coefficients, ε on the
//! linear map over input and state together), and the gradient is exact, without a rule of its own.

mod activation;
mod cell;

use tract_core::ops::array::{Slice, TypedConcat};
use tract_core::ops::einsum::EinSum;
use tract_hir::internal::*;
use tract_onnx::model::{ParsingContext, optional_inputs, optional_outputs};
use tract_onnx::pb::NodeProto;

use self::activation::Activation;
use self::cell::{Cell, Weights};
use super::wires::Wires;

/// What the ONNX reader calls for an `LSTM` node.
pub(super) fn lstm(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let couples = node.get_attr_opt::<i64>("input_forget")?.unwrap_or(0) != 0;
    build(node, Cell::Lstm { couples })
}

/// What the ONNX reader calls for a `GRU` node.
pub(super) fn gru(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let resets_sum = node.get_attr_opt::<i64>("linear_before_reset")?.unwrap_or(0) != 0;
    build(node, Cell::Gru { resets_sum })
}

/// What the ONNX reader calls for an `RNN` node.
pub(super) fn rnn(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    build(node, Cell::Plain)
}

fn build(node: &NodeProto, cell: Cell) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let is_reversed = match node.get_attr_opt::<&str>("direction")?.unwrap_or("forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => bail!("the direction {other} of a recurrent layer"),
    };
    let inputs = optional_inputs(node).skip(3).take(5).collect();
    let outputs = optional_outputs(node).take(3).collect();
    let recurrent = Recurrent {
        cell,
        activations: Activation::of_node(node, cell.usual_activations(), is_reversed.len())?,
        is_reversed,
        clip: node.get_attr_opt::<f32>("clip")?.filter(|&clip| clip > 0.0),
        is_batch_first: node.get_attr_opt::<i64>("layout")?.unwrap_or(0) == 1,
        inputs,
        outputs,
    };
    Ok((expand(recurrent), vec![]))
}

/// A recurrent layer of one or two directions.
#[derive(Clone, Debug)]
struct Recurrent {
    cell: Cell,
    /// Those of a step, for each direction.
    activations: Vec<Vec<Activation>>,
    /// For each direction, whether it starts at the end.
    is_reversed: Vec<bool>,
    /// What the sums in front of activations are clipped to.
    clip: Option<f32>,
    /// Whether the batch axis comes before that of time.
    is_batch_first: bool,
    /// Where the bias, the lengths, the initial states and the peepholes are, if they are there.
    inputs: Vec<Option<usize>>,
    /// Where all states, the last state and the last cell are wanted, if they are.
    outputs: Vec<Option<usize>>,
}

impl Recurrent {
    fn optional(&self, inputs: &[OutletId], index: usize) -> Option<OutletId> {
        self.inputs.get(index).copied().flatten().and_then(|at| inputs.get(at)).copied()
    }

    fn output(&self, index: usize) -> Option<usize> {
        self.outputs.get(index).copied().flatten()
    }

    /// How many steps are made of `length` for every sequence of the batch.
    fn lengths(
        &self,
        model: &TypedModel,
        inputs: &[OutletId],
        (length, batch): (usize, usize),
    ) -> TractResult<Vec<usize>> {
        let Some(lengths) = self.optional(inputs, 1) else {
            return Ok(vec![length; batch]);
        };
        let known = model.outlet_fact(lengths)?.konst.clone();
        let known = known.context("the lengths of the sequences depend on the input")?;
        let lengths = known.cast_to::<i64>()?;
        let lengths = lengths.try_as_plain_ram()?.as_slice::<i64>()?;
        ensure!(lengths.len() == batch, "{} lengths of {batch} sequences", lengths.len());
        Ok(lengths.iter().map(|&steps| (steps.max(0) as usize).min(length)).collect())
    }
}

impl Expansion for Recurrent {
    fn name(&self) -> StaticName {
        self.cell.name().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.outputs.iter().flatten().count())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3 + self.inputs.iter().flatten().count())?;
        check_output_arity(outputs, self.nboutputs()?)?;
        for output in outputs {
            solver.equals(&inputs[0].datum_type, &output.datum_type)?;
        }
        solver.given_2(&inputs[0].shape, &inputs[2].shape, move |solver, x, r| {
            let [first, second] = [x[0].clone(), x[1].clone()];
            let (length, batch) =
                if self.is_batch_first { (second, first) } else { (first, second) };
            let (directions, hidden) = (self.is_reversed.len().to_dim(), r[2].clone());
            let (states, last) = match self.is_batch_first {
                true => {
                    let states = vec![batch.clone(), length, directions.clone(), hidden.clone()];
                    (states, vec![batch, directions, hidden])
                }
                false => {
                    let states = vec![length, directions.clone(), batch.clone(), hidden.clone()];
                    (states, vec![directions, batch, hidden])
                }
            };
            for (index, shape) in [states, last.clone(), last].into_iter().enumerate() {
                if let Some(output) = self.output(index) {
                    solver.equals(&outputs[output].shape, ShapeFactoid::from(shape))?;
                }
            }
            Ok(())
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let shape = model.outlet_fact(inputs[0])?.shape.as_concrete().map(<[usize]>::to_vec);
        let shape = shape.context("a recurrent layer over an axis whose length is not known")?;
        let (time, batch) = if self.is_batch_first { (1, 0) } else { (0, 1) };
        let length = shape[time];
        let lengths = self.lengths(model, inputs, (length, shape[batch]))?;
        let steps = lengths.iter().copied().max().unwrap_or(0);
        let mut wires = Wires::new(model, prefix);
        let frames = (0..length)
            .map(|at| wires.taken(inputs[0], time, at))
            .collect::<TractResult<Vec<_>>>()?;
        let mut directions = [vec![], vec![], vec![]];
        for (number, &is_reversed) in self.is_reversed.iter().enumerate() {
            let weights = self.weights(&mut wires, inputs, number, shape[batch])?;
            let sequences = Sequences { frames: &frames[..steps], lengths: &lengths, is_reversed };
            let states = self.unrolled(&mut wires, &weights, sequences)?;
            if self.output(0).is_some() {
                let rest = length - steps;
                directions[0].push(self.all_states(&mut wires, states.all, (rest, &weights))?);
            }
            for (index, last) in [(1, states.last), (2, states.cell)] {
                directions[index]
                    .push(wires.node(AxisOp::Add(self.direction_axis(index)), &[last])?);
            }
        }
        let mut results: Vec<(usize, OutletId)> = vec![];
        for (index, parts) in directions.into_iter().enumerate() {
            if let Some(place) = self.output(index) {
                let axis = self.direction_axis(index);
                results.push((place, wires.node(TypedConcat { axis }, &parts)?));
            }
        }
        results.sort_unstable_by_key(|&(place, _)| place);
        Ok(results.into_iter().map(|(_, outlet)| outlet).collect())
    }
}

/// What a direction reads.
struct Sequences<'a> {
    /// The input of every step, `[N, I]`, in the order of time.
    frames: &'a [OutletId],
    /// How many steps each sequence of the batch has.
    lengths: &'a [usize],
    /// Whether it starts at the end of each sequence.
    is_reversed: bool,
}

/// What a direction gives.
struct States {
    /// The state of every step, in the order of time.
    all: Vec<OutletId>,
    last: OutletId,
    cell: OutletId,
}

impl Recurrent {
    /// The axis of the directions in an output: all states, or the last.
    fn direction_axis(&self, output: usize) -> usize {
        match (self.is_batch_first, output) {
            (false, 0) => 1,
            (false, _) => 0,
            (true, 0) => 2,
            (true, _) => 1,
        }
    }

    /// The parameters of a direction, as the steps read them.
    fn weights(
        &self,
        wires: &mut Wires,
        inputs: &[OutletId],
        direction: usize,
        batch: usize,
    ) -> TractResult<Weights> {
        let input = wires.taken(inputs[1], 0, direction)?;
        let state = wires.taken(inputs[2], 0, direction)?;
        let hidden = wires.shape(state)?[1];
        let rows = self.cell.gates() * hidden;
        let bias = match self.optional(inputs, 0) {
            Some(bias) => {
                let bias = wires.taken(bias, 0, direction)?;
                let bias = wires.node(AxisOp::Add(0), &[bias])?;
                let of_input = wires.node(Slice::new(1, 0, rows), &[bias])?;
                Some([of_input, wires.node(Slice::new(1, rows, 2 * rows), &[bias])?])
            }
            None => None,
        };
        let peepholes = match self.optional(inputs, 4) {
            Some(peepholes) => {
                let peepholes = wires.taken(peepholes, 0, direction)?;
                Some(wires.node(AxisOp::Add(0), &[peepholes])?)
            }
            None => None,
        };
        let axis = if self.is_batch_first { 1 } else { 0 };
        let mut initial = |index: usize| match self.optional(inputs, index) {
            Some(initial) => wires.taken(initial, axis, direction),
            None => wires.constant(Tensor::zero::<f32>(&[batch, hidden])?),
        };
        let (initial, initial_cell) = (initial(2)?, initial(3)?);
        let activations = self.activations[direction].clone();
        let clip = self.clip;
        Ok(Weights {
            input,
            state,
            bias,
            peepholes,
            hidden,
            initial,
            initial_cell,
            activations,
            clip,
        })
    }

    fn unrolled(
        &self,
        wires: &mut Wires,
        weights: &Weights,
        sequences: Sequences,
    ) -> TractResult<States> {
        let Sequences { frames, lengths, is_reversed } = sequences;
        let prepared = self.cell.prepare(wires, weights)?;
        let (mut last, mut cell) = (weights.initial, weights.initial_cell);
        let mut all = vec![];
        for step in 0..frames.len() {
            let at = if is_reversed { frames.len() - 1 - step } else { step };
            let before = (frames[at], last, cell);
            let (next, next_cell) = self.cell.step(wires, weights, &prepared, before)?;
            // Behind the end of a sequence its state stays, and what is put out is 0.
            let goes_on: Vec<bool> = lengths.iter().map(|&length| at < length).collect();
            last = wires.rows(&goes_on, next, last)?;
            cell = wires.rows(&goes_on, next_cell, cell)?;
            all.push(match goes_on.contains(&false) {
                true => {
                    let silence = Tensor::zero::<f32>(&[lengths.len(), weights.hidden])?;
                    let silence = wires.constant(silence)?;
                    wires.rows(&goes_on, next, silence)?
                }
                false => last,
            });
        }
        if is_reversed {
            all.reverse();
        }
        Ok(States { all, last, cell })
    }

    /// All states one after the other, and zeros for the steps that are not made.
    fn all_states(
        &self,
        wires: &mut Wires,
        states: Vec<OutletId>,
        (rest, weights): (usize, &Weights),
    ) -> TractResult<OutletId> {
        let axis = if self.is_batch_first { 1 } else { 0 };
        let step = |wires: &mut Wires, state| wires.node(AxisOp::Add(axis), &[state]);
        let mut parts =
            states.into_iter().map(|state| step(wires, state)).collect::<TractResult<Vec<_>>>()?;
        if rest > 0 {
            let mut shape = wires.shape(weights.initial)?;
            shape.insert(axis, rest);
            parts.push(wires.constant(Tensor::zero::<f32>(&shape)?)?);
        }
        let all = wires.node(TypedConcat { axis }, &parts)?;
        wires.node(AxisOp::Add(self.direction_axis(0)), &[all])
    }
}

impl Wires<'_> {
    /// A number that broadcasts to a state, `[N, hidden]`.
    fn number_for_state(&mut self, value: f32) -> TractResult<OutletId> {
        self.number(value, 2)
    }

    fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let shape = self.model.outlet_fact(outlet)?.shape.as_concrete().map(<[usize]>::to_vec);
        shape.context("a recurrent layer whose sizes are not known")
    }

    /// The rows of one matrix where a flag is set, and of another where it is not.
    fn rows(&mut self, flags: &[bool], set: OutletId, unset: OutletId) -> TractResult<OutletId> {
        let (mut parts, mut start) = (vec![], 0);
        for run in flags.chunk_by(|a, b| a == b) {
            let from = if run[0] { set } else { unset };
            if run.len() == flags.len() {
                return Ok(from);
            }
            parts.push(self.node(Slice::new(0, start, start + run.len()), &[from])?);
            start += run.len();
        }
        self.node(TypedConcat { axis: 0 }, &parts)
    }

    /// What stands at one position of an axis, without the axis.
    fn taken(&mut self, outlet: OutletId, axis: usize, at: usize) -> TractResult<OutletId> {
        let slice = self.node(Slice::new(axis, at, at + 1), &[outlet])?;
        self.node(AxisOp::Rm(axis), &[slice])
    }

    /// `[N, I]` times the rows of `[O, I]`.
    fn product(&mut self, input: OutletId, weight: OutletId) -> TractResult<OutletId> {
        self.node(EinSum::new("bi,oi->bo".parse()?, DatumType::F32), &[input, weight])
    }
}
