//! One step of a recurrent layer.

use tract_core::ops::array::{Slice, TypedConcat};
use tract_hir::internal::*;
use tract_hir::ops::math::{add, max, min, mul, sub};

use super::super::wires::Wires;
use super::activation::Activation;
use crate::network::Gated;

/// The kind of a recurrent layer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    /// Long short-term memory; `couples`: what is not forgotten is not written either.
    Lstm { couples: bool },
    /// Gated recurrent unit; `resets_sum`: the reset gate is behind the linear map of the state.
    Gru { resets_sum: bool },
    /// `h ← f(W x + R h + b)`
    Plain,
}

/// The parameters of a direction, without the axis of directions.
pub(super) struct Weights {
    /// `[gates · H, I]`
    pub input: OutletId,
    /// `[gates · H, H]`
    pub state: OutletId,
    /// Those beside the input's and the state's weights: `[1, gates · H]` each.
    pub bias: Option<[OutletId; 2]>,
    /// `[1, 3 · H]`: of the input, output and forget gate.
    pub peepholes: Option<OutletId>,
    /// `H`
    pub hidden: usize,
    /// `[N, H]`
    pub initial: OutletId,
    /// `[N, H]`
    pub initial_cell: OutletId,
    /// Those of a step.
    pub activations: Vec<Activation>,
    /// What the sums in front of activations are clipped to.
    pub clip: Option<f32>,
}

/// A linear map of the input and the state before, side by side: its weight and bias.
type Joined = (OutletId, Option<OutletId>);

/// What all steps read.
pub(super) enum Prepared {
    /// All sums of a step at once.
    All(Joined),
    /// Those of the update and reset gate, and of the candidate.
    Gru(Joined, Candidate),
}

/// The map of a GRU's candidate for the next state.
pub(super) enum Candidate {
    /// Of the input and the state that was reset.
    Joined(Joined),
    /// Of the input, and of the state before it is reset.
    Apart([Joined; 2]),
}

impl Cell {
    /// The name of the ONNX operator.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Lstm { .. } => "LSTM",
            Cell::Gru { .. } => "GRU",
            Cell::Plain => "RNN",
        }
    }

    /// The activations of a step where the node names none.
    pub fn usual_activations(self) -> &'static [&'static str] {
        match self {
            Cell::Lstm { .. } => &["Sigmoid", "Tanh", "Tanh"],
            Cell::Gru { .. } => &["Sigmoid", "Tanh"],
            Cell::Plain => &["Tanh"],
        }
    }

    /// How many sums a step makes for every unit.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm { .. } => 4,
            Cell::Gru { .. } => 3,
            Cell::Plain => 1,
        }
    }

    /// Puts the weights of input and state side by side.
    pub fn prepare(self, wires: &mut Wires, weights: &Weights) -> TractResult<Prepared> {
        let hidden = weights.hidden;
        Ok(match self {
            Cell::Gru { resets_sum } => {
                let gates = weights.joined(wires, 0..2 * hidden)?;
                let rows = 2 * hidden..3 * hidden;
                let candidate = match resets_sum {
                    false => Candidate::Joined(weights.joined(wires, rows)?),
                    true => Candidate::Apart(weights.apart(wires, rows)?),
                };
                Prepared::Gru(gates, candidate)
            }
            _ => Prepared::All(weights.joined(wires, 0..self.gates() * hidden)?),
        })
    }

    /// The state and cell behind a step: from those before, and the input.
    pub fn step(
        self,
        wires: &mut Wires,
        weights: &Weights,
        prepared: &Prepared,
        (input, state, cell): (OutletId, OutletId, OutletId),
    ) -> TractResult<(OutletId, OutletId)> {
        match (self, prepared) {
            (Cell::Lstm { couples }, Prepared::All(map)) => {
                let sums = linear(wires, &[input, state], *map)?;
                weights.lstm(wires, sums, cell, couples)
            }
            (Cell::Gru { .. }, Prepared::Gru(gates, candidate)) => {
                let next = weights.gru(wires, (input, state), *gates, candidate)?;
                Ok((next, next))
            }
            (_, Prepared::All(map)) => {
                let sums = linear(wires, &[input, state], *map)?;
                let next = weights.activated(wires, 0, sums)?;
                Ok((next, next))
            }
            _ => bail!("a recurrent layer was prepared for another one"),
        }
    }
}

impl Weights {
    /// Rows of the weights of input and state side by side, and the sum of their biases.
    fn joined(&self, wires: &mut Wires, rows: std::ops::Range<usize>) -> TractResult<Joined> {
        let [(input, of_input), (state, of_state)] = self.apart(wires, rows)?;
        let weight = wires.node(TypedConcat { axis: 1 }, &[input, state])?;
        let bias = match (of_input, of_state) {
            (Some(of_input), Some(of_state)) => Some(wires.node(add(), &[of_input, of_state])?),
            _ => None,
        };
        Ok((weight, bias))
    }

