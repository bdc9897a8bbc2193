//! Undefined values: `null` with a reason, never 0, NaN, or a sample that is smaller in silence.

use std::fmt;

use anyhow::Result;

/// Why a metric has no value. It travels as an error; what is not of this type is a failure of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undefined(pub String);

impl fmt::Display for Undefined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Undefined {}

/// Ends a measurement: there is no value.
///
/// # Errors
/// Always.
pub fn undefined<T>(reason: impl Into<String>) -> Result<T> {
    Err(Undefined(reason.into()).into())
}

/// A value, unless it is no number.
///
/// # Errors
/// Undefined where it is not finite.
pub fn finite(value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { undefined("the value is not finite") }
}
