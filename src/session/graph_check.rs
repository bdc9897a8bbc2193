//! A graph that was written, run by tract beside the engine: how far both differ.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result as Checked, ensure};

use super::explainer::Explainer;
use super::graph::{GraphOptions, output_named};
use super::graph_metadata::keys;
use super::graph_sample::{Sample, as_in_network, batch};
use super::input::Input;
use super::target::Target;
use crate::emit::{self, Finish, Output, Rival, Spec, TARGET};
use crate::error::{Error, Kind, Result};
use crate::explain::{TargetClass, initial_relevance};
use crate::onnx::{GraphRunner, Numbers};
use crate::random::Stream;
use crate::tensor::{Tensor, Tensors};

/// How far a graph and the engine differ, each as a part of the largest value.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct GraphDifference {
    /// Of the logits.
    pub logits: f32,
    /// Of relevance and what is summed from it.
    pub relevance: f32,
    /// How far the engine's own relevance moves where every number of the input moves by its last bit: what rounding
    /// can do. Denominators near zero, and ReLUs that decide otherwise, make it large.
    pub rounding: f32,
    /// Between a picture in a batch and the same alone, in the graph.
    pub batch: f32,
    /// The inputs that were compared.
    pub inputs: usize,
    /// For each of them, how far relevance differs, and what rounding can do.
    #[serde(skip)]
    by_input: Vec<[f32; 2]>,
}

/// So many times what rounding can do is allowed where that is more than the limit.
const ROUNDINGS: f32 = 3.0;

/// Below this part of the largest relevance a graph counts as the same.
pub const GRAPH_LIMIT: f32 = 1e-3;

impl GraphDifference {
    /// Whether they count as the same: as near as [`GRAPH_LIMIT`], or as rounding allows.
    pub fn is_good(&self) -> bool {
        self.is_within(GRAPH_LIMIT)
    }

    /// Whether nothing is further off than `limit`; relevance of an input, in a batch too, may be as far off as three
    /// times what rounding does there.
    pub fn is_within(&self, limit: f32) -> bool {
        let allowed = |rounding: f32| limit.max(ROUNDINGS * rounding);
        let is_near = |[off, rounding]: &[f32; 2]| *off <= allowed(*rounding);
        // The first input is the one that is run alone as well.
        let in_batch = self.by_input.first().map_or(limit, |[_, rounding]| allowed(*rounding));
        self.logits <= limit && self.batch <= in_batch && self.by_input.iter().all(is_near)
    }
}

impl Explainer {
    /// Runs a graph that was written by tract, beside the engine: on `random` random inputs, and on the given ones.
    ///
    /// # Errors
    /// [`Error::Model`] when the file cannot be run, [`Error::Computation`] where the engine cannot explain an input.
    pub fn compare_with_graph(
        &self,
        path: impl AsRef<Path>,
        random: usize,
        given: &[Input],
    ) -> Result<GraphDifference> {
        let runner = GraphRunner::load(path.as_ref()).kind(Error::Model)?;
        let spec = self.graph_spec(&GraphOptions::of_file(&runner)?)?;
        let mut samples = (0..random)
            .map(|seed| Sample::random(self, &spec, seed as u64))
            .collect::<Result<Vec<_>>>()?;
        for input in given {
            let tensors = self.context.network_inputs(input)?;
            samples.push(Sample::of(self.engine().network(), &spec, tensors)?);
        }
        let comparison = Comparison { explainer: self, spec: &spec, runner: &runner };
        comparison.run(&samples).kind(Error::Computation)
    }
}

impl GraphOptions {
    /// What a graph was compiled with.
    pub(super) fn of_file(runner: &GraphRunner) -> Result<GraphOptions> {
        let metadata = runner.metadata();
        let of_file = || {
            ensure!(
                metadata.contains_key(keys::VERSION),
                "the graph was not written by `onnxplain compile`: it says nothing about its model"
            );
            let names = runner.outputs();
            let mut outputs: Vec<Output> = vec![];
            for name in &names {
                let output = output_named(name.split('.').next().unwrap_or_default())?;
                if !outputs.contains(&output) {
                    outputs.push(output);
                }
            }
            let takes_bytes = runner.inputs().iter().any(|input| input.takes_bytes);
            let target = match metadata.get(keys::TARGET).copied() {
                None | Some("input") => None,
                Some(word) => Some(word.parse::<Target>()?),
            };
            let against = metadata.get(keys::AGAINST).map(|word| word.parse()).transpose()?;
            let is_picture = metadata.get(keys::INPUT) == Some(&"picture");
            Ok(GraphOptions {
                takes_pictures: takes_bytes && is_picture,
                fixed: target,
                against,
                outputs,
                ..GraphOptions::default()
            })
        };
        of_file().kind(Error::Model)
    }
}

