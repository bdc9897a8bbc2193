//! How the relevance of an input is drawn: by the shape that the input has.

use std::borrow::Cow;

use anyhow::{Context as _, Result as Checked, bail};
use image::RgbImage;

use super::array::Array;
use super::context::{Context, InputContext};
use crate::heatmap::{
    self, Layer, Layout, Numbers, Placement, Positions, Rendering, Signal, Volume, draw_bars,
    draw_signal, draw_strip, draw_volume, heatmap_picture,
};
use crate::picture::{self, InputShape};

/// Numbers beside each other that are drawn as bars; more of them are a signal.
const MOST_BARS: usize = 200;
/// Lines above each other; more of them are a map.
const MOST_LINES: usize = 24;
/// A map of numbers is enlarged until it is so wide or high.
const MAP_SIDE: usize = 600;

/// What has relevance: an input, or the value of a layer.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    name: String,
    /// Without the batch axis.
    shape: Vec<usize>,
    form: Form,
}

/// How numbers of a shape are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// Channels of a picture, or of a map of the same shape.
    Picture(Layout),
    /// The value of a layer, on the picture.
    Layer(Positions, InputShape),
    /// Rows of numbers, such as a spectrogram.
    Map {
        height: usize,
        width: usize,
    },
    Signal(Signal),
    /// A row of a table.
    Bars,
    /// A text.
    Tokens,
    /// Slices; the channels are summed up over an axis, where there are any.
    Volume {
        volume: Volume,
        channels: usize,
        channel_stride: usize,
    },
    /// Not at all.
    Nothing,
}

impl Frame {
    /// Those of all inputs that are explained; or of the layer that propagation stops at, with its shape.
    pub fn all(context: &Context, layer: Option<(String, Vec<usize>)>) -> Vec<Frame> {
        if let Some((name, shape)) = layer {
            let picture = context.inputs.iter().find_map(|input| input.model.picture);
            let place = |picture: InputShape| {
                let positions = Positions::of(&shape, [picture.height, picture.width])?;
                Some(Form::Layer(positions, picture))
            };
            let form = picture.and_then(place).unwrap_or(Form::Nothing);
            return vec![Frame { name, shape, form }];
        }
        let of_input = |InputContext { model, .. }: &InputContext| {
            let shape = model.shape[1..].to_vec();
            let form = match model.is_tokens() {
                true => Form::Tokens,
                false => Form::of(&shape, model.picture),
            };
            Frame { name: model.name.clone(), shape, form }
        };
        context.inputs.iter().map(of_input).collect()
    }

    /// One of a picture alone, of the shape `[1, height, width]`.
    pub fn of_picture(shape: &[usize]) -> Frame {
        let form = Form::Picture(Layout::ChannelsFirst);
        Frame { name: String::new(), shape: shape.to_vec(), form }
    }

    /// The name of the input or the layer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of the relevance, without the batch axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether there is a way to draw it.
    pub fn can_be_drawn(&self) -> bool {
        self.form != Form::Nothing
    }

    /// Whether its numbers are listed one by one in reports: tokens, and the columns of a table.
    pub fn is_listed(&self) -> bool {
        matches!(self.form, Form::Bars | Form::Tokens)
    }

    /// Whether it is drawn over its own values, so that it needs no picture.
    pub fn shows_values(&self) -> bool {
        !matches!(self.form, Form::Picture(_) | Form::Layer(..) | Form::Nothing)
    }

    /// The relevance in rows: of a picture that of every pixel.
    pub fn heatmap(&self, relevance: &Array) -> Checked<heatmap::Heatmap> {
        let rows = |height: usize, width: usize, values: &[f32]| {
            heatmap::Heatmap::new(width, height, values.to_vec())
        };
        let values = relevance.values();
        match self.form {
            Form::Picture(layout) => {
                let shape = relevance.shape().try_into().context("no picture's shape")?;
                heatmap::Heatmap::from_relevance(values, shape, layout)
            }
            Form::Layer(positions, picture) => {
                positions.heatmap(values)?.enlarged(picture.width, picture.height)
            }
            Form::Map { height, width } => rows(height, width, values),
            Form::Signal(Signal { channels, steps, is_interleaved }) => match is_interleaved {
                true => rows(steps, channels, values),
                false => rows(channels, steps, values),
            },
            Form::Bars | Form::Tokens => rows(1, values.len(), values),
            Form::Volume { volume, .. } => {
                rows(volume.depth * volume.height, volume.width, &self.summed(values))
            }
            Form::Nothing => bail!(
                "the value of \"{}\" has the shape {:?}, which has no positions that could be drawn",
                self.name,
                self.shape
            ),
        }
    }

