//! Why a composite does not fit a network, in one line for each kind of layer, with the entry to add.

use std::fmt::Write as _;

use crate::network::{Kind, Layer};
use crate::rule::RuleSetting;

/// Layers that have no rule, or one that does not apply to them.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

struct Problem {
    kind: Kind,
    /// The rule that does not apply; `None` where no entry gives one.
    rule: Option<String>,
    /// What would apply, for people.
    advice: String,
    /// How the layers are called.
    layers: Vec<String>,
}

/// How many layers are named.
const NAMED: usize = 2;

impl Problems {
    /// No entry matches a layer.
    pub(super) fn without_rule(&mut self, layer: &Layer, kind: Kind) {
        let word = kind.word();
        let advice = match usual_rule(kind) {
            Some(rule) => format!("add `- {{ when: {{ kind: {word} }}, rule: {rule} }}`"),
            None => "add one".to_string(),
        };
        self.add((layer, kind), None, advice);
    }

    /// The rule of the first matching entry does not apply to a layer.
    pub(super) fn misfit(&mut self, layer: (&Layer, Kind), setting: &RuleSetting, advice: &str) {
        self.add(layer, Some(setting.rule.name().to_string()), advice.to_string());
    }

    fn add(&mut self, (layer, kind): (&Layer, Kind), rule: Option<String>, advice: String) {
        let name = layer.describe();
        let same = |it: &&mut Problem| it.kind == kind && it.rule == rule && it.advice == advice;
        match self.0.iter_mut().find(same) {
            Some(problem) => problem.layers.push(name),
            None => self.0.push(Problem { kind, rule, advice, layers: vec![name] }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line for each kind and rule, each behind two spaces.
    pub(super) fn lines(&self) -> String {
        let mut text = String::new();
        for Problem { kind, rule, advice, layers } in &self.0 {
            let layers = named(layers);
            let kind = kind.word();
            // A text takes whatever is written.
            let _ = match rule {
                Some(rule) => write!(
                    text,
                    "\n  the rule {rule} does not apply to the kind {kind} ({layers}): {advice}"
                ),
                None => write!(
                    text,
                    "\n  no entry gives a rule for the kind {kind} ({layers}): {advice}"
                ),
            };
        }
        text
    }
}

/// The first of them, and how many more there are.
fn named(layers: &[String]) -> String {
    let mut text = layers.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if layers.len() > NAMED {
        let _ = write!(text, " and {} more", layers.len() - NAMED);
    }
    text
}

/// The rule that most presets give a kind; `None` for kinds that need none.
fn usual_rule(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Convolution => "z-plus",
        Kind::Dense | Kind::LayerNormalization => "epsilon",
        Kind::AveragePool | Kind::Sum | Kind::Resize => "norm",
        Kind::Activation | Kind::Normalization | Kind::Gate | Kind::Product => "pass",
        Kind::Matmul | Kind::Softmax => "taylor",
        Kind::Input | Kind::Constant | Kind::MaxPool | Kind::Concat | Kind::Reshape => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composite::{Assignment, Composite};
    use crate::network::{Network, Op};
    use crate::operator::{Activation, Function, Unary};
    use crate::rule::RULES;

    fn message(network: &Network, rules: &str) -> String {
        let composite = Composite::parse(&format!("name: mine\nrules:\n{rules}"), "mine.yaml");
        Assignment::of(network, &composite.unwrap()).unwrap_err().to_string()
    }

    /// Five activations, one after the other.
    fn network() -> Network {
        let layer = |index: usize| Layer {
            name: format!("/tanh_{index}"),
            op_type: "Tanh".to_string(),
            op: match index {
                0 => Op::Input,
                _ => Op::Activation(Activation::new(Function::unary(Unary::Tanh), "Tanh")),
            },
            inputs: if index == 0 { vec![] } else { vec![index - 1] },
            shape: vec![1, 4],
            unknown: None,
        };
        let layers = (0..6).map(layer).collect();
        Network { layers, output: 5, output_function: None }
    }

    #[test]
    fn a_kind_without_a_rule_is_told_once_with_the_entry_to_add() {
        let told = message(&network(), "  - { when: { kind: dense }, rule: epsilon }\n");
        assert_eq!(told.lines().count(), 2, "{told}");
        let told = told.lines().last().unwrap();
        assert!(told.starts_with("  no entry gives a rule for the kind activation ("), "{told}");
        assert!(told.contains("and 3 more"), "{told}");
        assert!(told.ends_with(": add `- { when: { kind: activation }, rule: pass }`"), "{told}");
        // What is to be added is read, and fits.
        let (_, entry) = told.split_once('`').unwrap();
        let text = format!("name: mine\nrules:\n  {}", entry.trim_end_matches('`'));
        Assignment::of(&network(), &Composite::parse(&text, "mine.yaml").unwrap()).unwrap();
    }

    #[test]
    fn a_rule_that_does_not_apply_is_told_once_too() {
        let told = message(&network(), "  - rule: z-plus\n");
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.contains("the rule z-plus does not apply to the kind activation ("), "{told}");
        assert!(told.ends_with("it takes pass, gradient, taylor, guided-backprop or deconvnet"));
    }

    #[test]
    fn every_kind_that_needs_a_rule_has_a_usual_one() {
        for kind in Kind::ALL {
            let rule = usual_rule(*kind);
            assert_eq!(rule.is_none(), kind.routes(), "{}", kind.word());
            assert!(rule.is_none_or(|rule| RULES.iter().any(|spec| spec.name == rule)));
        }
    }
}
