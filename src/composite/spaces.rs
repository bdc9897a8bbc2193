//! The spaces that `search` knows by name: the YAML files of `rules/spaces/`, embedded in the binary. A new one is a file
//! there and a line here.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::schema::Composite;
use super::space::Space;
use crate::rule::Initial;

/// A space that comes with the tool.
#[derive(Clone, Copy, Debug)]
pub struct NamedSpace {
    /// Its name.
    pub name: &'static str,
    /// Its file below `rules`, without extension.
    pub path: &'static str,
    /// Its YAML.
    pub yaml: &'static str,
}

macro_rules! spaces {
    ($($name:literal),* $(,)?) => {
        &[$(NamedSpace {
            name: $name,
            path: concat!("spaces/", $name),
            yaml: include_str!(concat!("../../rules/spaces/", $name, ".yaml")),
        }),*]
    };
}

/// All of them, in the order in which they are listed.
pub const SPACES: &[NamedSpace] =
    spaces!["vgg", "resnet", "densenet", "inception", "mobilenet", "vit", "convnext"];

/// The space for networks that get a preset by default, where it is not called like it.
const OF_PRESETS: &[(&str, &str)] = &[
    ("resnet-small", "resnet"),
    ("inception-small", "inception"),
    ("mobilenet-small", "mobilenet"),
    ("efficientnet", "mobilenet"),
    ("swin", "vit"),
    ("epsilon", "vgg"),
];

impl NamedSpace {
    /// The space of that name.
    pub fn find(name: &str) -> Option<&'static NamedSpace> {
        SPACES.iter().find(|space| space.name == name)
    }

    /// The space for networks that get this preset by default.
    pub fn of_preset(preset: &str) -> Option<&'static NamedSpace> {
        let other = OF_PRESETS.iter().find(|(known, _)| *known == preset);
        NamedSpace::find(other.map_or(preset, |(_, space)| space))
    }

    /// The space, whose composites start at the output as this preset does, and spread relevance where it does.
    ///
    /// # Errors
    /// When the space's file is invalid; tests check that none is.
    pub fn starting_as(&self, preset: &Composite) -> Result<Space> {
        let mut yaml = self.yaml.to_string();
        if preset.initial != Initial::default() {
            yaml += &format!("initial: {}\n", preset.initial.word());
        }
        if preset.spread_strided {
            yaml += "spread-strided: true\n";
        }
        Space::parse(&yaml, self.name)
    }
}

impl Space {
    /// A space by its name, or a YAML file.
    ///
    /// # Errors
    /// When there is neither a space nor a file of that name, or it is invalid.
    pub fn find(name_or_path: &str) -> Result<Space> {
        if let Some(space) = NamedSpace::find(name_or_path) {
            return Space::parse(space.yaml, space.name);
        }
        let path = Path::new(name_or_path);
        let is_yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
        if is_yaml || path.is_file() {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the space {name_or_path}"))?;
            return Space::parse(&text, name_or_path);
        }
        let names = SPACES.iter().map(|space| space.name);
        let hint = crate::suggest::nearest(name_or_path, names.clone())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let names: Vec<&str> = names.collect();
        bail!(
            "there is no space `{name_or_path}`{hint} (there are {}; a space of your own is a .yaml file)",
            names.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_an_architecture_starts_as_its_preset() {
        for preset in ["resnet", "vgg"] {
            let preset = Composite::find(preset).unwrap();
            let space = NamedSpace::of_preset(&preset.name).unwrap().starting_as(&preset).unwrap();
            let candidate = space.candidate(7).unwrap();
            assert_eq!(candidate.composite.initial, preset.initial);
            assert_eq!(candidate.composite.spread_strided, preset.spread_strided);
            let yaml = candidate.to_yaml("best", "Found.", &serde_json::json!({})).unwrap();
            assert_eq!(Composite::parse(&yaml, "best.yaml").unwrap().initial, preset.initial);
        }
    }

    #[test]
    fn every_space_is_valid_and_says_what_it_is() {
        for named in SPACES {
            let space = Space::find(named.name).unwrap();
            assert_eq!(space.name, named.name);
            assert!(space.about.len() > 40, "{} should say more about itself", space.name);
            let count = space.candidates().unwrap().len();
            assert!((50..=500).contains(&count), "{} has {count} composites", space.name);
        }
        for (_, space) in OF_PRESETS {
            assert!(NamedSpace::find(space).is_some(), "{space}");
        }
    }

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/spaces");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(NamedSpace::find(stem).is_some(), "{} is not in SPACES", path.display());
        }
    }

    #[test]
    fn an_unknown_space_is_told_the_nearest() {
        let error = Space::find("resnte").unwrap_err().to_string();
        assert!(error.contains("did you mean `resnet`?"), "{error}");
        assert!(Space::find("missing.yaml").unwrap_err().to_string().contains("cannot read"));
    }
}
