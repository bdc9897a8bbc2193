//! What is done to a decoded picture before the network sees it, as data: the steps, the presets, the overrides.
//!
//! Stands between load and forward: model card or preset -> **steps** -> fitted to the network's input -> tensor.
//! A network's input value is `x = (byte * scale - mean) / std` for a byte of 0..255 of the resized, cropped picture.

mod presets;
mod words;

use std::fmt;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::notation;

pub use presets::PRESETS;

/// The order of the axes of the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// [N, channels, height, width], as PyTorch has it.
    #[serde(rename = "NCHW", alias = "nchw")]
    Nchw,
    /// [N, height, width, channels], as TensorFlow has it.
    #[serde(rename = "NHWC", alias = "nhwc")]
    Nhwc,
}

/// The order of the colours on the channel axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channels {
    /// Red, green, blue.
    #[serde(rename = "RGB", alias = "rgb")]
    Rgb,
    /// Blue, green, red, as Caffe and OpenCV have it.
    #[serde(rename = "BGR", alias = "bgr")]
    Bgr,
    /// One channel: the ITU-R 601 luma of the picture, as Pillow's `convert("L")`.
    #[serde(rename = "GRAY", alias = "gray")]
    Gray,
}

/// How a resized pixel is made of its neighbours; all but nearest are antialiased when the picture shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The one pixel under the middle.
    Nearest,
    /// Triangle.
    Bilinear,
    /// Cubic with a = -1/2, Pillow's.
    Bicubic,
    /// Lanczos with three lobes.
    Lanczos,
}

/// The size a picture is resized to; pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The network's own size; the aspect ratio changes.
    Input,
    /// [height, width]; the aspect ratio changes.
    Exact([usize; 2]),
    /// The short side gets this length and the long side follows, rounded down, as torchvision's `Resize(n)`.
    ShortSide(usize),
    /// As small as possible, the aspect ratio kept, so that the network's input is this fraction of the covered
    /// height and width: timm's `crop_pct`. A square input of n pixels means a short side of floor(n / fraction).
    CropFraction(f64),
    /// The picture keeps its size.
    Unchanged,
}

/// The resizing step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resize {
    /// The size to reach.
    pub target: Target,
    /// The filter to use.
    pub filter: Filter,
}

/// What is cut out of the resized picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crop {
    /// The network's size from the middle, as torchvision's `CenterCrop`.
    Center,
    /// Nothing: the resized picture must have the network's size.
    None,
}

/// Every step from a decoded picture to the network's input, in the order of the fields.
///
/// It is written in a model card's `input` and in reports under the same names. A step that is not written is as in
/// the preset `unit`: plain bilinear resize, bytes divided by 255.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preprocessing {
    /// The network's layout; by default what the network's shape says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// The colours; by default RGB for three channels and GRAY for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// The network's input size, [height, width] in pixels; by default what the network's shape says.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "notation::optional_size")]
    pub size: Option<[usize; 2]>,
    /// How the picture is resized.
    pub resize: Resize,
    /// What is cut out after that.
    pub crop: Crop,
    /// Factor on the byte; 1/255 gives 0..1. Negative for networks that want the negative.
    #[serde(deserialize_with = "notation::number")]
    pub scale: f64,
    /// Subtracted per channel after scaling, in the order of `channels`; one value stands for all channels.
    #[serde(deserialize_with = "notation::numbers")]
    pub mean: Vec<f64>,
    /// Divides per channel after that; positive.
    #[serde(deserialize_with = "notation::numbers")]
    pub std: Vec<f64>,
}

/// The shape of the network's input, which the model file decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputShape {
    /// 1 or 3 for networks that take pictures.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// The order of the axes.
    pub layout: Layout,
}

/// Single steps given on the command line, which win over a card or a preset.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--mean`
    pub mean: Option<Vec<f64>>,
    /// `--std`
    pub std: Option<Vec<f64>>,
    /// `--size`, [height, width]
    pub size: Option<[usize; 2]>,
    /// `--resize`
    pub resize: Option<Resize>,
    /// `--crop`
    pub crop: Option<Crop>,
    /// `--layout`
    pub layout: Option<Layout>,
    /// `--channels`
    pub channels: Option<Channels>,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            layout: None,
            channels: None,
            size: None,
            resize: Resize { target: Target::Input, filter: Filter::Bilinear },
            crop: Crop::Center,
            scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
        }
    }
}

