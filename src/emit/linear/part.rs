//! Parts of weights as nodes on the one stored weight; runtimes compute them once, when they load the graph.

use crate::emit::graph::Graph;
use crate::linear::{Weight, WeightPart};

/// A part of the weights, times a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::emit) struct Part {
    pub part: WeightPart,
    pub factor: f32,
}

impl From<WeightPart> for Part {
    fn from(part: WeightPart) -> Part {
        Part { part, factor: 1.0 }
    }
}

impl Part {
    /// The weights as they are.
    pub const PLAIN: Part = Part { part: WeightPart::Plain, factor: 1.0 };

    /// The part of one number.
    pub fn of(self, number: f32) -> f32 {
        self.factor * self.part.of(number)
    }

    /// The part of a stored weight.
    pub fn of_weight(self, graph: &mut Graph, weight: &Weight) -> String {
        let weight = graph.weight(weight);
        self.of_stored(graph, &weight)
    }

    /// The part of a stored tensor. [`WeightPart::One`] has no nodes of its own: maps add up their inputs instead.
    pub fn of_stored(self, graph: &mut Graph, weight: &str) -> String {
        let favored = |graph: &mut Graph, gamma: f32, part: String| {
            let gamma = graph.number(gamma);
            let more = graph.node("Mul", &[&part, &gamma], &[]);
            graph.node("Add", &[weight, &more], &[])
        };
        let part = match self.part {
            WeightPart::Plain => weight.to_string(),
            WeightPart::Positive => graph.node("Relu", &[weight], &[]),
            WeightPart::Negative => negative(graph, weight),
            WeightPart::PositiveFavored(gamma) => {
                let positive = graph.node("Relu", &[weight], &[]);
                favored(graph, gamma, positive)
            }
            WeightPart::NegativeFavored(gamma) => {
                let negative = negative(graph, weight);
                favored(graph, gamma, negative)
            }
            WeightPart::Magnitude => graph.node("Abs", &[weight], &[]),
            WeightPart::Squared => graph.node("Mul", &[weight, weight], &[]),
            WeightPart::One => {
                let shape = graph.node("Shape", &[weight], &[]);
                let one = graph.floats(&[1], &[1.0]);
                graph.node("Expand", &[&one, &shape], &[])
            }
        };
        if self.factor == 1.0 {
            return part;
        }
        let factor = graph.number(self.factor);
        graph.node("Mul", &[&part, &factor], &[])
    }
}

fn negative(graph: &mut Graph, weight: &str) -> String {
    let zero = graph.number(0.0);
    graph.node("Min", &[weight, &zero], &[])
}
