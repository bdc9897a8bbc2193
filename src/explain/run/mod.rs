//! Run: the forward pass and the propagation of relevance, by a plan.

mod conservation;
mod forward;
mod propagate;

pub use self::conservation::{Conservation, LayerConservation};
pub use self::forward::Activations;
pub(super) use self::forward::{forward, value};
pub use self::propagate::{Attribution, End};
pub(super) use self::propagate::{Propagation, propagate};
