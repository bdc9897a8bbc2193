//! The inputs of a model: which are explained, which are held fixed, and what the network reads of each.
//!
//! - An input of numbers that is explained is an input of the network.
//! - An input of token ids chooses rows of tables. Relevance ends there: the rows are the inputs of the network, and
//!   the relevance of a token is that of its rows ([`tokens`]).
//! - What is held fixed is stored in the file like a weight, so that everything that is computed of it alone (a mask, a
//!   position) becomes a constant.

mod declared;
mod given;
mod numbers;
mod tokens;

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};

pub(super) use self::declared::number_type;
use self::declared::{describe, describe_all};
use self::given::{Given, assign, with_known_axes};
pub(super) use self::tokens::Files;
use super::input::{ModelInput, Part, input_shape, leaves_size_open, picture_shape, range_of_type};
use super::options::{ExplainedInputs, LoadOptions};
use super::rewrite::{add_axis, drop_unused};
use super::weights::declared;
use crate::suggest::nearest;
use crate::tensor::Tensor;

/// The inputs of a model, settled.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Those that are explained.
    pub explained: Vec<ModelInput>,
    /// The names of those that are held fixed.
    pub fixed: Vec<String>,
    /// The inputs of the network in their order: names in the graph, shapes with the batch axis.
    pub sources: Vec<(String, Vec<usize>)>,
}

/// What becomes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is explained.
    Explained,
    /// It is a constant.
    Fixed,
}

