//! Compile: from a rule per layer to steps that do only what is needed.
//!
//! For each division of a rule, terms are dropped that are zero whatever the
//! picture (`x⁻` behind a ReLU, `W⁻` of non-negative weights), whole groups are
//! dropped that no relevance can reach ([`proof`](super::proof)), and the denominator is
//! taken from the forward pass where it is the layer's own output. So z-plus and
//! gamma behind a ReLU cost one forward and one transposed map each.

use anyhow::{Result, bail};

use super::gamma::GammaStep;
use super::kept::kept_values;
use super::proof::Proof;
use super::residual;
use crate::composite::{Assignment, LayerRule};
use crate::linear::{Dense, LinearMap, Signs, WeightPart};
use crate::network::{Kind, Layer, LayerId, Network, Op, SignBounds};
use crate::operator::Operator;
use crate::rule::{Group, InputPart, Rule, RuleSetting, Sign, Stabilizer, StabilizerKind, Term};
use crate::tensor::Tensor;

/// A network and what propagation does at each of its layers: data, without kernels or state.
#[derive(Clone, Debug)]
pub struct Program {
    /// The canonized network.
    pub network: Network,
    /// One step per layer.
    pub steps: Vec<Step>,
    /// Whether propagation reads the value of a layer.
    pub is_kept: Vec<bool>,
}

/// What propagation does at a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: no relevance arrives, or it ends here.
    End,
    /// The divisions of a rule on a linear layer.
    Linear(LinearStep),
    /// The gamma rule where inputs and outputs have both signs.
    Gamma(GammaStep),
    /// The epsilon rule on a sum of two signals.
    Residual(Stabilizer),
    /// A rule of the first derivative on an operator that is no linear map.
    Expansion(ExpansionStep),
    /// Relevance goes to the only input as it is.
    Pass,
    /// Relevance of a product: the signal takes all, or each factor half.
    Share,
    /// The chain rule.
    Gradient,
    /// The chain rule on the positive part.
    GuidedBackprop,
    /// The positive part.
    Deconvnet,
}

/// The divisions of a rule, simplified for one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearStep {
    /// The groups that can carry relevance.
    pub groups: Vec<Group>,
    /// What keeps their denominators from zero.
    pub stabilizer: Stabilizer,
    /// The input's range where the rule itself gives it: lowest and highest, one number or one per channel.
    pub range: Option<(Vec<f32>, Vec<f32>)>,
    /// A ReLU behind the layer whose value is the output wherever relevance arrives.
    pub relu: Option<LayerId>,
}

/// `R_in = x ⊙ Jᵀ (R / stabilized(signals · z))`, `z` being the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpansionStep {
    /// Whether `J` is that of the signal alone, everything else being a coefficient (epsilon), or
    /// the whole derivative (taylor).
    pub of_signal: bool,
    /// How many signals are multiplied with each other and share relevance evenly.
    pub signals: usize,
    /// Whether the operator's bias is part of `z`.
    pub bias: bool,
    /// What keeps `z` from zero.
    pub stabilizer: Stabilizer,
}

/// The terms of a group whose denominator is what the layer itself computes.
const OWN: [Term; 1] = [Term { input: InputPart::Plain, weight: WeightPart::Plain }];

impl LinearStep {
    /// Whether a group's denominator is the layer's own output.
    pub fn divides_by_output(group: &Group, map: &dyn LinearMap) -> bool {
        group.terms == OWN && (group.bias == Some(WeightPart::Plain) || map.bias().is_none())
    }

    /// The dense layer and its bias, where a group's denominator is the layer's output without the bias.
    pub(super) fn subtracts_bias<'a>(group: &Group, op: &'a Op) -> Option<(&'a Dense, &'a Tensor)> {
        match op {
            Op::Dense(dense) if group.terms == OWN && group.bias.is_none() => {
                Some((dense, dense.separable_bias()?))
            }
            _ => None,
        }
    }

    /// The sign of the contributions that a group counts, on a layer that has kernels for them.
    pub(super) fn contributions(&self, group: &Group, op: &Op) -> Option<Sign> {
        // A relative ε is known when all of z is.
        let is_local = self.stabilizer.kind != StabilizerKind::Relative;
        match op {
            Op::Convolution(map) if map.is_pointwise() && is_local => group.contributions(),
            _ => None,
        }
    }

    /// Whether a part of an input is relative to its lowest or highest value.
    pub(super) fn reads_range(&self) -> bool {
        self.groups.iter().flat_map(|group| &group.terms).any(|term| term.input.is_relative())
    }
}

