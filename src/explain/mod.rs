//! From a canonized network and its rules to relevance: **compile**, forward, **propagate**.
//!
//! [`Program::compile`] turns rules into steps and throws away what provably carries
//! nothing; it holds no weights' kernels and no state. [`Explainer`] builds the
//! kernels once and runs the program on picture after picture.

mod by_sign;
mod conservation;
mod division;
mod engine;
mod epilogues;
mod expansion;
mod gamma;
mod input_range;
mod kept;
mod layout;
mod program;
mod proof;
mod propagate;
mod quotient;
mod reads;
mod residual;
mod target;
mod transposed;

use anyhow::Result;

pub use crate::blocked::Packing;
pub use conservation::{Books, LayerBooks};
pub use engine::Activations;
pub use gamma::GammaStep;
pub use input_range::InputRange;
pub use program::{LinearStep, Program, Step};
pub use target::{Initial, Target, TargetClass, initial_relevance};

use self::engine::Engine;
use crate::composite::{Assignment, Composite, InputKnowledge};
use crate::network::{LayerId, Network};
use crate::parallel::Threads;
use crate::tensor::Tensor;

/// A network with its rules, compiled: explains any number of inputs, from any number of threads.
pub struct Explainer {
    engine: Engine,
    assignment: Assignment,
    threads: Threads,
}

/// Where the relevance of an output went.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// Relevance of every element of the input, or of the value of the layer that propagation ended
    /// at, in its shape (the batch axis included).
    pub relevance: Tensor,
    /// What entered and left every layer.
    pub books: Books,
}

impl Explainer {
    /// Compiles a canonized network with a composite.
    ///
    /// `input_range` is the lowest and highest value of the network's input, for the z-box rule, in the place of
    /// which the next entry that matches is taken where it lacks that ([`Assignment::replaced`] says where);
    /// `threads` are used for compiling and inside each explanation.
    ///
    /// # Errors
    /// When the composite does not fit the network, or has only z-box for a layer and the range is not known.
    pub fn new(
        network: Network,
        composite: &Composite,
        input_range: Option<&InputRange>,
        threads: Threads,
    ) -> Result<Explainer> {
        Explainer::with_packing(network, composite, input_range, threads, Packing::Kept)
    }

    /// Like [`Explainer::new`], with a choice of when weights are packed.
    ///
    /// # Errors
    /// When the composite does not fit the network, or has only z-box for a layer and the range is not known.
    pub fn with_packing(
        network: Network,
        composite: &Composite,
        input_range: Option<&InputRange>,
        threads: Threads,
        packing: Packing,
    ) -> Result<Explainer> {
        let knowledge = match input_range {
            Some(range) if composite.asks_for_input_range() => {
                InputKnowledge::Within(range.interval(network.input_shape())?)
            }
            _ => InputKnowledge::Nothing,
        };
        let assignment = Assignment::knowing(&network, composite, &knowledge)?;
        let program = Program::compile(network, &assignment)?;
        let engine = threads.run(|| Engine::new(program, input_range, packing))?;
        Ok(Explainer { engine, assignment, threads })
    }

    /// Runs the network, keeping what propagation will read.
    ///
    /// # Errors
    /// When the input has another shape than the network's.
    pub fn forward(&self, input: &Tensor) -> Result<Activations> {
        self.threads.run(|| self.engine.forward(input))
    }

    /// Propagates relevance from the output back to the input.
    ///
    /// Activations are dropped when they were read for the last time, so that relevance takes their place in memory;
    /// to propagate again, hand in a clone, which shares them.
    ///
    /// # Errors
    /// When `initial` has another shape than the output.
    pub fn propagate(&self, activations: Activations, initial: Tensor) -> Result<Attribution> {
        self.propagate_to(0, activations, initial)
    }

    /// Keeps the value of an inner layer in every forward pass, for [`Explainer::value`].
    pub fn keep(&mut self, layer: LayerId) {
        self.engine.keep(layer);
    }

    /// The value of a layer that [`Explainer::keep`] was told of.
    ///
    /// # Errors
    /// When it was not.
    pub fn value(&self, activations: &Activations, layer: LayerId) -> Result<Tensor> {
        self.engine.value(activations, layer, false)
    }

    /// Propagates relevance from the output back to the value of an inner layer only; layer 0 is the input.
    ///
    /// # Errors
    /// When `initial` has another shape than the output.
    pub fn propagate_to(
        &self,
        layer: LayerId,
        activations: Activations,
        initial: Tensor,
    ) -> Result<Attribution> {
        self.threads.run(|| self.engine.propagate(activations, initial, layer))
    }

    /// The network, without the weights of its convolutions: the explainer holds them packed for its kernels.
    pub fn network(&self) -> &Network {
        self.engine.network()
    }

    /// The rule of every layer.
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// The compiled steps.
    pub fn program(&self) -> &Program {
        self.engine.program()
    }
}
