//! What the step of a layer reads of the forward pass; what divisions make of it is computed once.

use std::cell::{OnceCell, RefCell};

use anyhow::{Context, Result};

use super::engine::{Activations, Engine};
use crate::network::LayerId;
use crate::rule::InputPart;
use crate::tensor::Tensor;

/// The values around a layer, in the layout of its step.
pub(super) struct Reads<'a> {
    engine: &'a Engine,
    id: LayerId,
    activations: &'a Activations,
    parts: RefCell<Vec<(InputPart, Vec<Tensor>)>>,
    magnitudes: OnceCell<Tensor>,
}

impl<'a> Reads<'a> {
    pub fn new(engine: &'a Engine, id: LayerId, activations: &'a Activations) -> Reads<'a> {
        let (parts, magnitudes) = (RefCell::default(), OnceCell::new());
        Reads { engine, id, activations, parts, magnitudes }
    }

    /// The value of any layer that was kept.
    pub fn value(&self, of: LayerId) -> Result<Tensor> {
        self.engine.value(self.activations, of, self.engine.steps_in_blocks[self.id])
    }

    /// The layer's output.
    pub fn output(&self) -> Result<Tensor> {
        self.value(self.id)
    }

    /// What the layer noted of its inputs.
    pub fn note(&self) -> Result<Tensor> {
        let note = self.activations.notes[self.id].clone();
        note.context("propagation reads what was not noted")
    }

    /// The layer's inputs.
    pub fn inputs(&self) -> Result<Vec<Tensor>> {
        let inputs = &self.engine.network().layers[self.id].inputs;
        inputs.iter().map(|&input| self.value(input)).collect()
    }

    /// A part of the inputs; `offsets` are subtracted where it is relative to them.
    pub fn parts(&self, part: InputPart, offsets: Option<&[Tensor]>) -> Result<Vec<Tensor>> {
        if let Some((_, parts)) = self.parts.borrow().iter().find(|(known, _)| *known == part) {
            return Ok(parts.clone());
        }
        let inputs = self.inputs()?.into_iter().enumerate();
        let parts = inputs.map(|(place, input)| {
            part_of(input, part, offsets.and_then(|offsets| offsets.get(place)))
        });
        let parts = parts.collect::<Result<Vec<Tensor>>>()?;
        self.parts.borrow_mut().push((part, parts.clone()));
        Ok(parts)
    }

    /// `|W||x|`, as `compute` has it when it is read for the first time.
    pub fn magnitudes(&self, compute: impl FnOnce() -> Result<Tensor>) -> Result<&Tensor> {
        match self.magnitudes.get() {
            Some(magnitudes) => Ok(magnitudes),
            None => {
                let computed = compute()?;
                Ok(self.magnitudes.get_or_init(|| computed))
            }
        }
    }
}

/// A part of a value; `offset` is subtracted where the part is relative to it.
pub(super) fn part_of(
    mut value: Tensor,
    part: InputPart,
    offset: Option<&Tensor>,
) -> Result<Tensor> {
    match (part, offset) {
        (InputPart::Positive, _) => value.map(|x| x.max(0.0)),
        (InputPart::Negative, _) => value.map(|x| x.min(0.0)),
        (_, Some(offset)) => {
            value.combine_broadcast(offset, |x, offset| *x -= offset)?;
            Ok(value)
        }
        _ => Ok(value),
    }
}
