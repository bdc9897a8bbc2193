//! Whether the network computes what the file says, before and after every canonization pass.

use anyhow::Result;
use serde::Serialize;

use onnxplain::canonize::{PASSES, PassSelection, canonize};
use onnxplain::model::Model;
use onnxplain::network::{Network, OutputFunction};
use onnxplain::operator::{Activation, Function, Operator, Unary};
use onnxplain::tensor::Tensor;

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
    inputs: &[Tensor],
) -> Result<Vec<Comparison>> {
    let before: Vec<Tensor> =
        inputs.iter().map(|input| model.network.evaluate(input)).collect::<Result<_>>()?;
    let reference: Vec<Tensor> =
        inputs.iter().map(|input| model.run_reference(input)).collect::<Result<_>>()?;
    let ended: Vec<Tensor> = before
        .iter()
        .map(|logits| with_output_function(&model.network, logits))
        .collect::<Result<_>>()?;
    let mut comparisons = vec![Comparison {
        what: "the layers as loaded, against tract".to_string(),
        difference: worst(&reference, &ended),
    }];
    let mut against_loaded = |what: String, selection: &PassSelection| -> Result<()> {
        let mut network = model.network.clone();
        let reports = canonize(&mut network, selection)?;
        let after: Vec<Tensor> =
            inputs.iter().map(|input| network.evaluate(input)).collect::<Result<_>>()?;
        let merged: usize = reports.iter().map(|report| report.nodes.len()).sum();
        let what = format!("{what} ({merged} nodes)");
        comparisons.push(Comparison { what, difference: worst(&before, &after) });
        Ok(())
    };
    for pass in PASSES {
        against_loaded(format!("{} alone", pass.name), &PassSelection::only(pass.name)?)?;
    }
    against_loaded("all selected passes".to_string(), selection)?;
    Ok(comparisons)
}

/// What the file's output is: the logits, with what was stripped behind them.
fn with_output_function(network: &Network, logits: &Tensor) -> Result<Tensor> {
    let logits = vec![logits.clone()];
    match &network.output_function {
        None => Ok(logits[0].clone()),
        Some(OutputFunction::Softmax(softmax) | OutputFunction::LogSoftmax(softmax)) => {
            softmax.forward(logits)
        }
        Some(OutputFunction::Sigmoid) => {
            Activation::new(Function::unary(Unary::Sigmoid), "sigmoid").forward(logits)
        }
    }
}

fn worst(expected: &[Tensor], found: &[Tensor]) -> f32 {
    let difference = |(expected, found): (&Tensor, &Tensor)| {
        let pairs = expected.data().iter().zip(found.data());
        let worst = pairs.fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
        worst / expected.max_abs().max(f32::MIN_POSITIVE)
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
