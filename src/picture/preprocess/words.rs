//! How preprocessing steps are written: in YAML cards, in reports and on the command line.

use std::str::FromStr;

use anyhow::{Context, Error, Result, anyhow};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, value};
use serde::{Deserialize, Serialize, Serializer};

use super::super::notation::{Size, parse_size};
use super::{Channels, Crop, Filter, Layout, Resize, Target};
use crate::suggest::explained;
use crate::suggest::spelled::{self, Spelled};

fn from_word<T: DeserializeOwned>(word: &str) -> Result<T> {
    let deserializer: value::StrDeserializer<value::Error> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|error| {
        anyhow!("{}", explained(&error.to_string().replace("unknown variant", "unknown word")))
    })
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        from_word(text)
    }
}

impl FromStr for Channels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        from_word(text)
    }
}

impl FromStr for Crop {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        from_word(text)
    }
}

impl FromStr for Resize {
    type Err = Error;

    /// `256` (short side), `240x320` (height x width), `plain` or `none`, each with `,FILTER` if it is not bilinear.
    fn from_str(text: &str) -> Result<Self> {
        let (target, filter) = text.split_once(',').unwrap_or((text, "bilinear"));
        let filter = from_word(filter.trim())?;
        let target = match target.trim() {
            "plain" => Target::Input,
            "none" => Target::Unchanged,
            sides if sides.contains('x') => Target::Exact(parse_size(sides)?),
            side => Target::ShortSide(side.parse().with_context(|| {
                format!("\"{side}\" is no resize: write a short side (256), a size (240x320), plain or none")
            })?),
        };
        Ok(Self { target, filter })
    }
}

/// The map a resize is written as; without a target it is a plain resize to the network's size.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ResizeMap {
    #[serde(skip_serializing_if = "Option::is_none")]
    short_side: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop_fraction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(default = "bilinear")]
    filter: Filter,
}

fn bilinear() -> Filter {
    Filter::Bilinear
}

impl Serialize for Resize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map =
            ResizeMap { short_side: None, crop_fraction: None, size: None, filter: self.filter };
        match self.target {
            Target::Unchanged => return serializer.serialize_str("none"),
            Target::Input => {}
            Target::Exact(size) => map.size = Some(Size(size)),
            Target::ShortSide(side) => map.short_side = Some(side),
            Target::CropFraction(fraction) => map.crop_fraction = Some(fraction),
        }
        map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Resize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Resize {
    const EXPECTED: &'static str =
        "plain, none, or a map with filter and one of short-side, crop-fraction, size";

    fn from_text<E: de::Error>(text: &str) -> Result<Resize, E> {
        text.parse().map_err(E::custom)
    }

    fn from_whole<E: de::Error>(side: u64) -> Result<Resize, E> {
        Self::from_text(&side.to_string())
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Resize, A::Error> {
        let map = ResizeMap::deserialize(value::MapAccessDeserializer::new(map))?;
        let target = match (map.short_side, map.crop_fraction, map.size) {
            (None, None, None) => Target::Input,
            (Some(side), None, None) => Target::ShortSide(side),
            (None, Some(fraction), None) => Target::CropFraction(fraction),
            (None, None, Some(Size(size))) => Target::Exact(size),
            _ => {
                let told = "give only one of short-side, crop-fraction, size";
                return Err(de::Error::custom(told));
            }
        };
        Ok(Resize { target, filter: map.filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::Preprocessing;

    #[test]
    fn resize_on_the_command_line() {
        let read = |text: &str| text.parse::<Resize>().unwrap();
        let expect = |target, filter| Resize { target, filter };
        assert_eq!(read("256"), expect(Target::ShortSide(256), Filter::Bilinear));
        assert_eq!(read("240x320,bicubic"), expect(Target::Exact([240, 320]), Filter::Bicubic));
        assert_eq!(read("plain,nearest"), expect(Target::Input, Filter::Nearest));
        assert_eq!(read("none"), expect(Target::Unchanged, Filter::Bilinear));
        let error = "256,cubic".parse::<Resize>().unwrap_err().to_string();
        assert!(error.contains("unknown word `cubic`") && error.contains("`bicubic`"), "{error}");
        assert!("huge".parse::<Resize>().is_err());
    }

    #[test]
    fn words_on_the_command_line() {
        assert_eq!("NHWC".parse::<Layout>().unwrap(), Layout::Nhwc);
        assert_eq!("bgr".parse::<Channels>().unwrap(), Channels::Bgr);
        assert_eq!("none".parse::<Crop>().unwrap(), Crop::None);
    }

    #[test]
    fn what_a_report_says_can_be_read_back() {
        for (name, _) in crate::picture::preprocess::PRESETS {
            let steps = Preprocessing {
                size: Some([224, 160]),
                layout: Some(Layout::Nhwc),
                ..Preprocessing::preset(name).unwrap()
            };
            let json = serde_json::to_string(&steps).unwrap();
            assert_eq!(serde_json::from_str::<Preprocessing>(&json).unwrap(), steps, "{json}");
        }
    }

    #[test]
    fn abbreviations_in_a_card() {
        let read = |text: &str| serde_yaml::from_str::<Preprocessing>(text).unwrap();
        let steps = read("{ size: 28, mean: 0.1307, std: [0.3081], scale: 1/255, resize: none }");
        assert_eq!(steps.size, Some([28, 28]));
        assert_eq!(steps.mean, [0.1307]);
        assert_eq!(steps.scale, 1.0 / 255.0);
        assert_eq!(steps.resize.target, Target::Unchanged);
        assert_eq!(read("resize: 256").resize.target, Target::ShortSide(256));
        assert_eq!(
            read("resize: { filter: lanczos }").resize,
            Resize { target: Target::Input, filter: Filter::Lanczos }
        );
        assert_eq!(read("resize: { size: 232 }").resize.target, Target::Exact([232, 232]));
    }
}
