//! What a search found.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::evaluation::{EvaluationInput, FillChoice};
use crate::metric::Direction;

/// What a search found: the winner, how it was chosen, and what other pictures say.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// How it was searched.
    pub settings: SearchSettings,
    /// The candidates that were screened, the best first.
    pub candidates: Vec<CandidateScores>,
    /// The number of the winner.
    pub winner: usize,
    /// The candidates that none beats in all objectives, the winner first; with one objective the winner alone.
    pub front: Vec<usize>,
    /// The winner, further candidates of the front, the composite that is used by default and fixed presets, measured on
    /// the pictures that confirm.
    pub confirmed: Vec<Confirmed>,
    /// What the confirming pictures say of the winner in the first objective.
    pub verdict: Verdict,
    /// The winner as a composite file, with where it comes from.
    #[serde(skip)]
    pub best: String,
    /// Further composites of the front as files.
    #[serde(skip)]
    pub others: Vec<String>,
    /// What it cost this time: an earlier run that was gone on with is not counted.
    #[serde(skip)]
    pub cost: Cost,
    /// The pictures that could not be measured, and why.
    #[serde(skip)]
    pub failures: Vec<(EvaluationInput, Error)>,
}

/// How it was searched: searches with the same settings find the same.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct SearchSettings {
    /// A hash of everything below, as hexadecimal digits.
    pub hash: String,
    /// The version of onnxplain.
    pub version: String,
    /// The name of the model's file.
    pub model: String,
    /// The SHA-256 of the model's file.
    pub model_sha256: String,
    /// The name of the space.
    pub space: String,
    /// How many composites it has.
    pub composites: usize,
    /// A hash of the composites, as hexadecimal digits.
    pub composites_hash: String,
    /// What is to be as good as possible, with the direction that is better.
    pub objectives: Vec<(String, Direction)>,
    /// Bounds that the winner must keep.
    pub requirements: Vec<String>,
    /// How much choosing may cost.
    pub budget: String,
    /// The pictures that choose, in the order in which they are used.
    pub choosing: Vec<String>,
    /// The pictures that confirm.
    pub confirming: Vec<String>,
    /// The composite that the winner is compared with.
    pub default: String,
    /// What removed pixels are filled with.
    pub fill: FillChoice,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Everything else that changes numbers.
    pub others: Map<String, Value>,
}

/// What choosing said of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CandidateScores {
    /// Its number in the space.
    pub number: usize,
    /// The values of its parameters.
    pub parameters: Map<String, Value>,
    /// Its means in the screening, by metric.
    pub screened: BTreeMap<String, Option<f64>>,
    /// Its means in the race, by metric; empty where it did not race.
    pub raced: BTreeMap<String, Option<f64>>,
    /// The pictures that it raced on.
    pub pictures: usize,
    /// Whether it raced to the end.
    pub survived: bool,
}

/// A composite on the pictures that confirm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confirmed {
    /// `best`, `front-1`, ..., or the name of a preset.
    pub name: String,
    /// Why it is here.
    pub role: Role,
    /// The values of its parameters, for a candidate.
    pub parameters: Map<String, Value>,
    /// Its means, by metric.
    pub metrics: BTreeMap<String, Option<Mean>>,
    /// The paired differences to the default, by metric; none for the default itself.
    pub differences: BTreeMap<String, Option<Difference>>,
}

/// Why a composite is measured on the pictures that confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It was chosen.
    Winner,
    /// None beats it in all objectives.
    Front,
    /// It is used where nothing else is asked for.
    Default,
    /// A preset that any network can have.
    Preset,
}

/// A mean over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// The pictures where the metric is defined.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error; none for one picture.
    pub standard_error: Option<f64>,
}

/// A mean of differences on the same pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The pictures where both are defined.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error; none for one picture.
    pub standard_error: Option<f64>,
    /// The interval of the mean; none with few pictures.
    pub interval: Option<[f64; 2]>,
    /// Of the sign-flip test.
    pub p: f64,
    /// How many pictures would show a difference as large as this.
    pub pictures_needed: Option<u64>,
}

/// What the confirming pictures say of the winner in the first objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better than the default, at 5 %.
    Better,
    /// Not to be told from the default.
    NotBetter,
    /// Worse than the default, at 5 %.
    Worse,
    /// It is the default.
    Same,
    /// No picture has a value for both.
    Undefined,
}

/// What a search cost, choosing and confirming apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Runs of the network and explanations that choosing took; those of an earlier run are not counted.
    pub choosing: Effort,
    /// And confirming.
    pub confirming: Effort,
}

/// Runs of the network, and explanations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effort {
    /// Runs of the network.
    pub runs: usize,
    /// Explanations, of which those that share a part of their propagation count each.
    pub explanations: usize,
}

impl Found {
    /// The winner's row.
    pub fn best_row(&self) -> Option<&Confirmed> {
        self.confirmed.iter().find(|row| row.role == Role::Winner)
    }

    /// The row of the composite that the winner is compared with.
    pub fn default_row(&self) -> Option<&Confirmed> {
        self.confirmed.iter().find(|row| row.role == Role::Default)
    }
}
