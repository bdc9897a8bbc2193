//! Matches a composite against the layers of a network.

use std::collections::HashMap;

use anyhow::{Result, bail};

use super::problems::Problems;
use super::{Composite, Entry};
use crate::network::{Followed, Interval, Kind, Layer, LayerId, Network, UnknownOp};
use crate::network::{follow, refuse};
use crate::operator::Operator;
use crate::rule::{Effect, GRADIENT, Rule, RuleSetting, Stabilizer, TAYLOR};

/// The rule of one layer.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerRule {
    /// Relevance ends here: the input and constants.
    End,
    /// There is only one possible rule: concat, reshape, and max pooling, whose argmax gets all relevance.
    Route,
    /// A rule of the composite, with the stabilizer that applies.
    Rule(RuleSetting, Stabilizer),
}

impl LayerRule {
    /// The rule, as tables show it.
    pub fn describe(&self, kind: Kind) -> String {
        match self {
            LayerRule::End => String::new(),
            LayerRule::Route if kind == Kind::MaxPool => "winner takes all".to_string(),
            LayerRule::Route => "route".to_string(),
            LayerRule::Rule(setting, _) => match (setting.rule.effect(), kind) {
                (Effect::Pass, Kind::Gate) => "signal takes all".to_string(),
                (Effect::Pass, Kind::Product) => "half each".to_string(),
                _ => setting.to_string(),
            },
        }
    }
}

/// A rule for every layer of a network.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// One per layer.
    pub rules: Vec<LayerRule>,
    /// Warnings: entries that matched no layer.
    pub warnings: Vec<String>,
    /// Layers whose first matching rule cannot be used, so that they got the next one, with the reason.
    pub replaced: Vec<String>,
    /// Whether relevance is spread where a layer reads single elements some apart.
    pub spread_strided: bool,
}

/// What is known about the ranges of the network's inputs, which the z-box rule needs.
#[derive(Clone, Debug)]
pub enum InputKnowledge {
    /// It will be known when relevance is computed.
    Promised,
    /// The range of each input, where it is known.
    Within(Vec<Option<Interval>>),
}

impl Assignment {
    /// Gives every layer the rule of the first entry that matches it.
    ///
    /// # Errors
    /// When no rule is known for an operator of the network, or a layer matches no entry, or a rule does not apply to its
    /// kind. The message has a line for each such kind.
    pub fn of(network: &Network, composite: &Composite) -> Result<Assignment> {
        Assignment::knowing(network, composite, &InputKnowledge::Promised)
    }

    /// Like [`Assignment::of`]; if the range of a layer's input is not known, the next matching entry replaces its z-box
    /// rule.
    ///
    /// # Errors
    /// Those of [`Assignment::of`].
    pub fn knowing(
        network: &Network,
        composite: &Composite,
        knowledge: &InputKnowledge,
    ) -> Result<Assignment> {
        let places = Places::of(network);
        let wants_gradient = |id: LayerId, layer: &Layer| {
            let entry = composite.rules.iter().find(|entry| places.matches(entry, id, layer));
            entry.is_some_and(|entry| is_gradient(&entry.rule))
        };
        let layers = network.layers.iter().enumerate();
        let explained = layers.filter(|(id, layer)| !wants_gradient(*id, layer));
        let unknown: Vec<UnknownOp> =
            explained.filter_map(|(_, layer)| UnknownOp::of(layer)).collect();
        refuse(&unknown, "has no rule for")?;
        let mut is_used = vec![false; composite.rules.len()];
        let (mut problems, mut replaced) = (Problems::default(), vec![]);
        let mut rules = Vec::with_capacity(network.layers.len());
        for (id, layer) in network.layers.iter().enumerate() {
            let mut matching = (composite.rules.iter().enumerate())
                .filter(|(_, entry)| places.matches(entry, id, layer));
            let mut entry = matching.next();
            while let Some((index, before)) = entry {
                is_used[index] = true;
                let Some(lack) = lack(network, id, &before.rule.rule, knowledge)? else { break };
                let Some(next) = matching.next() else { break };
                replaced.push(format!(
                    "the {} gets {} instead of z-box: {lack}",
                    layer.describe(),
                    next.1.rule
                ));
                entry = Some(next);
            }
            let entry = entry.map(|(_, entry)| entry);
            let kind = places.kinds[id];
            rules.extend(rule_of((layer, kind), entry, composite, &mut problems));
        }
        if !problems.is_empty() {
            bail!(
                "the composite {} does not fit this network:{}",
                composite.name,
                problems.lines()
            );
        }
        let unused = is_used.iter().enumerate().filter(|(_, used)| !**used);
        let mut warnings: Vec<String> = unused
            .map(|(index, _)| {
                let rule = &composite.rules[index].rule;
                format!(
                    "entry {} ({rule}) of the composite {} matches no layer",
                    index + 1,
                    composite.name
                )
            })
            .collect();
        let spread_strided = composite.spread_strided;
        if spread_strided && network.layers.iter().all(|layer| layer.op.cells().is_none()) {
            warnings.push(format!(
                "spread-strided of the composite {} changes nothing: no layer reads single elements some apart",
                composite.name
            ));
        }
        Ok(Assignment { rules, warnings, replaced, spread_strided })
    }
}

