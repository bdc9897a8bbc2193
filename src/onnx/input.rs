//! An input of a model, and its shape.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{ValueInfoProto, type_proto};

use super::options::LoadOptions;
use crate::picture::{InputShape, Layout};
use crate::tensor::Tensor;

/// Height and width of the input where neither the file nor the user says them.
pub const DEFAULT_SIZE: [usize; 2] = [224, 224];

/// An input of a model that is explained.
#[derive(Clone, Debug)]
pub struct ModelInput {
    /// The name in the file.
    pub name: String,
    /// The whole shape, the batch axis (1) included.
    pub shape: Vec<usize>,
    /// The input as a picture, where it can be one (rank 4; 1 or 3 channels).
    pub picture: Option<InputShape>,
    /// The lowest and highest value that it can have, where its number type says so: 0 and 255 for bytes.
    pub range: Option<[f32; 2]>,
    /// Whether the file leaves one of its axes open, besides the batch.
    pub is_open: bool,
    /// Whether its number type is one of whole numbers.
    pub is_whole_numbers: bool,
    /// Its numbers, where the network was made for these: token ids, in the input's shape.
    pub given: Option<Tensor>,
    /// What the network reads of it: an input of the network each, in the network's order.
    pub parts: Vec<Part>,
}

/// What a network reads of an input.
#[derive(Clone, Debug)]
pub enum Part {
    /// The numbers as they are.
    Whole,
    /// The rows of a table that ids choose.
    Rows {
        /// The rows of the given ids, in the shape of the network's input.
        values: Tensor,
        /// For each of their numbers, the place of the id that it belongs to.
        origins: Arc<[u32]>,
    },
}

impl ModelInput {
    /// Whether it holds token ids, and nothing else.
    pub fn is_tokens(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Rows { .. }))
    }

    /// What the network reads, a tensor each, where the input has the numbers `values`.
    ///
    /// # Errors
    /// When the network was made for other ids, or the shape is another one.
    pub fn network_inputs(&self, values: &Tensor) -> Result<Vec<Tensor>> {
        self.check(values)?;
        let part = |part: &Part| match part {
            Part::Whole => values.clone().reshaped(&self.shape),
            Part::Rows { values, .. } => Ok(values.clone()),
        };
        self.parts.iter().map(part).collect()
    }

    /// Checks that the network was made for such numbers.
    ///
    /// # Errors
    /// When it was made for other ids.
    pub fn check(&self, values: &Tensor) -> Result<()> {
        let is_other = |given: &Tensor| given.data() != values.data();
        ensure!(
            !self.given.as_ref().is_some_and(is_other),
            "the model was opened for other ids of \"{}\" than these: open it with them",
            self.name
        );
        Ok(())
    }

    /// The relevance of every number of the input, in its shape: of an id, that of its rows.
    ///
    /// # Errors
    /// When there is not a tensor for each part.
    pub fn relevance(&self, of_parts: &[Tensor]) -> Result<Tensor> {
        let mut sums = vec![0.0f64; self.shape.iter().product()];
        ensure!(of_parts.len() == self.parts.len(), "a part of an input has no relevance");
        if let ([Part::Whole], [relevance]) = (&self.parts[..], of_parts) {
            return relevance.clone().reshaped(&self.shape);
        }
        for (part, relevance) in self.parts.iter().zip(of_parts) {
            let mut add = |place: usize, value: f32| {
                if let Some(sum) = sums.get_mut(place) {
                    *sum += f64::from(value);
                }
            };
            let values = relevance.data().iter().enumerate();
            match part {
                Part::Whole => values.for_each(|(place, &value)| add(place, value)),
                Part::Rows { origins, .. } => {
                    values
                        .zip(origins.iter())
                        .for_each(|((_, &value), &place)| add(place as usize, value));
                }
            }
        }
        let sums: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
        Tensor::new(&self.shape, &sums)
    }
}

/// The lowest and highest number of an input of bytes.
pub(super) fn range_of_type(input: &ValueInfoProto) -> Option<[f32; 2]> {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = value else { return None };
    match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Uint8) => Some([0.0, 255.0]),
        Ok(DataType::Int8) => Some([-128.0, 127.0]),
        _ => None,
    }
}

/// The input's axes as the file gives them, `None` for a symbol; `None` where it gives none.
fn declared_axes(input: &ValueInfoProto) -> Result<Option<Vec<Option<usize>>>> {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = value else {
        bail!("the input \"{}\" is not a tensor", input.name)
    };
    let Some(shape) = &tensor.shape else { return Ok(None) };
    let axis = |value: &Option<Dimension>| match value {
        Some(Dimension::DimValue(length)) if *length > 0 => usize::try_from(*length).ok(),
        _ => None,
    };
    Ok(Some(shape.dim.iter().map(|dimension| axis(&dimension.value)).collect()))
}

