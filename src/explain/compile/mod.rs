//! Compile: from a rule per layer to steps that do only what is needed.
//!
//! For each division of a rule, terms are dropped that are zero whatever the input (`x⁻` behind a
//! ReLU, `W⁻` of non-negative weights), whole groups are dropped that no relevance can reach
//! ([`support`]), and the denominator is taken from the forward pass where it is the layer's own
//! output. So z-plus and gamma behind a ReLU cost one forward and one transposed map each.

mod simplify;
mod support;

use anyhow::{Context, Result, bail};

pub use support::RelevanceSupport;

use self::simplify::{LinearLayer, input_signs};
use self::support::support_of;
use super::input_range::{InputRange, InputRanges};
use super::step::{LinearStep, Step, TaylorStep};
use crate::composite::{Assignment, LayerRule};
use crate::linear::Window;
use crate::network::{Followed, Interval, Kind, Layer, LayerId, Network, Op, SignBounds, follow};
use crate::operator::Operator;
use crate::rule::{Effect, Group, Rule, RuleSetting, Stabilizer};

/// A network and what propagation does at each of its layers: complete, and never changed. It knows neither kernels
/// nor layouts nor what is kept in memory.
#[derive(Clone, Debug)]
pub struct Program {
    /// The canonized network, with its weights, or where they are stored.
    pub network: Network,
    /// What can be proven about the signs of its values.
    pub signs: SignBounds,
    /// One step per layer.
    pub steps: Vec<Step>,
    /// Where relevance can arrive at each layer's value; at a layer whose step is [`Step::End`] none is read.
    pub support: Vec<RelevanceSupport>,
    /// The cells over which what a layer hands to single elements some apart is spread.
    pub cells: Vec<Option<Window>>,
}

impl Program {
    /// Compiles the rules of a network's layers; `ranges` are those of the network's inputs, for the z-box rule.
    ///
    /// # Errors
    /// When a rule was assigned to a layer that it cannot be applied to, or z-box is used and the range is not known.
    pub fn compile(
        network: Network,
        assignment: &Assignment,
        ranges: &InputRanges,
    ) -> Result<Program> {
        let signs = SignBounds::of(&network);
        Program::knowing(network, signs, assignment, ranges)
    }

    /// Compiles other rules for the same network.
    ///
    /// # Errors
    /// Those of [`Program::compile`].
    pub fn with_other_rules(
        &self,
        assignment: &Assignment,
        ranges: &InputRanges,
    ) -> Result<Program> {
        Program::knowing(self.network.clone(), self.signs.clone(), assignment, ranges)
    }

    fn knowing(
        network: Network,
        signs: SignBounds,
        assignment: &Assignment,
        ranges: &InputRanges,
    ) -> Result<Program> {
        let depends = network.depends_on_input();
        let consumers = network.consumers();
        let count = network.layers.len();
        let mut steps = vec![Step::End; count];
        let mut support = vec![RelevanceSupport::ANYWHERE; count];
        for id in (0..count).rev() {
            let receives = id == network.output
                || consumers[id].iter().any(|&consumer| hands_to(&network, &steps, consumer, id));
            if !depends[id] || !receives {
                continue;
            }
            support[id] = support_of(&network, &signs, (&steps, &support), &consumers[id], id);
            let compiler =
                Compiler { network: &network, signs: &signs, depends: &depends, ranges, id };
            let step = compiler.step(&assignment.rules[id], support[id]);
            steps[id] =
                step.with_context(|| format!("compiling the {}", network.layers[id].describe()))?;
        }
        let cells = (0..count).map(|id| {
            let spreads =
                assignment.spread_strided && can_spread(&assignment.rules[id], &steps[id]);
            spreads.then(|| network.layers[id].op.cells()).flatten()
        });
        let cells = cells.collect();
        Ok(Program { network, signs, steps, support, cells })
    }

    /// A network that is only run forwards: no relevance arrives anywhere.
    pub fn without_steps(network: Network) -> Program {
        let count = network.layers.len();
        Program {
            signs: SignBounds::of(&network),
            steps: vec![Step::End; count],
            support: vec![RelevanceSupport::ANYWHERE; count],
            cells: vec![None; count],
            network,
        }
    }
}

/// Whether a step hands down relevance in proportion to values, and no gradient.
fn can_spread(rule: &LayerRule, step: &Step) -> bool {
    matches!(
        (rule, step),
        (LayerRule::Route, Step::Gradient) | (_, Step::Linear(_) | Step::Split(_))
    )
}

/// Whether a consumer hands any relevance to the value of layer `id`.
fn hands_to(network: &Network, steps: &[Step], consumer: LayerId, id: LayerId) -> bool {
    match (&steps[consumer], &network.layers[consumer].op) {
        (Step::End, _) => false,
        (Step::Share | Step::Taylor(TaylorStep { of_signal: true, .. }), op) => {
            match op.as_operator().and_then(Operator::signal) {
                Some(signal) => network.layers[consumer].inputs[signal] == id,
                None => true,
            }
        }
        _ => true,
    }
}

