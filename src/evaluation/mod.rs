//! Evaluation: every metric of every method on every input, as lines of a report.

mod line;
mod settings;

pub use line::{Curves, ReportLine, Seconds, Target};
pub use settings::{FillChoice, MethodSettings, MetricSettings, Reading, Settings};
