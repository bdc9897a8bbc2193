//! What is searched for, and how.

use super::budget::Budget;
use super::requirement::Requirement;
use crate::composite::Space;
use crate::error::{Error, Kind, Result};
use crate::evaluation::{EvaluationInput, EvaluationOptions};
use crate::session::ExplainerOptions;

/// What is searched for, and how. Everything has a default: the space of the architecture, srg, one half of the pictures.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// `None`: by the architecture.
    pub(super) space: Option<Space>,
    pub(super) objectives: Vec<String>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) split: f64,
    pub(super) confirming: Option<Vec<EvaluationInput>>,
    pub(super) budget: Budget,
    pub(super) explainer: ExplainerOptions,
    pub(super) evaluation: EvaluationOptions,
    pub(super) seed: u64,
    pub(super) jobs: Option<usize>,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions {
            space: None,
            objectives: vec![],
            requirements: vec![],
            split: 0.5,
            confirming: None,
            budget: Budget::Unlimited,
            explainer: ExplainerOptions::new(),
            evaluation: EvaluationOptions::new(),
            seed: 0,
            jobs: None,
        }
    }
}

impl SearchOptions {
    /// The space of the architecture, chosen by srg on one half of the pictures.
    pub fn new() -> SearchOptions {
        SearchOptions::default()
    }

    /// The space: a name such as `resnet`, or the path of a `.yaml` file. Default: that of the architecture.
    ///
    /// # Errors
    /// [`Error::Composite`] when there is no such space, or it is invalid.
    pub fn space(mut self, name_or_path: &str) -> Result<SearchOptions> {
        self.space = Some(Space::find(name_or_path).kind(Error::Composite)?);
        Ok(self)
    }

    /// The space as YAML text.
    ///
    /// # Errors
    /// [`Error::Composite`] names line and column.
    pub fn space_text(mut self, yaml: &str) -> Result<SearchOptions> {
        self.space = Some(Space::parse(yaml, "the space").kind(Error::Composite)?);
        Ok(self)
    }

    /// A metric that is to be as good as possible. Of several, the first one decides between composites none of which is
    /// beaten in all. Default: `srg`.
    pub fn objective(mut self, metric: impl Into<String>) -> SearchOptions {
        self.objectives.push(metric.into());
        self
    }

    /// A bound that the mean of a metric must keep: `mass-gain>=1.2`.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no such metric, or the text has another form.
    pub fn require(mut self, text: &str) -> Result<SearchOptions> {
        self.requirements.push(text.parse().kind(Error::Input)?);
        Ok(self)
    }

    /// The share of the pictures that chooses, between 0 and 1; the others confirm. Default: 0.5.
    pub fn split(mut self, share: f64) -> SearchOptions {
        self.split = share.clamp(0.0, 1.0);
        self
    }

    /// Pictures that confirm; all others choose.
    pub fn confirm<I: Into<EvaluationInput>>(
        mut self,
        inputs: impl IntoIterator<Item = I>,
    ) -> SearchOptions {
        self.confirming = Some(inputs.into_iter().map(Into::into).collect());
        self
    }

    /// How much choosing may cost. Default: as much as it takes.
    pub fn budget(mut self, budget: Budget) -> SearchOptions {
        self.budget = budget;
        self
    }

    /// How the model is explained; its composite is the one that the winner is compared with. Default: LRP by the preset
    /// of the architecture.
    pub fn explainer(mut self, options: impl Into<ExplainerOptions>) -> SearchOptions {
        self.explainer = options.into();
        self
    }

    /// Under which conditions metrics are measured: fill, target, masks, ... Its methods and metrics are not used.
    pub fn evaluation(mut self, options: EvaluationOptions) -> SearchOptions {
        self.evaluation = options;
        self
    }

    /// The seed of all random numbers. Default: 0.
    pub fn seed(mut self, seed: u64) -> SearchOptions {
        self.seed = seed;
        self
    }

    /// Inputs at a time. Default: the number of cores. What is found does not depend on it.
    pub fn jobs(mut self, jobs: usize) -> SearchOptions {
        self.jobs = Some(jobs.max(1));
        self
    }
}
