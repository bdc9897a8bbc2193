//! The presets: the YAML files of `rules/`, embedded in the binary. A new one is a file there and a line here.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::schema::Composite;
use crate::network::{Family, Kind, Network};

/// A composite that comes with the tool.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its YAML.
    pub yaml: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(Preset { name: $name, yaml: include_str!(concat!("../../rules/", $name, ".yaml")) }),*]
    };
}

/// All presets, in the order in which they are listed.
pub const PRESETS: &[Preset] = presets![
    "vgg",
    "resnet",
    "resnet-small",
    "densenet",
    "inception",
    "inception-small",
    "mobilenet",
    "mobilenet-small",
    "efficientnet",
    "vit",
    "swin",
    "convnext",
    "epsilon-gamma-box",
    "epsilon-plus-flat",
    "epsilon-plus",
    "epsilon-alpha2-beta1-flat",
    "epsilon-alpha2-beta1",
    "gamma",
    "epsilon",
    "w-square-plus",
    "excitation-backprop",
    "guided-backprop",
    "deconvnet",
    "gradient",
];

impl Preset {
    /// The preset of that name.
    pub fn find(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The preset as a composite.
    ///
    /// # Errors
    /// When the preset's file is invalid; tests check that none is.
    pub fn composite(&self) -> Result<Composite> {
        Composite::parse(self.yaml, self.name)
            .with_context(|| format!("the preset {} is invalid", self.name))
    }
}

impl Composite {
    /// A preset by its name, or a YAML file.
    ///
    /// # Errors
    /// When there is neither a preset nor a file of that name, or the file is invalid.
    pub fn find(name_or_path: &str) -> Result<Composite> {
        if let Some(preset) = Preset::find(name_or_path) {
            return preset.composite();
        }
        let looks_like_file = name_or_path.ends_with(".yaml")
            || name_or_path.ends_with(".yml")
            || name_or_path.contains(std::path::MAIN_SEPARATOR);
        if looks_like_file || Path::new(name_or_path).is_file() {
            let read = || {
                let bytes = std::fs::read(name_or_path)?;
                String::from_utf8(bytes).ok().context("it is no UTF-8 text")
            };
            let text =
                read().with_context(|| format!("cannot read the composite {name_or_path}"))?;
            return Composite::parse(&text, name_or_path);
        }
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let nearest = crate::suggest::nearest(name_or_path, names.iter().copied())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        bail!(
            "there is no preset `{name_or_path}`{nearest} (`onnxplain presets` lists them; a composite of your own is a .yaml file)"
        )
    }
}

/// The preset that `auto` chooses for a network, and why.
pub fn auto_preset(network: &Network) -> (&'static str, &'static str) {
    if !network.layers.iter().any(|layer| layer.kind() == Kind::Convolution) {
        return ("epsilon", "a network without convolutions");
    }
    let is_small = is_small(network.input_shape());
    match Family::of(network) {
        Family::Residual if is_small => ("resnet-small", "a residual network on small pictures"),
        Family::Inception if is_small => {
            ("inception-small", "a network of parallel branches on small pictures")
        }
        Family::Depthwise | Family::GatedDepthwise if is_small => {
            ("mobilenet-small", "a network of depthwise convolutions on small pictures")
        }
        Family::Plain => ("vgg", "a plain convolutional network"),
        Family::Residual => ("resnet", "a residual network"),
        Family::DenseConcat => ("densenet", "a densely connected network"),
        Family::Inception => ("inception", "a network of parallel branches"),
        Family::Depthwise => ("mobilenet", "a network of depthwise convolutions"),
        Family::GatedDepthwise => {
            ("efficientnet", "a network of depthwise convolutions with gates")
        }
        Family::Transformer => ("vit", "a network with attention"),
        Family::WindowedTransformer => ("swin", "a network with attention in windows"),
        Family::ConvNext => {
            ("convnext", "a network of depthwise convolutions with LayerNormalization")
        }
    }
}

/// Smaller pictures than this get their own presets, which were measured on pictures of 28 and 32 pixels.
const SMALL_SIDE: usize = 64;

/// Whether an input `[1, C, H, W]` or `[1, H, W, C]` has fewer pixels than a square picture of that size.
fn is_small(shape: &[usize]) -> bool {
    let axes = shape.get(1..).unwrap_or_default();
    let [first, .., last] = axes else { return true };
    let positions = axes.iter().product::<usize>() / (*first).min(*last).max(1);
    positions < SMALL_SIDE * SMALL_SIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_are_told_by_their_positions() {
        for shape in [&[1, 3, 28, 28][..], &[1, 32, 32, 3], &[1, 1, 63, 63], &[1, 12], &[1, 4, 100]]
        {
            assert!(is_small(shape), "{shape:?}");
        }
        for shape in [&[1, 3, 64, 64][..], &[1, 224, 224, 3], &[1, 1, 48, 480]] {
            assert!(!is_small(shape), "{shape:?}");
        }
    }

    #[test]
    fn every_preset_parses_and_says_what_it_is() {
        for preset in PRESETS {
            let composite = preset.composite().unwrap();
            assert_eq!(composite.name, preset.name);
            assert!(composite.about.len() > 40, "{} should say more about itself", preset.name);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_a_preset() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(Preset::find(stem).is_some(), "{} is not listed in PRESETS", path.display());
        }
    }
}
