//! How a network is trained: what is said before, and stored with every checkpoint.

use serde::{Deserialize, Serialize};

use super::feedback::Teaching;
use super::reward::Reward;
use super::rule::FeedbackRule;
use super::schedule::Schedule;
use crate::optimizer::Optimizer;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneSettings {
    /// What goes back.
    pub rule: FeedbackRule,
    /// What is put in at the output.
    pub reward: Reward,
    /// Passes over the pictures.
    pub epochs: usize,
    /// Pictures between two changes of the weights.
    pub batch: usize,
    /// η.
    pub learning_rate: f32,
    /// How it falls.
    pub schedule: Schedule,
    /// How weights follow.
    pub optimizer: Optimizer,
    /// λ: with feedback f, weights follow f − λ w.
    pub weight_decay: f32,
    /// The largest norm of what weights follow; a longer one is shortened.
    pub clip: Option<f32>,
    /// Epochs without a better one after which it ends.
    pub patience: Option<usize>,
    /// Parameters that are trained: whose name matches.
    pub layers: Option<String>,
    /// Parameters that are not: whose name matches.
    pub freeze: Option<String>,
    /// Of the order of pictures.
    pub seed: u64,
}

impl Default for FinetuneSettings {
    fn default() -> FinetuneSettings {
        FinetuneSettings {
            rule: FeedbackRule::default(),
            reward: Reward::default(),
            epochs: 10,
            batch: 32,
            learning_rate: 0.01,
            schedule: Schedule::default(),
            optimizer: Optimizer::Sgd { momentum: 0.9 },
            weight_decay: 0.0,
            clip: None,
            patience: None,
            layers: None,
            freeze: None,
            seed: 0,
        }
    }
}

impl FinetuneSettings {
    /// What is put in, and by which rules it goes back.
    pub fn teaching(&self) -> Teaching {
        Teaching { rule: self.rule, reward: self.reward }
    }
}
