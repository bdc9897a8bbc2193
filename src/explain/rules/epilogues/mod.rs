//! Epilogues: what a rule makes of the sums of a kernel while they are in the first cache, denominators and quotients.

mod division;
mod quotient;
mod split;

pub(in crate::explain) use division::Division;
pub(in crate::explain) use quotient::Quotient;
pub(in crate::explain) use split::{Contributions, SplitQuotient};