    /// The numbers that [`Frame::draw`] fits its colours to.
    pub fn drawn<'a>(&self, map: &'a heatmap::Heatmap, relevance: &Array) -> Cow<'a, [f32]> {
        match self.form {
            Form::Signal(signal) => signal.columns(relevance.values()).concat().into(),
            _ => map.values().into(),
        }
    }

    /// Draws the relevance, over the values where they are given.
    pub fn draw(
        &self,
        map: &heatmap::Heatmap,
        relevance: &Array,
        (values, names): (Option<&[f32]>, Option<&[String]>),
        rendering: &Rendering,
    ) -> Checked<RgbImage> {
        let numbers = Numbers { relevance: relevance.values(), values, names };
        match self.form {
            Form::Picture(_) | Form::Layer(..) | Form::Nothing => heatmap_picture(map, rendering),
            Form::Map { height, width } => draw_map(map, values, [height, width], rendering),
            Form::Signal(signal) => draw_signal(signal, numbers, rendering),
            Form::Bars => draw_bars(numbers, rendering),
            Form::Tokens => draw_strip(numbers, values.is_none(), rendering),
            Form::Volume { volume, .. } => {
                let relevance = self.summed(relevance.values());
                let values = values.map(|values| self.summed(values));
                let numbers =
                    Numbers { relevance: &relevance, values: values.as_deref(), names: None };
                draw_volume(volume, numbers, rendering)
            }
        }
    }

    /// The numbers of a volume, summed over its channels.
    fn summed(&self, values: &[f32]) -> Vec<f32> {
        let Form::Volume { volume, channels, channel_stride } = self.form else {
            return values.to_vec();
        };
        let mut sums = vec![0.0; volume.depth * volume.height * volume.width];
        for (place, value) in values.iter().enumerate() {
            let before = place / (channel_stride * channels);
            let behind = place % channel_stride;
            if let Some(sum) = sums.get_mut(before * channel_stride + behind) {
                *sum += value;
            }
        }
        sums
    }
}

impl Form {
    /// For an input of this shape without the batch axis.
    fn of(shape: &[usize], picture: Option<InputShape>) -> Form {
        if let Some(picture) = picture {
            return Form::Picture(match picture.layout {
                picture::Layout::Nhwc => Layout::ChannelsLast,
                picture::Layout::Nchw => Layout::ChannelsFirst,
            });
        }
        let longer: Vec<usize> = shape.iter().copied().filter(|&length| length != 1).collect();
        match (shape, &longer[..]) {
            (_, []) => Form::Bars,
            (_, &[length]) if length <= MOST_BARS && shape.len() == 1 => Form::Bars,
            (_, &[steps]) => Form::Signal(Signal { channels: 1, steps, is_interleaved: false }),
            (_, &[a, b]) => Form::of_two(a, b),
            (&[_, _, _], _) => Form::Picture(Layout::ChannelsFirst),
            _ => Form::of_volume(shape),
        }
    }

    /// Of two axes, the longer one is time.
    fn of_two(a: usize, b: usize) -> Form {
        match a.min(b) <= MOST_LINES {
            true if a <= b => Form::Signal(Signal { channels: a, steps: b, is_interleaved: false }),
            true => Form::Signal(Signal { channels: b, steps: a, is_interleaved: true }),
            false => Form::Map { height: a, width: b },
        }
    }

