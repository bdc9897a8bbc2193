//! From a decoded picture to the network's input.
//!
//! Stands between the preprocessing steps and the forward pass: steps + input shape -> **preprocessor**;
//! picture -> resize -> crop -> normalise -> tensor values, and the window of the picture that they show.

mod geometry;

use std::borrow::Cow;

use anyhow::{Result, bail, ensure};
use image::{DynamicImage, RgbImage};

use super::notation;
use super::preprocess::{Channels, InputShape, Layout, Preprocessing};
use super::resample::{self, Pixels};
use geometry::Geometry;

pub use geometry::Window;

/// Preprocessing steps fitted to one network: nothing in them is open any more.
#[derive(Debug, Clone)]
pub struct Preprocessor {
    steps: Preprocessing,
    channels: Channels,
    input: InputShape,
    /// The network's input value of every byte, for each channel in the network's order.
    tables: Vec<[f32; 256]>,
}

/// A picture as the network takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The input values in the order of `shape`.
    pub values: Vec<f32>,
    /// [C, H, W] or [H, W, C], as the network's layout has it; no batch axis.
    pub shape: [usize; 3],
    /// What the network sees of the picture.
    pub window: Window,
}

impl Preprocessor {
    /// Fits `steps` to a network whose input has the shape `input`.
    ///
    /// # Errors
    /// Where steps and network contradict each other, or a step's numbers cannot be used.
    pub fn new(steps: &Preprocessing, input: InputShape) -> Result<Self> {
        steps.validate()?;
        let mut steps = steps.clone();
        let channels = agree(&steps, input)?;
        steps.layout = Some(input.layout);
        steps.channels = Some(channels);
        steps.size = Some([input.height, input.width]);
        steps.mean = spread("mean", &steps.mean, input.channels)?;
        steps.std = spread("std", &steps.std, input.channels)?;
        let tables: Vec<[f32; 256]> = steps
            .mean
            .iter()
            .zip(&steps.std)
            .map(|(mean, std)| {
                std::array::from_fn(|byte| ((byte as f64 * steps.scale - mean) / std) as f32)
            })
            .collect();
        for table in &tables {
            ensure!(
                table.iter().all(|value| value.is_finite()) && table[0] != table[255],
                "scale, mean and std make of a picture nothing that the network can read: black becomes {:e}, white {:e}",
                table[0],
                table[255]
            );
        }
        Ok(Self { steps, channels, input, tables })
    }

    /// The steps with every open one filled in, for reports.
    #[must_use]
    pub fn steps(&self) -> &Preprocessing {
        &self.steps
    }

    /// The lowest and the highest value the network's input can take, per channel in the network's order.
    ///
    /// These are the bounds of the z-box rule.
    #[must_use]
    pub fn input_range(&self) -> (Vec<f32>, Vec<f32>) {
        self.tables.iter().map(|table| (table[0].min(table[255]), table[0].max(table[255]))).unzip()
    }

    /// Resizes, crops and normalises one picture.
    ///
    /// # Errors
    /// The resized picture does not have, or does not cover, the network's size.
    pub fn apply(&self, picture: &DynamicImage) -> Result<Prepared> {
        let original = [picture.height() as usize, picture.width() as usize];
        let geometry = Geometry::new(&self.steps, self.input, original)?;
        let values = match self.channels {
            Channels::Gray => self.values::<1>(&luma(picture), geometry),
            Channels::Rgb | Channels::Bgr => self.values::<3>(rgb(picture).as_raw(), geometry),
        };
        let InputShape { channels, height, width, layout } = self.input;
        let shape = match layout {
            Layout::Nchw => [channels, height, width],
            Layout::Nhwc => [height, width, channels],
        };
        Ok(Prepared { values, shape, window: geometry.window() })
    }

    /// Resizes and crops the bytes of a picture, normalises them and orders them as the network's layout wants.
    fn values<const CHANNELS: usize>(&self, bytes: &[u8], geometry: Geometry) -> Vec<f32> {
        let source: Pixels<CHANNELS> =
            Pixels { bytes, height: geometry.original[0], width: geometry.original[1] };
        let filter = self.steps.resize.filter;
        let bytes = resample::resize(source, geometry.resized, geometry.region, filter);
        let (pixels, _) = bytes.as_chunks::<CHANNELS>();
        let byte_of = |channel: usize| match self.channels {
            Channels::Bgr => CHANNELS - 1 - channel,
            Channels::Rgb | Channels::Gray => channel,
        };
        let mut values = Vec::with_capacity(bytes.len());
        match self.input.layout {
            Layout::Nchw => {
                for (channel, table) in self.tables.iter().enumerate() {
                    let byte = byte_of(channel);
                    values.extend(pixels.iter().map(|pixel| table[usize::from(pixel[byte])]));
                }
            }
            Layout::Nhwc => {
                for pixel in pixels {
                    for (channel, table) in self.tables.iter().enumerate() {
                        values.push(table[usize::from(pixel[byte_of(channel)])]);
                    }
                }
            }
        }
        values
    }
}

