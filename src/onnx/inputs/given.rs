//! Which of the model's inputs is meant by what was given.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Axis;

use super::declared::{axes, axes_mut, describe, describe_all};
use super::{LoadOptions, check_name};
use crate::onnx::options::GivenInput;
use crate::tensor::Tensor;

/// What is known of one input.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Its shape, the batch axis included.
    pub shape: Option<Vec<usize>>,
    /// Its numbers.
    pub values: Option<Tensor>,
}

/// What is known of every input, in their order.
///
/// # Errors
/// When an input is not known, or what was given for one without a name could be for several.
pub(super) fn assign(inputs: &[ValueInfoProto], options: &LoadOptions) -> Result<Vec<Given>> {
    let mut all = vec![Given::default(); inputs.len()];
    let mut is_named = vec![false; inputs.len()];
    for given in &options.inputs {
        let Some(name) = &given.name else { continue };
        check_name(inputs, name)?;
        for (index, input) in inputs.iter().enumerate().filter(|(_, input)| input.name == *name) {
            if given.values.is_some() || all[index].values.is_none() {
                all[index] = known(input, given)?;
            }
            is_named[index] |= given.values.is_some();
        }
    }
    let unnamed: Vec<_> = options.inputs.iter().filter(|given| given.name.is_none()).collect();
    let has_shape = options.input_shape.is_some();
    if unnamed.is_empty() && !has_shape {
        return Ok(all);
    }
    let open: Vec<usize> = (0..inputs.len()).filter(|&index| !is_named[index]).collect();
    let &[index] = &open[..] else {
        let open = open.iter().map(|&index| &inputs[index]);
        if open.len() == 0 {
            bail!(
                "every input of the model is given by its name; there is none left for another file"
            );
        }
        bail!(
            "the model has the inputs {}: say which one a file is for with --input NAME=FILE, all but one",
            describe_all(open)
        );
    };
    if let Some(shape) = &options.input_shape {
        // A single file that does not fit is refused by itself.
        all[index].shape = fitted(&inputs[index], shape).ok().or(all[index].shape.take());
    }
    for given in unnamed {
        match known(&inputs[index], given) {
            Ok(known) => all[index] = known,
            // A file that does not fit is refused by itself, a shape at once.
            Err(error) if given.values.is_none() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(all)
}

/// What is known of an input by what was given for it.
fn known(input: &ValueInfoProto, given: &GivenInput) -> Result<Given> {
    let shape = match (fitted(input, &given.shape), &given.shape[..]) {
        (Err(_), &[rows, columns]) if given.is_table => {
            let values = given.values.as_ref().map(turned).transpose()?;
            return Ok(Given { shape: Some(fitted(input, &[columns, rows])?), values });
        }
        (shape, _) => shape?,
    };
    Ok(Given { shape: Some(shape), values: given.values.clone() })
}

/// A table whose rows became its columns.
fn turned(table: &Tensor) -> Result<Tensor> {
    let &[rows, columns] = table.shape() else { bail!("a table has two axes") };
    let column = |column: usize| table.data().iter().skip(column).step_by(columns.max(1)).copied();
    let values: Vec<f32> = (0..columns).flat_map(column).collect();
    Tensor::new(&[columns, rows], &values)
}

/// A shape as the axes of an input are counted: axes of length one may be missing, or there may be more of them.
fn fitted(input: &ValueInfoProto, given: &[usize]) -> Result<Vec<usize>> {
    let Some(axes) = axes(input) else { return Ok(given.to_vec()) };
    let axes: Vec<Option<usize>> = axes
        .iter()
        .map(|axis| match axis.value {
            Some(Axis::DimValue(length)) if length > 0 => usize::try_from(length).ok(),
            _ => None,
        })
        .collect();
    let fits = |shape: &[usize]| {
        let fits =
            |(axis, &length): (&Option<usize>, &usize)| axis.is_none_or(|axis| axis == length);
        axes.len() == shape.len() && axes.iter().zip(shape).all(fits)
    };
    if fits(given) {
        return Ok(given.to_vec());
    }
    let longer: Vec<usize> = given.iter().copied().filter(|&length| length != 1).collect();
    // Several inputs in a batch have all their axes.
    let has_batch = axes.len() > 1 && axes[0].is_none_or(|length| length == 1);
    let found = placed(&axes, &longer, has_batch);
    found.with_context(|| {
        format!("the model takes {}, which the shape {given:?} does not fit", describe(input))
    })
}

/// Lengths placed along axes in their order, axes between them being of length one; the first axis is a batch of one,
/// if it can be (`has_batch`).
fn placed(axes: &[Option<usize>], lengths: &[usize], has_batch: bool) -> Option<Vec<usize>> {
    let Some((axis, rest)) = axes.split_first() else {
        return lengths.is_empty().then(Vec::new);
    };
    let with = |length: usize, lengths: &[usize]| {
        let behind = placed(rest, lengths, false)?;
        Some(std::iter::once(length).chain(behind).collect())
    };
    let takes = |length: usize| axis.is_none_or(|axis| axis == length);
    let is_one = takes(1).then(|| with(1, lengths)).flatten();
    if has_batch {
        return is_one;
    }
    // The last axes are filled first, so that what is missing is in front.
    is_one.or_else(|| {
        let (&length, lengths) = lengths.split_first()?;
        takes(length).then(|| with(length, lengths)).flatten()
    })
}

/// Writes the lengths that given inputs have in the place of symbols, in all inputs that have the same symbol.
///
/// # Errors
/// When a symbol would have two lengths.
pub(super) fn with_known_axes(inputs: &mut [ValueInfoProto], given: &[Given]) -> Result<()> {
    let mut known: HashMap<String, (usize, String)> = HashMap::new();
    for (input, given) in inputs.iter().zip(given) {
        let (Some(axes), Some(shape)) = (axes(input), &given.shape) else { continue };
        for (dimension, &length) in axes.iter().zip(shape).skip(1) {
            let Some(Axis::DimParam(symbol)) = &dimension.value else { continue };
            let name = input.name.clone();
            let (other, by) = known.entry(symbol.clone()).or_insert((length, name.clone()));
            ensure!(
                *other == length,
                "the axis {symbol} has the length {other} in the input \"{by}\" and {length} in \"{name}\""
            );
        }
    }
    // Only where there are several inputs can one tell of another.
    if inputs.len() == 1 {
        return Ok(());
    }
    for input in inputs {
        for dimension in axes_mut(input).into_iter().flatten().skip(1) {
            let Some(Axis::DimParam(symbol)) = &dimension.value else { continue };
            if let Some((length, _)) = known.get(symbol) {
                dimension.value = Some(Axis::DimValue(*length as i64));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_length_one_may_be_missing() {
        let placed =
            |axes: &[Option<usize>], lengths: &[usize]| placed(axes, lengths, axes.len() > 1);
        let open = None;
        assert_eq!(placed(&[open, Some(1), open], &[9]), Some(vec![1, 1, 9]));
        assert_eq!(placed(&[open, open], &[9]), Some(vec![1, 9]));
        assert_eq!(placed(&[open, open, Some(1)], &[9]), Some(vec![1, 9, 1]));
        assert_eq!(placed(&[Some(1), Some(3), open], &[3, 7]), Some(vec![1, 3, 7]));
        assert_eq!(placed(&[open], &[9]), Some(vec![9]));
        assert_eq!(placed(&[open, Some(3), open], &[4, 7]), None);
        assert_eq!(placed(&[open, open], &[4, 7, 2]), None);
    }
}
