//! All rules. A new one is a file of this folder and a line here.

use super::spec::RuleSpec;
use super::{
    alpha_beta, deconvnet, epsilon, flat, gamma, gradient, guided_backprop, norm, pass, taylor,
    w_square, z_box, z_plus,
};

/// All rules, in the order in which they are listed.
pub const RULES: &[&RuleSpec] = &[
    &epsilon::EPSILON,
    &z_plus::Z_PLUS,
    &alpha_beta::ALPHA_BETA,
    &gamma::GAMMA,
    &z_box::Z_BOX,
    &w_square::W_SQUARE,
    &flat::FLAT,
    &norm::NORM,
    &taylor::TAYLOR,
    &pass::PASS,
    &gradient::GRADIENT,
    &guided_backprop::GUIDED_BACKPROP,
    &deconvnet::DECONVNET,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::setting::Rule;
    use crate::rule::spec::Setting;

    #[test]
    fn every_rule_says_what_it_does_and_where_it_comes_from() {
        for (index, spec) in RULES.iter().enumerate() {
            assert!(spec.about.len() > 20 && spec.paper.len() > 5, "{}", spec.name);
            assert!(spec.numbers().all(|number| number.about.len() > 10), "{}", spec.name);
            assert!(RULES[..index].iter().all(|other| other.name != spec.name), "{}", spec.name);
        }
    }

    #[test]
    fn the_groups_of_a_rule_share_the_relevance_and_its_settings_fit_them() {
        for &spec in RULES {
            let has = |wanted: Setting| spec.settings.contains(&wanted);
            let Some(groups) = Rule::from(spec).groups() else { continue };
            // Groups of opposite gates share nothing: an output is in one of them.
            let gated = groups.iter().filter(|group| group.gate.is_some()).count();
            let shares: f32 = groups.iter().map(|group| group.coefficient).sum();
            assert_eq!(shares, gated.max(1) as f32, "{}", spec.name);
            assert!(has(Setting::Stabilizer), "{}", spec.name);
            let has_bias = groups.iter().any(|group| group.bias.is_some());
            assert_eq!(has(Setting::Bias), has_bias, "{}", spec.name);
            let terms = groups.iter().flat_map(|group| &group.terms);
            let is_relative = terms.into_iter().any(|term| term.input.is_relative());
            assert_eq!(has(Setting::Range), is_relative, "{}", spec.name);
        }
    }
}
