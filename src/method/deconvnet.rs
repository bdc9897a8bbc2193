//! Deconvnet (Zeiler and Fergus 2014, section 2.1), by the preset `deconvnet`.
//!
//! Every activation takes part: the paper and captum know ReLU only.

use super::subject::Attribute;

/// The gradient, but activations hand back the positive part whether they were active or not.
pub(super) struct Deconvnet;

impl Attribute for Deconvnet {}
