//! What propagation starts with at the output.

use std::str::FromStr;

use anyhow::{Error, Result, anyhow};
use serde::{Deserialize, Serialize};

/// How much relevance is put in at the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initial {
    /// The logit of the class, so that relevance adds up to it.
    #[default]
    Logit,
    /// The logit of the class, less the mean of all logits: what tells the class from the others. A softmax does not see
    /// what all classes have in common, and neither does this.
    Centred,
    /// 1.
    One,
}

impl Initial {
    /// All of them.
    pub const ALL: [Initial; 3] = [Initial::Logit, Initial::Centred, Initial::One];

    /// Its name, as options, composites and reports have it.
    pub fn word(self) -> &'static str {
        match self {
            Initial::Logit => "logit",
            Initial::Centred => "centred",
            Initial::One => "one",
        }
    }
}

impl FromStr for Initial {
    type Err = Error;

    fn from_str(word: &str) -> Result<Initial> {
        let found = Initial::ALL.into_iter().find(|initial| initial.word() == word);
        found.ok_or_else(|| anyhow!("\"{word}\" is none of logit, centred and one"))
    }
}
