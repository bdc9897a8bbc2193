//! A node as its rule reads it: attributes of the right type, inputs with what is known of them.

use std::fmt::Debug;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::value::{Value, element_count};

/// More axes than any tensor has.
const MOST_AXES: i64 = 64;

/// Attributes that switch something on or off. Runtimes differ about other numbers than 1 and 0: tract would take them for
/// off where others take them for on.
const SWITCHES: [&str; 18] = [
    "align_corners",
    "allowzero",
    "ceil_mode",
    "center_point_box",
    "count_include_pad",
    "exclusive",
    "interleaved",
    "is_causal",
    "keepdims",
    "largest",
    "linear_before_reset",
    "noop_with_empty_axes",
    "onesided",
    "reverse",
    "select_last_index",
    "sorted",
    "transA",
    "transB",
];

/// Inputs that are one number. tract reads the first of an empty tensor too, which is anywhere in memory.
const NUMBERS: [(&str, &[usize]); 15] = [
    ("BlackmanWindow", &[0]),
    ("Clip", &[1, 2]),
    ("CumSum", &[1]),
    ("DFT", &[1, 2]),
    ("Dropout", &[1, 2]),
    ("HammingWindow", &[0]),
    ("HannWindow", &[0]),
    ("If", &[0]),
    ("Loop", &[0, 1]),
    ("MelWeightMatrix", &[0, 1, 2, 3, 4]),
    ("OneHot", &[1]),
    ("Range", &[0, 1, 2]),
    ("STFT", &[1, 3]),
    ("TopK", &[1]),
    ("Trilu", &[1]),
];

/// A node, its inputs, and the version of the operators.
pub(super) struct Node<'a> {
    pub proto: &'a NodeProto,
    pub opset: i64,
    /// `None` for an optional input that is left out.
    pub inputs: &'a [Option<Value>],
}

/// Whole numbers that a node gets as an attribute or, in later versions, as an input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Absent,
    /// They are computed, and what comes out is not known.
    Unknown,
    Numbers(Vec<i64>),
}

