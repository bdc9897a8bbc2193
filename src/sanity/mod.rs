//! Randomisation tests (Adebayo et al. 2018): does an explanation change when the network's parameters are replaced by
//! random ones, layer after layer?
//!
//! ```text
//! SanityOptions ─ Session::sanity ─▶ Sanity
//!         └─ SanityTest::new ─▶ SanityTest ─ run(inputs) ─▶ StepLine, one for each input and step
//!                                                 lines ─ summarize ─▶ SanitySummary ─▶ tables, page
//! ```
//!
//! The test can show that a method ignores the network's parameters. It cannot show that a method is faithful, and it ranks
//! no methods (Binder et al. 2023): noise passes it best, and random layers on top keep the scale of what is below, so that
//! a right explanation of the new network is similar to the old one. Controls and the contributions of channels are
//! measured beside the methods for that reason.

mod calibration;
mod channels;
mod control;
mod estimate;
mod init;
mod line;
mod measure;
mod opened;
mod options;
mod order;
mod parameters;
mod prepare;
mod run;
mod settings;
mod summary;
mod test;

pub use control::Control;
pub use estimate::WorkEstimate;
pub use init::Initialisation;
pub use line::{Channels, MethodLine, NetworkLine, StepLine};
pub use measure::{MEASURES, Measure, measures};
pub use options::{METHODS, SanityOptions, TestedMethod};
pub use order::Order;
pub use run::Outcome;
pub use settings::{SanitySettings, StepSettings, TestedSettings};
pub use summary::{
    ChannelSummary, Estimate, MethodSummary, READING, SanitySummary, StepPictures, StepSummary,
    csv, markdown_table, page, summarize, text_table,
};
pub use test::{Sanity, SanityTest};
