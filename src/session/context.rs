//! What every explanation of a model needs to know about it, apart from its layers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::prediction::Prediction;
use super::target::Target;
use crate::error::{Error, Kind, Result};
use crate::explain::InputRange;
use crate::method::InputInfo;
use crate::network::{OutputFunction, Quantity};
use crate::onnx::{LoadOptions, ModelInput, ParametricModel};
use crate::picture::{Labels, Layout, Output, Preprocessor};
use crate::tensor::Tensor;

/// A model apart from its layers.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub file: ModelFile,
    pub input: ModelInput,
    pub classes: usize,
    /// What the file computes from the logits.
    pub function: Option<OutputFunction>,
    /// What the card says the outputs are.
    pub output: Option<Output>,
    pub labels: Option<Arc<Labels>>,
    /// The preprocessing of pictures, or why there is none.
    pub preprocessor: Result<Preprocessor>,
    /// The lowest and highest value of the input, where they are known.
    pub range: Option<InputRange>,
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

    /// What methods may know of the input; `fallback` is its range where it is not known.
    pub fn input_info(&self, fallback: Option<[f32; 2]>) -> InputInfo {
        let channel_axis = Context::channel_axis(&self.input);
        let range =
            |[low, high]: [f32; 2]| InputRange { low: vec![low], high: vec![high], channel_axis };
        let range = self.range.clone().or(fallback.map(range));
        InputInfo { picture: self.input.picture, range }
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
