//! Summary of an evaluation: what the lines of a report say together.
//!
//! ```text
//! lines ─ values ─▶ a value per metric, method and picture ─ rows ─▶ means, differences to the best, tests ─┐
//! lines ─ curves ─▶ mean curves, R-OMS, leak                             ranks, Pareto front, warnings ─▶ Summary
//! ```
//!
//! Nothing depends on the order of the lines.

mod build;
mod csv;
mod curves;
mod fill;
mod marks;
mod named;
mod page;
mod rows;
mod standing;
mod svg;
mod table;
mod types;
mod values;
mod warnings;
mod weighted;

pub use crate::statistics::Bootstrap;
pub use build::{SummaryOptions, Units, summarize};
pub use csv::csv;
pub(crate) use csv::{line as csv_line, number as csv_number};
pub use curves::{Band, MeanCurve, mean_curves};
pub use named::Named;
pub use page::{PagePictures, page};
pub use svg::{Place, curves_svg, range_of};
pub(crate) use table::lines_up;
pub use table::{markdown_table, text_table};
pub use types::{
    CategoryRanks, Difference, FillSummary, MethodSummary, MetricSummary, Summary, Weighted,
    WeightedScore,
};
pub use values::Values;

#[cfg(test)]
mod tests;
