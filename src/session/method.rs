//! The attribution method that a user asks for, and what the library decides about it: relevance put in, colours.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::described::described;
use crate::error::{Error, Kind, Result};
use crate::explain::Initial;
use crate::heatmap::Normalization;
use crate::method::{self, Scale};
use crate::metric::Reading;

/// An attribution method with its parameters. Default: `lrp`.
///
/// ```
/// use onnxplain::{Method, methods::SmoothGrad};
///
/// # fn main() -> Result<(), onnxplain::Error> {
/// let saliency = Method::named("saliency")?;
/// let smooth = Method::of(SmoothGrad { samples: 10, ..SmoothGrad::default() });
/// assert_eq!(smooth.to_string(), "smoothgrad (base gradient, noise level 0.15, samples 10, seed 0)");
/// # assert_eq!(saliency.name(), "saliency");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Method(method::Method);

impl Method {
    /// Every method with the parameters of its paper.
    pub fn all() -> Vec<Method> {
        method::Method::all().into_iter().map(Method).collect()
    }

    /// A method by its name, with the parameters of its paper: `lrp`, `gradient`, `saliency`, `input-x-gradient`,
    /// `guided-backprop`, `deconvnet`, `excitation-backprop`, `integrated-gradients`, `smoothgrad`, `smoothtaylor`,
    /// `noisegrad`, `fusiongrad`, `grad-cam`, `occlusion`, `rise`.
    ///
    /// # Errors
    /// [`Error::Method`] when there is no such method.
    pub fn named(name: &str) -> Result<Method> {
        method::Method::named(name).map(Method).kind(Error::Method)
    }

    /// A method with parameters of your own: one of [`methods`](crate::methods).
    pub fn of(method: impl Into<method::Method>) -> Method {
        Method(method.into())
    }

    /// A method by its name, with some of its parameters as reports have them: `{ "samples": 10 }`. What is averaged has
    /// parameters too: `{ "base": { "method": "integrated-gradients", "steps": 20 } }`.
    ///
    /// # Errors
    /// [`Error::Method`] when there is no such method or parameter, or a value is out of its range.
    pub fn with(name: &str, parameters: Map<String, Value>) -> Result<Method> {
        method::Method::with(name, parameters).map(Method).kind(Error::Method)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What it computes, in a line.
    pub fn about(&self) -> &'static str {
        self.0.about()
    }

    /// Its parameters as reports have them; null where it has none.
    pub fn parameters(&self) -> Value {
        self.0.parameters()
    }

    /// The engine's method.
    pub(super) fn inner(&self) -> &method::Method {
        &self.0
    }

    /// Whether it propagates by a composite: LRP, and noise around it.
    #[doc(hidden)]
    pub fn takes_composite(&self) -> bool {
        self.0.preset().is_none()
    }

    /// The relevance put in at the target: its logit for LRP, which hands it down, and 1 for all other methods.
    pub(super) fn initial(&self) -> Initial {
        self.0.default_initial()
    }

    /// How metrics read its relevance.
    #[doc(hidden)]
    pub fn reading(&self) -> Reading {
        match self.0.scale() {
            Scale::Magnitude => Reading::Magnitude,
            Scale::Signed | Scale::Relative => Reading::Signed,
        }
    }

    /// How its relevance is drawn.
    #[doc(hidden)]
    pub fn normalization(&self) -> Normalization {
        match self.0.scale() {
            Scale::Signed => Normalization::Symmetric,
            Scale::Magnitude => Normalization::Absolute,
            Scale::Relative => Normalization::Unaligned,
        }
    }
}

impl From<method::Method> for Method {
    fn from(method: method::Method) -> Method {
        Method(method)
    }
}

/// For a method that averages another one: `SmoothGrad { base: method.into(), .. }`.
impl From<Method> for method::Method {
    fn from(method: Method) -> method::Method {
        method.0
    }
}

/// As [`Method::named`].
impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        Method::named(name)
    }
}

/// The name, and the parameters that it has.
impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&described(self.name(), &self.parameters()))
    }
}
