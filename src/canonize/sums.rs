//! `(a + b) + c = a + b + c`: chains of additions become one sum, over which relevance is shared once.

use anyhow::Result;

use crate::linear::Sum;
use crate::network::{LayerId, Network, Op};

/// Joins sums whose summands are sums.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut joined = vec![];
    for id in 0..network.layers.len() {
        let Op::Sum(_) = &network.layers[id].op else {
            continue;
        };
        while let Some(place) = inner_sum(network, id) {
            let inner = network.layers[id].inputs[place];
            joined.push(network.layers[inner].name.clone());
            unfold(network, id, place);
        }
    }
    Ok(joined)
}

/// The index of a summand that is a sum of the same shape, and that no other layer reads.
fn inner_sum(network: &Network, id: LayerId) -> Option<usize> {
    network.layers[id].inputs.iter().position(|&input| {
        matches!(network.layers[input].op, Op::Sum(_))
            && network.only_consumer(input) == Some(id)
            && network.layers[input].shape == network.layers[id].shape
    })
}

fn unfold(network: &mut Network, id: LayerId, place: usize) {
    let inner_id = network.layers[id].inputs[place];
    let inner_inputs = network.layers[inner_id].inputs.clone();
    let (Op::Sum(inner), Op::Sum(outer)) =
        (network.layers[inner_id].op.clone(), &mut network.layers[id].op)
    else {
        return;
    };
    let factor = outer.coefficients[place];
    let coefficients = inner.coefficients.iter().map(|coefficient| factor * coefficient);
    let Sum { coefficients: outer_coefficients, input_shapes, .. } = outer;
    outer_coefficients.splice(place..=place, coefficients);
    input_shapes.splice(place..=place, inner.input_shapes);
    network.layers[id].inputs.splice(place..=place, inner_inputs);
}