impl Node<'_> {
    /// An input that the operator needs.
    pub fn input(&self, slot: usize) -> Result<&Value> {
        self.optional(slot).with_context(|| format!("its input {slot} is missing"))
    }

    /// An input that may be left out.
    pub fn optional(&self, slot: usize) -> Option<&Value> {
        self.inputs.get(slot)?.as_ref()
    }

    /// The shape of an input that the operator needs, where it is known.
    pub fn shape(&self, slot: usize) -> Result<Option<&[usize]>> {
        Ok(self.input(slot)?.shape.as_deref())
    }

    /// The shape of an input that may be left out, where it is there and known.
    pub fn optional_shape(&self, slot: usize) -> Option<&[usize]> {
        self.optional(slot)?.shape.as_deref()
    }

    /// How many outputs are asked for.
    pub fn output_count(&self) -> usize {
        self.proto.output.len()
    }

    fn attribute(&self, name: &str, wanted: AttributeType) -> Result<Option<&AttributeProto>> {
        let found = self.proto.attribute.iter().find(|attribute| attribute.name == name);
        if let Some(attribute) = found {
            // Old files do not say the type.
            let fits = [wanted as i32, AttributeType::Undefined as i32].contains(&attribute.r#type);
            ensure!(fits, "its attribute {name} is of the wrong type");
        }
        Ok(found)
    }

    /// An attribute that is a whole number.
    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        Ok(self.attribute(name, AttributeType::Int)?.map(|attribute| attribute.i))
    }

    /// Whether an attribute that switches something is on; `default` where it is left out.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.int(name)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => bail!("{name} is {other}, but must be 0 or 1"),
        }
    }

    /// Fails where an attribute that switches something is neither on nor off.
    pub fn check_switches(&self) -> Result<()> {
        SWITCHES.iter().try_for_each(|name| self.flag(name, false).map(drop))
    }

    /// Fails where an input that must be one number is known to be none or several.
    pub fn check_numbers(&self) -> Result<()> {
        let op_type = self.proto.op_type.as_str();
        let slots = NUMBERS.iter().find(|(known, _)| *known == op_type).map_or(&[][..], |(_, s)| s);
        for &slot in slots {
            let Some(shape) = self.optional_shape(slot) else { continue };
            ensure!(
                element_count(shape) == 1,
                "its input {slot} must be one number, but has the shape {shape:?}"
            );
        }
        Ok(())
    }

    /// An attribute that is a list of whole numbers.
    pub fn ints(&self, name: &str) -> Result<Option<&[i64]>> {
        Ok(self.attribute(name, AttributeType::Ints)?.map(|attribute| attribute.ints.as_slice()))
    }

    /// An attribute that is a number.
    pub fn float(&self, name: &str) -> Result<Option<f32>> {
        Ok(self.attribute(name, AttributeType::Float)?.map(|attribute| attribute.f))
    }

    /// An attribute that is a list of numbers.
    pub fn floats(&self, name: &str) -> Result<Option<&[f32]>> {
        Ok(self
            .attribute(name, AttributeType::Floats)?
            .map(|attribute| attribute.floats.as_slice()))
    }

    /// An attribute that is a word.
    pub fn word(&self, name: &str) -> Result<Option<&str>> {
        let Some(attribute) = self.attribute(name, AttributeType::String)? else { return Ok(None) };
        let word = std::str::from_utf8(&attribute.s);
        Ok(Some(word.with_context(|| format!("its attribute {name} is not UTF-8"))?))
    }

    /// An attribute that is one of some words; the first of them where it is left out.
    pub fn choice(&self, name: &str, words: &[&'static str]) -> Result<&'static str> {
        let Some(word) = self.word(name)? else {
            return words.first().copied().context("no words");
        };
        let found = words.iter().find(|known| **known == word);
        found.copied().with_context(|| format!("{name} {word:?} is none of {}", words.join(", ")))
    }

    /// Whole numbers from an attribute of that name or, where there is none, from an input.
    pub fn given(&self, name: &str, slot: usize) -> Result<Given> {
        if let Some(numbers) = self.ints(name)? {
            return Ok(Given::Numbers(numbers.to_vec()));
        }
        Ok(self.numbers(slot))
    }

    /// Whole numbers from an input.
    pub fn numbers(&self, slot: usize) -> Given {
        match self.optional(slot).map(Value::whole_numbers) {
            None => Given::Absent,
            Some(None) => Given::Unknown,
            Some(Some(numbers)) => Given::Numbers(numbers),
        }
    }

    /// One attribute that is a whole number, at least `least`; `default` where it is left out.
    pub fn int_from(&self, name: &str, least: i64, default: i64) -> Result<usize> {
        let value = self.int(name)?.unwrap_or(default);
        ensure!(value >= least, "{name} is {value}, but must be at least {least}");
        Ok(usize::try_from(value)?)
    }

    /// Fails where an attribute is a number that is not finite.
    pub fn check_finite(&self, name: &str) -> Result<()> {
        match self.float(name)? {
            Some(value) if !value.is_finite() => bail!("{name} is {value}, but must be finite"),
            _ => Ok(()),
        }
    }
}

/// An axis counted from the front, for a value of `rank` axes; `name` is the attribute's, or the input's.
pub(super) fn axis(axis: i64, rank: usize, name: &str) -> Result<usize> {
    let count = i64::try_from(rank)?;
    ensure!(
        (-count..count).contains(&axis),
        "{name} is {axis}, but its input has {rank} axes: from {} to {}",
        -count,
        count - 1
    );
    Ok(usize::try_from(if axis < 0 { axis + count } else { axis })?)
}

/// Checks an axis of a value whose number of axes is not known, only that there are at least `least`. tract counts to the
/// axis one by one, so that it would never get to 2^60, nor to one in front of the first.
pub(super) fn check_axis_of_unknown(axis: i64, least: usize) -> Result<()> {
    let least = i64::try_from(least)?;
    ensure!(
        (-least..MOST_AXES).contains(&axis),
        "axis is {axis}, and how many axes its input has is not known: from {} to {}",
        -least,
        MOST_AXES - 1
    );
    Ok(())
}

/// Several of them, each once.
pub(super) fn axes(given: &[i64], rank: usize, name: &str) -> Result<Vec<usize>> {
    let mut axes = vec![];
    for &number in given {
        let found =
            axis(number, rank, name).map_err(|error| error.context(format!("{name} {given:?}")))?;
        if !axes.contains(&found) {
            axes.push(found);
        }
    }
    Ok(axes)
}

/// Fails where a list has another length than it must have.
pub(super) fn check_length<T: Debug>(
    list: &[T],
    expected: usize,
    name: &str,
    of: &str,
) -> Result<()> {
    ensure!(
        list.len() == expected,
        "{name} {list:?} has {} numbers, but {of} needs {expected}",
        list.len()
    );
    Ok(())
}
