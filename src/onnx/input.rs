//! The input of a model: which one it is, and its shape.

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{ModelProto, TensorProto, ValueInfoProto, type_proto};

use super::options::LoadOptions;
use crate::picture::{InputShape, Layout};

/// Height and width of the input where neither the file nor the user says them.
pub const DEFAULT_SIZE: [usize; 2] = [224, 224];

/// The input of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    /// The name in the file.
    pub name: String,
    /// The whole shape, the batch axis (1) included.
    pub shape: Vec<usize>,
    /// The input as a picture, where it can be one (rank 4; 1 or 3 channels).
    pub picture: Option<InputShape>,
    /// The lowest and highest value that it can have, where its number type says so: 0 and 255 for bytes.
    pub range: Option<[f32; 2]>,
}

/// The only input that is not a stored weight.
pub(super) fn the_input(proto: &ModelProto) -> Result<&ValueInfoProto> {
    let graph = proto.graph.as_ref().context("the model has no graph")?;
    let is_weight = |input: &&ValueInfoProto| {
        graph.initializer.iter().any(|weight: &TensorProto| weight.name == input.name)
    };
    let inputs: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !is_weight(input)).collect();
    match inputs.as_slice() {
        [input] => Ok(input),
        [] => bail!("the model's output does not depend on its input"),
        _ => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            bail!(
                "the model has {} inputs ({}); onnxplain explains models of one",
                inputs.len(),
                names.join(", ")
            )
        }
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
        let told =
            || format!("the input \"{}\" leaves its shape open: give a .npy tensor", input.name);
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
                "the input \"{}\" leaves its axis {index} open; it is that of the .npy tensor that is explained",
                input.name
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
