//! What every explanation of a model needs to know about it, apart from its layers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
        let is_finite = logits.data().iter().all(|logit| logit.is_finite());
        if !is_finite {
            let error = anyhow::anyhow!(
                "the network's output is not finite: wrong preprocessing, or a damaged model"
            );
            return Err(Error::of(Error::Computation, error));
        }
        let probabilities = match (&self.function, self.output) {
            // They are in the place of the logits.
            (None, Some(Output::Probabilities)) => Ok(logits.clone()),
            (function, _) => OutputFunction::probabilities(function.as_ref(), logits),
        };
        let probabilities = probabilities.kind(Error::Computation)?;
        Ok(Prediction::new(logits, &probabilities, self.labels.clone()))
    }

    /// What the explained value of a class means; a probability where the card says so.
    pub fn explained(&self) -> Quantity {
        match (&self.function, self.output) {
            (None, Some(Output::Probabilities)) => Quantity::Probability,
            (function, _) => function.as_ref().map_or(Quantity::Logit, OutputFunction::explained),
        }
    }

    /// The target with a label turned into its class.
    pub fn resolved(&self, target: &Target) -> Result<Target> {
        target.resolved(self.labels.as_deref(), self.classes)
    }
}
