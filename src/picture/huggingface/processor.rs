//! The image processors of `transformers`, as `preprocessor_config.json` describes them.
//!
//! Stands behind [`super`]. Each family has its own reading of `size`; the differences are kept together here.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Unexpected};

use crate::picture::notation::Numbers;
use crate::picture::preprocess::{Channels, Crop, Filter, Preprocessing, Resize, Target};
use crate::suggest::spelled::{self, Spelled};

/// An image processor of `transformers`, as `preprocessor_config.json` has it.
#[derive(Deserialize)]
pub(super) struct Processor {
    #[serde(alias = "feature_extractor_type")]
    image_processor_type: Option<String>,
    do_resize: Option<bool>,
    size: Option<Size>,
    crop_pct: Option<f64>,
    resample: Option<u64>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    rescale_offset: Option<bool>,
    do_normalize: Option<bool>,
    image_mean: Option<Numbers>,
    image_std: Option<Numbers>,
    include_top: Option<bool>,
    do_flip_channel_order: Option<bool>,
}

/// A size in its three spellings.
#[derive(Clone, Copy)]
enum Size {
    Number(usize),
    Exact { height: usize, width: usize },
    ShortSide(usize),
}

impl Size {
    /// [height, width], equal where only one number is known.
    fn sides(self) -> [usize; 2] {
        match self {
            Self::Number(side) | Self::ShortSide(side) => [side, side],
            Self::Exact { height, width } => [height, width],
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Size {
    const EXPECTED: &'static str = "a number, {height, width} or {shortest_edge}";

    fn from_whole<E: de::Error>(side: u64) -> Result<Size, E> {
        usize::try_from(side).map(Size::Number).map_err(E::custom)
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Size, A::Error> {
        #[derive(Deserialize)]
        struct Sides {
            height: Option<usize>,
            width: Option<usize>,
            shortest_edge: Option<usize>,
        }
        let sides = Sides::deserialize(MapAccessDeserializer::new(map))?;
        match (sides.height, sides.width, sides.shortest_edge) {
            (Some(height), Some(width), _) => Ok(Size::Exact { height, width }),
            (_, _, Some(side)) => Ok(Size::ShortSide(side)),
            _ => Err(de::Error::invalid_value(Unexpected::Map, &Self::EXPECTED)),
        }
    }
}

impl Processor {
    /// Whether the processor is of this family, in any of its versions (feature extractor, fast processor).
    fn is(&self, family: &str) -> bool {
        self.image_processor_type.as_deref().is_some_and(|name| name.starts_with(family))
    }

    /// The steps; appends to `notes` what is assumed.
    ///
    /// # Errors
    /// The processor does what is not supported, or its file lacks what is needed.
    pub(super) fn steps(&self, notes: &mut Vec<String>) -> Result<Preprocessing> {
        ensure!(self.rescale_offset != Some(true), "rescale_offset is not supported");
        let (target, size, crop) = self.geometry()?;
        let filter = self.filter(notes)?;
        let flipped = self.do_flip_channel_order;
        let (mean, std) = self.normalization(notes)?;
        Ok(Preprocessing {
            layout: None,
            channels: flipped.unwrap_or(self.is("MobileViT")).then_some(Channels::Bgr),
            size,
            resize: Resize { target, filter },
            crop,
            scale: match (self.do_rescale, self.rescale_factor) {
                (Some(false), _) => 1.0,
                (_, factor) => factor.unwrap_or(1.0 / 255.0),
            },
            mean,
            std,
        })
    }

    /// What the picture is resized to, the network's size, and the crop between the two.
    fn geometry(&self) -> Result<(Target, Option<[usize; 2]>, Crop)> {
        let crops = self.do_center_crop.unwrap_or(self.crop_size.is_some());
        let crop = if crops { Crop::Center } else { Crop::None };
        let cropped = self.crop_size.filter(|_| crops).map(Size::sides);
        ensure!(cropped.is_some() || !crops, "do_center_crop is set, but crop_size is missing");
        if self.do_resize == Some(false) {
            return Ok((Target::Unchanged, cropped, crop));
        }
        let size = self.size.context("size is missing")?;
        let sides @ [side, _] = size.sides();
        let enlarged = |fraction: f64| Target::ShortSide((side as f64 / fraction) as usize);
        let keeps_aspect = match size {
            Size::ShortSide(_) => true,
            Size::Exact { height, width } => self.is("PoolFormer") && height == width,
            Size::Number(_) => {
                self.is("ConvNext")
                    || crops && !["ViT", "DeiT", "Beit"].iter().any(|family| self.is(family))
            }
        };
        Ok(match (keeps_aspect, cropped) {
            (true, _) if self.is("ConvNext") && side < 384 => {
                let target = enlarged(self.crop_pct.unwrap_or(0.875));
                (target, Some(sides), Crop::Center)
            }
            (true, _) if self.is("ConvNext") => (Target::Input, Some(sides), Crop::None),
            (true, _) if self.is("PoolFormer") => {
                (enlarged(self.crop_pct.unwrap_or(0.9)), cropped, crop)
            }
            (true, _) if self.is("Levit") => (enlarged(224.0 / 256.0), cropped, crop),
            (true, _) => (Target::ShortSide(side), cropped, crop),
            (false, Some(_)) => (Target::Exact(sides), cropped, crop),
            (false, None) => (Target::Input, Some(sides), crop),
        })
    }

    /// The filter, whose numbers are Pillow's.
    fn filter(&self, notes: &mut Vec<String>) -> Result<Filter> {
        let (filter, name) = match self.resample {
            Some(0) => return Ok(Filter::Nearest),
            Some(1) => return Ok(Filter::Lanczos),
            Some(2) => return Ok(Filter::Bilinear),
            Some(3) => return Ok(Filter::Bicubic),
            Some(other) => bail!("resample {other} is not supported: 0 to 3 are"),
            None if ["ViT", "Mobile"].iter().any(|family| self.is(family)) => {
                (Filter::Bilinear, "bilinear")
            }
            None => (Filter::Bicubic, "bicubic"),
        };
        notes.push(format!("the image processor names no resample: {name} is assumed"));
        Ok(filter)
    }

    /// Mean and standard deviation.
    fn normalization(&self, notes: &mut Vec<String>) -> Result<(Vec<f64>, Vec<f64>)> {
        let normalizes = self.do_normalize.unwrap_or(self.image_mean.is_some());
        // That of MobileViT has no such step.
        if self.do_normalize.is_none() && !normalizes && !self.is("MobileViT") {
            let told = "the image processor names no image_mean: pictures are not normalized";
            notes.push(told.to_string());
        }
        let (mean, std) = match (&self.image_mean, &self.image_std) {
            _ if !normalizes => (vec![0.0], vec![1.0]),
            (Some(Numbers(mean)), Some(Numbers(std))) => (mean.clone(), std.clone()),
            _ => bail!("do_normalize is set, but image_mean or image_std is missing"),
        };
        // EfficientNet's processor divides by image_std once more for classifiers.
        match &self.image_std {
            Some(Numbers(again))
                if self.is("EfficientNet") && self.include_top.unwrap_or(true) && normalizes =>
            {
                let squared = std.iter().zip(again).map(|(a, b)| a * b).collect();
                Ok((mean, squared))
            }
            _ => Ok((mean, std)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(json: &str) -> (Preprocessing, Vec<String>) {
        let mut notes = Vec::new();
        let processor: Processor = serde_json::from_str(json).unwrap();
        (processor.steps(&mut notes).unwrap(), notes)
    }

    fn geometry(json: &str) -> (Target, Option<[usize; 2]>, Crop) {
        let (steps, _) = steps(json);
        (steps.resize.target, steps.size, steps.crop)
    }

    #[test]
    fn a_vision_transformer() {
        let (steps, notes) = steps(
            r#"{"do_convert_rgb": null, "do_normalize": true, "do_rescale": true, "do_resize": true,
                "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "ViTImageProcessor",
                "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
                "size": {"height": 224, "width": 224}}"#,
        );
        let expected = Preprocessing {
            size: Some([224, 224]),
            resize: Resize { target: Target::Input, filter: Filter::Bilinear },
            crop: Crop::None,
            mean: vec![0.5; 3],
            std: vec![0.5; 3],
            ..Preprocessing::default()
        };
        assert_eq!(steps, expected);
        assert!(notes.is_empty());
    }

    #[test]
    fn each_family_has_its_own_geometry() {
        let center = Crop::Center;
        for (json, target, size, crop) in [
            (
                r#"{"do_resize": true, "image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 256},
                    "do_center_crop": true, "crop_size": {"height": 224, "width": 224}}"#,
                Target::ShortSide(256),
                Some([224, 224]),
                center,
            ),
            (
                r#"{"do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.875, "size": 224}"#,
                Target::ShortSide(256),
                Some([224, 224]),
                center,
            ),
            (
                r#"{"do_resize": true, "image_processor_type": "ConvNextImageProcessorFast", "size": {"shortest_edge": 384}}"#,
                Target::Input,
                Some([384, 384]),
                Crop::None,
            ),
            (
                r#"{"do_resize": true, "feature_extractor_type": "DeiTFeatureExtractor", "size": 256, "crop_size": 224,
                    "do_center_crop": true}"#,
                Target::Exact([256, 256]),
                Some([224, 224]),
                center,
            ),
            (
                r#"{"do_resize": true, "size": 224, "do_center_crop": true, "crop_size": 224}"#,
                Target::ShortSide(224),
                Some([224, 224]),
                center,
            ),
            (
                r#"{"do_resize": true, "image_processor_type": "BeitImageProcessor", "do_center_crop": false,
                    "crop_size": {"height": 224, "width": 224}, "size": {"height": 256, "width": 240}}"#,
                Target::Input,
                Some([256, 240]),
                Crop::None,
            ),
            (
                r#"{"do_resize": true, "feature_extractor_type": "LevitFeatureExtractor", "size": {"shortest_edge": 224},
                    "do_center_crop": true, "crop_size": {"height": 224, "width": 224}}"#,
                Target::ShortSide(256),
                Some([224, 224]),
                center,
            ),
            (
                r#"{"do_resize": true, "image_processor_type": "PoolFormerImageProcessor", "size": {"shortest_edge": 224},
                    "crop_pct": 0.95, "crop_size": {"height": 224, "width": 224}}"#,
                Target::ShortSide(235),
                Some([224, 224]),
                center,
            ),
            (r#"{"do_resize": false, "crop_size": 96}"#, Target::Unchanged, Some([96, 96]), center),
        ] {
            assert_eq!(geometry(json), (target, size, crop), "{json}");
        }
    }

    #[test]
    fn filters_channels_and_scale() {
        let (steps, notes) = steps(
            r#"{"do_resize": true, "size": {"shortest_edge": 288}, "crop_size": {"height": 256, "width": 256},
                "do_center_crop": true, "do_flip_channel_order": true, "do_rescale": false,
                "image_processor_type": "MobileViTImageProcessor"}"#,
        );
        assert_eq!(steps.channels, Some(Channels::Bgr));
        assert_eq!(steps.scale, 1.0);
        assert_eq!(steps.mean, [0.0]);
        assert_eq!(steps.resize.filter, Filter::Bilinear);
        assert_eq!(notes, ["the image processor names no resample: bilinear is assumed"]);
    }

    #[test]
    fn efficientnet_divides_twice() {
        let (steps, _) = steps(
            r#"{"do_resize": true, "do_center_crop": false, "crop_size": {"height": 289, "width": 289}, "do_normalize": true,
                "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "EfficientNetImageProcessor",
                "image_std": [0.47853944, 0.4732864, 0.47434163], "include_top": true, "resample": 0,
                "rescale_offset": false, "size": {"height": 224, "width": 224}}"#,
        );
        for (std, imagenet) in steps.std.iter().zip([0.229, 0.224, 0.225]) {
            assert!((std - imagenet).abs() < 1e-6, "{std}");
        }
        assert_eq!(steps.resize.filter, Filter::Nearest);
    }

    #[test]
    fn what_cannot_be_done_as_the_file_says_is_refused() {
        for (json, what) in [
            (r#"{"do_resize": true, "size": 8, "resample": 5}"#, "resample 5"),
            (r#"{"do_resize": true}"#, "size is missing"),
            (r#"{"do_resize": true, "size": 8, "do_normalize": true}"#, "image_mean"),
            (r#"{"do_resize": true, "size": 8, "do_center_crop": true}"#, "crop_size"),
            (r#"{"do_resize": true, "size": 8, "rescale_offset": true}"#, "rescale_offset"),
            (r#"{"do_resize": true, "size": {"longest_edge": 8}}"#, "or {shortest_edge}"),
        ] {
            let steps = serde_json::from_str(json)
                .map_err(anyhow::Error::from)
                .and_then(|processor: Processor| processor.steps(&mut Vec::new()));
            let error = steps.unwrap_err();
            assert!(format!("{error:#}").contains(what), "{json}\n{error:#}");
        }
    }
}
