//! What the rule of the last layer does with the output's sign.

use super::compile::Program;
use super::step::{Denominator, Step};
use crate::linear::WeightPart;
use crate::rule::InputPart;

/// Whether the first rule on the way from the output divides by numbers that have the output's own sign. A group that is
/// gated by the sign of the output favours contributions of that sign, so it does.
pub fn divides_by_output(program: &Program) -> bool {
    let mut layer = program.network.output;
    loop {
        match (&program.steps[layer], program.network.layers[layer].inputs.first()) {
            (Step::Pass, Some(&input)) => layer = input,
            (Step::Split(_) | Step::Taylor(_), _) => return true,
            (Step::Linear(step), _) => {
                return step.divisions.iter().all(|division| {
                    let is_plain = division.group.terms.iter().all(|term| {
                        (term.input, term.weight) == (InputPart::Plain, WeightPart::Plain)
                    });
                    let is_gated = division.group.gate.is_some();
                    division.denominator == Denominator::Output || is_plain || is_gated
                });
            }
            _ => return false,
        }
    }
}
