//! Localisation: whether the map lies on the object. That is not faithfulness: a network may look beside the object.

mod contrast;
mod focus;
mod mass;
mod mass_gain;
mod pointing;
mod rank;
mod roc;
mod truth;

pub use contrast::Contrast;
pub use focus::Focus;
pub use mass::Mass;
pub use mass_gain::MassGain;
pub use pointing::Pointing;
pub use rank::Rank;
pub use roc::Roc;
pub use truth::positive_share;