    /// The channels are an axis of 1, 3 or 4: the first, the second (of frames), or the last.
    fn of_volume(shape: &[usize]) -> Form {
        let is_channels = |&axis: &usize| matches!(shape.get(axis), Some(1 | 3 | 4));
        let channel_axis = [0, 1, shape.len() - 1].into_iter().find(is_channels);
        // Four axes are slices of channels, whatever their number.
        let channel_axis = channel_axis.or((shape.len() == 4).then_some(0));
        let channels = channel_axis.map_or(1, |axis| shape[axis]);
        let channel_stride = channel_axis.map_or(1, |axis| shape[axis + 1..].iter().product());
        let mut axes: Vec<usize> = shape.to_vec();
        channel_axis.map(|axis| axes.remove(axis));
        let [before @ .., height, width] = &axes[..] else { return Form::Nothing };
        let volume = Volume { depth: before.iter().product(), height: *height, width: *width };
        Form::Volume { volume, channels, channel_stride }
    }
}

/// Draws rows of numbers as a map that is large enough to be seen, over the values in grey where they are given.
fn draw_map(
    map: &heatmap::Heatmap,
    values: Option<&[f32]>,
    [height, width]: [usize; 2],
    rendering: &Rendering,
) -> Checked<RgbImage> {
    let zoom = (MAP_SIDE / height.max(width)).max(1) as u32;
    let enlarge = |picture: &RgbImage| {
        let filter = image::imageops::FilterType::Nearest;
        let (width, height) = picture.dimensions();
        image::imageops::resize(picture, width * zoom, height * zoom, filter)
    };
    let Some(values) = values else { return Ok(enlarge(&heatmap_picture(map, rendering)?)) };
    let gray = heatmap::Heatmap::new(width, height, values.to_vec())?;
    let gray_rendering = Rendering {
        colormap: heatmap::Colormap::Gray,
        normalization: heatmap::Normalization::Unaligned,
        ..Rendering::default()
    };
    let gray = enlarge(&heatmap_picture(&gray, &gray_rendering)?);
    let whole = Placement::whole(gray.width(), gray.height());
    let layer = Layer::new(map, whole, [gray.width(), gray.height()], rendering)?;
    Ok(layer.over(&gray, rendering))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_the_shape() {
        let form = |shape: &[usize]| Form::of(shape, None);
        let signal = |channels, steps, is_interleaved| {
            Form::Signal(Signal { channels, steps, is_interleaved })
        };
        assert_eq!(form(&[12]), Form::Bars);
        assert_eq!(form(&[16_000]), signal(1, 16_000, false));
        assert_eq!(form(&[1, 16_000]), signal(1, 16_000, false));
        assert_eq!(form(&[1, 100]), signal(1, 100, false));
        assert_eq!(form(&[4, 100]), signal(4, 100, false));
        assert_eq!(form(&[100, 6]), signal(6, 100, true));
        assert_eq!(form(&[80, 300]), Form::Map { height: 80, width: 300 });
        assert_eq!(form(&[12, 8, 8]), Form::Picture(Layout::ChannelsFirst));
        let volume = |channels, channel_stride| {
            let volume = Volume { depth: 5, height: 6, width: 7 };
            Form::Volume { volume, channels, channel_stride }
        };
        assert_eq!(form(&[1, 5, 6, 7]), volume(1, 210));
        assert_eq!(form(&[5, 3, 6, 7]), volume(3, 42));
        assert_eq!(form(&[5, 6, 7, 3]), volume(3, 1));
        assert_eq!(form(&[2, 5, 6, 7]), volume(2, 210));
    }

    #[test]
    fn channels_of_a_volume_are_summed_up() {
        let frame = |shape: &[usize]| Frame {
            name: String::new(),
            shape: shape.to_vec(),
            form: Form::of(shape, None),
        };
        // Two frames of three channels of 2 x 2.
        let values: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let sums = frame(&[2, 3, 2, 2]).summed(&values);
        assert_eq!(sums, [12.0, 15.0, 18.0, 21.0, 48.0, 51.0, 54.0, 57.0]);
        let last = frame(&[2, 2, 2, 3]).summed(&values);
        assert_eq!(last[..3], [3.0, 12.0, 21.0]);
    }
}
