//! What the integration tests share: models made on the spot, numbers that look random, explanations.

#![allow(dead_code, unused_imports)]

pub mod comparison;
pub mod dense_map;
pub mod onnx;
pub mod programs;

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Attribution, Explainer, InputRange};
use onnxplain::network::Network;
use onnxplain::parallel::Threads;
use onnxplain::tensor::Tensor;

pub use comparison::{assert_near, difference, largest, worst_error};

/// A sequence of numbers that look random, the same in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491_4F6C_DD1D)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    /// Between `low` and `high`.
    pub fn between(&mut self, low: f32, high: f32, count: usize) -> Vec<f32> {
        (0..count).map(|_| low + (high - low) * (self.bits() as f32 / 4_294_967_296.0)).collect()
    }

    /// Multiples of 1/8 between −2 and 2, of which `f32` computes sums of products exactly.
    pub fn eighths(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.bits() % 33) as f32 / 8.0 - 2.0).collect()
    }
}

/// A tensor of numbers between −1 and 1.
pub fn noise(shape: &[usize], seed: u64) -> Tensor {
    let count = shape.iter().product();
    Tensor::new(shape, &Numbers::new(seed).between(-1.0, 1.0, count)).unwrap()
}

/// Canonizes the network as the composite wants and explains one input.
pub fn explain(
    network: &Network,
    composite: &Composite,
    range: Option<&InputRange>,
    input: &Tensor,
    initial: &Tensor,
) -> anyhow::Result<Attribution> {
    let mut network = network.clone();
    canonize(&mut network, &PassSelection::of(&composite.canonize)?)?;
    let explainer = Explainer::new(network, composite, range, Threads::default())?;
    let activations = explainer.forward(input)?;
    explainer.propagate(activations, initial.clone())
}

/// The whole chain of an error's messages.
pub fn message<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => format!("{error:#}"),
    }
}