impl Program {
    /// Compiles the rules of a network's layers.
    ///
    /// # Errors
    /// When a rule was assigned to a layer that it cannot be applied to.
    pub fn compile(network: Network, assignment: &Assignment) -> Result<Program> {
        let signs = SignBounds::of(&network);
        let depends = network.depends_on_input();
        let consumers = network.consumers();
        let count = network.layers.len();
        let mut steps = vec![Step::End; count];
        let mut proof = Proof::new(&network, &signs);
        for id in (0..count).rev() {
            let receives = id == network.output
                || consumers[id].iter().any(|&consumer| hands_to(&network, &steps, consumer, id));
            if depends[id] && receives {
                let gates = proof.dead_signs(&consumers[id], &steps, id);
                let rule = &assignment.rules[id];
                steps[id] = step_of(&network, id, rule, (&signs, &depends), gates)?;
                let relu = only_relu(&network, &consumers[id]).filter(|_| gates.negative);
                match (&mut steps[id], relu) {
                    (Step::Gamma(step), Some(relu)) => step.output = relu,
                    (Step::Linear(step), relu) if gates.zero => step.relu = relu,
                    _ => {}
                }
            }
        }
        let is_kept = kept_values(&network, &steps);
        Ok(Program { network, steps, is_kept })
    }
}

/// The only consumer of a value, if it is a ReLU: what is positive before it is the same behind it, and
/// needs to be kept there alone.
fn only_relu(network: &Network, consumers: &[LayerId]) -> Option<LayerId> {
    let [reader] = *consumers else { return None };
    match &network.layers[reader].op {
        Op::Activation(activation) => {
            let function = &activation.function;
            let is_relu = function.clip_bounds() == Some((0.0, f32::INFINITY));
            (is_relu && !function.has_parameters()).then_some(reader)
        }
        _ => None,
    }
}

/// Whether a consumer hands any relevance to the value of layer `id`.
fn hands_to(network: &Network, steps: &[Step], consumer: LayerId, id: LayerId) -> bool {
    match (&steps[consumer], &network.layers[consumer].op) {
        (Step::End, _) => false,
        (Step::Share | Step::Expansion(ExpansionStep { of_signal: true, .. }), op) => {
            match op.as_operator().and_then(Operator::signal) {
                Some(signal) => network.layers[consumer].inputs[signal] == id,
                None => true,
            }
        }
        _ => true,
    }
}

/// The rules of the first derivative; `depends` says which values change with the picture.
fn expansion_of(
    depends: &[bool],
    layer: &Layer,
    setting: &RuleSetting,
    stabilizer: Stabilizer,
) -> Option<ExpansionStep> {
    let operator = layer.op.as_operator()?;
    let of_signal = match setting.rule {
        Rule::Epsilon if operator.is_linear_in_signal() => true,
        Rule::Taylor => false,
        _ => return None,
    };
    let is_multiplied = matches!(layer.op, Op::MatrixProduct(_) | Op::Product(_));
    let signals = match operator.signal() {
        Some(_) if of_signal => 1,
        _ if is_multiplied => layer.inputs.iter().filter(|&&input| depends[input]).count(),
        _ => 1,
    };
    Some(ExpansionStep { of_signal, signals: signals.max(1), bias: setting.bias, stabilizer })
}