/// Why a rule cannot be used at a layer: z-box needs the range of the layer's input.
fn lack(
    network: &Network,
    id: LayerId,
    rule: &Rule,
    knowledge: &InputKnowledge,
) -> Result<Option<String>> {
    if !rule.asks_for_input_range() {
        return Ok(None);
    }
    let InputKnowledge::Within(known) = knowledge else { return Ok(None) };
    for &input in &network.layers[id].inputs {
        let Followed::LostAt(layer) = follow(network, input, known)? else { continue };
        let layer = &network.layers[layer];
        return Ok(Some(match layer.kind() {
            Kind::Input => "the lowest and highest value of the network's input are not known; \
                            --input-range LOW,HIGH gives them"
                .to_string(),
            _ => format!(
                "the range of its input is not known, because of the {} before it",
                layer.describe()
            ),
        }));
    }
    Ok(None)
}

fn is_gradient(setting: &RuleSetting) -> bool {
    matches!(setting.rule.effect(), Effect::Gradient)
}

/// The rule of a layer; `None` where there is none or it does not apply, which is added to the problems.
fn rule_of(
    (layer, kind): (&Layer, Kind),
    entry: Option<&Entry>,
    composite: &Composite,
    problems: &mut Problems,
) -> Option<LayerRule> {
    if matches!(kind, Kind::Input | Kind::Constant) {
        return Some(LayerRule::End);
    }
    if layer.unknown.is_some() {
        // Gradient times input: what is linear hands on what it got, whatever its sign.
        let wants_gradient = entry.is_some_and(|entry| is_gradient(&entry.rule));
        let rule = if wants_gradient { &GRADIENT } else { &TAYLOR };
        return Some(LayerRule::Rule(rule.into(), composite.stabilizer));
    }
    let Some(Entry { rule: setting, .. }) = entry else {
        if kind.routes() {
            return Some(LayerRule::Route);
        }
        problems.without_rule(layer, kind);
        return None;
    };
    if kind.routes() {
        if setting.rule.spec.on_routes {
            return Some(LayerRule::Route);
        }
        problems.misfit((layer, kind), setting, "it only routes: `pass` or no entry");
        return None;
    }
    if !applies(setting, layer) {
        problems.misfit((layer, kind), setting, applicable(layer));
        return None;
    }
    let stabilizer = setting.stabilizer.unwrap_or(composite.stabilizer);
    Some(LayerRule::Rule(setting.clone(), stabilizer))
}

/// Whether a rule is defined on a layer that does not only route.
fn applies(setting: &RuleSetting, layer: &Layer) -> bool {
    let is_linear_in_signal = || layer.op.as_operator().is_some_and(Operator::is_linear_in_signal);
    match setting.rule.effect() {
        Effect::Gradient => true,
        Effect::GuidedBackprop | Effect::Deconvnet => layer.kind() == Kind::Activation,
        Effect::Taylor => layer.op.as_operator().is_some(),
        Effect::Pass => PASSING.contains(&layer.kind()),
        Effect::Divide(_) => {
            layer.op.as_linear().is_some()
                || (setting.rule.spec.on_signals && is_linear_in_signal())
        }
    }
}

/// Kinds that relevance may pass unchanged.
const PASSING: [Kind; 5] =
    [Kind::Activation, Kind::Normalization, Kind::LayerNormalization, Kind::Gate, Kind::Product];

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

/// What conditions need to know about a layer besides its kind and name.
struct Places {
    first: Vec<LayerId>,
    last: Vec<LayerId>,
    /// For each layer, its index among the layers of its kind.
    numbers: Vec<usize>,
    counts: HashMap<Kind, usize>,
    kinds: Vec<Kind>,
}

impl Places {
    fn of(network: &Network) -> Places {
        let mut counts = HashMap::new();
        let kinds = network.kinds();
        let numbers = kinds
            .iter()
            .map(|&kind| {
                let count = counts.entry(kind).or_insert(0);
                *count += 1;
                *count - 1
            })
            .collect();
        let (first, last) = (network.first_layers(), network.last_layers());
        Places { first, last, numbers, counts, kinds }
    }

    fn matches(&self, entry: &Entry, id: LayerId, layer: &Layer) -> bool {
        let when = &entry.when;
        let kind = self.kinds[id];
        let count = self.counts.get(&kind).copied().unwrap_or(0);
        when.first.is_none_or(|first| first == self.first.contains(&id))
            && when.last.is_none_or(|last| last == self.last.contains(&id))
            && when.kind.as_ref().is_none_or(|kinds| kinds.contains(kind))
            && when.name.as_ref().is_none_or(|name| name.is_match(&layer.name))
            && when.depth.is_none_or(|depth| depth.contains(self.numbers[id], count))
    }
}
