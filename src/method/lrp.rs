//! Layer-wise relevance propagation (Bach et al. 2015): by the rules of a composite of the user's choice.

use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use crate::explain::Initial;

/// LRP.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lrp;

impl Attribute for Lrp {
    fn name(&self) -> &'static str {
        "lrp"
    }

    fn about(&self) -> &'static str {
        "relevance by the rules of the composite"
    }

    fn paper(&self) -> &'static str {
        "Bach et al. 2015"
    }

    fn preset(&self) -> Option<&'static str> {
        None
    }

    fn initial(&self) -> Initial {
        Initial::Logit
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }
}
