//! What the library decides about a method where the user does not: relevance put in, colours.

use std::str::FromStr;

use anyhow::anyhow;

use crate::error::{Error, Result};
use crate::explain::Initial;
use crate::heatmap::Normalization;
use crate::method::{Method, Scale};
use crate::suggest::nearest;

/// A method by its name, with the parameters of its paper: `"integrated-gradients"`.
impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        let methods = Method::all();
        if let Some(method) = methods.iter().find(|method| method.name() == name) {
            return Ok(method.clone());
        }
        let names: Vec<&str> = methods.iter().map(Method::name).collect();
        let near = nearest(name, names.iter().copied());
        let near = near.map_or(String::new(), |name| format!(" (did you mean {name}?)"));
        let names = names.join(", ");
        Err(Error::of(
            Error::Method,
            anyhow!("no method is called \"{name}\"{near}; there are {names}"),
        ))
    }
}

/// The relevance that is put in at the target: its logit for LRP, which hands it down, and 1 for all other methods.
pub fn default_initial(method: &Method) -> Initial {
    match method.innermost() {
        Method::Lrp => Initial::Logit,
        _ => Initial::One,
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
