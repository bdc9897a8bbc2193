//! Rules in YAML: `flat`, or `{ gamma: { gamma: 0.5, stabilizer: 1e-6, bias: false } }`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Unexpected, Visitor};

use super::{Rule, RuleSetting, Stabilizer, StabilizerKind};

/// The names of all rules, as in YAML.
pub const RULE_NAMES: &[&str] = &[
    "epsilon",
    "z-plus",
    "alpha-beta",
    "gamma",
    "z-box",
    "w-square",
    "flat",
    "norm",
    "taylor",
    "pass",
    "gradient",
    "guided-backprop",
    "deconvnet",
];

/// γ where none is given, as in zennit.
const DEFAULT_GAMMA: f32 = 0.25;

/// The parameters of any rule; which of them a rule takes is checked in [`build`].
#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Parameters {
    epsilon: Option<f32>,
    gamma: Option<f32>,
    alpha: Option<f32>,
    beta: Option<f32>,
    low: Option<PerChannel>,
    high: Option<PerChannel>,
    stabilizer: Option<Stabilizer>,
    bias: Option<bool>,
}

/// One number, or one per channel.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum PerChannel {
    One(f32),
    Many(Vec<f32>),
}

impl PerChannel {
    fn into_vec(self) -> Vec<f32> {
        match self {
            PerChannel::One(value) => vec![value],
            PerChannel::Many(values) => values,
        }
    }
}

/// Makes a rule of its name and parameters.
fn build(name: &str, parameters: Parameters) -> Result<RuleSetting, String> {
    let Parameters { epsilon, gamma, alpha, beta, low, high, stabilizer, bias } = parameters;
    let given = [
        ("epsilon", epsilon.is_some()),
        ("gamma", gamma.is_some()),
        ("alpha", alpha.is_some()),
        ("beta", beta.is_some()),
        ("low", low.is_some()),
        ("high", high.is_some()),
        ("stabilizer", stabilizer.is_some()),
        ("bias", bias.is_some()),
    ];
    let rule = match name {
        "epsilon" => Rule::Epsilon,
        "z-plus" => Rule::ZPlus,
        "alpha-beta" => {
            let (alpha, beta) = (alpha.unwrap_or(2.0), beta.unwrap_or(1.0));
            let is_valid = alpha >= 0.0 && beta >= 0.0 && (alpha - beta - 1.0).abs() < 1e-6;
            if !is_valid {
                return Err(format!(
                    "alpha-beta needs alpha - beta = 1 and neither below 0, not {alpha} and {beta}"
                ));
            }
            Rule::AlphaBeta { alpha, beta }
        }
        "gamma" => {
            let gamma = gamma.unwrap_or(DEFAULT_GAMMA);
            if !(gamma >= 0.0 && gamma.is_finite()) {
                return Err(format!("gamma must be a number from 0 upwards, not {gamma}"));
            }
            Rule::Gamma { gamma }
        }
        "z-box" if low.is_some() != high.is_some() => {
            return Err("z-box needs both low and high, or neither".to_string());
        }
        "z-box" => {
            Rule::ZBox { low: low.map(PerChannel::into_vec), high: high.map(PerChannel::into_vec) }
        }
        "w-square" => Rule::WSquare,
        "flat" => Rule::Flat,
        "norm" => Rule::Norm,
        "taylor" => Rule::Taylor,
        "pass" => Rule::Pass,
        "gradient" => Rule::Gradient,
        "guided-backprop" => Rule::GuidedBackprop,
        "deconvnet" => Rule::Deconvnet,
        _ => {
            return Err(format!("unknown rule `{name}`, expected one of {}", quoted(RULE_NAMES)));
        }
    };
    let taken = parameters_of(&rule);
    if let Some((parameter, _)) = given.iter().find(|(name, given)| *given && !taken.contains(name))
    {
        let taken = if taken.is_empty() { "none".to_string() } else { quoted(taken) };
        return Err(format!(
            "the rule {name} has no parameter `{parameter}`, expected one of {taken}"
        ));
    }
    if epsilon.is_some_and(|epsilon| !(epsilon >= 0.0 && epsilon.is_finite())) {
        return Err("epsilon must be a number from 0 upwards".to_string());
    }
    if epsilon.is_some() && stabilizer.is_some() {
        return Err("epsilon is the stabilizer of this rule: give one of the two".to_string());
    }
    let stabilizer = stabilizer.or(epsilon.map(Stabilizer::additive));
    Ok(RuleSetting { rule, stabilizer, bias: bias.unwrap_or(true) })
}

