//! How pictures are prepared, guessed by what a model's file shows: who wrote it, the order of its axes, and what the
//! network itself does to the numbers of a picture.
//!
//! Stands where nothing says it: **clues** -> guess -> card. A guess is always said.

use super::preprocess::{Channels, Crop, Filter, Layout, Preprocessing, Resize, Target};

/// What a model's file shows about the pictures that it wants.
#[derive(Clone, Debug, Default)]
pub struct Clues {
    /// The program that wrote the file: `pytorch`, `tf2onnx`, `Ultralytics`.
    pub producer: String,
    /// ONNX's image metadata: `Bgr8`, `Rgb8`, `Gray8`, or nothing.
    pub pixel_format: String,
    /// ONNX's image metadata: `NominalRange_0_255`, `Normalized_0_1`, `Normalized_1_1`, or nothing.
    pub pixel_range: String,
    /// The length of the channel axis.
    pub channels: usize,
    /// The order of the axes.
    pub layout: Option<Layout>,
    /// What the network does to its input before anything else: `scale · x + shift`, one number each or one per channel.
    pub scaling: Option<Scaling>,
}

/// `scale · x + shift`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// The factors.
    pub scale: Vec<f32>,
    /// The summands.
    pub shift: Vec<f32>,
}

/// A guess.
#[derive(Debug)]
pub(super) struct Guess {
    pub input: Preprocessing,
    /// The preset that it is or comes from.
    pub name: &'static str,
    /// What speaks for it; `None` where nothing does.
    pub why: Option<String>,
}

/// A network that multiplies its input by less takes numbers up to 255: 1/50 of them is 5.
const SMALL_SCALE: f32 = 0.02;

/// A network that subtracts more takes numbers up to 255.
const LARGE_MEAN: f32 = 10.0;

impl Clues {
    pub(super) fn guess(&self) -> Guess {
        let plain = |name: &'static str, why: Option<String>| {
            let input = Preprocessing::preset(name).unwrap_or_default();
            Guess { input, name, why }
        };
        if let Some(guess) = self.of_metadata() {
            return guess;
        }
        match self.scaling.as_ref().and_then(Scaling::wanted) {
            Some(Wanted::Bytes) => {
                return plain("raw", Some("the network scales numbers from 0 to 255".to_string()));
            }
            Some(Wanted::Unit) => {
                return plain("unit", Some("the network scales numbers from 0 to 1".to_string()));
            }
            None => {}
        }
        let wrote = || Some(format!("{} wrote the file", self.producer));
        let producer = self.producer.to_lowercase();
        if producer == "ultralytics" {
            // Their classifiers see the middle of the picture, from 0 to 1.
            let resize = Resize { target: Target::CropFraction(1.0), filter: Filter::Bilinear };
            let input = Preprocessing { resize, crop: Crop::Center, ..Preprocessing::default() };
            return Guess { input, name: "unit with a center crop", why: wrote() };
        }
        if self.channels == 1 {
            return plain("unit", Some("it takes pictures of one channel".to_string()));
        }
        if ["tf2onnx", "keras", "tensorflow"].iter().any(|name| producer.contains(name)) {
            return plain("keras", wrote());
        }
        if self.layout == Some(Layout::Nhwc) {
            return plain("keras", Some("its channels are the last axis".to_string()));
        }
        plain("imagenet", None)
    }
}

impl Clues {
    /// What the file says itself.
    fn of_metadata(&self) -> Option<Guess> {
        let name = match self.pixel_range.as_str() {
            "NominalRange_0_255" => "raw",
            "Normalized_0_1" => "unit",
            "Normalized_1_1" => "keras",
            _ => return None,
        };
        let channels = match self.pixel_format.as_str() {
            "Bgr8" | "Bgra8" => Some(Channels::Bgr),
            "Rgb8" | "Rgba8" => Some(Channels::Rgb),
            "Gray8" => Some(Channels::Gray),
            _ => None,
        };
        let input = Preprocessing { channels, ..Preprocessing::preset(name)? };
        let why = format!("its metadata says {} {}", self.pixel_format, self.pixel_range);
        Some(Guess { input, name, why: Some(why) })
    }
}

/// What a network takes that scales its input itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    /// 0 to 255.
    Bytes,
    /// 0 to 1.
    Unit,
}

