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
    /// Where other steps of the layer read the same sums.
    shared_sums: Option<&'a OnceCell<Tensor>>,
}

/// `|W| |x|` of every layer for one input, where several steps of a layer divide by what is computed from it.
pub(in crate::explain) struct SharedSums(Vec<OnceCell<Tensor>>);

impl SharedSums {
    /// Nothing yet, of so many layers.
    pub fn of(layers: usize) -> SharedSums {
        SharedSums((0..layers).map(|_| OnceCell::new()).collect())
    }

    /// That of a layer.
    pub fn at(&self, id: LayerId) -> &OnceCell<Tensor> {
        &self.0[id]
    }
}

impl<'a> StepContext<'a> {
    pub fn new(
        input_ids: &'a [LayerId],
        output_id: LayerId,
        read: impl Fn(LayerId) -> Result<Tensor> + 'a,
        shared_sums: Option<&'a OnceCell<Tensor>>,
    ) -> StepContext<'a> {
        StepContext {
            input_ids,
            output_id,
            read: Box::new(read),
            parts: RefCell::default(),
            magnitude_sums: OnceCell::new(),
            shared_sums,
        }
    }

    /// Whether other steps of the layer read the same `|W| |x|`.
    pub fn has_shared_sums(&self) -> bool {
        self.shared_sums.is_some()
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
        let known = self.shared_sums.unwrap_or(&self.magnitude_sums);
        match known.get() {
            Some(sums) => Ok(sums),
            None => {
                let computed = compute()?;
                Ok(known.get_or_init(|| computed))
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
