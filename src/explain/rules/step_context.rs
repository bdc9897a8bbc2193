//! The values of the forward pass around a layer, as its step reads them; what is computed from them is computed once.

use std::cell::{OnceCell, RefCell};

use anyhow::{Context, Result};

use crate::network::LayerId;
use crate::rule::InputPart;
use crate::tensor::Tensor;

/// Reads the value of a layer, in the layout of the step.
type Read<'a> = Box<dyn Fn(LayerId) -> Result<Tensor> + 'a>;

/// The values around a layer, in the layout of its step.
pub(in crate::explain) struct StepContext<'a> {
    /// The layers whose values are its inputs.
    pub input_ids: &'a [LayerId],
    /// The layer in whose value the output is read: itself, or a ReLU behind it.
    pub output_id: LayerId,
    read: Read<'a>,
    parts: RefCell<Vec<(InputPart, Vec<Tensor>)>>,
    magnitude_sums: OnceCell<Tensor>,
}

impl<'a> StepContext<'a> {
    pub fn new(
        input_ids: &'a [LayerId],
        output_id: LayerId,
        read: impl Fn(LayerId) -> Result<Tensor> + 'a,
    ) -> StepContext<'a> {
        let (read, parts) = (Box::new(read), RefCell::default());
        StepContext { input_ids, output_id, read, parts, magnitude_sums: OnceCell::new() }
    }

    /// The layer's output.
    pub fn output(&self) -> Result<Tensor> {
        (self.read)(self.output_id)
    }

    /// The layer's inputs.
    pub fn inputs(&self) -> Result<Vec<Tensor>> {
        self.input_ids.iter().map(|&input| (self.read)(input)).collect()
    }

    /// The only input of the layer.
    pub fn input(&self) -> Result<Tensor> {
        (self.read)(*self.input_ids.first().context("a layer without inputs divides nothing")?)
    }

    /// A part of the inputs; `offsets` are subtracted where it is relative to them.
    pub fn parts(&self, part: InputPart, offsets: &[Tensor]) -> Result<Vec<Tensor>> {
        if let Some((_, parts)) = self.parts.borrow().iter().find(|(known, _)| *known == part) {
            return Ok(parts.clone());
        }
        let inputs = self.inputs()?.into_iter().enumerate();
        let parts = inputs.map(|(place, input)| part_of(input, part, offsets.get(place)));
        let parts = parts.collect::<Result<Vec<Tensor>>>()?;
        self.parts.borrow_mut().push((part, parts.clone()));
        Ok(parts)
    }

    /// `|W| |x|`, computed when it is read for the first time.
    pub fn magnitude_sums(&self, compute: impl FnOnce() -> Result<Tensor>) -> Result<&Tensor> {
        match self.magnitude_sums.get() {
            Some(sums) => Ok(sums),
            None => {
                let computed = compute()?;
                Ok(self.magnitude_sums.get_or_init(|| computed))
            }
        }
    }
}

/// A part of a value; `offset` is subtracted where the part is relative to it.
fn part_of(mut value: Tensor, part: InputPart, offset: Option<&Tensor>) -> Result<Tensor> {
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
