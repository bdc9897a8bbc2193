//! A rule with its numbers, and with the settings that all rules share.

use std::fmt;

use super::group::Group;
use super::spec::{Effect, RuleSpec, Setting};
use super::stabilizer::Stabilizer;

/// A relevance rule with its own numbers.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the rule's file says about it.
    pub spec: &'static RuleSpec,
    /// Its numbers, as many as [`RuleSpec::numbers`].
    pub numbers: Vec<f32>,
    /// Lowest and highest value of the input, one number or one per channel; `None` takes those of the network's input.
    pub range: Option<[Vec<f32>; 2]>,
}

/// Two rules are the same where their names and numbers are.
impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.name() == other.name() && self.numbers == other.numbers && self.range == other.range
    }
}

/// The rule with the defaults of its numbers.
impl From<&'static RuleSpec> for Rule {
    fn from(spec: &'static RuleSpec) -> Rule {
        Rule { spec, numbers: spec.numbers().map(|number| number.default).collect(), range: None }
    }
}

impl Rule {
    /// The word in YAML.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What the rule does to relevance.
    pub fn effect(&self) -> Effect {
        self.spec.effect
    }

    /// The rule's divisions on a linear layer; `None` for a rule that divides nothing.
    pub fn groups(&self) -> Option<Vec<Group>> {
        match self.spec.effect {
            Effect::Divide(groups) => Some(groups(&self.numbers)),
            _ => None,
        }
    }

    /// Whether the rule needs the lowest and highest value of the network's input: z-box without a range of its own.
    pub fn asks_for_input_range(&self) -> bool {
        self.range.is_none() && self.spec.settings.contains(&Setting::Range)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (number, value) in self.spec.numbers().zip(&self.numbers) {
            write!(f, " {}={value}", number.symbol)?;
        }
        Ok(())
    }
}

/// A rule with the settings every rule has.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSetting {
    /// The rule.
    pub rule: Rule,
    /// Keeps its denominators away from zero; `None` takes the composite's stabilizer.
    pub stabilizer: Option<Stabilizer>,
    /// Whether the bias takes part and absorbs relevance.
    pub bias: bool,
}

impl From<Rule> for RuleSetting {
    fn from(rule: Rule) -> RuleSetting {
        RuleSetting { rule, stabilizer: None, bias: true }
    }
}

impl From<&'static RuleSpec> for RuleSetting {
    fn from(spec: &'static RuleSpec) -> RuleSetting {
        Rule::from(spec).into()
    }
}

impl fmt::Display for RuleSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule)?;
        if let Some(stabilizer) = &self.stabilizer {
            write!(f, " {stabilizer}")?;
        }
        if !self.bias {
            write!(f, " without bias")?;
        }
        Ok(())
    }
}
