//! What every explanation of a model needs to know about it, apart from its layers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use super::input::InputPart;
use super::prediction::Prediction;
use super::target::Target;
use crate::error::{Error, Kind, Result};
use crate::explain::InputRange;
use crate::method::InputInfo;
use crate::network::{OutputFunction, Quantity};
use crate::onnx::{LoadOptions, ModelInput, ParametricModel, Part};
use crate::picture::{InputShape, Labels, Layout, Output, Preprocessor};
use crate::tensor::Tensor;

/// A model apart from its layers.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub file: ModelFile,
    /// The inputs that are explained, in the network's order.
    pub inputs: Vec<InputContext>,
    /// The names of the inputs that are held fixed.
    pub fixed: Vec<String>,
    pub classes: usize,
    /// What the file computes from the logits.
    pub function: Option<OutputFunction>,
    /// What the card says the outputs are.
    pub output: Option<Output>,
    pub labels: Option<Arc<Labels>>,
}

/// An input that is explained.
#[derive(Clone, Debug)]
pub(super) struct InputContext {
    pub model: ModelInput,
    /// The preprocessing of pictures, or why there is none.
    pub preprocessor: Result<Preprocessor>,
    /// The lowest and highest value, where they are known.
    pub range: Option<InputRange>,
    /// What it is where it is not given.
    pub default: Option<InputPart>,
    pub drops_pictures: bool,
}

/// Where a model was read from, and how.
#[derive(Clone, Debug)]
pub(super) struct ModelFile {
    pub path: PathBuf,
    pub options: LoadOptions,
    /// How long it took.
    pub elapsed: Duration,
}

impl ModelFile {
    /// The model's stored parameters, for methods that put noise on them.
    pub fn parametric(&self) -> Result<ParametricModel> {
        // Parameters that are read when they are needed could not be changed.
        let options = LoadOptions { is_without_reference: false, ..self.options.clone() };
        ParametricModel::read(&self.path, &options).kind(Error::Model)
    }
}

impl Context {
    /// The axis of the input on which the channels are.
    pub fn channel_axis(input: &ModelInput) -> usize {
        match input.picture.map(|picture| picture.layout) {
            Some(Layout::Nhwc) => 3,
            _ => 1,
        }
    }

    /// What methods may know of each input of the network; `fallback` is its range where it is not known.
    pub fn input_infos(&self, fallback: Option<[f32; 2]>) -> Vec<InputInfo> {
        let of_input = |input: &InputContext| {
            let channel_axis = Context::channel_axis(&input.model);
            let fallback = fallback.map(|[low, high]| InputRange {
                low: vec![low],
                high: vec![high],
                channel_axis,
            });
            let of_part = |part: &Part| match part {
                Part::Whole => InputInfo {
                    picture: input.model.picture,
                    range: input.range.clone().or(fallback.clone()),
                },
                // The rows of a table have no range that is known of any input.
                Part::Rows { .. } => InputInfo { picture: None, range: fallback.clone() },
            };
            input.model.parts.iter().map(of_part).collect::<Vec<_>>()
        };
        self.inputs.iter().flat_map(of_input).collect()
    }

    /// The input that is a picture, where it is the only one of the network.
    pub fn picture(&self) -> Option<InputShape> {
        match &self.inputs[..] {
            [input] => input.model.picture,
            _ => None,
        }
    }

    /// What the network says, by its logits.
    pub fn prediction(&self, logits: &Tensor) -> Result<Prediction> {
        finite(logits).kind(Error::Computation)?;
        let is_said = self.says_probabilities();
        let outlier =
            logits.data().iter().copied().find(|value| is_said && !is_probability(*value));
        let probabilities = match is_said && outlier.is_none() {
            // They are in the place of the logits.
            true => logits.map(|value| value.clamp(0.0, 1.0)),
            false => OutputFunction::probabilities(self.function.as_ref(), logits),
        };
        let probabilities = probabilities.kind(Error::Computation)?;
        Ok(Prediction::new(logits, &probabilities, self.labels.clone()).with_outlier(outlier))
    }

    /// Whether only the card says what the outputs are, and says that they are probabilities.
    fn says_probabilities(&self) -> bool {
        self.function.is_none() && self.output == Some(Output::Probabilities)
    }

    /// What the explained value of a class means; a probability where the card says so.
    pub fn explained(&self) -> Quantity {
        match self.says_probabilities() {
            true => Quantity::Probability,
            false => self.function.as_ref().map_or(Quantity::Logit, OutputFunction::explained),
        }
    }

    /// The same for one input, whose outputs may show that the card is wrong.
    pub fn explained_in(&self, prediction: &Prediction) -> Quantity {
        match prediction.outlier() {
            Some(_) => Quantity::Logit,
            None => self.explained(),
        }
    }

    /// The target with a label turned into its class.
    pub fn resolved(&self, target: &Target) -> Result<Target> {
        target.resolved(self.labels.as_deref(), self.classes)
    }
}

/// Fails for logits that nothing can be said about. Every explanation and prediction comes by here.
fn finite(logits: &Tensor) -> anyhow::Result<()> {
    let has = |is: fn(f32) -> bool| logits.data().iter().any(|&logit| is(logit));
    ensure!(
        !has(f32::is_nan),
        "the network's output is NaN for this input: a weight of the model file, or the input, may hold NaN or numbers that \
         are far too large"
    );
    ensure!(
        !has(f32::is_infinite),
        "the network's output is not finite: wrong preprocessing, or a damaged model"
    );
    Ok(())
}

/// Whether an output can be a probability, but for rounding.
fn is_probability(value: f32) -> bool {
    (-1e-3..=1.001).contains(&value)
}
