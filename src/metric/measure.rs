//! What the file of a metric says about it.

use anyhow::Result;
use serde_json::{Map, Value};

use super::conditions::Conditions;
use super::curve::Curves;
use super::info::{Category, MetricInfo};
use super::picture::Picture;
use super::subject::Subject;
use crate::picture::InputShape;

/// What a metric needs besides maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Masks or boxes.
    Object,
    /// Boxes with classes.
    Boxes,
}

/// A metric: a file of this folder, and a line of its table.
pub trait Metric: Sync {
    /// Its name, its paper, which values are better.
    fn info(&self) -> &'static MetricInfo;

    /// The names of the [`Conditions`] that it depends on; a plan may set these for it.
    fn takes(&self) -> &'static [&'static str] {
        &[]
    }

    /// The conditions that its paper fixes, for inputs of this shape.
    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        Map::new()
    }

    /// What must be there for it to have a value on some picture.
    fn needs(&self) -> Needs {
        match self.info().category {
            Category::Localisation => Needs::Object,
            _ => Needs::Nothing,
        }
    }

    /// The classes besides the target whose maps it needs, so that all are explained after one run of the network.
    ///
    /// # Errors
    /// Undefined where there is no such class.
    fn classes(&self, _picture: &Picture, _conditions: &Conditions) -> Result<Vec<usize>> {
        Ok(vec![])
    }

    /// The value for a map, which is finite.
    ///
    /// # Errors
    /// [`Undefined`](super::Undefined) where it has no value; anything else is a failure of the input.
    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64>;

    /// The curves behind the value, where it has some. Asked for after a value was found.
    ///
    /// # Errors
    /// As [`Metric::measure`].
    fn curves(&self, _subject: &Subject, _conditions: &Conditions) -> Result<Option<Curves>> {
        Ok(None)
    }
}

/// Conditions as a metric's file states them: a JSON object.
pub(super) fn conditions(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
