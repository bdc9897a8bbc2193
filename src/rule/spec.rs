//! What the file of a rule says about it.

use super::group::Group;

/// A rule: its name, its settings and what it does. Every rule's file owns one, and `RULES` lists them.
#[derive(Debug)]
pub struct RuleSpec {
    /// The word in YAML.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// What it does to relevance.
    pub effect: Effect,
    /// What may stand behind its name.
    pub settings: &'static [Setting],
    /// A condition that its numbers must meet together, beside their ranges.
    pub condition: Option<Condition>,
    /// Whether it also applies to operators that are linear in one signal, by their first derivative: attention weights
    /// and the standard deviation of a LayerNormalization are coefficients then (Ali et al. 2022).
    pub on_signals: bool,
    /// Whether it may be assigned to layers that only route, where relevance has one way to go anyway.
    pub on_routes: bool,
}

/// Says what is wrong with numbers that must fit together.
pub type Condition = fn(&[f32]) -> Result<(), String>;

/// What a rule does to relevance.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// Divides it on linear layers, by groups made of the rule's own numbers.
    Divide(fn(&[f32]) -> Vec<Group>),
    /// First-order Taylor expansion of an operator.
    Taylor,
    /// Hands it on as it is.
    Pass,
    /// The chain rule instead.
    Gradient,
    /// The chain rule, of which activations pass back the positive part.
    GuidedBackprop,
    /// The same without the activation's own derivative.
    Deconvnet,
}

/// What may stand behind a rule's name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// A number of the rule's own.
    Number(Number),
    /// `epsilon`, in short for an additive stabilizer of that strength.
    Epsilon,
    /// `low` and `high`: the range of the layer's input, one number each or one per channel.
    Range,
    /// `stabilizer`: what keeps denominators from zero.
    Stabilizer,
    /// `bias`: whether the bias takes part.
    Bias,
}

/// A number of a rule's own, from 0 upwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// The word in YAML.
    pub name: &'static str,
    /// The letter in tables.
    pub symbol: &'static str,
    /// Where none is given.
    pub default: f32,
    /// What it means, in a line.
    pub about: &'static str,
}

impl Setting {
    /// The words in YAML.
    pub fn words(&self) -> &[&'static str] {
        match self {
            Setting::Number(number) => std::slice::from_ref(&number.name),
            Setting::Epsilon => &["epsilon"],
            Setting::Range => &["low", "high"],
            Setting::Stabilizer => &["stabilizer"],
            Setting::Bias => &["bias"],
        }
    }
}

impl RuleSpec {
    /// A rule that divides on linear layers.
    pub(super) const fn divides(
        name: &'static str,
        groups: fn(&[f32]) -> Vec<Group>,
        settings: &'static [Setting],
    ) -> RuleSpec {
        RuleSpec { settings, ..RuleSpec::does(name, Effect::Divide(groups)) }
    }

    /// A rule of that effect, without settings.
    pub(super) const fn does(name: &'static str, effect: Effect) -> RuleSpec {
        RuleSpec {
            name,
            about: "",
            paper: "",
            effect,
            settings: &[],
            condition: None,
            on_signals: false,
            on_routes: false,
        }
    }

    /// The rule's own numbers, in the order in which its groups read them.
    pub fn numbers(&self) -> impl Iterator<Item = &Number> {
        self.settings.iter().filter_map(|setting| match setting {
            Setting::Number(number) => Some(number),
            _ => None,
        })
    }

    /// The words of all settings.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.settings.iter().flat_map(|setting| setting.words().iter().copied())
    }
}
