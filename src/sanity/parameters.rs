//! The parameters of a random network.

use std::collections::{BTreeSet, HashMap};

use super::init::Initialisation;
use crate::onnx::{Role, WeightedLayer};

/// What a parameter is multiplied with, and what is added then: [1, 0] changes nothing.
pub(super) type Rescaling = HashMap<String, [f32; 2]>;

/// The parameters that a random network has instead of the trained one's.
pub(super) struct RandomParameters<'a> {
    /// By the name: what a parameter does, and the fan-in of its layer.
    random: HashMap<&'a str, (Role, usize)>,
    initialisation: Initialisation,
    seed: u64,
    rescaling: Rescaling,
}

impl<'a> RandomParameters<'a> {
    /// Those of a network in which `random` of all `layers` are randomised.
    pub fn new(
        layers: &'a [WeightedLayer],
        random: &BTreeSet<usize>,
        initialisation: Initialisation,
        seed: u64,
    ) -> RandomParameters<'a> {
        let mut by_name = HashMap::new();
        // The first layer that lists a shared parameter says what it does, whichever layers are random.
        for (index, layer) in layers.iter().enumerate() {
            for parameter in &layer.parameters {
                let entry = (parameter.role, layer.fan_in(), BTreeSet::new());
                by_name.entry(parameter.name.as_str()).or_insert(entry).2.insert(index);
            }
        }
        let is_random =
            |layers: &BTreeSet<usize>| layers.iter().any(|layer| random.contains(layer));
        let random = by_name
            .into_iter()
            .filter(|(_, (_, _, layers))| is_random(layers))
            .map(|(name, (role, fan_in, _))| (name, (role, fan_in)))
            .collect();
        RandomParameters { random, initialisation, seed, rescaling: Rescaling::new() }
    }

    /// The same, rescaled.
    pub fn rescaled(self, rescaling: Rescaling) -> RandomParameters<'a> {
        RandomParameters { rescaling, ..self }
    }

    /// Changes a stored parameter.
    pub fn change(&self, name: &str, values: &mut [f32]) {
        let Some(&(role, fan_in)) = self.random.get(name) else { return };
        self.initialisation.replace((name, role), fan_in, self.seed, values);
        if let Some([factor, summand]) = self.rescaling.get(name) {
            values.iter_mut().for_each(|value| *value = factor * *value + summand);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::LayerParameter;

    fn layer(parameters: &[(&str, Role)]) -> WeightedLayer {
        let of = |&(name, role): &(&str, Role)| LayerParameter {
            name: name.to_string(),
            role,
            reaches_end: true,
        };
        WeightedLayer {
            name: String::new(),
            op_type: "Conv".into(),
            end: String::new(),
            parameters: parameters.iter().map(of).collect(),
        }
    }

    #[test]
    fn only_random_layers_change_and_shared_parameters_once() {
        let weight = Role::Weight { fan_in: 4 };
        let layers =
            [layer(&[("a", weight), ("tied", weight)]), layer(&[("b", weight), ("tied", weight)])];
        let changed = |random: &[usize], name: &str| {
            let random = random.iter().copied().collect();
            let parameters = RandomParameters::new(&layers, &random, Initialisation::He, 0);
            let mut values = [7.0; 5];
            parameters.change(name, &mut values);
            values
        };
        assert_eq!(changed(&[1], "a"), [7.0; 5]);
        assert!(changed(&[1], "b") != [7.0; 5]);
        assert!(changed(&[1], "tied") != [7.0; 5]);
        assert_eq!(changed(&[1], "tied"), changed(&[0, 1], "tied"));
        assert_eq!(changed(&[0], "elsewhere"), [7.0; 5]);
        let random = BTreeSet::from([0]);
        let rescaling = Rescaling::from([("a".to_string(), [0.0, 3.0])]);
        let parameters =
            RandomParameters::new(&layers, &random, Initialisation::He, 0).rescaled(rescaling);
        let mut values = [7.0; 2];
        parameters.change("a", &mut values);
        assert_eq!(values, [3.0; 2]);
    }
}