/// Checks that the steps suit the network, and says which colours its channels hold.
fn agree(steps: &Preprocessing, input: InputShape) -> Result<Channels> {
    if let Some(layout) = steps.layout {
        ensure!(
            layout == input.layout,
            "the layout is set to {}, but the network takes {input}",
            notation::word(&layout)
        );
    }
    if let Some([height, width]) = steps.size {
        ensure!(
            (height, width) == (input.height, input.width),
            "the size is set to {height}x{width}, but the network takes {input}: correct the card or give --size"
        );
    }
    match (steps.channels, input.channels) {
        (None | Some(Channels::Gray), 1) => Ok(Channels::Gray),
        (None, 3) => Ok(Channels::Rgb),
        (Some(channels @ (Channels::Rgb | Channels::Bgr)), 3) => Ok(channels),
        (_, count) if count != 1 && count != 3 => bail!(
            "the network takes {count} channels ({input}), but a picture has 1 or 3: give .npy tensors instead"
        ),
        (Some(channels), count) => bail!(
            "the channels are set to {}, but the network takes {count} ({input})",
            notation::word(&channels)
        ),
        (None, _) => bail!("the network takes {input}"),
    }
}

fn spread(name: &str, values: &[f64], channels: usize) -> Result<Vec<f64>> {
    match values {
        [value] => Ok(vec![*value; channels]),
        values if values.len() == channels => Ok(values.to_vec()),
        values => bail!(
            "{name} has {} values, but the network has {channels} channel(s): give --{name}, a card, or another \
             --preprocess such as unit",
            values.len()
        ),
    }
}

/// Red, green and blue of every pixel; transparency is dropped, as Pillow's `convert("RGB")` does.
fn rgb(picture: &DynamicImage) -> Cow<'_, RgbImage> {
    match picture.as_rgb8() {
        Some(rgb) => Cow::Borrowed(rgb),
        None => Cow::Owned(picture.to_rgb8()),
    }
}

