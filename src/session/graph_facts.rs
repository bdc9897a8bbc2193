//! What a compiled graph says about how it was made, so that its model can be opened and compiled in the same way.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result as Checked, ensure};

use super::composite::Composite;
use super::explainer_options::ExplainerOptions;
use super::graph_metadata::{hash_of, keys};
use super::method::Method;
use super::options::SessionOptions;
use crate::canonize::PASSES;
use crate::error::{Error, Kind, Result};
use crate::onnx::GraphRunner;

/// How a graph was made, as its file says it.
#[derive(Debug)]
pub struct GraphFacts {
    runner: GraphRunner,
}

impl GraphFacts {
    /// Reads a graph that was written by `onnxplain compile`.
    ///
    /// # Errors
    /// [`Error::Model`] when it is no ONNX file, or another one.
    pub fn read(path: impl AsRef<Path>) -> Result<GraphFacts> {
        let path = path.as_ref();
        let read = || {
            let runner = GraphRunner::load(path)?;
            ensure!(
                runner.metadata().contains_key(keys::VERSION),
                "{} was not written by `onnxplain compile`: it does not say what it was made of",
                path.display()
            );
            Ok(GraphFacts { runner })
        };
        read().kind(Error::Model)
    }

    fn fact(&self, key: &str) -> Option<&str> {
        self.runner.metadata().get(key).copied()
    }

    /// The composite, or the method where it brings its own.
    pub fn describe(&self) -> String {
        let [method, composite] =
            [keys::METHOD, keys::COMPOSITE].map(|key| self.fact(key).unwrap_or("?"));
        if method == "lrp" { composite.to_string() } else { method.to_string() }
    }

    /// Whether it was made of this model file.
    ///
    /// # Errors
    /// [`Error::Model`] when the file cannot be read.
    pub fn is_of(&self, model: impl AsRef<Path>) -> Result<bool> {
        Ok(self.fact(keys::SHA256) == Some(&hash_of(model.as_ref()).kind(Error::Model)?))
    }

    /// How the model is opened.
    ///
    /// # Errors
    /// [`Error::Model`] when the graph's range of the input cannot be read.
    pub fn session_options(&self, mut options: SessionOptions) -> Result<SessionOptions> {
        if let Some(operators) = self.fact(keys::ALLOWED) {
            options = options.allow_gradient(operators.split(',').map(str::to_string));
        }
        if let Some(output) = self.fact(keys::OUTPUT) {
            options = options.output(output);
        }
        if let Some(range) = self.fact(keys::INPUT_RANGE) {
            let (low, high) = numbers_of(range).kind(Error::Model)?;
            options = options.input_range(low, high);
        }
        Ok(options)
    }

    /// How it is compiled.
    ///
    /// # Errors
    /// [`Error::Composite`] or [`Error::Method`] when this version does not know what the graph was made with.
    pub fn explainer_options(&self) -> Result<ExplainerOptions> {
        let method = Method::named(self.fact(keys::METHOD).unwrap_or("lrp"))?;
        let takes_composite = method.takes_composite();
        let mut options = ExplainerOptions::new().method(method);
        if takes_composite {
            let yaml = self.fact(keys::YAML).context("the graph has no composite");
            options = options.composite(Composite::parse(yaml.kind(Error::Composite)?)?);
            if let Some(word) = self.fact(keys::INITIAL) {
                options = options.initial(word.parse().kind(Error::Method)?);
            }
        }
        if let Some(layer) = self.fact(keys::LAYER) {
            options = options.at(layer);
        }
        let done: Vec<&str> =
            self.fact(keys::CANONIZATION).unwrap_or_default().split(',').collect();
        let others = PASSES.iter().map(|pass| pass.name).filter(|name| !done.contains(name));
        Ok(options.without_passes(others))
    }
}

/// `LOW,HIGH`, each one number or several with `;` between.
fn numbers_of(range: &str) -> Checked<(Vec<f32>, Vec<f32>)> {
    let (low, high) = range.split_once(',').context("the graph's range of the input is damaged")?;
    let numbers = |text: &str| {
        let numbers =
            text.split(';').map(f32::from_str).collect::<std::result::Result<Vec<_>, _>>();
        numbers.context("the graph's range of the input is damaged")
    };
    Ok((numbers(low)?, numbers(high)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(numbers_of("-2;-1.5,2;0.5").unwrap(), (vec![-2.0, -1.5], vec![2.0, 0.5]));
        assert!(numbers_of("1").is_err() && numbers_of("1,x").is_err());
    }
}
