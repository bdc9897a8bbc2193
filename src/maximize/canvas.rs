//! The canvas: the smallest picture file that preprocessing only crops, and the window of it that the network sees.
//!
//! A picture of this size is read back without being resized, so that the network gets the very bytes of the file. The
//! rim that the window leaves out is seen when the picture is moved.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::{DynamicImage, RgbImage};

use crate::picture::{
    Channels, Crop, InputShape, Layout, Preprocessing, Preprocessor, Resize, Target, read_picture,
};
use crate::tensor::Tensor;

/// Sizes and places, and the way from values of 0..1 to the network's input.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// `[height, width]`.
    pub size: [usize; 2],
    /// The upper left corner of the window: row and column.
    pub corner: [usize; 2],
    input: InputShape,
    is_bgr: bool,
    /// Input = slope · value + offset, for each channel of the network.
    slopes: Vec<f32>,
    offsets: Vec<f32>,
    resize: Resize,
    crop: Crop,
}

impl Canvas {
    /// The canvas of a network whose input has the shape `input` and whose pictures are prepared by `steps`, of which none
    /// is open.
    ///
    /// # Errors
    /// When no picture can be prepared by them.
    pub fn new(steps: &Preprocessing, input: InputShape) -> Result<Canvas> {
        let size = size_of_canvas(steps, input);
        let blank = RgbImage::new(u32::try_from(size[1])?, u32::try_from(size[0])?);
        let window = Preprocessor::new(steps, input)?.apply(&blank.into())?.window;
        let is_whole = |value: f64| value.fract() == 0.0;
        // Preprocessing that resizes every picture is seen whole: what is saved is resized then.
        let is_cropped = (window.height, window.width) == (input.height as f64, input.width as f64)
            && is_whole(window.x)
            && is_whole(window.y);
        let (size, corner) = match is_cropped {
            true => (size, [window.y as usize, window.x as usize]),
            false => ([input.height, input.width], [0, 0]),
        };
        let channels = steps.mean.iter().zip(&steps.std);
        let slopes = channels.clone().map(|(_, std)| (255.0 * steps.scale / std) as f32).collect();
        let offsets = channels.map(|(mean, std)| (-mean / std) as f32).collect();
        Ok(Canvas {
            size,
            corner,
            input,
            is_bgr: steps.channels == Some(Channels::Bgr),
            slopes,
            offsets,
            resize: steps.resize,
            crop: steps.crop,
        })
    }

    /// `[height, width]` of the window.
    pub fn window(&self) -> [usize; 2] {
        [self.input.height, self.input.width]
    }

    /// 1 or 3.
    pub fn channels(&self) -> usize {
        self.input.channels
    }

    /// Where a channel of the network lies: its plane among those of red, green and blue, its first number in the input, and
    /// the way from there to the next.
    fn place(&self, channel: usize) -> (usize, usize, usize) {
        let InputShape { channels, height, width, layout } = self.input;
        let plane = if self.is_bgr { channels - 1 - channel } else { channel };
        match layout {
            Layout::Nchw => (plane, channel * height * width, 1),
            Layout::Nhwc => (plane, channel, channels),
        }
    }

    /// The network's input, of the planes of the window.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn input(&self, window: &[f32]) -> Result<Tensor> {
        let InputShape { channels, height, width, layout } = self.input;
        let shape = match layout {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        };
        let mut input = Tensor::zeros(&shape)?;
        let planes: Vec<&[f32]> = window.chunks_exact(height * width).collect();
        for channel in 0..channels {
            let (plane, first, stride) = self.place(channel);
            let (slope, offset) = (self.slopes[channel], self.offsets[channel]);
            let numbers = input.data_mut()[first..].iter_mut().step_by(stride);
            for (number, value) in numbers.zip(planes[plane]) {
                *number = slope * value + offset;
            }
        }
        Ok(input)
    }

    /// The gradient by the planes of the window, of that by the network's input.
    pub fn transposed(&self, gradient: &[f32]) -> Vec<f32> {
        let mut window = vec![0.0; gradient.len()];
        let pixels = self.input.height * self.input.width;
        for channel in 0..self.input.channels {
            let (plane, first, stride) = self.place(channel);
            let slopes = gradient[first..].iter().step_by(stride);
            let values = &mut window[plane * pixels..][..pixels];
            for (value, slope) in values.iter_mut().zip(slopes) {
                *value = self.slopes[channel] * slope;
            }
        }
        window
    }

    /// A picture file as planes of the canvas, resized as the network's pictures are.
    ///
    /// # Errors
    /// When it cannot be read, or does not fit.
    pub fn read(&self, path: &Path) -> Result<Vec<f32>> {
        let read = || -> Result<Vec<f32>> {
            let picture: DynamicImage = read_picture(path)?.picture;
            let [height, width] = self.size;
            let layout = Layout::Nchw;
            let whole = InputShape { height, width, layout, ..self.input };
            let target = match self.resize.target {
                Target::Input | Target::Exact(_) => Target::Input,
                _ => Target::CropFraction(1.0),
            };
            let steps = Preprocessing {
                resize: Resize { target, ..self.resize },
                crop: if target == Target::Input { self.crop } else { Crop::Center },
                ..Preprocessing::default()
            };
            Ok(Preprocessor::new(&steps, whole)?.apply(&picture)?.values)
        };
        read().with_context(|| format!("cannot begin with {}", path.display()))
    }

    /// Planes of the canvas as the picture that is saved.
    ///
    /// # Errors
    /// When a value is no number.
    pub fn picture(&self, planes: &[f32]) -> Result<RgbImage> {
        let pixels = self.size[0] * self.size[1];
        ensure!(planes.iter().all(|value| value.is_finite()), "the picture holds NaN or infinity");
        let byte = |value: f32| (255.0 * value).round().clamp(0.0, 255.0) as u8;
        let of_pixel = |pixel: usize| match self.channels() {
            1 => [byte(planes[pixel]); 3],
            _ => [0, 1, 2].map(|plane| byte(planes[plane * pixels + pixel])),
        };
        let bytes = (0..pixels).flat_map(of_pixel).collect();
        let picture =
            RgbImage::from_raw(u32::try_from(self.size[1])?, u32::try_from(self.size[0])?, bytes);
        picture.context("the picture has no pixels")
    }
}