/// ITU-R 601 luma in 16-bit fixed point, to the byte Pillow's `convert("L")`.
fn luma(picture: &DynamicImage) -> Vec<u8> {
    if let Some(gray) = picture.as_luma8() {
        return gray.as_raw().clone();
    }
    rgb(picture)
        .pixels()
        .map(|pixel| {
            let [red, green, blue] = pixel.0.map(u32::from);
            ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::{Filter, Resize, Target};
    use image::{GrayImage, RgbaImage};

    /// The picture that the expected numbers were computed for, with Pillow 13.0 and torchvision 0.29.
    fn noise(height: u32, width: u32) -> DynamicImage {
        let bytes = (0..u64::from(height * width * 3))
            .map(|index| ((index * index * 31 + index * 17) % 251) as u8)
            .collect();
        RgbImage::from_raw(width, height, bytes).unwrap().into()
    }

    fn shape(channels: usize, height: usize, width: usize) -> InputShape {
        InputShape { channels, height, width, layout: Layout::Nchw }
    }

    fn preset(name: &str) -> Preprocessing {
        Preprocessing::preset(name).unwrap()
    }

    #[test]
    fn imagenet_agrees_with_torchvision() {
        let fitted = Preprocessor::new(&preset("imagenet"), shape(3, 16, 16)).unwrap();
        let prepared = fitted.apply(&noise(45, 61)).unwrap();
        assert_eq!(prepared.shape, [3, 16, 16]);
        for (index, expected) in [
            (0, 0.365_185_4),
            (100, 0.142_563_64),
            (300, -0.477_590_98),
            (511, 0.222_689_2),
            (767, 0.165_054_56),
        ] {
            assert!(
                (prepared.values[index] - expected).abs() < 1e-6,
                "{index}: {}",
                prepared.values[index]
            );
        }
        let sum: f64 = prepared.values.iter().map(|value| f64::from(value.abs())).sum();
        assert!((sum - 258.884_227).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn one_channel_is_the_luma_of_pillow() {
        let steps = Preprocessing {
            resize: Resize { target: Target::Input, filter: Filter::Bicubic },
            ..preset("raw")
        };
        let fitted = Preprocessor::new(&steps, shape(1, 16, 12)).unwrap();
        let values = fitted.apply(&noise(45, 61)).unwrap().values;
        let picked = [0, 50, 100, 191].map(|index| values[index]);
        assert_eq!(picked, [123.0, 129.0, 130.0, 130.0]);
        assert_eq!(values.iter().sum::<f32>(), 24767.0);

        let colours = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 1, 1, 2];
        let picture = RgbImage::from_raw(5, 1, colours).unwrap().into();
        assert_eq!(luma(&picture), [76, 150, 29, 18, 1]);
    }

    #[test]
    fn layout_and_colours_are_the_networks() {
        let picture = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let values = |layout, channels| {
            let input = InputShape { layout, ..shape(3, 1, 2) };
            let steps = Preprocessing {
                channels: Some(channels),
                mean: vec![0.0, 10.0, 20.0],
                ..preset("raw")
            };
            let fitted = Preprocessor::new(&steps, input).unwrap();
            fitted.apply(&picture.clone().into()).unwrap().values
        };
        assert_eq!(values(Layout::Nchw, Channels::Rgb), [1.0, 4.0, -8.0, -5.0, -17.0, -14.0]);
        assert_eq!(values(Layout::Nhwc, Channels::Rgb), [1.0, -8.0, -17.0, 4.0, -5.0, -14.0]);
        assert_eq!(values(Layout::Nchw, Channels::Bgr), [3.0, 6.0, -8.0, -5.0, -19.0, -16.0]);
        assert_eq!(values(Layout::Nhwc, Channels::Bgr), [3.0, -8.0, -19.0, 6.0, -5.0, -16.0]);
    }

    #[test]
    fn alpha_and_the_low_byte_of_sixteen_bits_are_dropped() {
        let fitted = Preprocessor::new(&preset("raw"), shape(3, 1, 1)).unwrap();
        let clear = RgbaImage::from_raw(1, 1, vec![7, 8, 9, 0]).unwrap();
        assert_eq!(fitted.apply(&clear.into()).unwrap().values, [7.0, 8.0, 9.0]);
        let deep =
            DynamicImage::ImageLuma16(image::ImageBuffer::from_raw(1, 1, vec![100 * 257]).unwrap());
        assert_eq!(fitted.apply(&deep).unwrap().values, [100.0; 3]);
        let gray = Preprocessor::new(&preset("raw"), shape(1, 1, 1)).unwrap();
        assert_eq!(gray.apply(&deep).unwrap().values, [100.0]);
        let luma = GrayImage::from_raw(1, 1, vec![33]).unwrap();
        assert_eq!(gray.apply(&luma.into()).unwrap().values, [33.0]);
    }

    #[test]
    fn input_range_bounds_every_channel() {
        let range = |steps: &Preprocessing, channels| {
            Preprocessor::new(steps, shape(channels, 8, 8)).unwrap().input_range()
        };
        let (low, high) = range(&preset("imagenet"), 3);
        for (values, expected) in [
            (low, [-2.117_904, -2.035_714_4, -1.804_444_4]),
            (high, [2.248_908_3, 2.428_571_5, 2.64]),
        ] {
            for (value, expected) in values.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-6, "{value}");
            }
        }
        assert_eq!(range(&preset("tensorflow"), 1), (vec![-1.0], vec![1.0]));
        let negative = Preprocessing { scale: -1.0 / 255.0, mean: vec![-1.0], ..preset("unit") };
        assert_eq!(range(&negative, 1), (vec![0.0], vec![1.0]));
    }

    #[test]
    fn fitted_steps_have_nothing_open() {
        let fitted = Preprocessor::new(&preset("unit"), shape(1, 28, 20)).unwrap();
        assert_eq!(fitted.steps().to_string(), "plain resize (bilinear), GRAY, NCHW, x/255");
        assert_eq!(fitted.steps().size, Some([28, 20]));
    }

    #[test]
    fn steps_and_network_must_agree() {
        let message = |change: fn(&mut Preprocessing), input| {
            let mut steps = preset("imagenet");
            change(&mut steps);
            Preprocessor::new(&steps, input).unwrap_err().to_string()
        };
        let input = shape(3, 224, 224);
        assert_eq!(
            message(|steps| steps.layout = Some(Layout::Nhwc), input),
            "the layout is set to NHWC, but the network takes 3x224x224 (NCHW)"
        );
        assert!(
            message(|steps| steps.size = Some([160, 160]), input)
                .contains("set to 160x160, but the network takes 3x224x224")
        );
        assert!(
            message(|steps| steps.channels = Some(Channels::Gray), input)
                .contains("set to GRAY, but the network takes 3")
        );
        assert!(message(|_| {}, shape(1, 28, 28)).contains("mean has 3 values"));
        assert!(message(|_| {}, shape(4, 28, 28)).contains("a picture has 1 or 3"));
        assert!(message(|steps| steps.std = vec![0.0], input).contains("std"));
        let faint = |steps: &mut Preprocessing| {
            steps.mean = vec![0.0];
            steps.std = vec![1e38];
            steps.scale = 1e-30;
        };
        assert!(message(faint, input).contains("black becomes 0e0, white 0e0"));
        assert!(message(|steps| steps.mean = vec![1e30], input).contains("black becomes -"));
    }
}
