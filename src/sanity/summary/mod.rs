//! What the lines of a report say together. Nothing depends on the order of the lines.

mod build;
mod csv;
mod page;
mod table;
mod types;
mod warnings;

pub use build::summarize;
pub use csv::csv;
pub use page::{StepPictures, page};
pub use table::{markdown_table, text_table};
pub use types::{ChannelSummary, Estimate, MethodSummary, SanitySummary, StepSummary};

/// What the test can show, and what not: said wherever its numbers are.
pub const READING: [&str; 3] = [
    "The test can show that a method ignores the network's parameters. It cannot show that a method is faithful.",
    "Compare with the controls, not with 0: noise passes best, and what multiplies with the input keeps the input.",
    "It ranks no methods: a method that changes less may be right, because random layers on top keep the scale of the \
     activations below them.",
];