fn step_of(
    network: &Network,
    id: LayerId,
    rule: &LayerRule,
    (signs, depends): (&SignBounds, &[bool]),
    dead: DeadSigns,
) -> Result<Step> {
    let layer = &network.layers[id];
    let (setting, stabilizer) = match rule {
        LayerRule::End => return Ok(Step::End),
        LayerRule::Route => return Ok(Step::Gradient),
        LayerRule::Rule(setting, stabilizer) => (setting, *stabilizer),
    };
    if let Some(expansion) = expansion_of(depends, layer, setting, stabilizer) {
        return Ok(Step::Expansion(expansion));
    }
    match (&setting.rule, setting.rule.groups(), layer.op.as_linear()) {
        (Rule::Gradient, ..) => Ok(Step::Gradient),
        (Rule::GuidedBackprop, ..) => Ok(Step::GuidedBackprop),
        (Rule::Deconvnet, ..) => Ok(Step::Deconvnet),
        (Rule::Pass, ..) if matches!(layer.kind(), Kind::Gate | Kind::Product) => Ok(Step::Share),
        (Rule::Pass, ..) => Ok(Step::Pass),
        (rule, Some(groups), Some(map)) => {
            let inputs = input_signs(layer, signs);
            let simplify = |mut group: Group| {
                if !setting.bias {
                    group.bias = None;
                }
                simplified(group, inputs, map, dead)
            };
            let groups: Vec<Group> = groups.into_iter().filter_map(simplify).collect();
            // A relative ε is measured on all outputs of a group, those it does not divide too.
            let is_local = stabilizer.kind != StabilizerKind::Relative;
            let shares = shares_of_favour(rule, &groups, dead).filter(|_| is_local);
            if let Some((share, favour)) = shares {
                let (bias, has_negative) = (setting.bias, !dead.negative);
                return Ok(Step::Gamma(GammaStep {
                    share,
                    favour,
                    has_negative,
                    nonnegative_inputs: !inputs.negative,
                    output: id,
                    bias,
                    stabilizer,
                }));
            }
            if is_local && is_epsilon_on_residual_sum(&layer.op, &groups) {
                return Ok(Step::Residual(stabilizer));
            }
            let range = match rule {
                Rule::ZBox { low: Some(low), high: Some(high) } => {
                    Some((low.clone(), high.clone()))
                }
                _ => None,
            };
            Ok(Step::Linear(LinearStep { groups, stabilizer, range, relu: None }))
        }
        (rule, ..) => {
            bail!("the rule {} cannot be applied to the {}", rule.name(), layer.describe())
        }
    }
}

/// How much of a rule's denominator are the contributions as they are, and how much those of the
/// output's own sign: for gamma on both signs, and for z⁺ where inputs have both signs and outputs that
/// receive relevance one, `W⁺ x⁺ + W⁻ x⁻ = (W x + |W| |x|) / 2`.
fn shares_of_favour(rule: &Rule, groups: &[Group], dead: DeadSigns) -> Option<(f32, f32)> {
    match (rule, groups) {
        (Rule::Gamma { gamma }, groups) if meets_both_signs(groups) => {
            Some((1.0 + 0.5 * gamma, 0.5 * gamma))
        }
        (Rule::ZPlus, [group]) if dead.negative && dead.zero => {
            (group.contributions() == Some(Sign::Positive)).then_some((0.5, 0.5))
        }
        _ => None,
    }
}

/// Whether the groups of gamma meet outputs of both signs, or, where those of one sign need no gate any
/// more, inputs of both.
fn meets_both_signs(groups: &[Group]) -> bool {
    match groups {
        [_, _] => true,
        [group] => group.gate.is_none() && group.terms.len() == 2,
        _ => false,
    }
}

/// Whether groups are the epsilon rule on a sum of two signals.
fn is_epsilon_on_residual_sum(op: &Op, groups: &[Group]) -> bool {
    match (op, groups) {
        (Op::Sum(sum), [group]) => {
            let is_whole = group.gate.is_none() && group.coefficient == 1.0;
            is_whole && residual::is_residual(sum) && LinearStep::divides_by_output(group, sum)
        }
        _ => false,
    }
}

fn input_signs(layer: &Layer, signs: &SignBounds) -> Signs {
    let all = layer.inputs.iter().map(|&input| signs.signs(input));
    all.fold(Signs { positive: false, negative: false }, |union, signs| Signs {
        positive: union.positive || signs.positive,
        negative: union.negative || signs.negative,
    })
}

/// Output signs at which no relevance arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeadSigns {
    /// Where the output is below zero.
    pub negative: bool,
    /// Where the output is exactly zero.
    pub zero: bool,
}

/// The group without what is zero for every picture; `None` where nothing is left or no relevance arrives.
fn simplified(
    mut group: Group,
    inputs: Signs,
    map: &dyn LinearMap,
    dead: DeadSigns,
) -> Option<Group> {
    match group.gate {
        Some(Sign::Negative) if dead.negative => return None,
        Some(Sign::Positive) if dead.negative && dead.zero => group.gate = None,
        _ => {}
    }
    let weights = map.weight_signs();
    let simplify = |term: Term| {
        let input = match (term.input, inputs.positive, inputs.negative) {
            (InputPart::Positive, false, _) | (InputPart::Negative, _, false) => return None,
            (InputPart::Positive, _, false) | (InputPart::Negative, false, _) => InputPart::Plain,
            (part, ..) => part,
        };
        Some(Term { input, weight: term.weight.simplified(weights)? })
    };
    group.terms = group.terms.into_iter().filter_map(simplify).collect();
    group.bias = match map.bias() {
        Some(bias) => group.bias.and_then(|part| part.simplified(Signs::of(bias.data()))),
        None => None,
    };
    Some(group)
}
