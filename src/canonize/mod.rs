//! Canonization: rewrites of the network that do not change its function, and without which relevance rules would be
//! applied to the wrong units.
//!
//! The second step: load -> **canonize** -> assign -> ... A convolution and the BatchNormalization after it, for
//! instance, are a single linear map, and a rule must be applied to both together (Pahde et al. 2023). Each pass states
//! the identity that it uses, can be switched off by name, and reports what it changed. A new pass is a file here and a
//! line in [`PASSES`].

mod activations;
mod add_bias;
mod batchnorm_linear;
mod batchnorm_relu_linear;
mod behind;
mod canonization;
mod constants;
mod gates;
mod layer_normalizations;
mod linear_batchnorm;
mod maximum_shifts;
mod no_ops;
mod softmaxes;
mod sums;
mod weights;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::network::Network;
use crate::suggest::nearest;

pub use canonization::Canonization;

/// A rewrite.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// The name by which it is switched off.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Rewrites the network; returns the names of the ONNX nodes that it merged into others.
    run: fn(&mut Network) -> Result<Vec<String>>,
}

/// All passes, in the order in which they run.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "no-ops",
        about: "consecutive reshapes, transposes and slices are joined; layers without effect are removed",
        run: no_ops::run,
    },
    Pass {
        name: "layer-normalizations",
        about: "a LayerNormalization or RMSNormalization written as several nodes becomes one",
        run: layer_normalizations::run,
    },
    Pass {
        name: "softmaxes",
        about: "a softmax written as exp, sum and quotient becomes one",
        run: softmaxes::run,
    },
    Pass {
        name: "maximum-shifts",
        about: "in the difference of a signal and its own maximum the signal gets all relevance",
        run: maximum_shifts::run,
    },
    Pass {
        name: "activations",
        about: "an activation written as several nodes (x · sigmoid(x), clip(x + 3) / 6) becomes one",
        run: activations::run,
    },
    Pass {
        name: "gates",
        about: "in a product with a gate (squeeze-excite) the signal gets all relevance, the gate none; attention weights are the gate of a matrix product",
        run: gates::run,
    },
    Pass {
        name: "constants",
        about: "chains of constant Mul, Add, Sub and Div become one scale and shift",
        run: constants::run,
    },
    Pass {
        name: "add-bias",
        about: "the addition of a constant becomes the bias of the linear layer before it",
        run: add_bias::run,
    },
    Pass {
        name: "linear-batchnorm",
        about: "BatchNormalization is merged into the convolution or dense layer before it",
        run: linear_batchnorm::run,
    },
    Pass {
        name: "batchnorm-linear",
        about: "BatchNormalization, or a scale and shift of the picture, is merged into the linear layers after it",
        run: batchnorm_linear::run,
    },
    Pass {
        name: "batchnorm-relu-linear",
        about: "BatchNormalization before a ReLU is merged into the linear layers after it; the ReLU gets a shifted threshold",
        run: batchnorm_relu_linear::run,
    },
    Pass { name: "sums", about: "additions of additions become one sum", run: sums::run },
];

/// What a pass changed in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassReport {
    /// The pass.
    pub pass: &'static str,
    /// The ONNX nodes that were merged into others.
    pub nodes: Vec<String>,
}

/// Which passes run: those of the composite, without those that the user switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassSelection {
    names: BTreeSet<&'static str>,
}

impl PassSelection {
    /// Every pass.
    pub fn all() -> PassSelection {
        PassSelection { names: PASSES.iter().map(|pass| pass.name).collect() }
    }

    /// No pass.
    pub fn none() -> PassSelection {
        PassSelection { names: BTreeSet::new() }
    }

    /// The passes that a composite asks for.
    ///
    /// # Errors
    /// When it names one that does not exist.
    pub fn of(canonization: &Canonization) -> Result<PassSelection> {
        match canonization {
            Canonization::All => Ok(PassSelection::all()),
            Canonization::None => Ok(PassSelection::none()),
            Canonization::Only(names) => PassSelection::only(names),
        }
    }

    /// All but one of these passes.
    ///
    /// # Errors
    /// When there is no such pass.
    pub fn without(mut self, name: &str) -> Result<PassSelection> {
        self.names.remove(find(name)?.name);
        Ok(self)
    }

    /// These passes and no others.
    ///
    /// # Errors
    /// When one of them does not exist.
    pub fn only(names: &[impl AsRef<str>]) -> Result<PassSelection> {
        let names = names.iter().map(|name| Ok(find(name.as_ref())?.name));
        Ok(PassSelection { names: names.collect::<Result<_>>()? })
    }
}

fn find(name: &str) -> Result<&'static Pass> {
    if let Some(pass) = PASSES.iter().find(|pass| pass.name == name) {
        return Ok(pass);
    }
    let names: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
    let near = nearest(name, names.iter().copied());
    let near = near.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    bail!("there is no canonization pass `{name}`; there are {}{near}", names.join(", "))
}

/// Runs the selected passes in their order; passes that found nothing are left out of the report.
///
/// # Errors
/// When shapes contradict each other.
pub fn canonize(network: &mut Network, selection: &PassSelection) -> Result<Vec<PassReport>> {
    let mut reports = vec![];
    for pass in PASSES.iter().filter(|pass| selection.names.contains(pass.name)) {
        let nodes = (pass.run)(network)
            .with_context(|| format!("the canonization pass {} failed", pass.name))?;
        network.prune();
        if !nodes.is_empty() {
            reports.push(PassReport { pass: pass.name, nodes });
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_switched_by_name() {
        let all = PassSelection::all();
        assert!(all.names.contains("linear-batchnorm"));
        let without = all.without("linear-batchnorm").unwrap();
        assert!(!without.names.contains("linear-batchnorm"));
        let error = without.without("batchnorm").unwrap_err().to_string();
        assert!(error.contains("linear-batchnorm"), "{error}");
        let only = Canonization::Only(vec!["add-bias".to_string()]);
        assert_eq!(PassSelection::of(&only).unwrap(), PassSelection::only(&["add-bias"]).unwrap());
    }
}