impl Preprocessing {
    /// Checks what can be checked without a network: the numbers.
    ///
    /// # Errors
    /// Names the step whose value cannot be used.
    pub fn validate(&self) -> Result<()> {
        ensure!(
            self.scale.is_finite() && self.scale != 0.0,
            "scale is {}: it must be a number other than 0",
            self.scale
        );
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            ensure!(
                values.len() == 1 || values.len() == 3,
                "{name} has {} values: give one for all channels, or three",
                values.len()
            );
            ensure!(
                values.iter().all(|value| value.is_finite()),
                "{name} holds a value that is not a number"
            );
        }
        let numbers = [
            ("scale", std::slice::from_ref(&self.scale)),
            ("mean", &self.mean),
            ("std", &self.std),
        ];
        for (name, values) in numbers {
            if let Some(value) = values.iter().find(|value| !fits_network(**value)) {
                bail!(
                    "{name} holds {value:e}: the network's numbers (32-bit floats) cannot hold it"
                );
            }
        }
        if let Some(value) = self.std.iter().find(|value| **value <= 0.0) {
            bail!("std holds {value}: it divides, so it must be above 0");
        }
        if let Some(size) = self.size {
            ensure_pixels("size", &size)?;
        }
        match self.resize.target {
            Target::Exact(size) => ensure_pixels("resize: size", &size),
            Target::ShortSide(side) => ensure_pixels("resize: short-side", &[side]),
            Target::CropFraction(fraction) => {
                ensure!(
                    fraction > 0.0 && fraction <= 1.0,
                    "resize: crop-fraction is {fraction}: it must be above 0 and at most 1"
                );
                Ok(())
            }
            Target::Input | Target::Unchanged => Ok(()),
        }
    }
}

/// Whether a number stays one in the network's precision: neither infinite nor, unless it is 0, nothing.
fn fits_network(number: f64) -> bool {
    let rounded = number as f32;
    rounded.is_finite() && (rounded != 0.0 || number == 0.0)
}

/// The longest side a picture can be resized to; guards against slips of the finger.
const LARGEST_SIDE: usize = 65_535;

fn ensure_pixels(name: &str, sides: &[usize]) -> Result<()> {
    for &side in sides {
        ensure!(
            (1..=LARGEST_SIDE).contains(&side),
            "{name} is {side}: it must be 1 to {LARGEST_SIDE} pixels"
        );
    }
    Ok(())
}

impl Overrides {
    /// Writes the given steps over those of `preprocessing`.
    ///
    /// Mean and deviation belong to colours: when only the channel order turns from RGB to BGR or back, they turn
    /// with it.
    pub fn apply(&self, preprocessing: &mut Preprocessing) {
        if let Some(channels) = self.channels {
            let before = preprocessing.channels.unwrap_or(Channels::Rgb);
            if matches!(
                (before, channels),
                (Channels::Rgb, Channels::Bgr) | (Channels::Bgr, Channels::Rgb)
            ) {
                preprocessing.mean.reverse();
                preprocessing.std.reverse();
            }
            preprocessing.channels = Some(channels);
        }
        if let Some(mean) = &self.mean {
            preprocessing.mean.clone_from(mean);
        }
        if let Some(std) = &self.std {
            preprocessing.std.clone_from(std);
        }
        preprocessing.size = self.size.or(preprocessing.size);
        preprocessing.layout = self.layout.or(preprocessing.layout);
        preprocessing.resize = self.resize.unwrap_or(preprocessing.resize);
        preprocessing.crop = self.crop.unwrap_or(preprocessing.crop);
    }
}

