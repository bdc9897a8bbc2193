//! Evaluation: every metric of every method on every input, as lines of a report.
//!
//! ```text
//! EvaluationOptions ─ Session::evaluate ─▶ Evaluation
//!         └─ Evaluator::new ─▶ Evaluator ─ evaluate(input) ─▶ ReportLine, one for each method
//! ```
//!
//! The [`Evaluator`] judges one input at a time on any thread: what does not depend on a map is computed once for all
//! methods. Numbers depend on the input's name and the seed, not on the order of inputs, threads or processes.

mod batch;
mod beside;
mod chosen;
mod clock;
mod control;
mod engine;
mod estimate;
mod evaluator;
mod fill;
mod foreign;
mod input;
mod judge;
mod line;
mod mosaic;
mod options;
mod prepare;
mod settings;
mod variants;

pub use crate::truth::{Boxes, Classes};
pub use batch::Evaluation;
pub use chosen::check_names;
pub use clock::Spent;
pub use control::Control;
pub(crate) use control::edges_of;
pub use estimate::Estimate;
pub use evaluator::Evaluator;
pub use input::EvaluationInput;
pub use line::{JudgedMap, ReportLine, Seconds, Target};
pub use options::{EvaluationOptions, JudgedMethod, JudgedTarget, MetricChoice};
pub use prepare::Earlier;
pub use settings::{FillChoice, MethodSettings, MetricSettings, Settings};
pub use variants::VariantValues;

pub use crate::metric::removal::{Fill, Levels, Regions};
pub use crate::metric::{
    Category, Conditions, Curves, Direction, MetricInfo, OtherClass, Reading, Score,
};
