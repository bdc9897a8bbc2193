//! Search: which composite explains this model best? A space of composites, pictures that choose, and others that confirm.
//!
//! ```text
//! space ─▶ candidates ─ screen ─▶ order ─ race ─▶ winner ─ confirm ─▶ Found: best.yaml, differences to presets
//! pictures ─ split ─▶ choosing ──┴───────┘                  └─ confirming
//! ```
//!
//! All candidates are screened by a metric whose runs of the network they share, and with a propagation that they share as
//! far as their rules agree. The best race on more and more pictures, until they can be told apart. Only what other pictures
//! say of the winner is a result: "not better than the default" is one.

mod budget;
mod confirm;
mod extent;
mod found;
mod measure;
mod options;
mod page;
mod race;
mod requirement;
mod run;
mod scores;
mod screen;
mod searcher;
mod split;
mod table;
mod trial;

pub use crate::composite::{NamedSpace, Parameter, SPACES, Space};
pub use budget::Budget;
pub use found::{
    CandidateScores, Confirmed, Cost, Difference, Effort, Found, Mean, Role, SearchSettings,
    Verdict,
};
pub use options::SearchOptions;
pub use page::page;
pub use requirement::Requirement;
pub use searcher::Searcher;
pub use split::Split;
pub use table::text_table;
pub use trial::{Extent, Journal, NoJournal, Stage, Trial};
