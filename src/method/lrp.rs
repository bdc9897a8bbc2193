//! Layer-wise relevance propagation (Bach et al. 2015): by the rules of a composite of the user's choice.

use super::subject::Attribute;

/// LRP.
pub(super) struct Lrp;

impl Attribute for Lrp {}
