//! Training by feedback: Layer-wise Feedback Propagation (Weber et al. 2025), and the gradient by the same loop.
//!
//! ```text
//! labelled pictures ─ Reward ─▶ at the output ─ rules ─▶ at every layer ─ inputs ⊙ ─▶ feedback of weights
//!        parameters of the file ─ Mapping ─▶ network        ▲        Optimizer ─▶ parameters ─▶ the same file
//! ```
//!
//! With reward `r` at an output `z = Σ w x + b`, a weight gets `|w| x r / z` (Weber et al., eq. 8) and a bias `|b| r / z`,
//! summed over positions and pictures, `z` being kept from zero; inputs get `w x r / z`, which is LRP-ε. No derivative of an
//! activation is needed: a step function passes rewards as they are.
//!
//! What is trained are the numbers that the file stores. A trained file is the same one with other numbers.

mod confusion;
mod data;
mod feedback;
mod mapping;
mod page;
mod parameter;
mod probe;
mod prune;
mod report;
mod reward;
mod rule;
mod schedule;
mod settings;
mod slot;
mod slot_map;
mod state;
mod trainer;

pub use confusion::{Confusion, Standing, Summary};
pub use data::{LabelNotes, Labelled, labelled, read, split};
pub use feedback::{BatchFeedback, Sample, Teaching, feedback};
pub use mapping::Mapping;
pub use page::{page, verdict};
pub use parameter::Parameter;
pub use prune::{Criterion, PruneSettings, PrunedLayer, pruned};
pub use report::{FinetuneReport, Frozen, ParameterCounts, PruneReport};
pub use reward::{Fit, Reward};
pub use rule::FeedbackRule;
pub use schedule::Schedule;
pub use settings::FinetuneSettings;
pub use state::{Best, EpochLine, State};
pub use trainer::{Progress, Trainer, standing};
