//! What should be known about a result and is no error: guesses, choices, doubts.

use std::fmt;

/// A sentence about something that was assumed, chosen or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub topic: Topic,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence, without a full stop.
    pub text: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// What the model's file leaves open: its size, which of its outputs.
    Model,
    /// How pictures are prepared, and how that is known.
    Preprocessing,
    /// The names of the classes.
    Labels,
    /// The rules, and why they were chosen.
    Composite,
    /// The attribution method.
    Method,
    /// Rewrites of the network.
    Canonization,
    /// The picture or array.
    Input,
    /// The relevance.
    Relevance,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For those who want to know everything.
    Detail,
    /// Something that was assumed or chosen.
    Note,
    /// Something that may spoil the result.
    Warning,
}

impl Notice {
    pub(super) fn detail(topic: Topic, text: impl Into<String>) -> Notice {
        Notice { topic, severity: Severity::Detail, text: text.into() }
    }

    pub(super) fn note(topic: Topic, text: impl Into<String>) -> Notice {
        Notice { topic, severity: Severity::Note, text: text.into() }
    }

    pub(super) fn warning(topic: Topic, text: impl Into<String>) -> Notice {
        Notice { topic, severity: Severity::Warning, text: text.into() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
