//! Excitation backpropagation (Zhang et al. 2016, eq. 6-8), by the preset `excitation-backprop`.
//!
//! The marginal winning probability: what is put in is 1, as in the paper.

use super::subject::Attribute;

/// Probabilities handed down in proportion to excitatory contributions.
pub(super) struct ExcitationBackprop;

impl Attribute for ExcitationBackprop {}
