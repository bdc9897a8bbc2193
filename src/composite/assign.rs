//! Matches a composite against the layers of a network.

use std::collections::HashMap;

use anyhow::{Result, bail};

use super::{Composite, Entry};
use crate::network::{Kind, Layer, LayerId, Network, UnknownOp, refuse};
use crate::operator::Operator;
use crate::rule::{Rule, RuleSetting, Stabilizer};

/// The rule of one layer.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerRule {
    /// The input and constants: relevance ends here.
    End,
    /// Relevance has one way to go: concat, reshape, and max pooling, whose winner takes all.
    Route,
    /// A rule of the composite, with the stabilizer that applies.
    Rule(RuleSetting, Stabilizer),
}

impl LayerRule {
    /// The rule as a table shows it.
    pub fn describe(&self, kind: Kind) -> String {
        match self {
            LayerRule::End => String::new(),
            LayerRule::Route if kind == Kind::MaxPool => "winner takes all".to_string(),
            LayerRule::Route => "route".to_string(),
            LayerRule::Rule(setting, _) if setting.rule == Rule::Pass && kind == Kind::Gate => {
                "signal takes all".to_string()
            }
            LayerRule::Rule(setting, _) if setting.rule == Rule::Pass && kind == Kind::Product => {
                "half each".to_string()
            }
            LayerRule::Rule(setting, _) => setting.to_string(),
        }
    }
}

/// A rule for every layer of a network.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// One per layer.
    pub rules: Vec<LayerRule>,
    /// What should be said aloud: entries that matched no layer.
    pub warnings: Vec<String>,
}

