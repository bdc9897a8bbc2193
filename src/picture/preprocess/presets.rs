//! The preprocessing that goes by a name.
//!
//! Stands beside [`super`]: what `--preprocess NAME` means, and what is guessed for a model without a card.

use super::{Channels, Filter, Preprocessing, Resize, Target};

/// The names `--preprocess` knows, each with a line about it.
pub const PRESETS: [(&str, &str); 6] = [
    (
        "imagenet",
        "crop fraction 0.875 (short side 256 for 224), center crop, RGB 0..1 less the ImageNet mean, by its deviation",
    ),
    ("tensorflow", "crop fraction 0.875, center crop, RGB from -1 to 1"),
    ("keras", "plain resize, RGB from -1 to 1"),
    ("unit", "plain resize, 0..1"),
    (
        "caffe",
        "crop fraction 0.875, center crop, BGR 0..255 less the mean 103.939, 116.779, 123.68",
    ),
    ("raw", "plain resize, 0..255"),
];

impl Preprocessing {
    /// The preset of that name; none if there is no such preset. [`PRESETS`] says what each does.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let plain = Self::default();
        let cropped = Self {
            resize: Resize { target: Target::CropFraction(0.875), filter: Filter::Bilinear },
            ..Self::default()
        };
        Some(match name {
            "imagenet" => {
                Self { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225], ..cropped }
            }
            "tensorflow" => Self { scale: 1.0 / 127.5, mean: vec![1.0], ..cropped },
            "keras" => Self { scale: 1.0 / 127.5, mean: vec![1.0], ..plain },
            "unit" => plain,
            "caffe" => Self {
                channels: Some(Channels::Bgr),
                scale: 1.0,
                mean: vec![103.939, 116.779, 123.68],
                ..cropped
            },
            "raw" => Self { scale: 1.0, ..plain },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_exists_and_is_valid() {
        for (name, _) in PRESETS {
            Preprocessing::preset(name).unwrap().validate().unwrap();
        }
        assert_eq!(Preprocessing::preset("imagnet"), None);
    }
}
