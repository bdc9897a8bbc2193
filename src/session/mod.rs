//! The library's front: from a model file to relevance, in the order of the data's way.
//!
//! ```text
//! SessionOptions ─ open ─▶ Session ─ explainer ─▶ Explainer ─ explain ─▶ Explanation ─▶ Heatmap, pictures
//! model, cards, labels     loaded once            one a method,         relevance,
//!                                                 composite, layer      prediction, sums
//! ```
//!
//! Everything that was assumed on the way is a [`Notice`]: nothing is printed here.

mod array;
mod batch;
mod canonized;
mod cards;
mod choice;
mod compile;
mod composite;
mod context;
mod described;
mod explained;
mod explainer;
mod explainer_options;
mod explanation;
mod frame;
mod given;
mod graph;
mod graph_check;
mod graph_facts;
mod graph_metadata;
mod graph_sample;
mod heatmap;
mod initial;
mod input;
mod method;
mod notice;
mod opened;
mod opening;
mod options;
mod overlay;
mod parametric;
mod passes;
mod photo;
mod prediction;
mod predictor;
mod prepare;
mod prepare_array;
mod sign;
mod source;
mod start_up;
mod target;
#[cfg(test)]
mod tests;
mod turn;
mod variants;

pub use crate::io::is_array_file;
pub use array::Array;
pub(crate) use batch::{cores, in_parallel};
pub use canonized::Canonized;
pub use choice::Choice;
pub use composite::Composite;
pub use described::described;
pub use explained::Drawn;
pub use explainer::Explainer;
pub use explainer_options::ExplainerOptions;
pub use explanation::{Explanation, Timing};
pub use graph::{ExplainerGraph, GraphOptions, WrittenGraph, output_named};
pub use graph_check::{GRAPH_LIMIT, GraphDifference};
pub use graph_facts::GraphFacts;
pub use heatmap::Heatmap;
pub use input::Input;
pub use method::Method;
pub use notice::{Notice, Severity, Topic};
pub use opened::Session;
pub use options::{Described, SessionOptions};
pub use overlay::Overlay;
pub use parametric::{Parametric, refuse_noise};
pub use passes::Passes;
pub use prediction::{Class, Prediction};
pub use predictor::Predictor;
pub use sign::Sign;
pub use source::Source;
pub use start_up::StartUp;
pub use target::{Target, Targets};
pub use variants::{Propagated, Variants};
