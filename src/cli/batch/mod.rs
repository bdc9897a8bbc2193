//! What commands over many inputs share: operands become files, files go through steps in parallel, results into a report.

pub mod ending;
pub mod inputs;
pub mod pipeline;
pub mod recorded;
pub mod report_file;
pub mod reported;
pub mod resume;
pub mod shard;
pub mod staging;
