//! `route₂(route₁(x)) = route(x)`, and layers without effect are removed: double transposes of NHWC exports, chains of
//! reshapes, a scale by 1, a shift by 0.

use anyhow::Result;

use crate::network::{LayerId, Network, Op, Wiring};
use crate::operator::{Affine, Routing};

/// Removes layers without effect, and joins consecutive routings.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut removed, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Some(&before) = network.layers[id].inputs.first() else {
            continue;
        };
        if let Some(joined) = joined_routing(network, &wiring, before, id) {
            network.layers[id].op = Op::Routing(joined);
            wiring.set_inputs(network, id, network.layers[before].inputs.clone());
            removed.push(network.layers[before].name.clone());
        }
        let does_nothing = match &network.layers[id].op {
            Op::Routing(routing) => routing.is_identity(),
            Op::Affine(affine) => is_identity(affine),
            _ => false,
        };
        if does_nothing {
            removed.push(network.layers[id].name.clone());
            wiring.bypass(network, id, network.layers[id].inputs[0]);
        }
    }
    Ok(removed)
}

/// Two routings as one; `None` if another layer reads the first one.
fn joined_routing(
    network: &Network,
    wiring: &Wiring,
    first: LayerId,
    second: LayerId,
) -> Option<Routing> {
    let (Op::Routing(a), Op::Routing(b)) = (&network.layers[first].op, &network.layers[second].op)
    else {
        return None;
    };
    let is_alone = wiring.only_consumer(network, first) == Some(second);
    // Padding with two different constants cannot be one padding.
    if !is_alone || (a.pads() && b.pads() && a.constant != b.constant) {
        return None;
    }
    let constant = if a.pads() { a.constant } else { b.constant };
    let sources = match (&a.sources, &b.sources) {
        (None, None) => return Some(Routing::reshape(&b.name, &a.input_shape, &b.output_shape)),
        (Some(sources), None) | (None, Some(sources)) => sources.clone(),
        (Some(inner), Some(outer)) => {
            let through = |&at: &u32| inner.get(at as usize).copied().unwrap_or(Routing::CONSTANT);
            outer.iter().map(through).collect()
        }
    };
    let joined = Routing::from_sources(&b.name, &a.input_shape, &b.output_shape, sources);
    Some(Routing { constant, ..joined })
}

fn is_identity(affine: &Affine) -> bool {
    let all = |tensor: &Option<crate::tensor::Tensor>, value: f32| {
        tensor.as_ref().is_none_or(|tensor| tensor.data().iter().all(|&element| element == value))
    };
    all(&affine.scale, 1.0) && all(&affine.shift, 0.0)
}
