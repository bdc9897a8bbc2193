//! Robustness: whether similar inputs have similar maps.

mod avg_sensitivity;
mod max_sensitivity;
mod relative;
mod ris;
mod ros;

pub use avg_sensitivity::AvgSensitivity;
pub use max_sensitivity::MaxSensitivity;
pub use ris::Ris;
pub use ros::Ros;
