//! What the network says about the picture that was saved: read back from its file, through the preprocessing.

use std::path::Path;

use anyhow::{Context, Result as Checked};
use serde::Serialize;

use super::maximizer::Maximizer;
use super::objective::{ClassName, Objective};
use super::penalty::roughness;
use crate::error::{Error, Kind, Result};
use crate::session::{Class, Explainer, Input, Source};
use crate::tensor::Tensor;

/// What networks say about a finished picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The objective: the logit, the difference of two, or the mean of the channel.
    pub value: f64,
    /// The probability of the class; `None` for a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The strongest class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<ClassName>,
    /// Its probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_probability: Option<f64>,
    /// The mean of |v − v'| over all pairs of neighbours; values are from 0 to 1.
    pub total_variation: f64,
    /// The same objective and probability on networks with fresh noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Fresh>,
}

/// What noisy networks say that the picture was not made with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fresh {
    /// Of each network.
    pub values: Vec<f64>,
    /// Of each network; empty for a channel.
    pub probabilities: Vec<f64>,
    /// The mean of the values.
    pub mean_value: f64,
    /// The mean of the probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_probability: Option<f64>,
}

impl Maximizer {
    /// What the network itself says about a saved picture, and what networks with fresh noise say.
    ///
    /// # Errors
    /// [`Error::Input`] where the file cannot be read, [`Error::Computation`] where an output is not finite.
    pub fn measure(&self, objective: usize, saved: impl AsRef<Path>) -> Result<Measured> {
        let objective = self.objectives.get(objective).context("there is no such objective");
        let objective = objective.kind(Error::Method)?;
        let plain = self.plain.all().first().context("there is no network").kind(Error::Model)?;
        let path: &Path = saved.as_ref();
        let input = plain.prepare(Source::from(path))?;
        let (value, probability) = judged(plain, objective, &input)?;
        let whole = match objective {
            Objective::Class { .. } => Some(plain),
            Objective::Channel { .. } => self.whole.as_ref(),
        };
        let prediction = whole.map(|network| network.predict(&input)).transpose()?;
        let top: Option<Class> = prediction.and_then(|it| it.top());
        let planes = self.canvas.read(path).kind(Error::Input)?;
        Ok(Measured {
            value,
            probability,
            top_probability: top.as_ref().map(|class| f64::from(class.probability)),
            top: top.map(|class| ClassName { index: class.index, label: class.label }),
            total_variation: roughness(&planes, self.canvas.size),
            fresh: self.fresh(objective, &input)?,
        })
    }

    fn fresh(&self, objective: &Objective, input: &Input) -> Result<Option<Fresh>> {
        let Some(networks) = &self.fresh else { return Ok(None) };
        let judged = networks.each(|network| judged(network, objective, input));
        let judged = judged.into_iter().collect::<Result<Vec<_>>>()?;
        let values: Vec<f64> = judged.iter().map(|(value, _)| *value).collect();
        let probabilities: Vec<f64> = judged.iter().filter_map(|(_, it)| *it).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Ok(Some(Fresh {
            mean_value: mean(&values),
            mean_probability: (!probabilities.is_empty()).then(|| mean(&probabilities)),
            values,
            probabilities,
        }))
    }
}

/// The objective on a network, and the probability of its class.
fn judged(network: &Explainer, objective: &Objective, input: &Input) -> Result<(f64, Option<f64>)> {
    match objective {
        Objective::Class { class, against } => {
            let prediction = network.predict(input)?;
            let of = |class: &ClassName| {
                let found = prediction.class(class.index).context("the network has no such class");
                found.kind(Error::Target)
            };
            let own = of(class)?;
            let other = against.as_ref().map(of).transpose()?;
            let other = other.map_or(0.0, |class| f64::from(class.logit));
            Ok((f64::from(own.logit) - other, Some(f64::from(own.probability))))
        }
        Objective::Channel { .. } => {
            let value = output(network, input.array().tensor())
                .and_then(|output| Ok(objective.value_and_gradient(&output)?.0));
            Ok((value.kind(Error::Computation)?, None))
        }
    }
}

fn output(network: &Explainer, input: &Tensor) -> Checked<Tensor> {
    Ok(network.engine().forward(std::slice::from_ref(input))?.logits()?.clone())
}