/// Whether the file leaves an axis of the input open beside that of the batch.
pub(super) fn leaves_size_open(input: &ValueInfoProto) -> bool {
    let axes = declared_axes(input).ok().flatten();
    axes.is_none_or(|axes| axes.iter().skip(1).any(Option::is_none))
}

/// The shape that the input is declared with, its open axes filled in; an open batch axis is one.
pub(super) fn input_shape(
    input: &ValueInfoProto,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>> {
    let Some(axes) = declared_axes(input)? else {
        let told = || {
            format!(
                "the input \"{}\" leaves its shape open: give a file of an array, or --shape",
                input.name
            )
        };
        return options.input_shape.clone().with_context(told);
    };
    let given = given_axes(&axes, options.input_shape.as_deref());
    // Of three axes, the first may be the channels.
    let layout = options.layout.unwrap_or_else(|| guess_layout(&axes));
    let (channel, spatial) = match layout {
        Layout::Nchw => (1, [2, 3]),
        Layout::Nhwc => (3, [1, 2]),
    };
    let is_picture = axes.len() == 4;
    let mut shape = vec![];
    for (index, &length) in axes.iter().enumerate() {
        let place = spatial.iter().position(|&axis| is_picture && axis == index);
        let open = given.as_ref().map(|given| given[index]).filter(|_| length.is_none());
        let length = match (length.or(open), place) {
            (Some(length), Some(place)) => {
                let wanted = options.size.map_or(length, |size| size[place]);
                ensure!(
                    wanted == length,
                    "the model's input size is fixed to {length}, not {wanted}; leave out --size"
                );
                length
            }
            (Some(length), None) => length,
            (None, _) if index == 0 => 1,
            (None, Some(place)) => match options.size.or(options.card_size) {
                Some(size) => size[place],
                None => {
                    notes.push(format!(
                        "the model leaves its input {} open: assuming {} (--size sets it)",
                        ["height", "width"][place],
                        DEFAULT_SIZE[place]
                    ));
                    DEFAULT_SIZE[place]
                }
            },
            (None, None) if is_picture && index == channel => {
                notes.push("the model leaves its number of channels open: assuming 3".to_string());
                3
            }
            (None, None) => bail!(
                "the input \"{}\" leaves its axis {index} open; it is that of the file that is explained, or give \
                 all axes with --shape {}",
                input.name,
                example_shape(&axes)
            ),
        };
        shape.push(length);
    }
    ensure!(
        !shape.is_empty(),
        "the input \"{}\" is a single number without axes, of which there is nothing to explain",
        input.name
    );
    Ok(shape)
}

/// A shape to begin with, for a message.
fn example_shape(axes: &[Option<usize>]) -> String {
    let axis = |(index, axis): (usize, &Option<usize>)| match (axis, index) {
        (Some(length), _) => length.to_string(),
        (None, 0) => "1".to_string(),
        (None, _) => "N".to_string(),
    };
    axes.iter().enumerate().map(axis).collect::<Vec<_>>().join(",")
}

/// The axes of the tensor that is to be explained, as the model's are counted; it may lack the batch axis.
fn given_axes(axes: &[Option<usize>], given: Option<&[usize]>) -> Option<Vec<usize>> {
    let given = given?;
    let given = match given.len() + 1 == axes.len() {
        true => std::iter::once(1).chain(given.iter().copied()).collect(),
        false => given.to_vec(),
    };
    let fits = |(axis, &length): (&Option<usize>, &usize)| axis.is_none_or(|axis| axis == length);
    // The batch is taken one at a time.
    let fit = axes.len() == given.len() && axes.iter().zip(&given).skip(1).all(fits);
    fit.then(|| std::iter::once(1).chain(given.into_iter().skip(1)).collect())
}

fn guess_layout(axes: &[Option<usize>]) -> Layout {
    let is_channels = |axis: Option<&Option<usize>>| matches!(axis, Some(Some(1 | 3)));
    match (is_channels(axes.get(1)), is_channels(axes.get(3))) {
        (false, true) => Layout::Nhwc,
        _ => Layout::Nchw,
    }
}

pub(super) fn picture_shape(shape: &[usize], layout: Option<Layout>) -> Option<InputShape> {
    let axes: Vec<Option<usize>> = shape.iter().copied().map(Some).collect();
    let layout = layout.unwrap_or_else(|| guess_layout(&axes));
    let [_, a, b, c] = *shape else { return None };
    let (channels, height, width) = match layout {
        Layout::Nchw => (a, b, c),
        Layout::Nhwc => (c, a, b),
    };
    matches!(channels, 1 | 3).then_some(InputShape { channels, height, width, layout })
}
