//! What goes back from the output, and by which rules.

use std::str::FromStr;

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use crate::composite::Composite;
use crate::suggest::nearest;

/// How a network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedbackRule {
    /// Layer-wise Feedback Propagation (Weber et al. 2025): rewards go back by the ε rule.
    #[default]
    LfpEpsilon,
    /// The same, rewards go back by the γ rule; weights still change by what the ε rule gives them.
    LfpGamma,
    /// The negative gradient of the loss.
    Gradient,
}

impl FeedbackRule {
    /// All of them.
    pub const ALL: [FeedbackRule; 3] =
        [FeedbackRule::LfpEpsilon, FeedbackRule::LfpGamma, FeedbackRule::Gradient];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            FeedbackRule::LfpEpsilon => "lfp-epsilon",
            FeedbackRule::LfpGamma => "lfp-gamma",
            FeedbackRule::Gradient => "gradient",
        }
    }

    /// Whether rewards go back, and not derivatives.
    pub fn is_reward(self) -> bool {
        self != FeedbackRule::Gradient
    }

    /// The rules of the layers, and the rewrites after which they are assigned: none of those that merge parameters.
    pub(super) fn composite(self) -> Result<Composite> {
        let text = match self {
            FeedbackRule::LfpEpsilon => include_str!("composites/lfp-epsilon.yaml"),
            FeedbackRule::LfpGamma => include_str!("composites/lfp-gamma.yaml"),
            FeedbackRule::Gradient => include_str!("composites/gradient.yaml"),
        };
        Composite::parse(text, self.word())
    }
}

impl FromStr for FeedbackRule {
    type Err = Error;

    fn from_str(word: &str) -> Result<FeedbackRule> {
        if let Some(found) = FeedbackRule::ALL.into_iter().find(|rule| rule.word() == word) {
            return Ok(found);
        }
        let hint = nearest(word, FeedbackRule::ALL.into_iter().map(FeedbackRule::word));
        let hint = hint.map_or(String::new(), |word| format!("; did you mean {word}?"));
        bail!("there is no rule {word}, only lfp-epsilon, lfp-gamma and gradient{hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_word_and_its_composite() {
        for rule in FeedbackRule::ALL {
            assert_eq!(rule.word().parse::<FeedbackRule>().unwrap(), rule);
            assert_eq!(rule.composite().unwrap().name, rule.word());
        }
        let error = "lfp-epsilom".parse::<FeedbackRule>().unwrap_err().to_string();
        assert!(error.contains("did you mean lfp-epsilon?"), "{error}");
    }
}
