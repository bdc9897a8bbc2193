//! `onnxplain inspect`: the layers of a model, what was canonized, and the rule each layer gets.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use onnxplain::canonize::PassReport;
use onnxplain::composite::{Assignment, InputKnowledge};
use onnxplain::network::{Family, Interval, Layer, Network, Op, OutputFunction, Quantity};
use onnxplain::onnx::Model;
use onnxplain::tensor::Tensor;

use super::Status;
use super::console::{BOLD, Console};
use super::options::ModelOptions;
use super::setup::{self, Cards, Choice};
use super::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  onnxplain inspect model.onnx
  onnxplain inspect model.onnx --composite epsilon-plus-flat
  onnxplain inspect model.onnx --no-canonize    as it is in the file";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectOptions {
    /// The model, an .onnx file
    model: PathBuf,
    #[command(flatten)]
    options: ModelOptions,
}

/// A canonized model with its rules.
struct Inspection {
    model: Model,
    network: Network,
    canonization: Vec<PassReport>,
    choice: Choice,
    assignment: Assignment,
}

/// Prints the layers as a table.
pub fn run(options: &InspectOptions, console: &mut Console) -> Result<Status> {
    let inspection = inspect(options, console)?;
    if console.is_json() {
        console.print_json(&inspection.to_json())?;
    } else {
        console.print(inspection.to_text(console.is_verbose()))?;
    }
    Ok(Status::Done)
}

fn inspect(options: &InspectOptions, console: &mut Console) -> Result<Inspection> {
    setup::check_model_path(&options.model)?;
    let cards = Cards::read(&options.model, None, console)?;
    let named = Choice::named(&options.options.composite)?;
    let model = setup::load_model(&options.model, &options.options, &cards)?;
    model.notes.iter().for_each(|note| console.note(note));
    let choice = named.map_or_else(|| Choice::auto(&model.network), Ok)?;
    let passes = options.options.passes(&choice.composite)?;
    let (network, canonization) = setup::canonized(model.network.clone(), &passes)?;
    let assignment = Assignment::knowing(&network, &choice.composite, &knowledge(&model)?)?;
    choice.tell_unused(&assignment, console);
    Ok(Inspection { model, network, canonization, choice, assignment })
}

/// What `explain` will know of the input: for pictures what preprocessing gives, for tensors nothing.
fn knowledge(model: &Model) -> Result<InputKnowledge> {
    if model.input.picture.is_none() && model.input.range.is_none() {
        return Ok(InputKnowledge::Nothing);
    }
    let range = model.input.range.unwrap_or([-3.0, 3.0]);
    let [low, high] = range.map(|end| Tensor::filled(&model.input.shape, end));
    Ok(InputKnowledge::Within(Interval { low: low?, high: high? }))
}

impl Inspection {
    /// The name of what is computed from the explained values at the end.
    fn output_function(&self) -> Option<&'static str> {
        let function = self.network.output_function.as_ref();
        let function = function.filter(|function| !matches!(function, OutputFunction::Identity(_)));
        function.map(|function| function.name())
    }

    fn to_text(&self, is_verbose: bool) -> String {
        let input = &self.model.input;
        let mut lines = vec![
            format!("{BOLD}{}{BOLD:#}", self.model.path.display()),
            format!("  input       {} {}", input.name, shape(&input.shape)),
            format!("  output      {} classes{}", self.network.class_count(), self.stripped()),
            format!("  family      {}", Family::of(&self.network)),
            format!("  composite   {}", self.choice.describe()),
        ];
        for report in &self.canonization {
            let nodes =
                if is_verbose { format!(": {}", report.nodes.join(", ")) } else { String::new() };
            lines.push(format!("  canonized   {} ({}){nodes}", report.pass, report.nodes.len()));
        }
        lines.push(format!(
            "  size        {} layers, {} parameters",
            self.network.layers.len(),
            thousands(self.network.parameter_count())
        ));
        format!("{}\n\n{}", lines.join("\n"), self.table().render())
    }

    fn stripped(&self) -> String {
        match self.output_function() {
            Some(name) => format!(" (the final {name} is not explained, the values before it are)"),
            None => match self.network.explained() {
                Quantity::Logit => String::new(),
                quantity => format!(" (each is a {quantity}, which is explained as it is)"),
            },
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("kind", Align::Left),
            ("output", Align::Left),
            ("parameters", Align::Right),
            ("rule", Align::Left),
        ]);
        for (layer, rule) in self.network.layers.iter().zip(&self.assignment.rules) {
            let parameters = match layer.op.parameter_count() {
                0 => String::new(),
                count => thousands(count),
            };
            table.row(vec![
                layer.name.clone(),
                kind(layer),
                shape(&layer.shape),
                parameters,
                rule.describe(layer.kind()),
            ]);
        }
        table
    }

    fn to_json(&self) -> Value {
        let layers = self.network.layers.iter().zip(&self.assignment.rules).map(|(layer, rule)| {
            json!({
                "name": layer.name,
                "operator": layer.op_type,
                "kind": layer.kind(),
                "shape": layer.shape,
                "parameters": layer.op.parameter_count(),
                "rule": rule.describe(layer.kind()),
            })
        });
        json!({
            "model": self.model.path.display().to_string(),
            "input": { "name": self.model.input.name, "shape": self.model.input.shape },
            "classes": self.network.class_count(),
            "output_function": self.output_function(),
            "explained": self.network.explained().word(),
            "family": Family::of(&self.network).to_string(),
            "composite": self.choice.composite.name,
            "canonization": self.canonization,
            "parameters": self.network.parameter_count(),
            "layers": layers.collect::<Vec<_>>(),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
}

/// The kind, and for an activation which one.
fn kind(layer: &Layer) -> String {
    match &layer.op {
        Op::Activation(activation) => format!("activation ({})", activation.name),
        _ => layer.kind().word().to_string(),
    }
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// A number with thin gaps between the thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1234), "1 234");
        assert_eq!(thousands(4_652_008), "4 652 008");
    }
}