    fn apart(&self, wires: &mut Wires, rows: std::ops::Range<usize>) -> TractResult<[Joined; 2]> {
        let mut slice = |outlet, axis| {
            let slice = Slice::new(axis, rows.start, rows.end);
            wires.node(slice, &[outlet])
        };
        let (input, state) = (slice(self.input, 0)?, slice(self.state, 0)?);
        let [of_input, of_state] = match self.bias {
            Some([of_input, of_state]) => [Some(slice(of_input, 1)?), Some(slice(of_state, 1)?)],
            None => [None, None],
        };
        Ok([(input, of_input), (state, of_state)])
    }

    /// The sums of one gate.
    fn gate(&self, wires: &mut Wires, sums: OutletId, index: usize) -> TractResult<OutletId> {
        wires.node(Slice::new(1, index * self.hidden, (index + 1) * self.hidden), &[sums])
    }

    /// The activation of a number, of clipped sums.
    fn activated(
        &self,
        wires: &mut Wires,
        index: usize,
        mut sums: OutletId,
    ) -> TractResult<OutletId> {
        if let Some(clip) = self.clip {
            let (low, high) = (wires.number_for_state(-clip)?, wires.number_for_state(clip)?);
            sums = wires.node(max(), &[sums, low])?;
            sums = wires.node(min(), &[sums, high])?;
        }
        let activation = self.activations.get(index);
        activation.context("a recurrent layer names too few activations")?.wire(wires, sums)
    }

    /// A gate's sums, to which the cell adds through its peephole.
    fn peeped(
        &self,
        wires: &mut Wires,
        sums: OutletId,
        cell: OutletId,
        index: usize,
    ) -> TractResult<OutletId> {
        let Some(peepholes) = self.peepholes else {
            return Ok(sums);
        };
        let peephole = self.gate(wires, peepholes, index)?;
        let seen = wires.node(mul(), &[cell, peephole])?;
        wires.node(add(), &[sums, seen])
    }

    /// `c ← f ⊙ c + i ⊙ g`, `h ← o ⊙ tanh(c)`; the sums are those of i, o, f and g.
    fn lstm(
        &self,
        wires: &mut Wires,
        sums: OutletId,
        cell: OutletId,
        couples: bool,
    ) -> TractResult<(OutletId, OutletId)> {
        let input = self.gate(wires, sums, 0)?;
        let input = self.peeped(wires, input, cell, 0)?;
        let input = self.activated(wires, 0, input)?;
        let forget = match couples {
            true => complement(wires, input)?,
            false => {
                let forget = self.gate(wires, sums, 2)?;
                let forget = self.peeped(wires, forget, cell, 2)?;
                self.activated(wires, 0, forget)?
            }
        };
        let written = self.gate(wires, sums, 3)?;
        let written = self.activated(wires, 1, written)?;
        let kept = wires.node(Gated, &[cell, forget])?;
        let written = wires.node(Gated, &[written, input])?;
        let cell = wires.node(add(), &[kept, written])?;
        let output = self.gate(wires, sums, 1)?;
        let output = self.peeped(wires, output, cell, 1)?;
        let output = self.activated(wires, 0, output)?;
        let activation = self.activations.get(2);
        let shown = activation.context("an LSTM names too few activations")?.wire(wires, cell)?;
        Ok((wires.node(Gated, &[shown, output])?, cell))
    }

    /// `h ← (1 − z) ⊙ g(…) + z ⊙ h`; the sums are those of z and r.
    fn gru(
        &self,
        wires: &mut Wires,
        (input, state): (OutletId, OutletId),
        gates: Joined,
        candidate: &Candidate,
    ) -> TractResult<OutletId> {
        let sums = linear(wires, &[input, state], gates)?;
        let update = self.gate(wires, sums, 0)?;
        let update = self.activated(wires, 0, update)?;
        let reset = self.gate(wires, sums, 1)?;
        let reset = self.activated(wires, 0, reset)?;
        let sums = match candidate {
            Candidate::Joined(map) => {
                let state = wires.node(Gated, &[state, reset])?;
                linear(wires, &[input, state], *map)?
            }
            Candidate::Apart([of_input, of_state]) => {
                let of_state = linear(wires, &[state], *of_state)?;
                let of_state = wires.node(Gated, &[of_state, reset])?;
                let of_input = linear(wires, &[input], *of_input)?;
                wires.node(add(), &[of_input, of_state])?
            }
        };
        let candidate = self.activated(wires, 1, sums)?;
        let rest = complement(wires, update)?;
        let written = wires.node(Gated, &[candidate, rest])?;
        let kept = wires.node(Gated, &[state, update])?;
        wires.node(add(), &[written, kept])
    }
}

/// `1 − x`
fn complement(wires: &mut Wires, x: OutletId) -> TractResult<OutletId> {
    let one = wires.number_for_state(1.0)?;
    wires.node(sub(), &[one, x])
}

/// A linear map of signals side by side.
fn linear(
    wires: &mut Wires,
    signals: &[OutletId],
    (weight, bias): Joined,
) -> TractResult<OutletId> {
    let signal = match signals {
        [signal] => *signal,
        _ => wires.node(TypedConcat { axis: 1 }, signals)?,
    };
    let product = wires.product(signal, weight)?;
    match bias {
        Some(bias) => wires.node(add(), &[product, bias]),
        None => Ok(product),
    }
}
