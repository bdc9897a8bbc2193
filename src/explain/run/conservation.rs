//! Conservation of relevance: what enters and leaves every layer, and what is absorbed on the way.

use serde::Serialize;

use crate::network::LayerId;

/// The relevance that enters and leaves one layer; sums over all elements.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LayerConservation {
    /// The layer.
    #[serde(skip)]
    pub layer: LayerId,
    /// Relevance that came from above.
    pub incoming: f64,
    /// Relevance that was handed down.
    pub outgoing: f64,
    /// Relevance that the bias, padding and other constants absorbed.
    pub absorbed_by_bias: f64,
    /// Relevance that the stabilizer absorbed.
    pub absorbed_by_stabilizer: f64,
    /// Whether the layer's rule conserves relevance at all (the gradient does not).
    pub is_conserving: bool,
    /// The scale on which an imbalance is measured: Σ|R| that came from above, but no less than what was put in at the
    /// output. What a side branch rounds of its millionth part is nothing that is missing.
    #[serde(skip)]
    pub magnitude: f64,
}

impl LayerConservation {
    /// What is missing or too much, relative to the relevance that flows.
    pub fn imbalance(&self) -> f64 {
        let accounted = self.outgoing + self.absorbed_by_bias + self.absorbed_by_stabilizer;
        (self.incoming - accounted).abs() / self.magnitude.max(f64::MIN_POSITIVE)
    }
}

/// The relevance that enters and leaves every layer of a propagation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Conservation {
    /// Relevance put in at the output.
    pub initial: f64,
    /// Relevance that arrived at the inputs, all of them together.
    pub input_sum: f64,
    /// The layers, from the output to the input.
    pub layers: Vec<LayerConservation>,
}

impl Conservation {
    /// Relevance that biases, padding and constants absorbed, over all layers.
    pub fn absorbed_by_bias(&self) -> f64 {
        self.layers.iter().map(|layer| layer.absorbed_by_bias).sum()
    }

    /// Relevance that stabilizers absorbed, over all layers.
    pub fn absorbed_by_stabilizer(&self) -> f64 {
        self.layers.iter().map(|layer| layer.absorbed_by_stabilizer).sum()
    }

    /// Whether every rule conserves relevance.
    pub fn is_conserving(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_conserving)
    }

    /// The largest imbalance of a layer whose rule conserves relevance; infinite where one is NaN.
    pub fn worst_imbalance(&self) -> f64 {
        let conserving = self.layers.iter().filter(|layer| layer.is_conserving);
        // `f64::max` drops NaN.
        let known = |imbalance: f64| if imbalance.is_nan() { f64::INFINITY } else { imbalance };
        conserving.map(LayerConservation::imbalance).map(known).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_branch_is_measured_against_what_flows() {
        let branch = |magnitude: f64| LayerConservation {
            incoming: 2e-7,
            outgoing: 1e-7,
            is_conserving: true,
            magnitude,
            ..LayerConservation::default()
        };
        assert!((branch(1.0).imbalance() - 1e-7).abs() < 1e-12);
        assert!((branch(2e-7).imbalance() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn relevance_that_is_nan_is_out_of_balance() {
        let layer = |incoming: f64| LayerConservation {
            incoming,
            outgoing: 1.0,
            is_conserving: true,
            magnitude: 1.0,
            ..LayerConservation::default()
        };
        let sums =
            |layers: Vec<LayerConservation>| Conservation { layers, ..Conservation::default() };
        assert_eq!(sums(vec![layer(1.0), layer(1.5)]).worst_imbalance(), 0.5);
        assert_eq!(sums(vec![layer(f64::NAN), layer(1.5)]).worst_imbalance(), f64::INFINITY);
    }
}
