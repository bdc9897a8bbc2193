//! Which part of a weight takes part: an elementwise function of it.

use std::borrow::Cow;

/// Which part of a weight (or of a bias) takes part: an elementwise function of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightPart {
    /// `w`.
    Plain,
    /// `w⁺ = max(w, 0)`.
    Positive,
    /// `w⁻ = min(w, 0)`.
    Negative,
    /// `w + γ w⁺`.
    PositiveFavored(f32),
    /// `w + γ w⁻`.
    NegativeFavored(f32),
    /// `|w|`.
    Magnitude,
    /// `w²`.
    Squared,
    /// 1 in place of every weight, zero ones included.
    One,
}

impl WeightPart {
    /// The part of one weight.
    pub fn of(self, weight: f32) -> f32 {
        match self {
            WeightPart::Plain => weight,
            WeightPart::Positive => weight.max(0.0),
            WeightPart::Negative => weight.min(0.0),
            WeightPart::PositiveFavored(gamma) => weight + gamma * weight.max(0.0),
            WeightPart::NegativeFavored(gamma) => weight + gamma * weight.min(0.0),
            WeightPart::Magnitude => weight.abs(),
            WeightPart::Squared => weight * weight,
            WeightPart::One => 1.0,
        }
    }

    /// The part of every weight.
    pub fn of_slice(self, weights: &[f32]) -> Cow<'_, [f32]> {
        match self {
            WeightPart::Plain => Cow::Borrowed(weights),
            _ => {
                let mut parts = vec![0.0; weights.len()];
                self.write(weights, &mut parts);
                Cow::Owned(parts)
            }
        }
    }

    /// Writes the part of every weight. Which part it is is asked once, not for every weight.
    pub fn write(self, weights: &[f32], parts: &mut [f32]) {
        fn each(weights: &[f32], parts: &mut [f32], function: impl Fn(f32) -> f32) {
            parts.iter_mut().zip(weights).for_each(|(to, &weight)| *to = function(weight));
        }
        match self {
            WeightPart::Plain => parts.copy_from_slice(weights),
            WeightPart::Magnitude => each(weights, parts, f32::abs),
            WeightPart::Positive => each(weights, parts, |weight| WeightPart::Positive.of(weight)),
            WeightPart::Negative => each(weights, parts, |weight| WeightPart::Negative.of(weight)),
            WeightPart::Squared => each(weights, parts, |weight| WeightPart::Squared.of(weight)),
            _ => each(weights, parts, |weight| self.of(weight)),
        }
    }

    /// Puts the part of every weight in its place.
    pub fn apply(self, weights: &mut [f32]) {
        match self {
            WeightPart::Plain => {}
            WeightPart::Magnitude => weights.iter_mut().for_each(|weight| *weight = weight.abs()),
            _ => weights.iter_mut().for_each(|weight| *weight = self.of(*weight)),
        }
    }

    /// The simplest part that is equal to this one for weights of the given signs; `None` when it is all zero.
    pub fn simplified(self, signs: Signs) -> Option<WeightPart> {
        match (self, signs.positive, signs.negative) {
            (WeightPart::One, _, _) => Some(self),
            (_, false, false) => None,
            (WeightPart::Positive, false, true) | (WeightPart::Negative, true, false) => None,
            (WeightPart::Positive, true, false) | (WeightPart::Negative, false, true) => {
                Some(WeightPart::Plain)
            }
            (WeightPart::PositiveFavored(_), false, true)
            | (WeightPart::NegativeFavored(_), true, false) => Some(WeightPart::Plain),
            (WeightPart::PositiveFavored(0.0) | WeightPart::NegativeFavored(0.0), _, _) => {
                Some(WeightPart::Plain)
            }
            _ => Some(self),
        }
    }
}

/// Which signs occur among a set of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Some number is above zero.
    pub positive: bool,
    /// Some number is below zero.
    pub negative: bool,
}

impl Signs {
    /// The signs that occur in `numbers`.
    pub fn of(numbers: &[f32]) -> Signs {
        Signs {
            positive: numbers.iter().any(|&number| number > 0.0),
            negative: numbers.iter().any(|&number| number < 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_weight() {
        assert_eq!(WeightPart::Positive.of(-2.0), 0.0);
        assert_eq!(WeightPart::Negative.of(-2.0), -2.0);
        assert_eq!(WeightPart::PositiveFavored(0.5).of(2.0), 3.0);
        assert_eq!(WeightPart::PositiveFavored(0.5).of(-2.0), -2.0);
        assert_eq!(WeightPart::NegativeFavored(0.5).of(-2.0), -3.0);
        assert_eq!(WeightPart::Squared.of(-2.0), 4.0);
        assert_eq!(WeightPart::One.of(0.0), 1.0);
    }

    #[test]
    fn simplified_parts_are_equal_on_weights_of_those_signs() {
        let parts = [
            WeightPart::Plain,
            WeightPart::Positive,
            WeightPart::Negative,
            WeightPart::PositiveFavored(0.25),
            WeightPart::NegativeFavored(0.25),
            WeightPart::NegativeFavored(0.0),
            WeightPart::Magnitude,
            WeightPart::Squared,
            WeightPart::One,
        ];
        for weights in [&[1.0, 2.0, 0.0][..], &[-1.0, -3.0], &[-1.0, 2.0], &[0.0]] {
            for part in parts {
                let simplified = part.simplified(Signs::of(weights));
                for &weight in weights {
                    let expected = simplified.map_or(0.0, |part| part.of(weight));
                    assert_eq!(part.of(weight), expected, "{part:?} of {weights:?}");
                }
            }
        }
    }
}
