//! Whether every layer hands down what it gets, but for what bias and stabilizer absorb.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use onnxplain::explain::{Books, Explainer, LayerBooks};
use onnxplain::network::Network;
use onnxplain::tensor::Tensor;

use super::books;
use crate::cli::table::{Align, Table};

/// The largest imbalance, relative to Σ|R| of the layer, that counts as balanced.
const LIMIT: f64 = 1e-4;

/// The largest imbalance of a layer whose rule conserves relevance; infinite where relevance is NaN.
fn worst_imbalance(books: &Books) -> f64 {
    let conserving = books.layers.iter().filter(|layer| layer.is_conserving);
    let imbalances = conserving.map(LayerBooks::imbalance);
    imbalances
        .map(|imbalance| if imbalance.is_nan() { f64::INFINITY } else { imbalance })
        .fold(0.0, f64::max)
}

/// The books of the input that balanced worst.
pub struct Conservation {
    books: Books,
}

impl Conservation {
    /// Explains every input and keeps the worst books.
    pub fn worst(explainer: &Explainer, inputs: &[Tensor]) -> Result<Conservation> {
        let all: Vec<Books> =
            inputs.iter().map(|input| books(explainer, input)).collect::<Result<_>>()?;
        let worst =
            all.into_iter().max_by(|a, b| worst_imbalance(a).total_cmp(&worst_imbalance(b)));
        Ok(Conservation { books: worst.context("there is no input to check on")? })
    }

    /// Whether the books of every layer whose rule conserves relevance balance.
    pub fn is_good(&self) -> bool {
        worst_imbalance(&self.books) <= LIMIT
    }

    /// The books of every layer, and the sum.
    pub fn to_text(&self, network: &Network) -> String {
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("in", Align::Right),
            ("out", Align::Right),
            ("bias", Align::Right),
            ("stabilizer", Align::Right),
            ("imbalance", Align::Right),
        ]);
        for layer in &self.books.layers {
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
            "{}\n{:.5} put in, {:.5} at the input, {:.5} absorbed by biases, {:.1e} by stabilizers; worst imbalance {:.1e} (of the worst of all inputs)",
            table.render(),
            self.books.initial,
            self.books.input_sum,
            self.books.absorbed_by_bias(),
            self.books.absorbed_by_stabilizer(),
            worst_imbalance(&self.books)
        )
    }

    /// The books of every layer, by name.
    pub fn to_json(&self, network: &Network) -> Value {
        let layers = self.books.layers.iter().map(|layer| {
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
            "worst_imbalance": worst_imbalance(&self.books),
            "initial": self.books.initial,
            "input_sum": self.books.input_sum,
            "layers": layers.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relevance_that_is_no_number_is_not_balanced() {
        let layer = |incoming: f64| LayerBooks {
            layer: 1,
            incoming,
            outgoing: 1.0,
            absorbed_by_bias: 0.0,
            absorbed_by_stabilizer: 0.0,
            is_conserving: true,
            magnitude: 1.0,
        };
        let is_good = |incoming| {
            let books =
                Books { initial: 1.0, input_sum: 1.0, layers: vec![layer(1.0), layer(incoming)] };
            Conservation { books }.is_good()
        };
        assert!(is_good(1.0) && !is_good(1.001) && !is_good(f64::NAN));
    }
}
