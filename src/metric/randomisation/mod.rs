//! Randomisation and axioms: whether the map depends on what is explained, and adds up to what its method promises.

mod completeness;
mod other_class;
mod random_logit;

pub use completeness::Completeness;
pub use random_logit::{RandomLogit, RandomLogitCosine, RandomLogitPearson, RandomLogitSsim};
