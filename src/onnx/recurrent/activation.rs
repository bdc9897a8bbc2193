//! The activations that recurrent layers name in their attributes.

use tract_core::ops::nn::{leaky_relu, sigmoid};
use tract_hir::internal::*;
use tract_hir::ops::math::{abs, add, div, exp, ln, max, min, mul, sub, tanh};
use tract_onnx::pb::NodeProto;

use super::super::wires::Wires;

/// An activation with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Activation {
    name: String,
    alpha: f32,
    beta: f32,
}

impl Activation {
    /// Those of every direction, in the order in which the cell names them; `usual` where the node names none.
    pub fn of_node(
        node: &NodeProto,
        usual: &[&str],
        directions: usize,
    ) -> TractResult<Vec<Vec<Activation>>> {
        let named = node.get_attr_opt_vec::<String>("activations")?;
        let names = named.unwrap_or_else(|| {
            (0..directions).flat_map(|_| usual.iter().map(ToString::to_string)).collect()
        });
        ensure!(
            names.len() == directions * usual.len(),
            "a recurrent layer names {} activations instead of {}",
            names.len(),
            directions * usual.len()
        );
        let mut alphas =
            node.get_attr_opt_vec::<f32>("activation_alpha")?.unwrap_or_default().into_iter();
        let mut betas =
            node.get_attr_opt_vec::<f32>("activation_beta")?.unwrap_or_default().into_iter();
        let mut activations = vec![];
        for name in names {
            let name = name.to_ascii_lowercase();
            let (alpha, beta) = parameters(&name)?;
            activations.push(Activation {
                alpha: alpha.map_or(0.0, |usual| alphas.next().unwrap_or(usual)),
                beta: beta.map_or(0.0, |usual| betas.next().unwrap_or(usual)),
                name,
            });
        }
        Ok(activations.chunks(usual.len()).map(<[Activation]>::to_vec).collect())
    }

    /// Its nodes behind `x`.
    pub fn wire(&self, wires: &mut Wires, x: OutletId) -> TractResult<OutletId> {
        let (zero, one) = (wires.number_for_state(0.0)?, wires.number_for_state(1.0)?);
        let (alpha, beta) =
            (wires.number_for_state(self.alpha)?, wires.number_for_state(self.beta)?);
        match self.name.as_str() {
            "sigmoid" => wires.node(sigmoid(), &[x]),
            "tanh" => wires.node(tanh(), &[x]),
            "relu" => wires.node(max(), &[x, zero]),
            "leakyrelu" => wires.node(leaky_relu(self.alpha), &[x]),
            "affine" => {
                let scaled = wires.node(mul(), &[x, alpha])?;
                wires.node(add(), &[scaled, beta])
            }
            "hardsigmoid" => {
                let scaled = wires.node(mul(), &[x, alpha])?;
                let shifted = wires.node(add(), &[scaled, beta])?;
                let above = wires.node(max(), &[shifted, zero])?;
                wires.node(min(), &[above, one])
            }
            "scaledtanh" => {
                let scaled = wires.node(mul(), &[x, beta])?;
                let bent = wires.node(tanh(), &[scaled])?;
                wires.node(mul(), &[bent, alpha])
            }
            "softsign" => {
                let size = wires.node(abs(), &[x])?;
                let size = wires.node(add(), &[size, one])?;
                wires.node(div(), &[x, size])
            }
            "softplus" => {
                let power = wires.node(exp(), &[x])?;
                let power = wires.node(add(), &[power, one])?;
                wires.node(ln(), &[power])
            }
            "elu" => {
                let below = wires.node(min(), &[x, zero])?;
                let power = wires.node(exp(), &[below])?;
                let bent = wires.node(sub(), &[power, one])?;
                let bent = wires.node(mul(), &[bent, alpha])?;
                let above = wires.node(max(), &[x, zero])?;
                wires.node(add(), &[above, bent])
            }
            name => bail!("the activation {name} of a recurrent layer"),
        }
    }
}

/// Alpha and beta where nothing is said of them; `None` for what an activation does not have.
fn parameters(name: &str) -> TractResult<(Option<f32>, Option<f32>)> {
    Ok(match name {
        "sigmoid" | "tanh" | "relu" | "softsign" | "softplus" => (None, None),
        "leakyrelu" => (Some(0.01), None),
        "elu" => (Some(1.0), None),
        "affine" => (Some(1.0), Some(0.0)),
        "hardsigmoid" => (Some(0.2), Some(0.5)),
        "scaledtanh" => (Some(1.0), Some(1.0)),
        _ => bail!("the activation {name} of a recurrent layer"),
    })
}