/// The size of pictures that are not resized.
fn size_of_canvas(steps: &Preprocessing, input: InputShape) -> [usize; 2] {
    let sides = [input.height, input.width];
    let shorter = input.height.min(input.width).max(1);
    match steps.resize.target {
        Target::Input | Target::Unchanged => sides,
        Target::Exact(size) => size,
        // The aspect ratio of the input.
        Target::ShortSide(side) => sides.map(|length| (side * length).div_ceil(shorter)),
        Target::CropFraction(fraction) => {
            sides.map(|length| (length as f64 / fraction).floor() as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Filter;

    fn canvas(target: Target, input: InputShape) -> Canvas {
        let steps = Preprocessing {
            resize: Resize { target, filter: Filter::Bicubic },
            mean: vec![0.4, 0.5, 0.6],
            std: vec![0.1, 0.2, 0.3],
            ..Preprocessing::default()
        };
        Canvas::new(Preprocessor::new(&steps, input).unwrap().steps(), input).unwrap()
    }

    fn shape(height: usize, width: usize, layout: Layout) -> InputShape {
        InputShape { channels: 3, height, width, layout }
    }

    #[test]
    fn the_canvas_is_what_is_only_cropped() {
        let square = shape(224, 224, Layout::Nchw);
        for (target, size, corner) in [
            (Target::ShortSide(256), [256, 256], [16, 16]),
            (Target::CropFraction(0.875), [256, 256], [16, 16]),
            (Target::Exact([230, 240]), [230, 240], [3, 8]),
            (Target::Input, [224, 224], [0, 0]),
            (Target::Unchanged, [224, 224], [0, 0]),
        ] {
            let canvas = canvas(target, square);
            assert_eq!((canvas.size, canvas.corner), (size, corner), "{target:?}");
        }
        let wide = canvas(Target::ShortSide(20), shape(16, 24, Layout::Nchw));
        assert_eq!((wide.size, wide.corner), ([20, 30], [2, 3]));
        let wide = canvas(Target::CropFraction(0.8), shape(16, 24, Layout::Nchw));
        assert_eq!((wide.size, wide.corner), ([20, 30], [2, 3]));
    }

    #[test]
    fn a_saved_picture_is_read_back_as_the_network_saw_it() {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            for channels in [Channels::Rgb, Channels::Bgr] {
                let input = shape(6, 8, layout);
                let steps = Preprocessing {
                    channels: Some(channels),
                    resize: Resize { target: Target::ShortSide(9), filter: Filter::Lanczos },
                    mean: vec![0.4, 0.5, 0.6],
                    std: vec![0.1, 0.2, 0.3],
                    ..Preprocessing::default()
                };
                let preprocessor = Preprocessor::new(&steps, input).unwrap();
                let canvas = Canvas::new(preprocessor.steps(), input).unwrap();
                let pixels = canvas.size[0] * canvas.size[1];
                let planes: Vec<f32> =
                    (0..3 * pixels).map(|place| (place * 7 % 256) as f32 / 255.0).collect();
                let picture = canvas.picture(&planes).unwrap();
                let read = preprocessor.apply(&picture.into()).unwrap().values;
                let sampling = super::super::transformation::Sampling::new(
                    super::super::transformation::Transformation::NONE,
                    canvas.size,
                    canvas.corner,
                    canvas.window(),
                );
                let seen = canvas.input(&sampling.apply(&planes)).unwrap();
                for (read, seen) in read.iter().zip(seen.data()) {
                    assert!((read - seen).abs() < 1e-4, "{layout:?} {channels:?}: {read}, {seen}");
                }
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                let window: Vec<f32> = (0..144).map(|place| (place % 11) as f32).collect();
                let zero = canvas.input(&vec![0.0; 144]).unwrap();
                let there = canvas.input(&window).unwrap();
                let linear: Vec<f32> =
                    there.data().iter().zip(zero.data()).map(|(a, b)| a - b).collect();
                let gradient: Vec<f32> = (0..144).map(|place| (place % 7) as f32 - 3.0).collect();
                let back = canvas.transposed(&gradient);
                let (one, other) = (dot(&linear, &gradient), dot(&window, &back));
                assert!((one - other).abs() < 1e-3 * one.abs().max(1.0), "{one}, {other}");
            }
        }
    }

    #[test]
    fn a_picture_to_begin_with_fills_the_canvas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("start.png");
        RgbImage::from_fn(60, 40, |x, _| image::Rgb([4 * x as u8, 0, 255])).save(&path).unwrap();
        let canvas = canvas(Target::ShortSide(20), shape(16, 16, Layout::Nchw));
        let planes = canvas.read(&path).unwrap();
        assert_eq!(planes.len(), 3 * 20 * 20);
        assert!(planes[19] > planes[0] && planes[400] == 0.0 && planes[800] == 1.0);
        let error = format!("{:#}", canvas.read(&folder.path().join("none.png")).unwrap_err());
        assert!(error.starts_with("cannot begin with "), "{error}");
        assert!(canvas.picture(&vec![f32::NAN; 1200]).is_err());
    }
}
