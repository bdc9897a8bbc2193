//! Faithfulness: whether the network reacts where the map says that it does.

mod aopc;
mod aupc;
mod deletion;
mod faithfulness_correlation;
mod faithfulness_estimate;
mod flip;
mod infidelity;
mod infidelity_ratio;
mod insertion;
mod irof;
mod lerf;
mod monotonicity_correlation;
mod morf;
mod perturbation_curve;
mod road;
mod saco;
mod sensitivity_n;
mod srg;
mod subsets;
mod sufficient;

pub use aopc::Aopc;
pub use aupc::Aupc;
pub use deletion::Deletion;
pub use faithfulness_correlation::FaithfulnessCorrelation;
pub use faithfulness_estimate::FaithfulnessEstimate;
pub use flip::Flip;
pub use infidelity::Infidelity;
pub use infidelity_ratio::InfidelityRatio;
pub use insertion::Insertion;
pub use irof::Irof;
pub use lerf::Lerf;
pub use monotonicity_correlation::MonotonicityCorrelation;
pub use morf::Morf;
pub use perturbation_curve::{PerturbationCurve, area_under_curve};
pub use road::Road;
pub use saco::Saco;
pub use sensitivity_n::SensitivityN;
pub use srg::Srg;
pub use sufficient::Sufficient;

/// What a curve depends on.
const CURVE: &[&str] = &["fill", "regions", "levels", "score", "draws"];
