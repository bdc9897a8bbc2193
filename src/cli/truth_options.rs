//! What is known of the inputs: where objects are, and of which class they are.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use onnxplain::evaluation::{EvaluationOptions, FillChoice, JudgedTarget};

use super::console::Console;

/// Masks, boxes and classes.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Truth")]
pub struct TruthOptions {
    /// Where objects are: DIR/<stem>.png or .npy, where pixels other than 0 are inside, of the picture's size or the
    /// network's
    #[arg(long, value_name = "DIR")]
    pub masks: Option<PathBuf>,
    /// Boxes around objects: CSV with the columns input,label,x0,y0,x1,y1 in pixels of the picture, or COCO's JSON
    #[arg(long, value_name = "FILE")]
    pub boxes: Option<PathBuf>,
    /// The class of every picture: CSV with the columns input,label, or folder where folders are called like classes
    #[arg(long, value_name = "FILE|folder")]
    pub classes: Option<String>,
}

impl TruthOptions {
    /// These, and where one is not given the other's.
    pub fn or(&self, other: &TruthOptions) -> TruthOptions {
        TruthOptions {
            masks: self.masks.as_ref().or(other.masks.as_ref()).cloned(),
            boxes: self.boxes.as_ref().or(other.boxes.as_ref()).cloned(),
            classes: self.classes.as_ref().or(other.classes.as_ref()).cloned(),
        }
    }

    /// An evaluation with what is known.
    ///
    /// # Errors
    /// When a file or a folder cannot be used.
    pub fn known_to(&self, mut evaluation: EvaluationOptions) -> Result<EvaluationOptions> {
        if let Some(folder) = &self.masks {
            ensure!(folder.is_dir(), "there is no folder {} with masks", folder.display());
            evaluation = evaluation.masks(folder);
        }
        if let Some(file) = &self.boxes {
            evaluation = evaluation.boxes(file)?;
        }
        if let Some(classes) = &self.classes {
            evaluation = evaluation.classes(classes)?;
        }
        Ok(evaluation)
    }
}

/// The class that is explained, by the words of `--target`.
///
/// # Errors
/// When the word is no target.
pub fn judged_target(word: &str) -> Result<JudgedTarget> {
    Ok(match word {
        "top" => JudgedTarget::Top,
        "label" => JudgedTarget::Label,
        word => JudgedTarget::Class(word.parse()?),
    })
}

/// Says what removed pixels are replaced by, and why.
pub fn tell_fill(fill: &FillChoice, console: &mut Console) {
    match fill.leak {
        Some(leak) => console.note(format_args!(
            "fill: {} (auto: with everything blurred, the class keeps a probability of {leak:.2} above that of a guess)",
            fill.name
        )),
        None => console.note(format_args!("fill: {}", fill.name)),
    }
}
