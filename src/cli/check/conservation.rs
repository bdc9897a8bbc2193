//! Whether every layer hands down what it gets, but for what bias and stabilizer absorb.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use onnxplain::explain::{Conservation, Explainer};
use onnxplain::network::Network;
use onnxplain::tensor::Tensors;

use super::conservation_of;
use crate::cli::table::{Align, Table};

/// The largest imbalance, relative to what flows, that counts as balanced.
const LIMIT: f64 = 1e-4;

/// That of the input on which relevance was conserved worst.
pub struct WorstConservation {
    conservation: Conservation,
}

impl WorstConservation {
    /// Explains every input and keeps the worst.
    pub fn worst(explainer: &Explainer, inputs: &[Tensors]) -> Result<WorstConservation> {
        let all: Vec<Conservation> =
            inputs.iter().map(|input| conservation_of(explainer, input)).collect::<Result<_>>()?;
        let worst =
            all.into_iter().max_by(|a, b| a.worst_imbalance().total_cmp(&b.worst_imbalance()));
        Ok(WorstConservation { conservation: worst.context("there is no input to check on")? })
    }

    /// Whether every layer conserves relevance whose rule does.
    pub fn is_good(&self) -> bool {
        self.conservation.worst_imbalance() <= LIMIT
    }

    /// What enters and leaves every layer, and the sum.
    pub fn to_text(&self, network: &Network) -> String {
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("in", Align::Right),
            ("out", Align::Right),
            ("bias", Align::Right),
            ("stabilizer", Align::Right),
            ("imbalance", Align::Right),
        ]);
        for layer in &self.conservation.layers {
            let imbalance = match layer.is_conserving {
                true => format!("{:.1e}", layer.imbalance()),
                false => "not conserving".to_string(),
            };
            table.row(vec![
                network.layers[layer.layer].name.clone(),
                format!("{:.5}", layer.incoming),
                format!("{:.5}", layer.outgoing),
                format!("{:.5}", layer.absorbed_by_bias),
                format!("{:.1e}", layer.absorbed_by_stabilizer),
                imbalance,
            ]);
        }
        format!(
            "{}\nstart {:.5}, pixels {:.5}, biases {:.5}, stabilizers {:.1e}; worst imbalance {:.1e} (of the worst of all inputs)",
            table.render(),
            self.conservation.initial,
            self.conservation.input_sum,
            self.conservation.absorbed_by_bias(),
            self.conservation.absorbed_by_stabilizer(),
            self.conservation.worst_imbalance()
        )
    }

    /// What enters and leaves every layer, by name.
    pub fn to_json(&self, network: &Network) -> Value {
        let layers = self.conservation.layers.iter().map(|layer| {
            json!({
                "name": network.layers[layer.layer].name,
                "in": layer.incoming,
                "out": layer.outgoing,
                "absorbed_by_bias": layer.absorbed_by_bias,
                "absorbed_by_stabilizer": layer.absorbed_by_stabilizer,
                "imbalance": layer.imbalance(),
                "is_conserving": layer.is_conserving,
            })
        });
        json!({
            "is_conserved": self.is_good(),
            "limit": LIMIT,
            "worst_imbalance": self.conservation.worst_imbalance(),
            "initial": self.conservation.initial,
            "input_sum": self.conservation.input_sum,
            "layers": layers.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use onnxplain::explain::LayerConservation;

    use super::*;

    #[test]
    fn relevance_that_is_no_number_is_not_balanced() {
        let layer = |incoming: f64| LayerConservation {
            layer: 1,
            incoming,
            outgoing: 1.0,
            is_conserving: true,
            magnitude: 1.0,
            ..LayerConservation::default()
        };
        let is_good = |incoming| {
            let conservation = Conservation {
                initial: 1.0,
                input_sum: 1.0,
                layers: vec![layer(1.0), layer(incoming)],
            };
            WorstConservation { conservation }.is_good()
        };
        assert!(is_good(1.0) && !is_good(1.001) && !is_good(f64::NAN));
    }
}
