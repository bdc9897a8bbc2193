//! From logits to the relevance that is put in: at the class that is explained, and the opposite at its rival.

use super::graph::{Attribute, Graph};
use super::spec::{Rival, Spec, TARGET, Target};
use super::value::Value;
use crate::explain::Initial;

/// The relevance of every class.
pub(super) fn initial_relevance(graph: &mut Graph, spec: &Spec, logits: &Value) -> Value {
    let target = match spec.target {
        Target::Class(class) => graph.shaped_ints(&[1, 1], &[class as i64]),
        Target::Top => strongest(graph, &logits.name),
        Target::Input => {
            let column = graph.ints(&[-1, 1]);
            let given = graph.node("Reshape", &[TARGET, &column], &[]);
            let zero = graph.shaped_ints(&[], &[0]);
            let is_open = graph.node("Less", &[&given, &zero], &[]);
            let strongest = strongest(graph, &logits.name);
            graph.node("Where", &[&is_open, &strongest, &given], &[])
        }
    };
    let at_target = only(graph, logits, &target);
    let Some(rival) = spec.against else {
        let classes = match spec.initial {
            Initial::Centred => graph.with_number("Sub", &at_target, 1.0 / logits.axes[0] as f32),
            _ => at_target,
        };
        return amount(graph, spec.initial, logits, &classes);
    };
    let rival = match rival {
        Rival::Class(class) => graph.shaped_ints(&[1, 1], &[class as i64]),
        Rival::Top => {
            let lowest = graph.number(f32::MIN);
            let is_target = graph.with_number("Greater", &at_target, 0.5);
            let others = graph.node("Where", &[&is_target.name, &lowest, &logits.name], &[]);
            strongest(graph, &others)
        }
    };
    let at_rival = only(graph, logits, &rival);
    let difference = graph.subtract(&at_target, &at_rival);
    amount(graph, spec.initial, logits, &difference)
}

/// The place of the largest logit of every picture: `[N, 1]`.
fn strongest(graph: &mut Graph, logits: &str) -> String {
    graph.node("ArgMax", &[logits], &[("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(1))])
}

/// 1 at a class, 0 at all others.
fn only(graph: &mut Graph, logits: &Value, class: &str) -> Value {
    let count = logits.axes[0];
    let all: Vec<i64> = (0..count as i64).collect();
    let all = graph.shaped_ints(&[1, count], &all);
    let is_class = graph.node("Equal", &[&all, class], &[]);
    graph.as_number(&logits.named(is_class))
}

fn amount(graph: &mut Graph, initial: Initial, logits: &Value, classes: &Value) -> Value {
    match initial {
        Initial::Logit | Initial::Centred => graph.multiply(logits, classes),
        // A class that is always the same is no value of its own for every picture.
        Initial::One => {
            let zeros = graph.zeros_like(logits);
            graph.add(&zeros, classes)
        }
    }
}
