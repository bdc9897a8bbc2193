//! What a rule makes of the sums of a kernel while they are in the first cache: denominators and quotients.

mod contributions;
mod division;
mod quotient;

pub(crate) use contributions::{ContributionQuotient, Contributions};
pub(crate) use division::Division;
pub(crate) use quotient::{GammaQuotient, Quotient};
