//! Whether the network computes what the file says, before and after every canonization pass.

use anyhow::Result;
use serde::Serialize;

use onnxplain::canonize::{PASSES, PassSelection, canonize};
use onnxplain::network::Network;
use onnxplain::onnx::Model;
use onnxplain::tensor::{Tensor, Tensors};

use crate::cli::table::{Align, Table};

/// The largest max|f − f′| / max|f| that counts as the same function.
pub const LIMIT: f32 = 1e-4;

/// One comparison of two functions.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What was compared.
    what: String,
    /// max|f − f′| / max|f| over all inputs.
    difference: f32,
}

impl Comparison {
    /// Whether the two are the same function.
    pub fn is_good(&self) -> bool {
        self.difference <= LIMIT
    }
}

/// Compares the layers with tract's own plan of the file, and every pass with the layers as loaded.
pub fn compare(
    model: &Model,
    selection: &PassSelection,
    inputs: &[Tensors],
) -> Result<Vec<Comparison>> {
    let evaluate = model.network.evaluator()?;
    let before: Vec<Tensor> =
        inputs.iter().map(|inputs| evaluate(inputs)).collect::<Result<_>>()?;
    let reference: Vec<Tensor> =
        inputs.iter().map(|inputs| model.run_reference(inputs)).collect::<Result<_>>()?;
    let ended: Vec<Tensor> = before
        .iter()
        .map(|logits| with_output_function(&model.network, logits))
        .collect::<Result<_>>()?;
    let mut comparisons = vec![Comparison {
        what: "the layers as loaded, against tract".to_string(),
        difference: worst(&reference, &ended),
    }];
    for pass in PASSES {
        let (what, _, after) = rewritten(
            model,
            &format!("{} alone", pass.name),
            &PassSelection::only(&[pass.name])?,
            inputs,
        )?;
        comparisons.push(Comparison { what, difference: worst(&before, &after) });
    }
    let (what, network, after) = rewritten(model, "all selected passes", selection, inputs)?;
    comparisons.push(Comparison { what: what.clone(), difference: worst(&before, &after) });
    let ended: Vec<Tensor> =
        after.iter().map(|logits| with_output_function(&network, logits)).collect::<Result<_>>()?;
    let what = format!("{what}, against tract");
    comparisons.push(Comparison { what, difference: worst(&reference, &ended) });
    Ok(comparisons)
}

/// The network after some passes, what was done in words, and its outputs.
fn rewritten(
    model: &Model,
    passes: &str,
    selection: &PassSelection,
    inputs: &[Tensors],
) -> Result<(String, Network, Vec<Tensor>)> {
    let mut network = model.network.clone();
    let reports = canonize(&mut network, selection)?;
    let evaluate = network.evaluator()?;
    let after = inputs.iter().map(|inputs| evaluate(inputs)).collect::<Result<_>>()?;
    drop(evaluate);
    let merged: usize = reports.iter().map(|report| report.nodes.len()).sum();
    Ok((format!("{passes} ({merged} nodes)"), network, after))
}

/// What the file's output is: the logits, with what was stripped behind them.
fn with_output_function(network: &Network, logits: &Tensor) -> Result<Tensor> {
    match &network.output_function {
        None => Ok(logits.clone()),
        Some(function) => function.apply(logits),
    }
}

/// The largest max|f − f′| / max|f| over all inputs; infinite where numbers are missing or are NaN.
fn worst(expected: &[Tensor], found: &[Tensor]) -> f32 {
    let difference = |(expected, found): (&Tensor, &Tensor)| {
        let pairs = expected.data().iter().zip(found.data());
        let differences = pairs.map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0f32, |worst, difference| match difference.is_nan() {
            true => f32::INFINITY,
            false => worst.max(difference),
        });
        let is_whole = expected.len() == found.len();
        let scale = expected.max_abs().max(f32::MIN_POSITIVE);
        if is_whole { worst / scale } else { f32::INFINITY }
    };
    expected.iter().zip(found).map(difference).fold(0.0, f32::max)
}

/// The comparisons as a table.
pub fn table(comparisons: &[Comparison]) -> Table {
    let mut table =
        Table::new(&[("compared", Align::Left), ("max|f − f′| / max|f|", Align::Right)]);
    for comparison in comparisons {
        let mark = if comparison.is_good() { "" } else { "  above 1e-4" };
        table.row(vec![comparison.what.clone(), format!("{:.1e}{mark}", comparison.difference)]);
    }
    table
}

/// Numbers between −2 and 2 that look random; the same for the same seed.
pub fn noise(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut tensor = Tensor::zeros(shape)?;
    let mut state = 0x2545_F491_4F6C_DD1D ^ (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for value in tensor.data_mut() {
        // Knuth's linear congruential generator; its high bits are good enough here.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *value = (state >> 40) as f32 / (1 << 22) as f32 - 2.0;
    }
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_and_what_is_missing_is_not_overlooked() {
        let tensor = |values: &[f32]| vec![Tensor::new(&[values.len()], values).unwrap()];
        assert_eq!(worst(&tensor(&[1.0, 4.0]), &tensor(&[1.0, 3.5])), 0.125);
        assert_eq!(worst(&tensor(&[1.0, 4.0]), &tensor(&[f32::NAN, 4.0])), f32::INFINITY);
        assert_eq!(worst(&tensor(&[1.0, 4.0]), &tensor(&[1.0])), f32::INFINITY);
    }
}
