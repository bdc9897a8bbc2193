//! The network without a method, for very many runs.

use std::sync::Arc;

use super::context::Context;
use super::input::Input;
use super::opened::Session;
use super::prediction::Prediction;
use super::source::Source;
use crate::canonize::{PassSelection, canonize};
use crate::error::{Error, Kind, Result};
use crate::explain;
use crate::parallel::Threads;
use crate::picture::{Preprocessing, Preprocessor};
use crate::tensor::Tensor;

/// A model compiled for forward passes alone: any number at the same time, each on the thread that asks.
pub struct Predictor {
    context: Arc<Context>,
    engine: explain::Predictor,
}

impl Predictor {
    /// Compiles the rewritten network of a session.
    ///
    /// # Errors
    /// [`Error::Model`] when the network cannot be rewritten, or there is no memory for it.
    pub fn new(session: &Session) -> Result<Predictor> {
        let mut network = session.model().network.clone();
        let compile = || {
            canonize(&mut network, &PassSelection::all())?;
            explain::Predictor::new(network, Threads::default())
        };
        Ok(Predictor { engine: compile().kind(Error::Model)?, context: session.context() })
    }

    /// As [`Session::prepare`].
    ///
    /// # Errors
    /// As [`Session::prepare`].
    pub fn prepare<'a>(&self, source: impl Into<Source<'a>>) -> Result<Input> {
        self.context.prepare(source.into())
    }

    /// The steps from a picture to the network's input, every one filled in; `None` where it takes no pictures.
    #[doc(hidden)]
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        match &self.context.inputs[..] {
            [input] => input.preprocessor.as_ref().ok().map(Preprocessor::steps),
            _ => None,
        }
    }

    /// What the network says about an input of its shape.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, [`Error::Computation`] where the output is not finite.
    pub fn predict(&self, input: &Tensor) -> Result<Prediction> {
        self.context.prediction(&self.engine.logits(input).kind(Error::Input)?)
    }
}
