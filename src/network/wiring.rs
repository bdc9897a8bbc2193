//! Who reads what, kept up to date while a network is rewired.
//!
//! A rewrite asks it for every layer. To look through all layers each time would take hours where there are hundreds of
//! thousands of them, as in an unrolled LSTM.

use super::{LayerId, Network};

/// For each layer of a network, the layers that read its value. Inputs are changed through it.
pub(crate) struct Wiring {
    consumers: Vec<Vec<LayerId>>,
}

impl Wiring {
    /// That of a network as it is.
    pub fn of(network: &Network) -> Wiring {
        Wiring { consumers: network.consumers() }
    }

    /// The layers that read a value; a layer that reads it twice is listed twice.
    pub fn consumers(&self, id: LayerId) -> &[LayerId] {
        &self.consumers[id]
    }

    /// The only layer that reads a value, unless it is the output or there are several.
    pub fn only_consumer(&self, network: &Network, id: LayerId) -> Option<LayerId> {
        match self.consumers[id].as_slice() {
            &[consumer] if id != network.output => Some(consumer),
            _ => None,
        }
    }

    /// Gives a layer other inputs.
    pub fn set_inputs(&mut self, network: &mut Network, id: LayerId, inputs: Vec<LayerId>) {
        for &input in &network.layers[id].inputs {
            self.consumers[input].retain(|&consumer| consumer != id);
        }
        inputs.iter().for_each(|&input| self.consumers[input].push(id));
        network.layers[id].inputs = inputs;
    }

    /// Puts the inputs of a layer's input in the place of that input, which reads nothing afterwards.
    pub fn unfold(&mut self, network: &mut Network, id: LayerId, place: usize) {
        let unfolded = network.layers[id].inputs[place];
        let inputs = std::mem::take(&mut network.layers[unfolded].inputs);
        for &input in &inputs {
            let reader = self.consumers[input].iter_mut().find(|consumer| **consumer == unfolded);
            reader.into_iter().for_each(|consumer| *consumer = id);
        }
        self.consumers[unfolded].retain(|&consumer| consumer != id);
        network.layers[id].inputs.splice(place..=place, inputs);
    }

    /// Replaces `old` by `new` in the inputs of all layers; nothing reads `old` afterwards.
    pub fn bypass(&mut self, network: &mut Network, old: LayerId, new: LayerId) {
        let consumers = std::mem::take(&mut self.consumers[old]);
        for &consumer in &consumers {
            for input in &mut network.layers[consumer].inputs {
                if *input == old {
                    *input = new;
                }
            }
        }
        self.consumers[new].extend(consumers);
        if network.output == old {
            network.output = new;
        }
    }
}
