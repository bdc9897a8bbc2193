//! How much work a test is: counted, and timed by one network and one explanation of each method.

use std::time::Instant;

use anyhow::{Context, Result as Checked};

use super::run::BLOCK;
use super::test::SanityTest;
use crate::error::{Error, Kind, Result};
use crate::evaluation::EvaluationInput;
use crate::method::Watch;

/// The work of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkEstimate {
    /// Random networks for every block of inputs.
    pub networks: usize,
    /// The time of one, with all methods compiled for it.
    pub seconds_of_network: f64,
    /// Explanations of an input.
    pub explanations: usize,
    /// The time of everything that is done for an input, on one thread.
    pub seconds_of_input: f64,
}

impl SanityTest {
    /// How many blocks so many inputs are: each goes through all networks by itself.
    pub fn blocks(&self, inputs: usize) -> usize {
        inputs.div_ceil(BLOCK)
    }

    /// How much work the test is, by the last random network on an input.
    ///
    /// # Errors
    /// As [`SanityTest::run`].
    pub fn estimate(&self, input: &EvaluationInput, watch: &dyn Watch) -> Result<WorkEstimate> {
        self.estimated(input, watch).kind(Error::Input)
    }

    fn estimated(&self, input: &EvaluationInput, watch: &dyn Watch) -> Checked<WorkEstimate> {
        let opened = self.open(input)?;
        let step = self.steps.last().context("the model has no layer with weights")?;
        let begin = Instant::now();
        let networks = self.networks(step)?;
        let seconds_of_network = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        // What a random network cannot give takes no time to speak of.
        for explainer in networks.explainers.iter().flatten() {
            let _ = self.explained(explainer, &opened, watch);
        }
        let _ = self.channels(&networks, step, &opened);
        let seconds = begin.elapsed().as_secs_f64();
        let networks = self.steps.len();
        let samples = 1 + self.settings.smooth.unwrap_or(0);
        Ok(WorkEstimate {
            networks,
            seconds_of_network,
            explanations: self.methods.len() * samples * (networks + 1),
            seconds_of_input: seconds * (networks + 1) as f64,
        })
    }
}
