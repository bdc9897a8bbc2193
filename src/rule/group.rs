//! One division of relevance as data: the terms of the denominator, its gate, and the share it distributes.

use crate::linear::WeightPart;

/// One division of relevance (design: one row of the table of rules).
///
/// ```text
/// z    = Σ over terms of  part(W) · part(x)  +  part(b)
/// s    = R / stabilized(z),  only where the output has the gate's sign
/// R_in += coefficient · Σ over terms of  part(x) ⊙ part(W)ᵀ s
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Share of the relevance that this group distributes; the shares add up to 1.
    pub coefficient: f32,
    /// Only outputs of this sign take part; `None`: all.
    pub gate: Option<Sign>,
    /// What is added up.
    pub terms: Vec<Term>,
    /// The part of the bias that takes part.
    pub bias: Option<WeightPart>,
}

impl Group {
    /// All relevance in one division.
    pub(super) fn whole(terms: Vec<Term>, bias: Option<WeightPart>) -> Group {
        Group { coefficient: 1.0, gate: None, terms, bias }
    }
}

/// One product of a group: a part of the weights with a part of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The part of the input.
    pub input: InputPart,
    /// The part of the weights.
    pub weight: WeightPart,
}

impl Term {
    pub(super) const fn of(input: InputPart, weight: WeightPart) -> Term {
        Term { input, weight }
    }
}

/// The sign of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Above zero.
    Positive,
    /// Below zero.
    Negative,
}

/// The part of an input that a term multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputPart {
    /// `x`.
    Plain,
    /// `x⁺ = max(x, 0)`.
    Positive,
    /// `x⁻ = min(x, 0)`.
    Negative,
    /// `x − l`, above the lowest value the input can have.
    AboveLow,
    /// `x − h`, below the highest value the input can have.
    BelowHigh,
    /// 1.
    One,
}

impl InputPart {
    /// Whether the part is the same for every picture.
    pub fn is_constant(self) -> bool {
        self == InputPart::One
    }

    /// Whether the part is relative to the lowest or highest value of the input.
    pub fn is_relative(self) -> bool {
        matches!(self, InputPart::AboveLow | InputPart::BelowHigh)
    }

    /// Whether the part is 0 wherever the input is.
    pub fn vanishes_with_input(self) -> bool {
        matches!(self, InputPart::Plain | InputPart::Positive | InputPart::Negative)
    }
}
