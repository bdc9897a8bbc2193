//! A test, made ready: measures any number of inputs.

use super::calibration::Calibration;
use super::channels::Gradients;
use super::line::StepLine;
use super::order::Step;
use super::parameters::RandomParameters;
use super::settings::{SanitySettings, TestedSettings};
use super::{Control, SanityOptions};
use crate::error::{Error, Kind, Result};
use crate::evaluation::EvaluationInput;
use crate::method::Unwatched;
use crate::network::Network;
use crate::picture::InputShape;
use crate::session::{Explainer, ExplainerOptions, Parametric, Session, Target};

/// A test, made ready.
pub struct SanityTest {
    pub(super) parametric: Parametric,
    pub(super) methods: Vec<Tested>,
    pub(super) controls: Vec<Control>,
    pub(super) steps: Vec<Step>,
    /// Of the trained network; `None` where the order leaves nothing below a step as it was.
    pub(super) gradients: Option<Gradients>,
    pub(super) calibration: Option<Calibration>,
    pub(super) target: Target,
    pub(super) shape: InputShape,
    /// The lowest and highest value of the input, where they are known.
    pub(super) range: Option<(Vec<f32>, Vec<f32>)>,
    pub(super) settings: SanitySettings,
    /// Explanations at a time.
    pub(super) jobs: usize,
}

/// A method with the trained network.
pub(super) struct Tested {
    pub settings: TestedSettings,
    pub options: ExplainerOptions,
    pub trained: Explainer,
}

impl SanityTest {
    /// The settings, as `settings.json` has them.
    pub fn settings(&self) -> &SanitySettings {
        &self.settings
    }

    /// The network of a step, not rewritten.
    pub(super) fn network(&self, step: &Step) -> Result<Network> {
        let (layers, settings) = (self.parametric.layers(), &self.settings);
        let parameters =
            RandomParameters::new(layers, &step.random, settings.initialisation, settings.seed);
        let parameters = match &self.calibration {
            None => parameters,
            Some(calibration) => {
                let rescaling = calibration.rescaling(&self.parametric, &step.random, &parameters);
                parameters.rescaled(rescaling.kind(Error::Model)?)
            }
        };
        self.parametric.network(|name, values| parameters.change(name, values))
    }
}

/// What a test found.
#[derive(Clone, Debug)]
pub struct Sanity {
    /// How it was found.
    pub settings: SanitySettings,
    /// A line for every input and step, in the order of the inputs; step 0 is the trained network.
    pub lines: Vec<StepLine>,
    /// The inputs that could not be tested, and why.
    pub failures: Vec<(EvaluationInput, Error)>,
}

impl Session {
    /// Tests whether explanations of these inputs change when the network's parameters become random, layer after layer
    /// (Adebayo et al. 2018).
    ///
    /// ```
    /// use onnxplain::sanity::{SanityOptions, summarize};
    /// use onnxplain::{Method, Session};
    ///
    /// # fn main() -> Result<(), onnxplain::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
    /// # let (model, picture) = (format!("{folder}/fashion_vgg.onnx"), format!("{folder}/photos/fashion/bag.png"));
    /// let session = Session::open(&model)?;
    /// let options = SanityOptions::new().method(Method::named("gradient")?).steps(2);
    /// let sanity = session.sanity([&picture], options)?;
    /// let summary = summarize(&sanity.settings, &sanity.lines);
    /// // What is left when everything is random, beside what noise scores.
    /// println!("{:?} {:?}", summary.last("gradient", "spearman"), summary.last("noise", "spearman"));
    /// # assert_eq!(sanity.lines.len(), 3);
    /// # assert_eq!(summary.last("edges", "spearman").unwrap().mean, Some(1.0));
    /// # assert!(summary.last("gradient", "spearman").unwrap().mean.unwrap().abs() < 0.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`SanityTest::new`]; that an input cannot be used is told in [`Sanity::failures`].
    pub fn sanity<I: Into<EvaluationInput>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: SanityOptions,
    ) -> Result<Sanity> {
        let inputs: Vec<EvaluationInput> = inputs.into_iter().map(Into::into).collect();
        let test = SanityTest::new(self, options, &inputs)?;
        let mut found: Vec<Vec<StepLine>> = vec![vec![]; inputs.len()];
        let mut failures = vec![];
        test.run(&inputs, &|_, _| false, &Unwatched, &mut |outcome| {
            match outcome.result {
                Ok(line) => found[outcome.input].push(line),
                Err(error) => failures.push((inputs[outcome.input].clone(), error)),
            }
            Ok::<(), Error>(())
        })?;
        let lines = found.into_iter().flatten().collect();
        Ok(Sanity { settings: test.settings.clone(), lines, failures })
    }
}
