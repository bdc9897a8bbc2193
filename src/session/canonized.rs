//! The network with its composite, rewritten: what is compiled, and what can be looked at without compiling.

use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::choice::Choice;
use super::explainer_options::ExplainerOptions;
use super::method::Method;
use super::notice::{Notice, Topic};
use crate::canonize::{PassReport, PassSelection, canonize};
use crate::composite::{Assignment, InputKnowledge};
use crate::error::{Error, Kind, Result};
use crate::network::Network;

/// A network with the composite that is used on it, canonized: ready to be compiled.
pub struct Canonized {
    /// The rules, and why these.
    pub choice: Choice,
    /// The rewrites that were selected.
    pub passes: PassSelection,
    /// The network after them.
    pub network: Network,
    /// What they did.
    pub reports: Vec<PassReport>,
    /// What was chosen.
    pub notices: Vec<Notice>,
    pub(super) options: ExplainerOptions,
    pub(super) elapsed: Duration,
}

impl Canonized {
    /// Chooses the composite and canonizes.
    pub(super) fn new(mut network: Network, options: ExplainerOptions) -> Result<Canonized> {
        let choice = choose(&network, &options)?;
        let passes = options.passes(&choice.composite)?;
        let begin = Instant::now();
        let reports = canonize(&mut network, &passes).kind(Error::Model)?;
        let elapsed = begin.elapsed();
        let notices = notices(&choice, &options.method, &reports);
        Ok(Canonized { choice, passes, network, reports, notices, options, elapsed })
    }

    /// The network up to the value of a layer, which is its output then.
    ///
    /// # Errors
    /// [`Error::Method`] where there is no such layer, or its value does not depend on the input.
    pub fn ending_at(mut self, layer: &str) -> Result<Canonized> {
        self.network.end_at(layer).kind(Error::Method)?;
        Ok(self)
    }

    /// The rule of every layer, by what is known of the input.
    ///
    /// # Errors
    /// [`Error::Composite`] when a layer has none, or one that does not apply to it.
    pub fn assignment(&self, knowledge: &InputKnowledge) -> Result<Assignment> {
        let assignment = Assignment::knowing(&self.network, &self.choice.composite, knowledge);
        assignment.kind(Error::Composite)
    }
}

/// What was chosen, and what the rewrites did.
fn notices(choice: &Choice, method: &Method, reports: &[PassReport]) -> Vec<Notice> {
    let text = format!("composite: {}", choice.describe());
    let mut notices = vec![Notice::note(Topic::Composite, text)];
    if *method != Method::default() {
        notices.push(Notice::note(Topic::Method, format!("method: {method}")));
    }
    notices.extend(reports.iter().map(|report| {
        let text = format!("canonization: {}: {}", report.pass, report.nodes.join(", "));
        Notice::detail(Topic::Canonization, text)
    }));
    notices
}

/// The method's own rules; for LRP those of the composite that is asked for.
fn choose(network: &Network, options: &ExplainerOptions) -> Result<Choice> {
    let Some(preset) = options.method.inner().preset() else {
        return options.composite.choose(network);
    };
    if !options.composite.is_auto() {
        return Err(not_of(&options.method, "a composite"));
    }
    if options.initial.is_some() {
        return Err(not_of(&options.method, "an initial relevance"));
    }
    Choice::preset(preset)
}

fn not_of(method: &Method, option: &str) -> Error {
    let name = method.name();
    let error = anyhow!(
        "{option} belongs to lrp and to noise around it; {name} brings its own, so leave it out"
    );
    Error::of(Error::Method, error)
}
