//! The gradient (Baehrens et al. 2010; Simonyan et al. 2014, eq. 3): ∂f/∂x, by the preset `gradient`.

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};

/// ∂f/∂x.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gradient;

impl Attribute for Gradient {
    fn name(&self) -> &'static str {
        "gradient"
    }

    fn about(&self) -> &'static str {
        "∂f/∂x"
    }

    fn paper(&self) -> &'static str {
        "Simonyan et al. 2014"
    }

    fn scale(&self) -> Scale {
        Scale::Magnitude
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }
}
