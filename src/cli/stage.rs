//! Pictures as the network sees them, changed, and what the network says about them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use onnxplain::io::is_array_file;
use onnxplain::probe::{Lens, Scene};
use onnxplain::session::Predictor;
use onnxplain::{Prediction, Session};

/// An opened model that takes pictures.
pub struct Stage {
    predictor: Predictor,
    lens: Lens,
    /// Of the network's input, the batch axis included.
    shape: Vec<usize>,
}

impl Stage {
    /// Compiles a model.
    ///
    /// # Errors
    /// When it takes no pictures, or cannot be compiled.
    pub fn new(session: &Session) -> Result<Stage> {
        let predictor = Predictor::new(session)?;
        let steps = predictor.preprocessing();
        let steps = steps.context("the model takes no pictures, or more than one input")?;
        let lens = Lens::new(steps)?;
        let shape = session.input_shape().to_vec();
        Ok(Stage { lens, predictor, shape })
    }

    /// Whether pictures are prepared as a report says.
    pub fn is_prepared_as(&self, steps: &Value) -> bool {
        let own = serde_json::to_value(self.predictor.preprocessing());
        // Through text, as the report's numbers came.
        let own = own.ok().and_then(|own| serde_json::from_str::<Value>(&own.to_string()).ok());
        own.as_ref() == Some(steps)
    }

    /// `[height, width]` of what the network sees.
    pub fn size(&self) -> [usize; 2] {
        self.lens.size()
    }

    /// Reads a picture.
    ///
    /// # Errors
    /// When it cannot be read, or is no picture.
    pub fn read(&self, path: &Path) -> Result<Scene> {
        ensure!(
            !is_array_file(path),
            "{} is an array: only pictures can be changed, because their colours are known",
            path.display()
        );
        let input = self.predictor.prepare(&path.to_path_buf())?;
        self.lens.scene(input.array().tensor())
    }

    /// What the network says.
    ///
    /// # Errors
    /// When its output is not finite.
    pub fn predict(&self, scene: &Scene) -> Result<Prediction> {
        Ok(self.predictor.predict(&self.lens.input(scene, &self.shape)?)?)
    }
}

/// The strongest class of a prediction.
pub fn top(prediction: &Prediction) -> usize {
    prediction.top().map_or(0, |class| class.index)
}

/// The paths of a list, one a line.
///
/// # Errors
/// When it cannot be read, or is empty.
pub fn paths_of(list: &Path) -> Result<Vec<PathBuf>> {
    let text = std::fs::read_to_string(list)
        .with_context(|| format!("cannot read the list {}", list.display()))?;
    let paths: Vec<PathBuf> =
        text.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect();
    ensure!(!paths.is_empty(), "the list {} is empty", list.display());
    Ok(paths)
}
