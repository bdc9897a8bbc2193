//! The gradient (Baehrens et al. 2010; Simonyan et al. 2014, eq. 3): ∂f/∂x, by the preset `gradient`.

use super::subject::Attribute;

/// ∂f/∂x.
pub(super) struct Gradient;

impl Attribute for Gradient {}