impl fmt::Display for Preprocessing {
    /// One line for people, such as `short side 256 (bicubic), center crop to 224x224, RGB, NCHW, x/255, ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = notation::word(&self.resize.filter);
        match self.resize.target {
            Target::Input => write!(f, "plain resize ({filter})")?,
            Target::Exact([height, width]) => {
                write!(f, "plain resize to {height}x{width} ({filter})")?;
            }
            Target::ShortSide(side) => write!(f, "short side {side} ({filter})")?,
            Target::CropFraction(fraction) => write!(f, "crop fraction {fraction} ({filter})")?,
            Target::Unchanged => write!(f, "no resize")?,
        }
        let crops = self.crop == Crop::Center && self.resize.target != Target::Input;
        match (crops, self.size) {
            (true, Some([height, width])) => write!(f, ", center crop to {height}x{width}")?,
            (true, None) => write!(f, ", center crop")?,
            (false, _) => {}
        }
        if let Some(channels) = &self.channels {
            write!(f, ", {}", notation::word(channels))?;
        }
        if let Some(layout) = &self.layout {
            write!(f, ", {}", notation::word(layout))?;
        }
        let divisor = 1.0 / self.scale;
        if self.scale == 1.0 {
            write!(f, ", 0..255")?;
        } else if (divisor * 2.0 - (divisor * 2.0).round()).abs() < 1e-4 {
            write!(f, ", x/{}", (divisor * 2.0).round() / 2.0)?;
        } else {
            write!(f, ", x*{}", self.scale)?;
        }
        if self.mean.iter().any(|mean| *mean != 0.0) {
            write!(f, ", mean {}", notation::list(&self.mean))?;
        }
        if self.std.iter().any(|std| *std != 1.0) {
            write!(f, ", std {}", notation::list(&self.std))?;
        }
        Ok(())
    }
}

impl fmt::Display for InputShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channels, height, width, .. } = self;
        match self.layout {
            Layout::Nchw => write!(f, "{channels}x{height}x{width} (NCHW)"),
            Layout::Nhwc => write!(f, "{height}x{width}x{channels} (NHWC)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_win_and_leave_the_rest() {
        let mut steps = Preprocessing::preset("imagenet").unwrap();
        let overrides = Overrides {
            std: Some(vec![0.5]),
            size: Some([240, 320]),
            crop: Some(Crop::None),
            ..Overrides::default()
        };
        overrides.apply(&mut steps);
        assert_eq!(steps.std, [0.5]);
        assert_eq!(steps.size, Some([240, 320]));
        assert_eq!(steps.crop, Crop::None);
        assert_eq!(steps.mean, [0.485, 0.456, 0.406]);
        assert_eq!(steps.resize.target, Target::CropFraction(0.875));
    }

    #[test]
    fn turned_channels_take_their_mean_along() {
        let mut steps = Preprocessing::preset("imagenet").unwrap();
        let to_bgr = Overrides { channels: Some(Channels::Bgr), ..Overrides::default() };
        to_bgr.apply(&mut steps);
        assert_eq!(steps.mean, [0.406, 0.456, 0.485]);
        assert_eq!(steps.std, [0.225, 0.224, 0.229]);
        to_bgr.apply(&mut steps);
        assert_eq!(steps.mean, [0.406, 0.456, 0.485]);
    }

    #[test]
    fn unusable_numbers_are_named() {
        let message = |change: fn(&mut Preprocessing)| {
            let mut steps = Preprocessing::default();
            change(&mut steps);
            steps.validate().unwrap_err().to_string()
        };
        assert!(message(|steps| steps.std = vec![0.5, 0.0, 0.5]).contains("std holds 0"));
        assert!(message(|steps| steps.mean = vec![0.5, 0.5]).contains("mean has 2 values"));
        assert!(message(|steps| steps.mean = vec![f64::NAN]).contains("mean"));
        assert!(message(|steps| steps.mean = vec![1e39]).contains("mean holds 1e39"));
        assert!(message(|steps| steps.std = vec![1e39]).contains("std holds 1e39"));
        assert!(message(|steps| steps.std = vec![1e-50]).contains("std holds 1e-50"));
        assert!(message(|steps| steps.scale = 1e-50).contains("scale holds 1e-50"));
        assert!(message(|steps| steps.scale = 0.0).contains("scale is 0"));
        assert!(message(|steps| steps.size = Some([0, 5])).contains("size is 0"));
        assert!(
            message(|steps| steps.resize.target = Target::CropFraction(1.5)).contains("fraction")
        );
    }

    #[test]
    fn one_line_says_every_step() {
        let caffe = Preprocessing::preset("caffe").unwrap();
        assert_eq!(
            caffe.to_string(),
            "crop fraction 0.875 (bilinear), center crop, BGR, 0..255, mean 103.939 116.779 123.68"
        );
        let steps = Preprocessing {
            size: Some([160, 128]),
            layout: Some(Layout::Nhwc),
            ..Preprocessing::preset("tensorflow").unwrap()
        };
        assert_eq!(
            steps.to_string(),
            "crop fraction 0.875 (bilinear), center crop to 160x128, NHWC, x/127.5, mean 1"
        );
        assert_eq!(Preprocessing::default().to_string(), "plain resize (bilinear), x/255");
    }
}