/// What the step of one layer is compiled from.
struct Compiler<'a> {
    network: &'a Network,
    signs: &'a SignBounds,
    /// Which values change with the inputs.
    depends: &'a [bool],
    ranges: &'a InputRanges,
    id: LayerId,
}

impl Compiler<'_> {
    fn layer(&self) -> &Layer {
        &self.network.layers[self.id]
    }

    fn step(&self, rule: &LayerRule, support: RelevanceSupport) -> Result<Step> {
        let layer = self.layer();
        let (setting, stabilizer) = match rule {
            LayerRule::End => return Ok(Step::End),
            LayerRule::Route => return Ok(Step::Gradient),
            LayerRule::Rule(setting, stabilizer) => (setting, *stabilizer),
        };
        if let Some(taylor) = self.taylor_step(setting, stabilizer) {
            return Ok(Step::Taylor(taylor));
        }
        match (setting.rule.effect(), setting.rule.groups(), layer.op.as_linear()) {
            (Effect::Gradient, ..) => Ok(Step::Gradient),
            (Effect::GuidedBackprop, ..) => Ok(Step::GuidedBackprop),
            (Effect::Deconvnet, ..) => Ok(Step::Deconvnet),
            (Effect::Pass, ..) if matches!(layer.kind(), Kind::Gate | Kind::Product) => {
                Ok(Step::Share)
            }
            (Effect::Pass, ..) => Ok(Step::Pass),
            (_, Some(groups), Some(map)) => {
                let inputs = input_signs(layer, self.signs);
                let linear = LinearLayer { map, inputs, support };
                self.linear_step(setting, stabilizer, groups, linear)
            }
            _ => {
                let rule = setting.rule.name();
                bail!("the rule {rule} cannot be applied to the {}", layer.describe())
            }
        }
    }

    /// The rules of the first derivative.
    fn taylor_step(&self, setting: &RuleSetting, stabilizer: Stabilizer) -> Option<TaylorStep> {
        let layer = self.layer();
        let operator = layer.op.as_operator()?;
        let on_signals = setting.rule.spec.on_signals && operator.is_linear_in_signal();
        let of_signal = match setting.rule.effect() {
            Effect::Divide(_) if on_signals => true,
            Effect::Taylor => false,
            _ => return None,
        };
        let is_multiplied = matches!(layer.op, Op::MatrixProduct(_) | Op::Product(_));
        let signals = match operator.signal() {
            Some(_) if of_signal => 1,
            _ if is_multiplied => layer.inputs.iter().filter(|&&input| self.depends[input]).count(),
            _ => 1,
        };
        Some(TaylorStep { of_signal, signals: signals.max(1), bias: setting.bias, stabilizer })
    }

    /// The divisions of a rule.
    fn linear_step(
        &self,
        setting: &RuleSetting,
        stabilizer: Stabilizer,
        mut groups: Vec<Group>,
        linear: LinearLayer,
    ) -> Result<Step> {
        if !setting.bias {
            groups.iter_mut().for_each(|group| group.bias = None);
        }
        let groups = linear.simplified(groups);
        if let Some(split) = linear.split(&groups, setting.bias, stabilizer) {
            return Ok(Step::Split(split));
        }
        let divisions = groups.into_iter().map(|simplified| linear.division(simplified.group));
        let mut step = LinearStep { divisions: divisions.collect(), stabilizer, ranges: vec![] };
        if step.reads_ranges() {
            step.ranges = self.ranges(&setting.rule)?;
        }
        Ok(Step::Linear(step))
    }

    /// The range of every input: what the rule says, or what the ranges of the network's inputs become there.
    fn ranges(&self, rule: &Rule) -> Result<Vec<Interval>> {
        let range_of = |&input: &LayerId| match &rule.range {
            Some([low, high]) => {
                let (low, high) = (low.clone(), high.clone());
                let range = InputRange { low, high, channel_axis: 1 };
                range.interval(&self.network.layers[input].shape)
            }
            None => self.range_at(input),
        };
        self.layer().inputs.iter().map(range_of).collect()
    }

    /// Follows the ranges of the network's inputs to the value of a layer.
    fn range_at(&self, id: LayerId) -> Result<Interval> {
        let network = self.network;
        match follow(network, id, &self.ranges.intervals(network.inputs())?)? {
            Followed::Within(interval) => Ok(interval),
            Followed::LostAt(layer) => match network.layers[layer].op {
                Op::Input => bail!(
                    "the z-box rule needs the lowest and highest value of the network's input: give --input-range LOW,HIGH"
                ),
                _ => bail!(
                    "the z-box rule needs the range of its input, but the {} stands between it and the network's input; use another rule there",
                    network.layers[layer].describe()
                ),
            },
        }
    }
}
