//! `(x − mean) / √(variance + ε) · scale + shift`: a LayerNormalization, RMSNormalization, ... that an exporter
//! wrote as several nodes becomes one layer, whose standard deviation is a coefficient for relevance
//! (Ali et al. 2022). Layers that tract made of one node were joined already when the network was lowered.

use anyhow::Result;

use crate::network::{Network, Scope, join_normalizations};

/// Replaces the nodes of every normalisation by one layer.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    join_normalizations(network, Scope::ManyNodes)
}
