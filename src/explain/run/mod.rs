//! Run: the forward pass and the propagation of relevance, by a plan.

mod conservation;
mod forward;
mod observe;
mod propagate;

pub use self::conservation::{Conservation, LayerConservation};
pub use self::forward::Activations;
pub(super) use self::forward::{forward, value};
pub use self::observe::Arrival;
pub(super) use self::observe::propagate_observed;
pub use self::propagate::{Attribution, End};
pub(super) use self::propagate::{Propagation, propagate};
