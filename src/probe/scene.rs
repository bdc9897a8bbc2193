//! A picture as the network sees it: resized and cropped, before mean and deviation, in 0..255.

use anyhow::{Context, Result, ensure};
use image::RgbImage;

use crate::picture::{Channels, Layout, Preprocessing};
use crate::tensor::Tensor;

/// The way between the network's input and the picture it shows.
#[derive(Clone, Debug)]
pub struct Lens {
    layout: Layout,
    channels: Channels,
    scale: f64,
    mean: Vec<f64>,
    std: Vec<f64>,
    height: usize,
    width: usize,
}

/// A picture, bytes 0..255: planes red, green, blue, or a single one.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub height: usize,
    pub width: usize,
    /// One after the other, row by row.
    pub planes: Vec<u8>,
}

impl Lens {
    /// The way of preprocessing whose steps are all filled in.
    ///
    /// # Errors
    /// When a step is open.
    pub fn new(steps: &Preprocessing) -> Result<Lens> {
        let [height, width] = steps.size.context("the size of the network's input is not known")?;
        Ok(Lens {
            layout: steps.layout.context("the layout of the network's input is not known")?,
            channels: steps.channels.context("the colours of the network's input are not known")?,
            scale: steps.scale,
            mean: steps.mean.clone(),
            std: steps.std.clone(),
            height,
            width,
        })
    }

    /// `[height, width]` of scenes.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// How many planes scenes have.
    pub fn planes(&self) -> usize {
        if self.channels == Channels::Gray { 1 } else { 3 }
    }

    /// The picture that an input shows.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn scene(&self, input: &Tensor) -> Result<Scene> {
        let count = self.planes() * self.height * self.width;
        ensure!(
            input.data().len() == count,
            "an input of {count} values was expected, not of the shape {:?}",
            input.shape()
        );
        let mut planes = vec![0; count];
        for (index, value) in input.data().iter().enumerate() {
            let (plane, pixel, channel) = self.place(index);
            let byte = (f64::from(*value) * self.std[channel] + self.mean[channel]) / self.scale;
            planes[plane * self.height * self.width + pixel] = byte.round().clamp(0.0, 255.0) as u8;
        }
        Ok(Scene { height: self.height, width: self.width, planes })
    }

    /// The input that shows a picture, in the shape of another input.
    ///
    /// # Errors
    /// When the shape does not fit.
    pub fn input(&self, scene: &Scene, shape: &[usize]) -> Result<Tensor> {
        let value = |index: usize| {
            let (plane, pixel, channel) = self.place(index);
            let byte = f64::from(scene.planes[plane * self.height * self.width + pixel]);
            ((byte * self.scale - self.mean[channel]) / self.std[channel]) as f32
        };
        let values: Vec<f32> = (0..scene.planes.len()).map(value).collect();
        Tensor::new(shape, &values)
    }

    /// The plane, the pixel and the network's channel of a value of the input.
    fn place(&self, index: usize) -> (usize, usize, usize) {
        let (pixels, planes) = (self.height * self.width, self.planes());
        let (pixel, channel) = match self.layout {
            Layout::Nchw => (index % pixels, index / pixels),
            Layout::Nhwc => (index / planes, index % planes),
        };
        let plane = if self.channels == Channels::Bgr { planes - 1 - channel } else { channel };
        (plane, pixel, channel)
    }
}

impl Scene {
    /// How many planes there are.
    pub fn count(&self) -> usize {
        self.planes.len() / (self.height * self.width).max(1)
    }

    /// A plane, row by row.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let pixels = self.height * self.width;
        &self.planes[plane * pixels..(plane + 1) * pixels]
    }

    /// As a picture in colour.
    pub fn picture(&self) -> RgbImage {
        let count = self.count();
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let pixel = y as usize * self.width + x as usize;
            image::Rgb([0, 1, 2].map(|plane: usize| self.plane(plane.min(count - 1))[pixel]))
        })
    }

    /// From a picture in colour; a single plane gets its luma.
    pub fn of_picture(picture: &RgbImage, planes: usize) -> Scene {
        let pixels = || picture.pixels();
        let planes = match planes {
            1 => pixels().map(|pixel| luma(pixel.0)).collect(),
            _ => (0..3).flat_map(|plane| pixels().map(move |pixel| pixel.0[plane])).collect(),
        };
        Scene { height: picture.height() as usize, width: picture.width() as usize, planes }
    }
}

/// The luma of ITU-R 601, rounded as Pillow does.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000;
    (sum >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{InputShape, Preprocessor};
    use image::DynamicImage;

    #[test]
    fn inputs_become_pictures_and_the_same_inputs_again() {
        let picture = RgbImage::from_fn(5, 4, |x, y| image::Rgb([x as u8 * 50, y as u8 * 60, 7]));
        let shapes = [(Layout::Nchw, [1, 3, 4, 5]), (Layout::Nhwc, [1, 4, 5, 3])];
        for preset in ["imagenet", "caffe", "tensorflow"] {
            for (layout, shape) in shapes {
                let mut steps = Preprocessing::preset(preset).unwrap();
                steps.resize.target = crate::picture::Target::Unchanged;
                let size = InputShape { channels: 3, height: 4, width: 5, layout };
                let preprocessor = Preprocessor::new(&steps, size).unwrap();
                let prepared =
                    preprocessor.apply(&DynamicImage::ImageRgb8(picture.clone())).unwrap();
                let input = Tensor::new(&shape, &prepared.values).unwrap();
                let lens = Lens::new(preprocessor.steps()).unwrap();
                let scene = lens.scene(&input).unwrap();
                assert_eq!(scene.picture(), picture, "{preset}");
                assert_eq!(lens.input(&scene, &shape).unwrap().data(), input.data(), "{preset}");
                assert_eq!(Scene::of_picture(&picture, 3), scene);
            }
        }
        assert_eq!(luma([255, 255, 255]), 255);
    }
}