struct Comparison<'a> {
    explainer: &'a Explainer,
    spec: &'a Spec,
    runner: &'a GraphRunner,
}

/// The outputs of one picture, by name, in the network's order.
type Outputs = BTreeMap<String, Vec<f32>>;

impl Comparison<'_> {
    fn run(&self, samples: &[Sample]) -> Checked<GraphDifference> {
        ensure!(!samples.is_empty(), "there is no input to compare on");
        let classes = self.classes(samples.len());
        let together = self.by_graph(samples, &classes)?;
        let mut difference = GraphDifference { inputs: samples.len(), ..Default::default() };
        for ((sample, &class), outputs) in samples.iter().zip(&classes).zip(&together) {
            let expected = self.by_engine(&sample.network, class)?;
            let [logits, relevance] = farthest(outputs, &expected);
            let mut rounding = 0.0;
            for seed in 0..NEIGHBOURS {
                let moved = neighbour(&sample.network, seed)?;
                let [_, own] = farthest(&self.by_engine(&moved, class)?, &expected);
                raise(&mut rounding, own);
            }
            raise(&mut difference.logits, logits);
            raise(&mut difference.relevance, relevance);
            raise(&mut difference.rounding, rounding);
            difference.by_input.push([relevance, rounding]);
        }
        let alone = self.by_graph(&samples[..1], &classes[..1])?;
        let [logits, relevance] = farthest(&together[0], &alone[0]);
        raise(&mut difference.batch, logits.max(relevance));
        Ok(difference)
    }

    /// The class of every sample, as the input `target` says it: the first is the strongest.
    fn classes(&self, count: usize) -> Vec<i64> {
        let classes = self.explainer.engine().network().class_count() as i64;
        (0..count as i64).map(|at| if at == 0 { -1 } else { (7 * at + 3) % classes }).collect()
    }

    fn by_graph(&self, samples: &[Sample], classes: &[i64]) -> Checked<Vec<Outputs>> {
        let inputs = self.spec.inputs.iter().enumerate();
        let given = inputs.map(|(place, input)| Ok((input.name.as_str(), batch(samples, place)?)));
        let mut given = given.collect::<Checked<Vec<(&str, Numbers)>>>()?;
        given.push((TARGET, Numbers::Classes(classes.to_vec())));
        let outputs = self.runner.run(&given)?;
        let of_sample = |index: usize| {
            let of_output = |(name, tensor): (&String, &Tensor)| {
                let count = tensor.len() / samples.len().max(1);
                let numbers = &tensor.data()[index * count..][..count];
                Ok((name.clone(), self.arranged(name, numbers)?))
            };
            outputs.iter().map(of_output).collect::<Checked<Outputs>>()
        };
        (0..samples.len()).map(of_sample).collect()
    }

    /// Relevance in the network's order.
    fn arranged(&self, name: &str, numbers: &[f32]) -> Checked<Vec<f32>> {
        let is_relevance = name.split('.').next() == Some(Output::Relevance.name());
        let network = self.explainer.engine().network();
        let ends_inside = self.spec.end.layers(network).start >= network.input_count();
        if !is_relevance || ends_inside {
            return Ok(numbers.to_vec());
        }
        let suffix = name.split_once('.').map(|(_, input)| input);
        let place =
            self.spec.inputs.iter().position(|input| suffix.is_none_or(|it| it == input.name));
        let place = place.context("relevance of an unknown input")?;
        as_in_network(&self.spec.inputs[place].content, &network.layers[place].shape, numbers)
    }

    fn by_engine(&self, inputs: &Tensors, class: i64) -> Checked<Outputs> {
        let engine = self.explainer.engine();
        let activations = engine.forward(inputs)?;
        let logits = activations.logits()?.clone();
        let (target, rival) = self.target_of(&logits, class);
        let initial = initial_relevance(&logits, target, rival, self.spec.initial)?;
        let put_in = initial.sum();
        let attribution = engine.propagate_to(self.spec.end, activations, initial)?;
        let absorbed = put_in - attribution.relevance.sum();
        let mut outputs = Outputs::new();
        outputs.insert(Output::Logits.name().to_string(), logits.data().to_vec());
        outputs.insert(Output::Absorbed.name().to_string(), vec![absorbed as f32]);
        for (place, relevance) in attribution.relevance.iter().enumerate() {
            let finished = match self.spec.finish {
                Finish::AsItIs => relevance.clone(),
                Finish::Magnitude => relevance.map(f32::abs)?,
                Finish::TimesInput => {
                    let mut product = relevance.clone();
                    product.combine([&inputs[place]], |r, [x]| r * x)?;
                    product
                }
            };
            let suffix = match attribution.relevance.len() {
                1 => String::new(),
                _ => format!(".{}", self.spec.inputs[place].name),
            };
            if let Some(heatmap) = self.heatmap(place, &finished)? {
                outputs.insert(format!("{}{suffix}", Output::Heatmap.name()), heatmap);
            }
            let name = format!("{}{suffix}", Output::Relevance.name());
            outputs.insert(name, finished.data().to_vec());
        }
        Ok(outputs)
    }

    /// The sum over the channels, where there are some.
    fn heatmap(&self, place: usize, relevance: &Tensor) -> Checked<Option<Vec<f32>>> {
        let network = self.explainer.engine().network();
        let ends_inside = self.spec.end.layers(network).start >= network.input_count();
        let axis = match ends_inside {
            true => Some(1),
            false => self.spec.inputs[place].channel_axis,
        };
        let Some(axis) = axis.filter(|&axis| axis < relevance.shape().len()) else {
            return Ok(None);
        };
        let shape = relevance.shape();
        let inner: usize = shape[axis + 1..].iter().product();
        let mut sums = vec![0.0; relevance.len() / shape[axis].max(1)];
        for (at, number) in relevance.data().iter().enumerate() {
            sums[at / (inner * shape[axis]) * inner + at % inner.max(1)] += number;
        }
        Ok(Some(sums))
    }

    fn target_of(&self, logits: &Tensor, class: i64) -> (TargetClass, Option<TargetClass>) {
        let logits = logits.data();
        let class_of =
            |index: usize| TargetClass { index, logit: logits.get(index).copied().unwrap_or(0.0) };
        let strongest = |without: Option<usize>| {
            let places = (0..logits.len()).filter(|&place| Some(place) != without);
            let best = places
                .reduce(|best, place| if logits[place] > logits[best] { place } else { best });
            class_of(best.unwrap_or(0))
        };
        let target = match self.spec.target {
            emit::Target::Class(class) => class_of(class),
            emit::Target::Input if class >= 0 => class_of(class as usize),
            emit::Target::Input | emit::Target::Top => strongest(None),
        };
        let rival = self.spec.against.map(|rival| match rival {
            Rival::Class(class) => class_of(class),
            Rival::Top => strongest(Some(target.index)),
        });
        (target, rival)
    }
}

