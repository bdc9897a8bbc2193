//! What a training was and what it gave, as JSON.

use serde::{Deserialize, Serialize};

use super::confusion::Summary;
use super::mapping::Mapping;
use super::prune::{PruneSettings, PrunedLayer};
use super::settings::FinetuneSettings;
use super::state::EpochLine;

/// The parameters of a file, as far as they are changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterCounts {
    /// Tensors that are changed.
    pub trained: usize,
    /// Numbers in them.
    pub numbers: usize,
    /// Tensors that are not, and why.
    pub frozen: Vec<Frozen>,
}

/// A parameter that is not changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// Its name in the file.
    pub name: String,
    /// Why.
    pub why: String,
}

impl ParameterCounts {
    /// Those of a mapping.
    pub fn of(mapping: &Mapping) -> ParameterCounts {
        let mut counts = ParameterCounts { trained: 0, numbers: 0, frozen: vec![] };
        for parameter in mapping.parameters() {
            match &parameter.frozen {
                Some(why) => {
                    let (name, why) = (parameter.name.clone(), why.clone());
                    counts.frozen.push(Frozen { name, why });
                }
                None => {
                    counts.trained += 1;
                    counts.numbers += parameter.len();
                }
            }
        }
        counts
    }
}

/// What a training was and what it gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneReport {
    /// `onnxplain`.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The file before.
    pub model: String,
    /// The file that was written.
    pub output: String,
    /// How it was trained.
    pub settings: FinetuneSettings,
    /// What was trained.
    pub parameters: ParameterCounts,
    /// Pictures to train with, and held out.
    pub pictures: [usize; 2],
    /// What the classes are called, where it is known.
    pub classes: Vec<String>,
    /// The network before (epoch 0), and every epoch.
    pub history: Vec<EpochLine>,
    /// The epoch whose network was written.
    pub best: usize,
    /// Why it ended before all epochs were done.
    pub stopped: Option<String>,
}

impl FinetuneReport {
    /// The line of an epoch.
    pub fn line(&self, epoch: usize) -> Option<&EpochLine> {
        self.history.iter().find(|line| line.epoch == epoch)
    }
}

/// What was pruned, and what that did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PruneReport {
    /// `onnxplain`.
    pub tool: String,
    /// Its version.
    pub version: String,
    /// The file before.
    pub model: String,
    /// The file that was written.
    pub output: String,
    /// What was set to zero.
    pub settings: PruneSettings,
    /// Pictures that said what matters, and those held out.
    pub pictures: [usize; 2],
    /// Every layer.
    pub layers: Vec<PrunedLayer>,
    /// On the pictures held out.
    pub before: Summary,
    /// On the same.
    pub after: Summary,
}
