//! An input with the maps of the trained network, which all others are compared with.

use anyhow::{Context, Result as Checked};

use super::control::Control;
use super::test::SanityTest;
use crate::evaluation::{self, EvaluationInput};
use crate::method::Watch;
use crate::metric::{Map, Reading, Seeds};
use crate::picture::Layout;
use crate::session::{Array, Explainer, Explanation, Prediction, Target, Targets};
use crate::tensor::{Tensor, Tensors};

/// An input that was read.
pub(super) struct Opened {
    pub path: String,
    pub target: evaluation::Target,
    /// What all inputs of the network read.
    pub inputs: Tensors,
    pub seeds: Seeds,
}

/// The map of a method or control, and what comes with it.
pub(super) struct Explained {
    pub map: Map,
    /// The mean of the maps of noisy inputs, where that was asked for.
    pub smooth: Option<Map>,
    /// What the network says; `None` for a control.
    pub prediction: Option<Prediction>,
}

/// Noise on inputs of smprt, as a share of the range of their values.
const NOISE_LEVEL: f32 = 0.1;

impl SanityTest {
    /// Reads an input and decides on the class that is explained in every step.
    pub(super) fn open(&self, input: &EvaluationInput) -> Checked<Opened> {
        let explainer = &self.methods.first().context("there is no method to test")?.trained;
        let prepared = explainer.prepare(&input.path)?;
        let tensor = prepared.array().tensor().clone();
        let prediction = explainer.predict(&Array::from(tensor))?;
        let index = match self.target {
            Target::Class(class) => class,
            _ => prediction.top().context("the network has no classes")?.index,
        };
        let class = prediction.class(index);
        let class = class.with_context(|| format!("the network has no class {index}"))?;
        let probability = f64::from(class.probability);
        let target = evaluation::Target { index, label: class.label, probability };
        Ok(Opened {
            path: input.path.display().to_string(),
            target,
            inputs: self.parametric.network_inputs(&prepared)?,
            seeds: Seeds::new(self.settings.seed, &input.stem),
        })
    }

    /// The map of a method on a network, which is that of `explainer`.
    ///
    /// # Errors
    /// When the method cannot be applied, or numbers are not finite any more.
    pub(super) fn explained(
        &self,
        explainer: &Explainer,
        opened: &Opened,
        watch: &dyn Watch,
    ) -> Checked<Explained> {
        let input = opened.input()?;
        let explanation = explain(explainer, input, opened.target.index, watch)?;
        let map = self.map(&explanation)?;
        let smooth = match self.settings.smooth {
            None => None,
            Some(draws) => Some(self.smooth(explainer, opened, draws, watch)?),
        };
        Ok(Explained { map, smooth, prediction: Some(explanation.prediction().clone()) })
    }

    fn map(&self, explanation: &Explanation) -> Checked<Map> {
        Map::of_relevance(explanation.relevance().values(), self.shape, Reading::Signed)
    }

    /// The mean of the maps of noisy inputs: the same ones for every network and method.
    fn smooth(
        &self,
        explainer: &Explainer,
        opened: &Opened,
        draws: usize,
        watch: &dyn Watch,
    ) -> Checked<Map> {
        let (low, high) = self.range.as_ref().context("the range of the input is not known")?;
        let input = opened.input()?;
        let mut sum = vec![0.0; self.shape.height * self.shape.width];
        for draw in 0..draws {
            let mut noisy = input.clone();
            let deviations = self.deviations(low, high);
            let mut noise = vec![0.0f32; input.len()];
            let stream = opened.seeds.stream("smooth", &[draw as u64]);
            stream.normals(&mut noise, |value, normal| *value = normal);
            for (index, (value, noise)) in noisy.data_mut().iter_mut().zip(noise).enumerate() {
                *value += noise * deviations[self.channel(index) % deviations.len()];
            }
            let explanation = explain(explainer, &noisy, opened.target.index, watch)?;
            let map = self.map(&explanation)?;
            for (sum, value) in sum.iter_mut().zip(map.values()) {
                *sum += value / draws as f64;
            }
        }
        Map::new(sum, self.shape.height, self.shape.width)
    }

    /// The deviation of the noise for each channel, or one for all.
    fn deviations(&self, low: &[f32], high: &[f32]) -> Vec<f32> {
        low.iter().zip(high).map(|(low, high)| NOISE_LEVEL * (high - low)).collect()
    }

    /// The channel of a number of the input.
    fn channel(&self, index: usize) -> usize {
        match self.shape.layout {
            Layout::Nchw => index / (self.shape.height * self.shape.width),
            Layout::Nhwc => index % self.shape.channels,
        }
    }

    /// The map of a control for the network of a step.
    pub(super) fn control(
        &self,
        control: Control,
        opened: &Opened,
        step: usize,
    ) -> Checked<Explained> {
        let map = control.map(opened.input()?, self.shape, opened.seeds, step)?;
        Ok(Explained { map, smooth: None, prediction: None })
    }
}

impl Opened {
    /// The only input, which is a picture.
    pub fn input(&self) -> Checked<&Tensor> {
        self.inputs.first().context("the network has no input")
    }
}

/// Explains a class.
fn explain(
    explainer: &Explainer,
    input: &Tensor,
    class: usize,
    watch: &dyn Watch,
) -> Checked<Explanation> {
    let array = Array::from(input.clone());
    let targets = Targets::new([Target::Class(class)]);
    let explained = explainer.explain_targets(&array, &targets, watch)?;
    explained.into_iter().next().context("a method gave no map")
}
