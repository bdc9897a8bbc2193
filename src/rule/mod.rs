//! Relevance rules as data.
//!
//! Every rule on a linear layer `y = W x + b` is a short list of [`Group`]s, which the
//! interpreter in [`explain`](crate::explain) runs without knowing their names. A rule's file owns
//! all there is to say about it, its [`RuleSpec`]; a new one is a file here and a line in [`RULES`].

mod alpha_beta;
mod deconvnet;
mod epsilon;
mod flat;
mod gamma;
mod gradient;
mod group;
mod guided_backprop;
mod initial;
mod norm;
mod parse;
mod pass;
mod setting;
mod spec;
mod stabilizer;
mod table;
mod taylor;
mod w_square;
mod z_box;
mod z_plus;

pub use gradient::GRADIENT;
pub use group::{Group, InputPart, Sign, Term};
pub use initial::Initial;
pub use setting::{Rule, RuleSetting};
pub use spec::{Condition, Effect, Number, RuleSpec, Setting};
pub use stabilizer::{Stabilizer, StabilizerKind};
pub use table::RULES;
pub use taylor::TAYLOR;
