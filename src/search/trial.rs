//! A line of `trials.jsonl`, and who keeps such lines.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A stage of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// All candidates, without runs of the network for each.
    Screen,
    /// The best of them, on more and more pictures.
    Race,
    /// The winner and presets, on other pictures.
    Confirm,
}

/// What was measured of a composite on a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// When.
    pub stage: Stage,
    /// The name of the picture: its path below the folder of inputs, without extension.
    pub input: String,
    /// The composite: the values of its parameters, or the name of a preset.
    pub composite: String,
    /// Its number in the space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<usize>,
    /// The values of its parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// The value of every metric; `None` where it is undefined.
    pub metrics: BTreeMap<String, Option<f64>>,
}

/// What a search is told that has a limit in minutes: it takes the same again when it is resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// How many pictures screen.
    pub screening_pictures: usize,
    /// The candidates that are screened, by their numbers.
    pub screened: Vec<usize>,
}

/// Keeps the trials of a search, and knows those of an earlier run that was ended.
///
/// All trials of a picture at a stage come at once, in an order that depends on the settings alone.
pub trait Journal {
    /// What an earlier run decided on.
    fn earlier_extent(&mut self) -> Option<Extent>;

    /// Keeps what was decided on.
    ///
    /// # Errors
    /// When it cannot be written.
    fn decide(&mut self, extent: &Extent) -> Result<()>;

    /// The trials of a picture at a stage, where all these composites were measured there.
    ///
    /// # Errors
    /// When what is left of an earlier run cannot be repaired.
    fn earlier(
        &mut self,
        stage: Stage,
        input: &str,
        composites: &[&str],
    ) -> Result<Option<Vec<Trial>>>;

    /// Keeps the trials of a picture at a stage.
    ///
    /// # Errors
    /// When they cannot be written.
    fn add(&mut self, trials: &[Trial]) -> Result<()>;

    /// So many pictures will be measured at a stage.
    fn begin(&mut self, _stage: Stage, _pictures: usize, _composites: usize) {}

    /// One of them was.
    fn advance(&mut self) {}
}

/// Keeps nothing: for programs that wait for the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn earlier_extent(&mut self) -> Option<Extent> {
        None
    }

    fn decide(&mut self, _extent: &Extent) -> Result<()> {
        Ok(())
    }

    fn earlier(&mut self, _: Stage, _: &str, _: &[&str]) -> Result<Option<Vec<Trial>>> {
        Ok(None)
    }

    fn add(&mut self, _trials: &[Trial]) -> Result<()> {
        Ok(())
    }
}
