//! What is put in at the output: rewards, or the derivative of a loss.

use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// Which outputs are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reward {
    /// One class of all: `u = onehot − softmax(o)`, the negative derivative of the cross-entropy.
    #[default]
    Softmax,
    /// Every class by itself: `u = onehot − σ(o)`.
    Sigmoid,
    /// `u` = 1 for the class; where another one wins, −1 for that.
    Right,
    /// `u` = 1 for the class: what goes back is the relevance of its logit.
    Class,
    /// One output high, whatever the class: `u = 1 − σ(o)` there.
    Maximise(usize),
    /// One output low, whatever the class: `u = −σ(o)` there.
    Minimise(usize),
}

/// How well an output fits its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// What is minimised. Of [`Reward::Right`] and [`Reward::Class`] it is that of [`Reward::Softmax`].
    pub loss: f64,
    /// The class that the network says.
    pub said: usize,
}

impl Reward {
    /// Rewards `o ⊙ u` for every output, `sign(o) ⊙ u` where `u` says only which outputs should grow ([`Reward::Right`],
    /// [`Reward::Maximise`], [`Reward::Minimise`]).
    ///
    /// A network of one output has two classes: class 1 where the output is positive.
    ///
    /// # Errors
    /// When there is no such class or output.
    pub fn rewards(self, outputs: &[f32], class: usize) -> Result<Vec<f32>> {
        let wanted = self.direction(outputs, class)?;
        let by_size = matches!(self, Reward::Softmax | Reward::Sigmoid | Reward::Class);
        let reward = |(output, wanted): (&f32, f32)| match by_size {
            true => output * wanted,
            false if *output == 0.0 => wanted,
            false => output.signum() * wanted,
        };
        Ok(outputs.iter().zip(wanted).map(reward).collect())
    }

    /// The direction `u` in which every output should go: the negative derivative of the loss.
    ///
    /// # Errors
    /// When there is no such class or output.
    pub fn direction(self, outputs: &[f32], class: usize) -> Result<Vec<f32>> {
        check(outputs, class)?;
        let count = outputs.len();
        let at = |index: usize, value: f32| -> Result<Vec<f32>> {
            let mut wanted = vec![0.0; count];
            *wanted.get_mut(index).with_context(|| {
                format!("there is no output {index}: the network has {count}, counted from 0")
            })? = value;
            Ok(wanted)
        };
        let sigmoid = |index: usize| outputs.get(index).map_or(0.5, |&output| sigmoid(output));
        Ok(match self {
            Reward::Maximise(index) => at(index, 1.0 - sigmoid(index))?,
            Reward::Minimise(index) => at(index, -sigmoid(index))?,
            Reward::Class if count == 1 => at(0, 1.0)?,
            Reward::Class => at(class, 1.0)?,
            Reward::Right if count == 1 => at(0, if class == 1 { 1.0 } else { -1.0 })?,
            Reward::Right => {
                let mut wanted = at(class, 1.0)?;
                let said = largest(outputs);
                if said != class {
                    wanted[said] = -1.0;
                }
                wanted
            }
            _ if count == 1 => vec![class as f32 - sigmoid(0)],
            Reward::Softmax => {
                let mut wanted = softmax(outputs);
                wanted.iter_mut().for_each(|probability| *probability = -*probability);
                wanted[class] += 1.0;
                wanted
            }
            Reward::Sigmoid => {
                let one = |index: usize| f32::from(index == class) - sigmoid(index);
                (0..count).map(one).collect()
            }
        })
    }

    /// The loss, and what the network says.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn fit(self, outputs: &[f32], class: usize) -> Result<Fit> {
        check(outputs, class)?;
        let log_sigmoid = |output: f32| -softplus(-f64::from(output));
        let is_single = outputs.len() == 1;
        let said = if is_single { usize::from(outputs[0] > 0.0) } else { largest(outputs) };
        let at = |index: usize| outputs.get(index).copied().unwrap_or(f32::NAN);
        let loss = match self {
            Reward::Maximise(index) => -log_sigmoid(at(index)),
            Reward::Minimise(index) => -log_sigmoid(-at(index)),
            _ if is_single => -log_sigmoid(if class == 1 { outputs[0] } else { -outputs[0] }),
            Reward::Softmax | Reward::Right | Reward::Class => {
                let highest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exponentials = outputs.iter().map(|&output| f64::from(output - highest).exp());
                exponentials.sum::<f64>().ln() - f64::from(outputs[class] - highest)
            }
            Reward::Sigmoid => outputs
                .iter()
                .enumerate()
                .map(|(index, &output)| -log_sigmoid(if index == class { output } else { -output }))
                .sum(),
        };
        let is_known = outputs.iter().all(|output| output.is_finite());
        Ok(Fit { loss: if is_known { loss } else { f64::NAN }, said })
    }

    /// Whether it has a derivative to go by: `right` jumps.
    pub(super) fn has_gradient(self) -> bool {
        self != Reward::Right
    }
}

