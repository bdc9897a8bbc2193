//! `keep-scale`: the outputs of randomised layers get the mean and the deviation that they had in the trained network.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::parameters::{RandomParameters, Rescaling};
use crate::network::{LayerId, Network};
use crate::onnx::{Role, WeightedLayer};
use crate::session::{Parametric, in_parallel};
use crate::tensor::Tensor;

/// Inputs that scales are measured on.
pub(super) const INPUTS: usize = 64;

/// The scale of every layer in the trained network.
pub(super) struct Calibration {
    inputs: Vec<Vec<Tensor>>,
    /// Of layers that were found, in the order of the file.
    trained: Vec<Option<Scale>>,
    jobs: usize,
}

/// Mean and standard deviation of a layer's output, over inputs, channels and positions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    fn of(values: &[Tensor]) -> Scale {
        let count = values.iter().map(Tensor::len).sum::<usize>().max(1) as f64;
        let mean = values.iter().map(Tensor::sum).sum::<f64>() / count;
        let deviations = values.iter().flat_map(|tensor| tensor.data());
        let squares = deviations.map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        Scale { mean, deviation: (squares / count).sqrt() }
    }
}

impl Calibration {
    /// Measures the trained network.
    ///
    /// # Errors
    /// When the network cannot be run.
    pub fn new(
        parametric: &Parametric,
        inputs: Vec<Vec<Tensor>>,
        jobs: usize,
    ) -> Result<Calibration> {
        let network = parametric.network(|_, _| {})?;
        let layers = parametric.layers();
        let ends = ends(&network, layers);
        let mut calibration = Calibration { inputs, trained: vec![None; layers.len()], jobs };
        let mut trained = vec![None; layers.len()];
        calibration.run(&network, |id, values| {
            if let Some(&layer) = ends.get(&id) {
                trained[layer] = Some(Scale::of(values));
            }
            Ok(())
        })?;
        calibration.trained = trained;
        Ok(calibration)
    }

    /// What gives every layer in `random` the scale that it had, from the lowest on: each is measured on what the layers
    /// below, rescaled already, give to it.
    ///
    /// # Errors
    /// When the network cannot be run.
    pub fn rescaling(
        &self,
        parametric: &Parametric,
        random: &BTreeSet<usize>,
        parameters: &RandomParameters,
    ) -> Result<Rescaling> {
        let network = parametric.network(|name, values| parameters.change(name, values))?;
        let layers = parametric.layers();
        let ends = ends(&network, layers);
        let mut rescaling = Rescaling::new();
        self.run(&network, |id, values| {
            let layer = ends.get(&id).filter(|layer| random.contains(layer));
            let Some((layer, trained)) =
                layer.and_then(|&it| Some((&layers[it], self.trained[it]?)))
            else {
                return Ok(());
            };
            let [factor, summand] = rescale(layer, Scale::of(values), trained, &mut rescaling);
            for tensor in values {
                *tensor = tensor.map(|value| factor * value + summand)?;
            }
            Ok(())
        })?;
        Ok(rescaling)
    }

    fn run(
        &self,
        network: &Network,
        see: impl FnMut(LayerId, &mut Vec<Tensor>) -> Result<()>,
    ) -> Result<()> {
        let for_all = |count: usize, work: &(dyn Fn(usize) -> Result<Tensor> + Sync)| {
            let numbers: Vec<usize> = (0..count).collect();
            in_parallel(&numbers, self.jobs, |&number| work(number)).into_iter().collect()
        };
        network
            .evaluate_side_by_side(&self.inputs, &for_all, see)
            .context("measuring the scale of activations for keep-scale")
    }
}

/// The layers at whose value a weighted layer ends, as they are numbered in a network.
fn ends(network: &Network, layers: &[WeightedLayer]) -> HashMap<LayerId, usize> {
    let of = |(index, layer): (usize, &WeightedLayer)| {
        Some((network.layer_named(&layer.end).ok()?, index))
    };
    layers.iter().enumerate().filter_map(of).collect()
}