impl Assignment {
    /// Gives every layer the rule of the first entry that matches it.
    ///
    /// # Errors
    /// When the network holds operators that no rule is known for, or a layer matches no entry, or
    /// a rule that does not apply to its kind: all are named.
    pub fn of(network: &Network, composite: &Composite) -> Result<Assignment> {
        let places = Places::of(network);
        let wants_gradient = |id: LayerId, layer: &Layer| {
            let entry = composite.rules.iter().find(|entry| places.matches(entry, id, layer));
            entry.is_some_and(|entry| entry.rule.rule == Rule::Gradient)
        };
        let layers = network.layers.iter().enumerate();
        let explained = layers.filter(|(id, layer)| !wants_gradient(*id, layer));
        let unknown: Vec<UnknownOp> =
            explained.filter_map(|(_, layer)| UnknownOp::of(layer)).collect();
        refuse(&unknown, "has no rule for")?;
        let mut is_used = vec![false; composite.rules.len()];
        let mut problems = vec![];
        let mut rules = Vec::with_capacity(network.layers.len());
        for (id, layer) in network.layers.iter().enumerate() {
            let matching =
                composite.rules.iter().position(|entry| places.matches(entry, id, layer));
            if let Some(index) = matching {
                is_used[index] = true;
            }
            let entry = matching.map(|index| &composite.rules[index]);
            match rule_of(layer, entry, composite) {
                Ok(rule) => rules.push(rule),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            problems.dedup();
            bail!(
                "the composite {} does not fit this network:\n  {}",
                composite.name,
                problems.join("\n  ")
            );
        }
        let unused = is_used.iter().enumerate().filter(|(_, used)| !**used);
        let warnings = unused
            .map(|(index, _)| {
                let rule = &composite.rules[index].rule;
                format!(
                    "entry {} ({rule}) of the composite {} matches no layer",
                    index + 1,
                    composite.name
                )
            })
            .collect();
        Ok(Assignment { rules, warnings })
    }
}

fn rule_of(
    layer: &Layer,
    entry: Option<&Entry>,
    composite: &Composite,
) -> Result<LayerRule, String> {
    let kind = layer.kind();
    if matches!(kind, Kind::Input | Kind::Constant) {
        return Ok(LayerRule::End);
    }
    if layer.unknown.is_some() {
        // Gradient times input: what is linear hands on what it got, whatever its sign.
        let wants_gradient = entry.is_some_and(|entry| entry.rule.rule == Rule::Gradient);
        let rule = if wants_gradient { Rule::Gradient } else { Rule::Taylor };
        return Ok(LayerRule::Rule(rule.into(), composite.stabilizer));
    }
    let Some(entry) = entry else {
        if kind.routes() {
            return Ok(LayerRule::Route);
        }
        return Err(format!(
            "the {} has the kind {}, for which no entry gives a rule; add one",
            layer.describe(),
            kind.word()
        ));
    };
    if kind.routes() {
        return match entry.rule.rule {
            Rule::Pass | Rule::Gradient | Rule::Norm => Ok(LayerRule::Route),
            _ => Err(misfit(layer, &entry.rule, "it only routes: `pass` or no entry")),
        };
    }
    let applies = match &entry.rule.rule {
        Rule::Gradient => true,
        Rule::GuidedBackprop | Rule::Deconvnet => kind == Kind::Activation,
        Rule::Taylor => layer.op.as_operator().is_some(),
        Rule::Epsilon if layer.op.as_operator().is_some_and(Operator::is_linear_in_signal) => true,
        Rule::Pass => PASSING.contains(&kind),
        _ => layer.op.as_linear().is_some(),
    };
    if !applies {
        return Err(misfit(layer, &entry.rule, applicable(layer)));
    }
    let stabilizer = entry.rule.stabilizer.unwrap_or(composite.stabilizer);
    Ok(LayerRule::Rule(entry.rule.clone(), stabilizer))
}

/// Kinds through which relevance may pass as it is.
const PASSING: [Kind; 5] =
    [Kind::Activation, Kind::Normalization, Kind::LayerNormalization, Kind::Gate, Kind::Product];

fn misfit(layer: &Layer, rule: &RuleSetting, advice: &str) -> String {
    format!(
        "the rule {} does not apply to the {} of kind {} ({advice})",
        rule.rule.name(),
        layer.describe(),
        layer.kind().word()
    )
}

fn applicable(layer: &Layer) -> &'static str {
    match layer.kind() {
        Kind::Activation => "it takes pass, gradient, taylor, guided-backprop or deconvnet",
        Kind::Normalization | Kind::LayerNormalization => {
            "it takes pass, epsilon, taylor or gradient"
        }
        Kind::Gate | Kind::Product => "it takes pass, taylor or gradient",
        Kind::Matmul => "it takes epsilon, taylor or gradient",
        Kind::Softmax => "it takes taylor or gradient",
        _ => "it takes a rule for linear layers, or gradient",
    }
}

/// What conditions ask of a layer beside its kind and name.
struct Places {
    first: Vec<LayerId>,
    last: Vec<LayerId>,
    /// For each layer, its number among the layers of its kind.
    numbers: Vec<usize>,
    counts: HashMap<Kind, usize>,
}

impl Places {
    fn of(network: &Network) -> Places {
        let mut counts = HashMap::new();
        let numbers = network
            .layers
            .iter()
            .map(|layer| {
                let count = counts.entry(layer.kind()).or_insert(0);
                *count += 1;
                *count - 1
            })
            .collect();
        Places { first: network.first_layers(), last: network.last_layers(), numbers, counts }
    }

    fn matches(&self, entry: &Entry, id: LayerId, layer: &Layer) -> bool {
        let when = &entry.when;
        let kind = layer.kind();
        let count = self.counts.get(&kind).copied().unwrap_or(0);
        when.first.is_none_or(|first| first == self.first.contains(&id))
            && when.last.is_none_or(|last| last == self.last.contains(&id))
            && when.kind.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && when.name.as_ref().is_none_or(|name| name.is_match(&layer.name))
            && when.depth.is_none_or(|depth| depth.contains(self.numbers[id], count))
    }
}