/// The number of classes of a network with so many outputs.
pub(super) fn class_count(outputs: usize) -> usize {
    if outputs == 1 { 2 } else { outputs }
}

fn check(outputs: &[f32], class: usize) -> Result<()> {
    let count = class_count(outputs.len());
    ensure!(class < count, "there is no class {class}: the network has {count}, counted from 0");
    Ok(())
}

fn largest(outputs: &[f32]) -> usize {
    let better = |best: usize, (index, output): (usize, &f32)| {
        if *output > outputs[best] { index } else { best }
    };
    outputs.iter().enumerate().fold(0, better)
}

fn sigmoid(output: f32) -> f32 {
    1.0 / (1.0 + (-output).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn softmax(outputs: &[f32]) -> Vec<f32> {
    let highest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = outputs.iter().map(|output| (output - highest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

impl FromStr for Reward {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reward> {
        let (word, index) =
            text.split_once(':').map_or((text, None), |(word, index)| (word, Some(index)));
        let output = || -> Result<usize> {
            let index = index.context("say which output, counted from 0: maximise:3")?;
            index.parse().with_context(|| format!("`{index}` is no number of an output"))
        };
        let reward = match word {
            "softmax" => Reward::Softmax,
            "sigmoid" => Reward::Sigmoid,
            "right" => Reward::Right,
            "maximise" => return Ok(Reward::Maximise(output()?)),
            "minimise" => return Ok(Reward::Minimise(output()?)),
            _ => bail!(
                "there is no reward {word}, only softmax, sigmoid, right, maximise:OUTPUT and minimise:OUTPUT"
            ),
        };
        ensure!(index.is_none(), "{word} takes no output");
        Ok(reward)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUTS: [f32; 3] = [1.0, -0.5, 0.25];

    #[test]
    fn rewards_are_those_of_the_definition() {
        let exponentials = OUTPUTS.map(f32::exp);
        let sum: f32 = exponentials.iter().sum();
        let expected: Vec<f32> = (0..3)
            .map(|index| OUTPUTS[index] * (f32::from(index == 1) - exponentials[index] / sum))
            .collect();
        let found = Reward::Softmax.rewards(&OUTPUTS, 1).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(Reward::Right.rewards(&OUTPUTS, 1).unwrap(), [-1.0, -1.0, 0.0]);
        assert_eq!(Reward::Right.rewards(&OUTPUTS, 0).unwrap(), [1.0, 0.0, 0.0]);
        assert_eq!(Reward::Maximise(1).rewards(&[0.0, 0.0], 0).unwrap(), [0.0, 0.5]);
        assert_eq!(Reward::Minimise(1).rewards(&[0.0, 0.0], 0).unwrap(), [0.0, -0.5]);
        assert!(Reward::Softmax.rewards(&OUTPUTS, 3).is_err());
        assert!(Reward::Maximise(3).rewards(&OUTPUTS, 0).is_err());
    }

    #[test]
    fn directions_are_the_slopes_of_the_loss() {
        let rewards = [Reward::Softmax, Reward::Sigmoid, Reward::Maximise(2), Reward::Minimise(0)];
        for (reward, outputs) in
            rewards.into_iter().map(|it| (it, &OUTPUTS[..])).chain([(Reward::Softmax, &[0.7][..])])
        {
            let direction = reward.direction(outputs, 1).unwrap();
            for (index, direction) in direction.iter().enumerate() {
                let loss = |step: f32| {
                    let mut moved = outputs.to_vec();
                    moved[index] += step;
                    reward.fit(&moved, 1).unwrap().loss
                };
                let slope = (loss(1e-2) - loss(-1e-2)) / 2e-2;
                assert!((slope + f64::from(*direction)).abs() < 1e-4, "{reward:?} {index}");
            }
        }
    }

    #[test]
    fn words_and_outputs_that_are_not_finite() {
        assert_eq!("maximise:3".parse::<Reward>().unwrap(), Reward::Maximise(3));
        assert!("maximise".parse::<Reward>().is_err() && "right:1".parse::<Reward>().is_err());
        assert!(Reward::Softmax.fit(&[f32::NAN, 0.0], 0).unwrap().loss.is_nan());
        assert_eq!(Reward::Softmax.fit(&[0.5], 1).unwrap().said, 1);
    }
}