impl Scaling {
    /// What range the numbers are made for; `None` where that is not clear, as behind a trained normalisation.
    fn wanted(&self) -> Option<Wanted> {
        let scales = || self.scale.iter().map(|scale| scale.abs());
        let all_scales = |is: &dyn Fn(f32) -> bool| !self.scale.is_empty() && scales().all(is);
        // In units of the input: it is subtracted before scaling.
        let mean = |(index, scale): (usize, &f32)| {
            let shift = self.shift.get(index).or(self.shift.first()).copied().unwrap_or(0.0);
            -shift / scale
        };
        let means: Vec<f32> = self.scale.iter().enumerate().map(mean).collect();
        if all_scales(&|scale| scale > 0.0 && scale <= SMALL_SCALE)
            || !means.is_empty() && means.iter().all(|mean| *mean > LARGE_MEAN)
        {
            return Some(Wanted::Bytes);
        }
        // 1 / 0.225 is the usual deviation; 2 x - 1 makes -1 to 1.
        let is_usual = all_scales(&|scale| (1.9..=6.0).contains(&scale))
            && means.iter().all(|mean| (0.3..=0.6).contains(mean));
        is_usual.then_some(Wanted::Unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(clues: &Clues) -> (&'static str, Option<String>) {
        let Guess { name, why, .. } = clues.guess();
        (name, why)
    }

    fn scaling(scale: &[f32], shift: &[f32]) -> Clues {
        let scaling = Scaling { scale: scale.to_vec(), shift: shift.to_vec() };
        Clues { channels: 3, scaling: Some(scaling), ..Clues::default() }
    }

    #[test]
    fn who_wrote_it_and_the_order_of_axes_speak() {
        let of = |producer: &str, channels, layout| {
            let producer = producer.to_string();
            guess(&Clues { producer, channels, layout, ..Clues::default() }).0
        };
        assert_eq!(of("pytorch", 3, Some(Layout::Nchw)), "imagenet");
        assert_eq!(of("tf2onnx", 3, Some(Layout::Nhwc)), "keras");
        assert_eq!(of("tf2onnx", 3, Some(Layout::Nchw)), "keras");
        assert_eq!(of("", 3, Some(Layout::Nhwc)), "keras");
        assert_eq!(of("tf2onnx", 1, Some(Layout::Nhwc)), "unit");
        assert_eq!(of("Ultralytics", 3, Some(Layout::Nchw)), "unit with a center crop");
    }

    #[test]
    fn what_the_network_does_to_its_input_speaks_first() {
        for (scale, shift, name) in [
            (&[1.0 / 255.0][..], &[0.0][..], "raw"),
            (&[1.0 / 127.5], &[-1.0], "raw"),
            (&[1.0, 1.0, 1.0], &[-103.939, -116.779, -123.68], "raw"),
            (&[0.0171, 0.0175, 0.0174], &[-2.118, -2.036, -1.804], "raw"),
            (&[4.367, 4.464, 4.444], &[-2.118, -2.036, -1.804], "unit"),
            (&[2.0], &[-1.0], "unit"),
            // A trained normalisation of an input that is normalised already, and factors of 0.
            (&[1.1, 0.9, 1.0], &[0.1, -0.2, 0.0], "imagenet"),
            (&[0.0, 0.0, 0.0], &[0.0], "imagenet"),
            (&[], &[], "imagenet"),
        ] {
            assert_eq!(guess(&scaling(scale, shift)).0, name, "{scale:?} {shift:?}");
        }
        let told = guess(&scaling(&[1.0 / 255.0], &[])).1.unwrap();
        assert!(told.contains("0 to 255"), "{told}");
    }

    #[test]
    fn what_the_file_says_itself_counts_most() {
        for (format, range, name, channels) in [
            ("Bgr8", "NominalRange_0_255", "raw", Some(Channels::Bgr)),
            ("Rgb8", "Normalized_0_1", "unit", Some(Channels::Rgb)),
            ("", "Normalized_1_1", "keras", None),
        ] {
            let (pixel_format, pixel_range) = (format.to_string(), range.to_string());
            let clues = Clues { pixel_format, pixel_range, ..scaling(&[1.0 / 255.0], &[]) };
            let guess = clues.guess();
            assert_eq!((guess.name, guess.input.channels), (name, channels));
            assert!(guess.why.unwrap().contains(range));
        }
    }

    #[test]
    fn what_is_guessed_is_valid() {
        for producer in ["", "Ultralytics", "tf2onnx"] {
            let clues = Clues { producer: producer.to_string(), channels: 3, ..Clues::default() };
            clues.guess().input.validate().unwrap();
        }
    }
}
