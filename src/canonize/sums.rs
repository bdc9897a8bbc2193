//! `(a + b) + c = a + b + c`: chains of additions become one sum, over which relevance is shared once.

use anyhow::Result;

use crate::linear::Sum;
use crate::network::{LayerId, Network, Op, Wiring};

/// Joins sums whose summands are sums.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut joined, mut wiring) = (vec![], Wiring::of(network));
    // The last sum of a chain takes all summands. From the first one on, each would copy those of the sums before it.
    for id in (0..network.layers.len()).rev() {
        while let Some(place) = inner_sum(network, &wiring, id) {
            joined.push(network.layers[id].inputs[place]);
            unfold(network, &mut wiring, id, place);
        }
    }
    joined.sort_unstable();
    Ok(joined.into_iter().map(|id| network.layers[id].name.clone()).collect())
}

/// The index of a sum's summand that is a sum of the same shape, and that no other layer reads.
fn inner_sum(network: &Network, wiring: &Wiring, id: LayerId) -> Option<usize> {
    let layer = &network.layers[id];
    let summands = matches!(layer.op, Op::Sum(_)).then_some(&layer.inputs)?;
    summands.iter().position(|&input| {
        matches!(network.layers[input].op, Op::Sum(_))
            && wiring.only_consumer(network, input) == Some(id)
            && network.layers[input].shape == layer.shape
    })
}

/// Puts the summands of a sum in the place of that sum.
fn unfold(network: &mut Network, wiring: &mut Wiring, id: LayerId, place: usize) {
    let inner_id = network.layers[id].inputs[place];
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
    wiring.unfold(network, id, place);
}
