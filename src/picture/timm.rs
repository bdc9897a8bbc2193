//! timm's `pretrained_cfg`, read as preprocessing steps.
//!
//! Stands behind [`super::huggingface`], which finds it in a `config.json`.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::notation::Numbers;
use super::preprocess::{Filter, Preprocessing, Resize, Target};

/// timm's description of a pretrained network's input.
#[derive(Deserialize)]
pub(super) struct TimmConfig {
    input_size: Option<[usize; 3]>,
    interpolation: Option<String>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
    mean: Option<Numbers>,
    std: Option<Numbers>,
}

impl TimmConfig {
    /// The steps; appends to `notes` what is assumed.
    ///
    /// # Errors
    /// The description asks for what is not supported, or lacks mean and std.
    pub(super) fn steps(self, notes: &mut Vec<String>) -> Result<Preprocessing> {
        let filter = match self.interpolation.as_deref() {
            Some("nearest") => Filter::Nearest,
            Some("bilinear" | "random") => Filter::Bilinear,
            Some("bicubic") => Filter::Bicubic,
            Some("lanczos") => Filter::Lanczos,
            Some(other) => bail!("interpolation \"{other}\" is not supported"),
            None => {
                notes.push("the file names no interpolation: bicubic is assumed".into());
                Filter::Bicubic
            }
        };
        let fraction = self.crop_pct.unwrap_or_else(|| {
            notes.push("the file names no crop_pct: 0.875 is assumed".into());
            0.875
        });
        let size = self.input_size.map(|[_, height, width]| [height, width]);
        let target = match self.crop_mode.as_deref() {
            None | Some("center") => Target::CropFraction(fraction),
            Some("squash") if fraction == 1.0 => Target::Input,
            Some("squash") => match size {
                Some(size) => Target::Exact(size.map(|side| (side as f64 / fraction) as usize)),
                None => bail!("crop_mode squash needs an input_size"),
            },
            Some(other) => bail!("crop_mode \"{other}\" is not supported"),
        };
        let (Some(Numbers(mean)), Some(Numbers(std))) = (self.mean, self.std) else {
            bail!("mean and std are missing");
        };
        Ok(Preprocessing {
            size,
            resize: Resize { target, filter },
            mean,
            std,
            ..Preprocessing::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::Crop;

    fn read(json: &str) -> (Result<Preprocessing>, Vec<String>) {
        let mut notes = Vec::new();
        let config: TimmConfig = serde_json::from_str(json).unwrap();
        (config.steps(&mut notes), notes)
    }

    #[test]
    fn a_usual_description() {
        let (steps, notes) = read(
            r#"{"tag": "a1_in1k", "input_size": [3, 224, 192], "test_input_size": [3, 288, 288],
                "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
                "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "classifier": "fc"}"#,
        );
        let expected = Preprocessing {
            size: Some([224, 192]),
            resize: Resize { target: Target::CropFraction(0.95), filter: Filter::Bicubic },
            crop: Crop::Center,
            ..Preprocessing::preset("imagenet").unwrap()
        };
        assert_eq!(steps.unwrap(), expected);
        assert!(notes.is_empty());
    }

    #[test]
    fn squash_changes_the_aspect_ratio() {
        let (steps, _) = read(
            r#"{"input_size": [3, 384, 384], "interpolation": "bilinear", "crop_pct": 0.9, "crop_mode": "squash",
                "mean": [0.5], "std": [0.5]}"#,
        );
        assert_eq!(steps.unwrap().resize.target, Target::Exact([426, 426]));
        let (steps, _) =
            read(r#"{"crop_pct": 1.0, "crop_mode": "squash", "mean": [0.5], "std": [0.5]}"#);
        assert_eq!(steps.unwrap().resize.target, Target::Input);
    }

    #[test]
    fn gaps_are_noted_and_what_is_unknown_is_refused() {
        let (steps, notes) = read(r#"{"mean": [0.5], "std": [0.5]}"#);
        assert_eq!(steps.unwrap().resize.target, Target::CropFraction(0.875));
        assert_eq!(notes.len(), 2);
        for json in [
            r#"{"crop_mode": "border", "mean": [0.5], "std": [0.5]}"#,
            r#"{"interpolation": "hamming", "mean": [0.5], "std": [0.5]}"#,
            r#"{"std": [0.5]}"#,
        ] {
            assert!(read(json).0.is_err(), "{json}");
        }
    }
}
