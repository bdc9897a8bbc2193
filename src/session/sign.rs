//! What relevance above 0 speaks for.
//!
//! A rule that divides by the layer's own output hands an input the share `x w / z · R`. Where `R` is the output itself,
//! that is `x w`: positive for what speaks for the class, whatever the sign of the output. Where `R` is 1, a negative
//! output turns all signs. For a rule that divides by a sum that is never negative (z⁺) it is the other way round.

use serde::{Deserialize, Serialize};

use super::prediction::Class;
use crate::explain::Initial;

/// What relevance above 0 speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The class that is explained.
    #[default]
    For,
    /// What is against it.
    Against,
    /// For the class in a part of the relevance and against it in another: it cannot be read by its sign.
    Mixed,
}

impl Sign {
    /// For a class, and the one that it is compared with.
    pub(super) fn of(
        initial: Initial,
        divides_by_output: bool,
        class: &Class,
        against: Option<&Class>,
    ) -> Sign {
        if initial == Initial::Centred && against.is_none() && !divides_by_output {
            // All logits are put in, some of which are negative.
            return Sign::Mixed;
        }
        let turns =
            |class: &Class| class.logit < 0.0 && (initial == Initial::One) == divides_by_output;
        match (turns(class), against.map(turns)) {
            (is_turned, Some(other)) if is_turned != other => Sign::Mixed,
            (true, _) => Sign::Against,
            (false, _) => Sign::For,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_output_turns_signs_where_it_is_divided_by_and_not_put_in() {
        let class = |logit: f32| Class { index: 0, label: None, logit, probability: 0.5 };
        let (above, below) = (class(2.0), class(-2.0));
        let of = |initial, divides| Sign::of(initial, divides, &below, None);
        assert_eq!(of(Initial::Logit, true), Sign::For);
        assert_eq!(of(Initial::One, true), Sign::Against);
        assert_eq!(of(Initial::Logit, false), Sign::Against);
        assert_eq!(of(Initial::One, false), Sign::For);
        for divides in [true, false] {
            for initial in [Initial::Logit, Initial::One] {
                assert_eq!(Sign::of(initial, divides, &above, None), Sign::For);
                assert_eq!(Sign::of(initial, divides, &above, Some(&above)), Sign::For);
            }
        }
        assert_eq!(Sign::of(Initial::One, true, &below, Some(&below)), Sign::Against);
        assert_eq!(Sign::of(Initial::One, true, &above, Some(&below)), Sign::Mixed);
        assert_eq!(Sign::of(Initial::Logit, true, &above, Some(&below)), Sign::For);
    }
}