/// Inputs whose last bits are moved, to see what rounding can do.
const NEIGHBOURS: u64 = 3;

/// The input with every number moved by its last bit, up or down; the lowest and the highest stay, which may be the ends
/// of its range.
fn neighbour(inputs: &Tensors, seed: u64) -> Checked<Tensors> {
    let moved = |(place, tensor): (usize, &Tensor)| {
        let stream = Stream::new(seed, &[place as u64]);
        let (low, high) = tensor.extremes();
        let numbers = tensor.data().iter().enumerate().map(|(at, &number)| {
            let is_end = number == low || number == high;
            match (is_end, stream.below(at as u64, 2)) {
                (true, _) => number,
                (false, 0) => number.next_down(),
                (false, _) => number.next_up(),
            }
        });
        Tensor::new(tensor.shape(), &numbers.collect::<Vec<_>>())
    };
    inputs.iter().enumerate().map(moved).collect()
}

/// How far logits, and relevance with what is summed from it, differ at most; outputs that only one has do not count.
fn farthest(found: &Outputs, expected: &Outputs) -> [f32; 2] {
    let mut farthest = [0.0, 0.0];
    for (name, expected) in expected {
        let Some(numbers) = found.get(name) else { continue };
        let distance = distance(numbers, expected, scale(name, expected, found));
        raise(&mut farthest[usize::from(name != Output::Logits.name())], distance);
    }
    farthest
}

/// What differences are measured by: the largest number of the output; for what is absorbed the largest logit, at least 1.
fn scale(name: &str, expected: &[f32], outputs: &Outputs) -> f32 {
    let largest =
        |numbers: &[f32]| numbers.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    match (name == Output::Absorbed.name(), outputs.get(Output::Logits.name())) {
        (true, Some(logits)) => largest(logits).max(1.0),
        _ => largest(expected),
    }
}

/// The largest difference as a part of `scale`; infinite where numbers are missing or NaN.
fn distance(found: &[f32], expected: &[f32], scale: f32) -> f32 {
    if found.len() != expected.len() {
        return f32::INFINITY;
    }
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let known = |difference: f32| if difference.is_nan() { f32::INFINITY } else { difference };
    differences.map(known).fold(0.0, f32::max) / scale.max(f32::MIN_POSITIVE)
}

fn raise(worst: &mut f32, other: f32) {
    *worst = worst.max(other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_nan_is_far_away() {
        assert_eq!(distance(&[1.0, 4.0], &[1.0, 3.0], 4.0), 0.25);
        assert_eq!(distance(&[1.0, f32::NAN], &[1.0, 3.0], 4.0), f32::INFINITY);
        assert_eq!(distance(&[1.0], &[1.0, 3.0], 4.0), f32::INFINITY);
    }
}
