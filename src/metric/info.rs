//! What is known of a metric without computing it: what tables, help and statistics need.

use serde::{Deserialize, Serialize};

/// What a metric looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Whether the network reacts where the map says that it does.
    Faithfulness,
    /// Whether the map lies on the object.
    Localisation,
    /// Whether similar inputs have similar maps.
    Robustness,
    /// Whether the map is concentrated.
    Complexity,
    /// Whether the map depends on what is explained.
    Randomisation,
    /// Whether the map adds up to what its method promises.
    Axioms,
}

impl Category {
    /// All of them, in the order of tables.
    pub const ALL: [Category; 6] = [
        Category::Faithfulness,
        Category::Localisation,
        Category::Robustness,
        Category::Complexity,
        Category::Randomisation,
        Category::Axioms,
    ];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Category::Faithfulness => "faithfulness",
            Category::Localisation => "localisation",
            Category::Robustness => "robustness",
            Category::Complexity => "complexity",
            Category::Randomisation => "randomisation",
            Category::Axioms => "axioms",
        }
    }
}

/// Which values are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

impl Direction {
    /// The arrow behind the metric's name in tables.
    pub fn arrow(self) -> &'static str {
        match self {
            Direction::Higher => "↑",
            Direction::Lower => "↓",
        }
    }
}

/// What is known of a metric without computing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// The word on the command line and in reports.
    pub name: &'static str,
    /// What it looks at.
    pub category: Category,
    /// Which values are better.
    pub direction: Direction,
    /// Whether it is in the default set (localisation only where masks or boxes are given).
    pub is_default: bool,
    /// The paper that it follows; empty for one of our own.
    pub paper: &'static str,
    /// What it measures, in a line.
    pub about: &'static str,
}
