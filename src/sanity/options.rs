//! What is tested, and how.

use super::init::Initialisation;
use super::order::Order;
use crate::error::Result;
use crate::session::{ExplainerOptions, Method, Target};

/// What is tested, and how. Everything has a default: four methods, from the output down, parameters shuffled.
#[derive(Clone, Debug)]
pub struct SanityOptions {
    pub(super) methods: Vec<TestedMethod>,
    pub(super) order: Order,
    pub(super) initialisation: Initialisation,
    pub(super) steps: Option<usize>,
    pub(super) smooth: Option<usize>,
    pub(super) has_controls: bool,
    pub(super) target: Target,
    pub(super) seed: u64,
    pub(super) jobs: Option<usize>,
}

/// A method that is tested.
#[derive(Clone, Debug)]
pub struct TestedMethod {
    pub(super) name: Option<String>,
    pub(super) options: ExplainerOptions,
}

impl Default for SanityOptions {
    fn default() -> SanityOptions {
        SanityOptions {
            methods: vec![],
            order: Order::default(),
            initialisation: Initialisation::default(),
            steps: None,
            smooth: None,
            has_controls: true,
            target: Target::Top,
            seed: 0,
            jobs: None,
        }
    }
}

impl SanityOptions {
    /// The default methods and controls, from the output down, parameters shuffled.
    pub fn new() -> SanityOptions {
        SanityOptions::default()
    }

    /// Tests a method: a [`Method`](crate::Method), a [`Composite`](crate::Composite) or [`ExplainerOptions`]. Default:
    /// `lrp`, `gradient`, `input-x-gradient` and `guided-backprop`.
    pub fn method(mut self, method: impl Into<TestedMethod>) -> SanityOptions {
        self.methods.push(method.into());
        self
    }

    /// In which order layers are randomised. Default: from the output down.
    pub fn order(mut self, order: Order) -> SanityOptions {
        self.order = order;
        self
    }

    /// What numbers they get. Default: their own, shuffled.
    pub fn initialisation(mut self, initialisation: Initialisation) -> SanityOptions {
        self.initialisation = initialisation;
        self
    }

    /// So many steps at most, each of several layers. Default: a step for every layer with weights.
    pub fn steps(mut self, count: usize) -> SanityOptions {
        self.steps = Some(count.max(1));
        self
    }

    /// Also compares maps that are averaged over so many noisy inputs (smprt); the paper takes 50. Default: not.
    pub fn smooth(mut self, draws: usize) -> SanityOptions {
        self.smooth = Some(draws.max(1));
        self
    }

    /// Without the controls `noise`, `input x noise` and `edges`.
    pub fn without_controls(mut self) -> SanityOptions {
        self.has_controls = false;
        self
    }

    /// The class that is explained, of the trained network. Default: the strongest.
    pub fn target(mut self, target: Target) -> SanityOptions {
        self.target = target;
        self
    }

    /// The seed of all random numbers. Default: 0.
    pub fn seed(mut self, seed: u64) -> SanityOptions {
        self.seed = seed;
        self
    }

    /// Explanations at a time. Default: the number of cores. Numbers do not depend on it.
    pub fn jobs(mut self, jobs: usize) -> SanityOptions {
        self.jobs = Some(jobs.max(1));
        self
    }
}

impl TestedMethod {
    /// A method.
    pub fn new(options: impl Into<ExplainerOptions>) -> TestedMethod {
        TestedMethod { name: None, options: options.into() }
    }

    /// The name in the report. Default: that of the method, with its composite where it takes one.
    pub fn named(mut self, name: impl Into<String>) -> TestedMethod {
        self.name = Some(name.into());
        self
    }
}

impl<T: Into<ExplainerOptions>> From<T> for TestedMethod {
    fn from(options: T) -> TestedMethod {
        TestedMethod::new(options)
    }
}

/// The methods that are tested where none is named.
pub const METHODS: [&str; 4] = ["lrp", "gradient", "input-x-gradient", "guided-backprop"];

/// Those methods.
pub(super) fn default_methods() -> Result<Vec<TestedMethod>> {
    METHODS.iter().map(|name| Ok(TestedMethod::new(Method::named(name)?))).collect()
}
