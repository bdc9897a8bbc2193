//! What the library decides about a method where the user does not: its colours.

use std::str::FromStr;

use crate::error::{Error, Kind, Result};
use crate::heatmap::Normalization;
use crate::method::{Method, Scale};

/// A method by its name, with the parameters of its paper: `"integrated-gradients"`.
impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        Method::named(name).kind(Error::Method)
    }
}

/// How a method's relevance is drawn.
pub fn default_normalization(method: &Method) -> Normalization {
    match method.scale() {
        Scale::Signed => Normalization::Symmetric,
        Scale::Magnitude => Normalization::Absolute,
        Scale::Relative => Normalization::Unaligned,
    }
}
