//! How numbers follow their gradients: stochastic gradient descent with momentum, and Adam.
//!
//! Slices in, slices out. Every number is computed from its own gradient alone and in one order, so that results are the
//! same bits on any number of threads and every machine. What an optimizer remembers is a [`Memory`], one for each slice,
//! which can be stored and read back: a resumed run goes on as if it had not stopped.
//!
//! Everything descends. To ascend, pass the negative gradient.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// A rule by which parameters follow their gradients, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Optimizer {
    /// v ← μ v + g, p ← p − η v (Sutskever et al. 2013, as torch writes it). Without momentum: p ← p − η g.
    Sgd {
        /// μ, from 0 to below 1.
        momentum: f32,
    },
    /// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
    /// p ← p − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε) (Kingma & Ba 2015, algorithm 1).
    Adam {
        /// β₁, from 0 to below 1.
        beta1: f32,
        /// β₂, from 0 to below 1.
        beta2: f32,
        /// ε, above 0.
        epsilon: f32,
    },
}

impl Optimizer {
    /// Adam with the numbers of its paper.
    pub const ADAM: Optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// What an optimizer remembers of one slice of parameters. It starts empty: [`Memory::default`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Steps that were made; t in Adam.
    steps: u64,
    /// The momentum, or Adam's m. Empty before the first step, and for descent without momentum.
    first: Vec<f32>,
    /// Adam's v.
    second: Vec<f32>,
}

impl Memory {
    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What is remembered: the momentum or Adam's m, and Adam's v. For files that hold many numbers.
    pub fn numbers(&self) -> [&[f32]; 2] {
        [&self.first, &self.second]
    }

    /// What [`Memory::steps`] and [`Memory::numbers`] gave.
    pub fn restored(steps: u64, [first, second]: [Vec<f32>; 2]) -> Memory {
        Memory { steps, first, second }
    }
}