/// Settles what becomes of every input, and declares those of the network with their shapes. The shape of an only input
/// of numbers is as the file declares it: its first axis may be a batch.
///
/// # Errors
/// When an input is missing, is not known, or does not fit; or the output depends on none that is explained.
pub(super) fn settle(
    model: &mut ModelProto,
    files: &Files,
    reader: &Onnx,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Inputs> {
    let graph = model.graph.as_ref().context("the model has no graph")?;
    let stored: HashSet<&str> =
        graph.initializer.iter().map(|weight| weight.name.as_str()).collect();
    let all = graph.input.iter().filter(|input| !stored.contains(input.name.as_str()));
    let mut all: Vec<ValueInfoProto> = all.cloned().collect();
    ensure!(!all.is_empty(), "the model's output does not depend on its input");
    all.iter().try_for_each(declared::check_type)?;
    let given = assign(&all, options)?;
    let declared_open: Vec<bool> = all.iter().map(leaves_size_open).collect();
    with_known_axes(&mut all, &given)?;
    let roles = roles(graph, &all, &options.explained)?;
    let tokens: Vec<bool> = all.iter().map(|input| tokens::are_ids(graph, &input.name)).collect();
    if let ([input], [Role::Explained], [false]) = (&all[..], &roles[..], &tokens[..]) {
        let mut settled = only_numbers(input, &given[0], options, notes)?;
        settled.explained.iter_mut().for_each(|input| input.is_open = declared_open[0]);
        return Ok(settled);
    }
    let mut missing = vec![];
    for (index, input) in all.iter().enumerate() {
        let needs_values = tokens[index] || roles[index] == Role::Fixed;
        if needs_values && given[index].values.is_none() && !options.fills_in {
            missing.push(input);
        }
    }
    refuse_missing(&all, &missing)?;
    let mut settled = Inputs::default();
    for (index, input) in all.iter().enumerate() {
        let one = One { input, given: &given[index], is_ids: tokens[index] };
        match roles[index] {
            Role::Explained => {
                settled.add(model, files, reader, options, &one, notes)?;
                if let Some(added) = settled.explained.last_mut() {
                    added.is_open = declared_open[index];
                }
            }
            Role::Fixed => {
                one.store(model, options, notes)?;
                settled.fixed.push(input.name.clone());
            }
        }
    }
    let graph = model.graph.as_mut().context("the model has no graph")?;
    drop_unused(graph);
    ensure!(
        !graph.input.is_empty(),
        "the model's output does not depend on the inputs that are explained; the others ({}) are held fixed",
        settled.fixed.join(", ")
    );
    settled.forget_unread(graph);
    Ok(settled)
}

/// The only input, which holds numbers.
fn only_numbers(
    input: &ValueInfoProto,
    given: &Given,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Inputs> {
    let shape = shape_of(input, given, options, notes)?;
    let explained = model_input(input, shape.clone(), vec![Part::Whole], options);
    let sources = vec![(input.name.clone(), shape)];
    Ok(Inputs { explained: vec![explained], fixed: vec![], sources })
}

fn model_input(
    input: &ValueInfoProto,
    shape: Vec<usize>,
    parts: Vec<Part>,
    options: &LoadOptions,
) -> ModelInput {
    let has_whole = parts.iter().any(|part| matches!(part, Part::Whole));
    ModelInput {
        name: input.name.clone(),
        picture: has_whole.then(|| picture_shape(&shape, options.layout)).flatten(),
        range: range_of_type(input).filter(|_| has_whole),
        is_whole_numbers: number_type(input).is_some_and(declared::is_whole),
        is_open: false,
        given: None,
        shape,
        parts,
    }
}

fn shape_of(
    input: &ValueInfoProto,
    given: &Given,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>> {
    let options = LoadOptions { input_shape: given.shape.clone(), ..options.clone() };
    input_shape(input, &options, notes)
}

/// An input among several.
struct One<'a> {
    input: &'a ValueInfoProto,
    given: &'a Given,
    is_ids: bool,
}

impl One<'_> {
    /// Its numbers, in its whole shape.
    fn values(&self, options: &LoadOptions, notes: &mut Vec<String>) -> Result<Tensor> {
        let name = &self.input.name;
        let mut shape = shape_of(self.input, self.given, options, notes)?;
        let Some(values) = &self.given.values else {
            let (fill, word) = if self.is_ids { (0.0, "0") } else { (1.0, "1") };
            notes.push(format!("the input \"{name}\" is not given: taking {word} everywhere"));
            return Tensor::filled(&shape, fill);
        };
        // A file may leave everything open.
        if shape.iter().product::<usize>() != values.len() {
            shape = values.shape().to_vec();
        }
        let values = values.clone().reshaped(&shape)?;
        numbers::check(self.input, &values)?;
        Ok(values)
    }

    /// Stores it in the file like a weight.
    fn store(
        &self,
        model: &mut ModelProto,
        options: &LoadOptions,
        notes: &mut Vec<String>,
    ) -> Result<Tensor> {
        let values = self.values(options, notes)?;
        store(model, self.input, &values)?;
        Ok(values)
    }
}

/// Puts a stored tensor in the place of an input.
fn store(model: &mut ModelProto, input: &ValueInfoProto, values: &Tensor) -> Result<()> {
    let stored = numbers::stored(input, values)?;
    let graph = model.graph.as_mut().context("the model has no graph")?;
    graph.input.retain(|declared| declared.name != input.name);
    graph.initializer.push(stored);
    Ok(())
}

impl Inputs {
    /// Adds an input that is explained.
    fn add(
        &mut self,
        model: &mut ModelProto,
        files: &Files,
        reader: &Onnx,
        options: &LoadOptions,
        one: &One,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let input = one.input;
        let (mut parts, mut given) = (vec![], None);
        let shape = match one.is_ids {
            true => {
                let values = one.values(options, notes)?;
                for rows in tokens::cut(model, files, reader, (input, &values))? {
                    let shape = self.declare(model, &rows.name, rows.values.shape())?;
                    let values = rows.values.reshaped(&shape)?;
                    parts.push(Part::Rows { values, origins: rows.origins });
                }
                let shape = values.shape().to_vec();
                // Numbers may be read beside the ids; of ids, what else reads them makes masks and positions.
                if number_type(input).is_some_and(declared::is_float) && is_read(model, &input.name)
                {
                    self.declare(model, &input.name, &shape)?;
                    parts.push(Part::Whole);
                } else {
                    store(model, input, &values)?;
                }
                given = Some(values);
                shape
            }
            false => {
                let shape = shape_of(input, one.given, options, notes)?;
                self.declare(model, &input.name, &shape)?;
                parts.push(Part::Whole);
                shape
            }
        };
        let explained = model_input(input, with_batch(&shape), parts, options);
        self.explained.push(ModelInput { given, ..explained });
        Ok(())
    }

    /// Declares an input of the network with its shape, to which a batch axis is added where it has none.
    fn declare(
        &mut self,
        model: &mut ModelProto,
        name: &str,
        shape: &[usize],
    ) -> Result<Vec<usize>> {
        let graph = model.graph.as_mut().context("the model has no graph")?;
        let known = graph.input.iter().find(|input| input.name == name);
        let number_type = known.and_then(number_type).unwrap_or(DataType::Float);
        let declared = declared(name, number_type as i32, Some(shape));
        match graph.input.iter_mut().find(|input| input.name == name) {
            Some(input) => *input = declared,
            None => graph.input.push(declared),
        }
        let whole = with_batch(shape);
        if whole != shape {
            add_axis(graph, name, shape)?;
        }
        self.sources.push((name.to_string(), whole.clone()));
        Ok(whole)
    }

    /// Sets the shape of the only input, whose first axis turned out to be a batch, or no batch.
    pub fn take_batch_out(&mut self, shape: Vec<usize>, options: &LoadOptions) {
        for input in &mut self.explained {
            input.picture = picture_shape(&shape, options.layout);
            input.shape.clone_from(&shape);
        }
        self.sources.iter_mut().for_each(|(_, known)| known.clone_from(&shape));
    }

    /// Drops inputs that the output turned out not to depend on.
    fn forget_unread(&mut self, graph: &GraphProto) {
        let is_read = |name: &str| graph.input.iter().any(|input| input.name == name);
        let mut sources = self.sources.iter().map(|(name, _)| is_read(name));
        for input in &mut self.explained {
            input.parts.retain(|_| sources.next().unwrap_or(false));
        }
        self.explained.retain(|input| !input.parts.is_empty());
        self.sources.retain(|(name, _)| is_read(name));
    }
}

/// A shape whose first axis is a batch of one.
fn with_batch(shape: &[usize]) -> Vec<usize> {
    match shape {
        [1, _, ..] => shape.to_vec(),
        _ => std::iter::once(1).chain(shape.iter().copied()).collect(),
    }
}

/// Whether some node reads a value.
fn is_read(model: &ModelProto, name: &str) -> bool {
    let mut graph = model.graph.clone().unwrap_or_default();
    drop_unused(&mut graph);
    graph.input.iter().any(|input| input.name == name)
}

/// Which inputs are explained.
fn roles(
    graph: &GraphProto,
    all: &[ValueInfoProto],
    explained: &ExplainedInputs,
) -> Result<Vec<Role>> {
    let role = |is_explained: bool| if is_explained { Role::Explained } else { Role::Fixed };
    let is_suitable = |input: &ValueInfoProto| {
        let number_type = number_type(input);
        number_type.is_some_and(declared::is_float)
            || matches!(number_type, Some(DataType::Uint8 | DataType::Int8))
            || tokens::are_ids(graph, &input.name)
    };
    let chosen: Vec<bool> = match explained {
        ExplainedInputs::All => vec![true; all.len()],
        ExplainedInputs::Suitable if all.len() == 1 => vec![true],
        ExplainedInputs::Suitable => all.iter().map(is_suitable).collect(),
        ExplainedInputs::Named(names) => {
            names.iter().try_for_each(|name| check_name(all, name))?;
            all.iter().map(|input| names.contains(&input.name)).collect()
        }
    };
    ensure!(
        chosen.contains(&true),
        "the model has the inputs {}, none of floating point numbers: say which one is explained with --explain-input NAME",
        describe_all(all.iter())
    );
    Ok(chosen.into_iter().map(role).collect())
}

/// Checks that the model has an input of that name.
fn check_name(all: &[ValueInfoProto], name: &str) -> Result<()> {
    if all.iter().any(|input| input.name == name) {
        return Ok(());
    }
    let similar = nearest(name, all.iter().map(|input| input.name.as_str()));
    let similar = similar.map_or(String::new(), |name| format!("did you mean \"{name}\"? "));
    bail!(
        "the model has no input \"{name}\" that its output depends on; {similar}it has {}",
        describe_all(all.iter())
    )
}

fn refuse_missing(all: &[ValueInfoProto], missing: &[&ValueInfoProto]) -> Result<()> {
    let Some(first) = missing.first() else { return Ok(()) };
    if let [input] = all {
        bail!("the model takes {}: give it before anything else is done", describe(input));
    }
    let names: Vec<&str> = missing.iter().map(|input| input.name.as_str()).collect();
    bail!(
        "the model has the inputs {}; missing: {} (--input {}=FILE)",
        describe_all(all.iter()),
        names.join(", "),
        first.name
    )
}