/// The parameters a rule takes.
fn parameters_of(rule: &Rule) -> &'static [&'static str] {
    match rule {
        Rule::Epsilon | Rule::Norm => &["epsilon", "stabilizer", "bias"],
        Rule::ZPlus | Rule::WSquare => &["stabilizer", "bias"],
        Rule::Flat | Rule::Taylor => &["stabilizer"],
        Rule::AlphaBeta { .. } => &["alpha", "beta", "stabilizer", "bias"],
        Rule::Gamma { .. } => &["gamma", "stabilizer", "bias"],
        Rule::ZBox { .. } => &["low", "high", "stabilizer"],
        Rule::Pass | Rule::Gradient | Rule::GuidedBackprop | Rule::Deconvnet => &[],
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl<'de> Deserialize<'de> for RuleSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleSetting, D::Error> {
        deserializer.deserialize_any(RuleVisitor)
    }
}

struct RuleVisitor;

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = RuleSetting;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a rule: its name, or `{ name: { parameter: value } }`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<RuleSetting, E> {
        build(name, Parameters::default()).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RuleSetting, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        if let Err(unknown) = build(&name, Parameters::default()) {
            return Err(de::Error::custom(unknown));
        }
        let parameters: Option<Parameters> = map.next_value()?;
        let setting = build(&name, parameters.unwrap_or_default()).map_err(de::Error::custom)?;
        match map.next_key::<String>()? {
            None => Ok(setting),
            Some(second) => Err(de::Error::invalid_value(Unexpected::Str(&second), &"one rule")),
        }
    }
}

impl<'de> Deserialize<'de> for Stabilizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stabilizer, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            epsilon: f32,
            #[serde(default)]
            kind: StabilizerKind,
        }
        #[derive(serde::Deserialize)]
        #[serde(
            untagged,
            expecting = "a stabilizer: a number, or `{ epsilon: 1e-6, kind: additive | clip | relative }`"
        )]
        enum Either {
            Short(f32),
            Long(Long),
        }
        let stabilizer = match Either::deserialize(deserializer)? {
            Either::Short(epsilon) => Stabilizer::additive(epsilon),
            Either::Long(Long { epsilon, kind }) => Stabilizer { epsilon, kind },
        };
        if stabilizer.epsilon >= 0.0 && stabilizer.epsilon.is_finite() {
            return Ok(stabilizer);
        }
        Err(de::Error::custom("a stabilizer must be a number from 0 upwards"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<RuleSetting, String> {
        serde_yaml::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn short_and_long_forms() {
        assert_eq!(parse("flat").unwrap(), Rule::Flat.into());
        assert_eq!(parse("gamma").unwrap().rule, Rule::Gamma { gamma: 0.25 });
        let long = parse("{ gamma: { gamma: 0.5, stabilizer: 1e-3, bias: false } }").unwrap();
        assert_eq!(long.rule, Rule::Gamma { gamma: 0.5 });
        assert_eq!(long.stabilizer, Some(Stabilizer::additive(1e-3)));
        assert!(!long.bias);
        let epsilon = parse("{ epsilon: { epsilon: 0.1 } }").unwrap();
        assert_eq!(epsilon.stabilizer, Some(Stabilizer::additive(0.1)));
        let clip = parse("{ norm: { stabilizer: { epsilon: 0.1, kind: clip } } }").unwrap();
        assert_eq!(clip.stabilizer.unwrap().kind, StabilizerKind::Clip);
        let z_box = parse("{ z-box: { low: -1, high: [1, 2, 3] } }").unwrap();
        assert_eq!(
            z_box.rule,
            Rule::ZBox { low: Some(vec![-1.0]), high: Some(vec![1.0, 2.0, 3.0]) }
        );
    }

    #[test]
    fn every_rule_name_parses() {
        for name in RULE_NAMES {
            assert_eq!(parse(name).unwrap().rule.name(), *name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let message = |yaml: &str| parse(yaml).unwrap_err();
        assert!(message("zplus").contains("unknown rule `zplus`"));
        assert!(message("{ alpha-beta: { alpha: 2, beta: 2 } }").contains("alpha - beta = 1"));
        assert!(message("{ flat: { gamma: 1 } }").contains("has no parameter `gamma`"));
        assert!(message("{ gamma: { gama: 1 } }").contains("unknown field `gama`"));
        assert!(message("{ gamma: { gamma: -1 } }").contains("from 0 upwards"));
    }
}