impl Optimizer {
    /// Makes a step against the gradient. `rate` is the learning rate η; with `weight_decay` λ, λ p is added to the
    /// gradient before anything else.
    ///
    /// # Errors
    /// When the lengths of parameters, gradient and memory differ. Nothing is changed then.
    pub fn descend(
        self,
        parameters: &mut [f32],
        gradient: &[f32],
        rate: f32,
        weight_decay: f32,
        memory: &mut Memory,
    ) -> Result<()> {
        let count = parameters.len();
        ensure!(
            gradient.len() == count,
            "{count} parameters cannot follow a gradient of {} numbers",
            gradient.len()
        );
        let (firsts, seconds) = match self {
            Optimizer::Sgd { momentum: 0.0 } => (0, 0),
            Optimizer::Sgd { .. } => (count, 0),
            Optimizer::Adam { .. } => (count, count),
        };
        if memory.steps == 0 {
            memory.first = vec![0.0; firsts];
            memory.second = vec![0.0; seconds];
        }
        ensure!(
            memory.first.len() == firsts && memory.second.len() == seconds,
            "what the optimizer remembers is of {} and {} numbers; {count} parameters need {firsts} and {seconds}: \
             it belongs to other parameters, or to another optimizer",
            memory.first.len(),
            memory.second.len()
        );
        memory.steps += 1;
        let decayed = |parameter: f32, gradient: f32| gradient + weight_decay * parameter;
        match self {
            Optimizer::Sgd { momentum: 0.0 } => {
                for (parameter, &gradient) in parameters.iter_mut().zip(gradient) {
                    *parameter -= rate * decayed(*parameter, gradient);
                }
            }
            Optimizer::Sgd { momentum } => {
                let moved = parameters.iter_mut().zip(gradient).zip(&mut memory.first);
                for ((parameter, &gradient), velocity) in moved {
                    *velocity = momentum * *velocity + decayed(*parameter, gradient);
                    *parameter -= rate * *velocity;
                }
            }
            Optimizer::Adam { beta1, beta2, epsilon } => {
                // In double precision, where 1 − βᵗ is exact enough after any number of steps.
                let steps = memory.steps as f64;
                let correction =
                    |beta: f32| (1.0 - libm::pow(f64::from(beta), steps)).recip() as f32;
                let (mean, square) = (correction(beta1), correction(beta2));
                let moments = memory.first.iter_mut().zip(&mut memory.second);
                for ((parameter, &gradient), (first, second)) in
                    parameters.iter_mut().zip(gradient).zip(moments)
                {
                    let gradient = decayed(*parameter, gradient);
                    *first = beta1 * *first + (1.0 - beta1) * gradient;
                    *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                    *parameter -= rate * (*first * mean) / ((*second * square).sqrt() + epsilon);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient of the reference run: it depends on the parameters and on the step.
    fn gradient(parameters: &[f32], step: usize) -> [f32; 4] {
        let step = step as f32;
        [parameters[0] * 2.0 + step, 0.3 * step - 1.0, -parameters[2], 0.01 * (step + 1.0)]
    }

    /// Parameters after five steps; the memory is stored and read back after the third.
    fn run(optimizer: Optimizer, rate: f32, weight_decay: f32) -> Vec<f32> {
        let (mut parameters, mut memory) = (vec![1.0, -2.0, 0.5, 0.0], Memory::default());
        for step in 0..5 {
            if step == 3 {
                let stored = serde_json::to_string(&memory).unwrap();
                memory = serde_json::from_str(&stored).unwrap();
            }
            let gradient = gradient(&parameters, step);
            optimizer.descend(&mut parameters, &gradient, rate, weight_decay, &mut memory).unwrap();
        }
        assert_eq!(memory.steps(), 5);
        parameters
    }

    #[track_caller]
    fn assert_near(parameters: &[f32], expected: [f64; 4]) {
        for (&parameter, expected) in parameters.iter().zip(expected) {
            let difference = (f64::from(parameter) - expected).abs();
            assert!(difference <= 2e-6, "{parameters:?} against {expected:?}");
        }
    }

    #[test]
    fn steps_are_those_of_torch() {
        // torch.optim.SGD and torch.optim.Adam in float64, with the same gradients.
        let plain = Optimizer::Sgd { momentum: 0.0 };
        assert_near(&run(plain, 0.1, 0.0), [-0.491520000, -1.8, 0.805255000, -0.015]);
        let decayed = [-0.497583785, -1.753976315, 0.787119370, -0.014900374];
        assert_near(&run(plain, 0.1, 0.05), decayed);
        let momentum = [-2.082733780, -1.124963124, 1.275613553, -0.031450753];
        assert_near(&run(Optimizer::Sgd { momentum: 0.9 }, 0.1, 0.05), momentum);
        let adam = [0.501947316, -1.573700141, 1.001745596, -0.485082826];
        assert_near(&run(Optimizer::ADAM, 0.1, 0.0), adam);
        let adam = Optimizer::Adam { beta1: 0.8, beta2: 0.95, epsilon: 1e-6 };
        let expected = [0.899256342, -1.914776418, 0.600468025, -0.099419341];
        assert_near(&run(adam, 0.02, 0.05), expected);
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let (mut parameters, mut memory) = (vec![1.0, 2.0], Memory::default());
        let mut step = |optimizer: Optimizer, gradient: &[f32], parameters: &mut Vec<f32>| {
            optimizer.descend(parameters, gradient, 0.1, 0.0, &mut memory)
        };
        let error = step(Optimizer::ADAM, &[1.0], &mut parameters).unwrap_err().to_string();
        assert!(error.contains("2 parameters") && error.contains("1 numbers"), "{error}");
        assert_eq!(parameters, [1.0, 2.0]);
        step(Optimizer::ADAM, &[1.0, 1.0], &mut parameters).unwrap();
        let before = parameters.clone();
        let other = Optimizer::Sgd { momentum: 0.9 };
        let error = step(other, &[1.0, 1.0], &mut parameters).unwrap_err().to_string();
        assert!(error.contains("another optimizer"), "{error}");
        assert_eq!(parameters, before);
    }

    #[test]
    fn settings_are_read_back() {
        for optimizer in [Optimizer::ADAM, Optimizer::Sgd { momentum: 0.5 }] {
            let text = serde_json::to_string(&optimizer).unwrap();
            assert_eq!(serde_json::from_str::<Optimizer>(&text).unwrap(), optimizer);
        }
        let text = serde_json::to_string(&Optimizer::Sgd { momentum: 0.5 }).unwrap();
        assert_eq!(text, r#"{"name":"sgd","momentum":0.5}"#);
    }
}
