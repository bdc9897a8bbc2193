//! Relevance rules as data: what is added up, what is divided, what is handed back.
//!
//! Every rule on a linear layer `y = W x + b` is a short list of [`Group`]s,
//! which the interpreter in [`explain`](crate::explain) runs without knowing
//! their names. One file per family; a new rule is a variant of [`Rule`], its
//! row of groups, and a line in [`Rule::groups`].

mod alpha_beta;
mod epsilon;
mod first_layer;
mod gamma;
mod parse;
mod stabilizer;

use std::fmt;

use crate::linear::WeightPart;

pub use parse::RULE_NAMES;
pub use stabilizer::{Stabilizer, StabilizerKind};

/// A relevance rule with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// LRP-ε (Bach et al. 2015, eq. 58): in proportion to the contributions, damped. Attention
    /// weights and the standard deviation of a LayerNormalization are coefficients (Ali et al. 2022).
    Epsilon,
    /// LRP-z⁺ (Montavon et al. 2017): in proportion to the positive contributions.
    ZPlus,
    /// LRP-αβ (Bach et al. 2015, eq. 60): positive and negative contributions apart; α − β = 1.
    AlphaBeta {
        /// Weight of the positive contributions.
        alpha: f32,
        /// Weight of the negative contributions.
        beta: f32,
    },
    /// Generalised LRP-γ (Andéol et al. 2021): contributions of the output's own sign are favoured.
    Gamma {
        /// How much they are favoured; 0 is epsilon, infinity is z-plus.
        gamma: f32,
    },
    /// z-box (Montavon et al. 2017): for inputs in a known interval.
    ZBox {
        /// Lowest value of the input, one number or one per channel; `None` takes the network's input range.
        low: Option<Vec<f32>>,
        /// Highest value of the input.
        high: Option<Vec<f32>>,
    },
    /// w² (Montavon et al. 2017): in proportion to the squared weights.
    WSquare,
    /// Flat (Lapuschkin et al. 2019): evenly over the receptive field.
    Flat,
    /// In proportion to the contributions to a map without parameters (average, sum of branches).
    Norm,
    /// First-order Taylor expansion at the input, whose remainder is absorbed like a bias; several
    /// signals share evenly: softmax and matrix products in AttnLRP (Achtibat et al. 2024).
    Taylor,
    /// As it comes: for activations, and what scales each element by itself.
    Pass,
    /// The derivative: the chain rule instead of a relevance rule.
    Gradient,
    /// Guided backpropagation (Springenberg et al. 2014): the positive part of the gradient.
    GuidedBackprop,
    /// Deconvnet (Zeiler and Fergus 2014): the positive part of what comes back, ungated.
    Deconvnet,
}

/// A rule with the settings every rule has.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSetting {
    /// The rule.
    pub rule: Rule,
    /// What keeps its denominators from zero; `None` takes the composite's.
    pub stabilizer: Option<Stabilizer>,
    /// Whether the bias takes part and absorbs relevance.
    pub bias: bool,
}

impl From<Rule> for RuleSetting {
    fn from(rule: Rule) -> RuleSetting {
        RuleSetting { rule, stabilizer: None, bias: true }
    }
}

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
    /// The sign of the contributions that the group counts, where inputs have both signs: all of the one
    /// and none of the other.
    pub fn contributions(&self) -> Option<Sign> {
        use WeightPart::{Negative, Positive};
        let counts = |[above, below]: [WeightPart; 2]| {
            self.terms
                == [Term::of(InputPart::Positive, above), Term::of(InputPart::Negative, below)]
        };
        match () {
            () if counts([Positive, Negative]) => Some(Sign::Positive),
            () if counts([Negative, Positive]) => Some(Sign::Negative),
            () => None,
        }
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
    const fn of(input: InputPart, weight: WeightPart) -> Term {
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

/// Which part of an input takes part.
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

impl Rule {
    /// The rule's divisions on a linear layer; `None` for a rule that divides nothing.
    pub fn groups(&self) -> Option<Vec<Group>> {
        match self {
            Rule::Epsilon | Rule::Norm => Some(epsilon::groups()),
            Rule::ZPlus => Some(alpha_beta::groups(1.0, 0.0)),
            Rule::AlphaBeta { alpha, beta } => Some(alpha_beta::groups(*alpha, *beta)),
            Rule::Gamma { gamma } => Some(gamma::groups(*gamma)),
            Rule::ZBox { .. } => Some(first_layer::z_box()),
            Rule::WSquare => Some(first_layer::w_square()),
            Rule::Flat => Some(first_layer::flat()),
            Rule::Taylor | Rule::Pass | Rule::Gradient | Rule::GuidedBackprop | Rule::Deconvnet => {
                None
            }
        }
    }

    /// The word in YAML.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::Epsilon => "epsilon",
            Rule::ZPlus => "z-plus",
            Rule::AlphaBeta { .. } => "alpha-beta",
            Rule::Gamma { .. } => "gamma",
            Rule::ZBox { .. } => "z-box",
            Rule::WSquare => "w-square",
            Rule::Flat => "flat",
            Rule::Norm => "norm",
            Rule::Taylor => "taylor",
            Rule::Pass => "pass",
            Rule::Gradient => "gradient",
            Rule::GuidedBackprop => "guided-backprop",
            Rule::Deconvnet => "deconvnet",
        }
    }
}

impl fmt::Display for RuleSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule.name())?;
        match &self.rule {
            Rule::AlphaBeta { alpha, beta } => write!(f, " α={alpha} β={beta}")?,
            Rule::Gamma { gamma } => write!(f, " γ={gamma}")?,
            _ => {}
        }
        if let Some(stabilizer) = &self.stabilizer {
            write!(f, " {stabilizer}")?;
        }
        if !self.bias {
            write!(f, " without bias")?;
        }
        Ok(())
    }
}