/// Rescales the parameters of a layer so that its output, whose scale is `now`, gets that of the trained one. Returns the
/// factor and the summand that the output really gets: a parameter that another layer shares is rescaled already, and one
/// without a bias has nothing to add with.
///
/// Whatever is added in the layer is 0 before: `keep-scale` begins as `he` does.
fn rescale(layer: &WeightedLayer, now: Scale, trained: Scale, all: &mut Rescaling) -> [f32; 2] {
    let reaching = || layer.parameters.iter().filter(|parameter| parameter.reaches_end);
    let is_added = |role: Role| matches!(role, Role::Bias | Role::Shift);
    // Of a product of several parameters one is enough.
    let multiplied = reaching().find(|it| !is_added(it.role)).map(|it| it.name.as_str());
    let wanted = trained.deviation / now.deviation;
    let wanted = if wanted.is_finite() && wanted > 0.0 { wanted as f32 } else { 1.0 };
    let factor =
        multiplied.map_or(1.0, |name| all.entry(name.to_string()).or_insert([wanted, 0.0])[0]);
    let names: Vec<&str> =
        reaching().filter(|it| is_added(it.role)).map(|it| it.name.as_str()).collect();
    let added_by_others: f32 =
        names.iter().filter_map(|name| all.get(*name)).map(|[_, summand]| summand).sum();
    let missing = (trained.mean - f64::from(factor) * now.mean) as f32 - added_by_others;
    match names.iter().find(|name| !all.contains_key(**name)) {
        Some(free) if missing.is_finite() => {
            all.insert(free.to_string(), [1.0, missing]);
            [factor, added_by_others + missing]
        }
        _ => [factor, added_by_others],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanity::init::Initialisation;
    use crate::session::Session;

    fn inputs() -> Vec<Vec<Tensor>> {
        let picture = |number: u64| {
            let stream = crate::random::Stream::new(number, &[]);
            let values: Vec<f32> =
                (0..784).map(|pixel| 3.0 * stream.uniform(pixel) - 1.0).collect();
            vec![Tensor::new(&[1, 1, 28, 28], &values).unwrap()]
        };
        (0..6).map(picture).collect()
    }

    #[test]
    fn every_random_layer_gets_the_scale_of_the_trained_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
        for model in ["fashion_resnet", "fashion_vgg"] {
            let session = Session::open(format!("{folder}/{model}.onnx")).unwrap();
            let parametric = session.parametric().unwrap();
            let layers = parametric.layers();
            let calibration = Calibration::new(&parametric, inputs(), 2).unwrap();
            assert!(calibration.trained.iter().all(Option::is_some), "{model}");
            let random: BTreeSet<usize> = (1..layers.len()).collect();
            let made = || RandomParameters::new(layers, &random, Initialisation::KeepScale, 0);
            let rescaling = calibration.rescaling(&parametric, &random, &made()).unwrap();
            let parameters = made().rescaled(rescaling);
            let network =
                parametric.network(|name, values| parameters.change(name, values)).unwrap();
            let ends = ends(&network, layers);
            let mut seen = 0;
            calibration
                .run(&network, |id, values| {
                    let Some(&layer) = ends.get(&id) else { return Ok(()) };
                    let (now, then) = (Scale::of(values), calibration.trained[layer].unwrap());
                    let name = &layers[layer].name;
                    let off = (now.deviation / then.deviation - 1.0).abs();
                    assert!(off < 1e-3, "{model} {name}: {now:?} instead of {then:?}");
                    // The exporter gave both branches of some blocks one shift, because their numbers were equal.
                    let is_own = |name: &str| {
                        let lists = |it: &&WeightedLayer| {
                            it.parameters.iter().any(|other| other.name == name)
                        };
                        layers.iter().filter(lists).count() == 1
                    };
                    let has_summand = layers[layer].parameters.iter().any(|it| {
                        let is_added = matches!(it.role, Role::Bias | Role::Shift);
                        it.reaches_end && is_added && is_own(&it.name)
                    });
                    let off = (now.mean - then.mean).abs() / then.deviation;
                    assert!(
                        off < 1e-3 || !has_summand,
                        "{model} {name}: {now:?} instead of {then:?}"
                    );
                    seen += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(seen, layers.len(), "{model}");
        }
    }
}
