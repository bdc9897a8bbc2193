//! `onnxplain inspect`: the layers of a model, what was canonized, and the rule each layer gets.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use onnxplain::composite::Assignment;
use onnxplain::network::{Family, Kind, Layer, Network, Op, OutputFunction, Quantity};
use onnxplain::onnx::Model;
use onnxplain::session::Canonized;
use onnxplain::{ExplainerOptions, Session, Topic};

use super::Status;
use super::console::Console;
use super::options::{ModelOptions, check_model_path};
use super::table::{Align, Table};
use super::terminal::{self, BOLD};

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
pub(crate) struct Inspection<'a> {
    session: &'a Session,
    family: Family,
    canonized: Canonized,
    assignment: Assignment,
}

/// Prints the layers as a table.
pub fn run(options: &InspectOptions, console: &mut Console) -> Result<Status> {
    let session = open(options, console)?;
    let inspection = Inspection::of(&session, options.options.explainer()?)?;
    let unused = inspection.canonized.choice.unused(&inspection.assignment);
    unused.iter().for_each(|notice| console.notice(notice));
    if console.is_json() {
        console.print_json(&inspection.to_json())?;
    } else {
        console.print(inspection.to_text(console.is_verbose()))?;
    }
    Ok(Status::Done)
}

fn open(options: &InspectOptions, console: &mut Console) -> Result<Session> {
    check_model_path(&options.model)?;
    let session = options.options.session().without_labels().pictures(false).without_inputs();
    let session = session.open(&options.model)?;
    let notices = session.notices().iter().filter(|notice| notice.topic != Topic::Labels);
    notices.for_each(|notice| console.notice(notice));
    Ok(session)
}

impl<'a> Inspection<'a> {
    /// What a model is with a composite.
    pub(crate) fn of(session: &'a Session, options: ExplainerOptions) -> Result<Inspection<'a>> {
        let canonized = session.canonized(options)?;
        let assignment = canonized.assignment(&session.knowledge()?)?;
        let family = session.family()?;
        Ok(Inspection { session, family, canonized, assignment })
    }

    fn network(&self) -> &Network {
        &self.canonized.network
    }

    fn output_function(&self) -> Option<&'static str> {
        let function = self.network().output_function.as_ref();
        let function = function.filter(|function| !matches!(function, OutputFunction::Identity(_)));
        function.map(|function| function.name())
    }

    fn to_text(&self, is_verbose: bool) -> String {
        let Model { path, inputs, fixed, .. } = self.session.model();
        let mut lines = vec![
            format!("{BOLD}{}{BOLD:#}", terminal::name(&path.display().to_string())),
            format!("  output      {} classes{}", self.network().class_count(), self.stripped()),
            format!("  family      {}", self.family),
            format!("  composite   {}", self.canonized.choice.describe()),
        ];
        for (place, input) in inputs.iter().enumerate() {
            let ids = if input.is_tokens() { " (token ids)" } else { "" };
            let line = format!("  input       {} {}{ids}", input.name, shape(&input.shape));
            lines.insert(1 + place, line);
        }
        if !fixed.is_empty() {
            lines.insert(1 + inputs.len(), format!("  held fixed  {}", fixed.join(", ")));
        }
        for report in &self.canonized.reports {
            let nodes =
                if is_verbose { format!(": {}", report.nodes.join(", ")) } else { String::new() };
            lines.push(format!("  canonized   {} ({}){nodes}", report.pass, report.nodes.len()));
        }
        lines.push(format!(
            "  size        {} layers, {} parameters",
            self.network().layers.len(),
            thousands(self.network().parameter_count())
        ));
        format!("{}\n\n{}", lines.join("\n"), self.table().render())
    }

    fn stripped(&self) -> String {
        match self.output_function() {
            Some(name) => format!(" (the final {name} is not explained, the values before it are)"),
            None => match self.network().explained() {
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
        let layers = self.network().layers.iter().zip(self.network().kinds());
        for ((layer, of_kind), rule) in layers.zip(&self.assignment.rules) {
            let parameters = match layer.op.parameter_count() {
                0 => String::new(),
                count => thousands(count),
            };
            table.row(vec![
                layer.name.clone(),
                kind(layer, of_kind),
                shape(&layer.shape),
                parameters,
                rule.describe(of_kind),
            ]);
        }
        table
    }

    /// What `--json` prints.
    pub(crate) fn to_json(&self) -> Value {
        let model = self.session.model();
        let inputs = model.inputs.iter();
        let inputs: Vec<Value> =
            inputs.map(|input| json!({ "name": input.name, "shape": input.shape })).collect();
        let layers = self.network().layers.iter().zip(self.network().kinds());
        let layers = layers.zip(&self.assignment.rules).map(|((layer, kind), rule)| {
            json!({
                "name": layer.name,
                "operator": layer.op_type,
                "kind": kind,
                "shape": layer.shape,
                "parameters": layer.op.parameter_count(),
                "rule": rule.describe(kind),
            })
        });
        json!({
            "model": model.path.display().to_string(),
            "input": inputs.first(),
            "inputs": inputs,
            "fixed_inputs": model.fixed,
            "classes": self.network().class_count(),
            "output_function": self.output_function(),
            "explained": self.network().explained().word(),
            "family": self.family.to_string(),
            "composite": self.canonized.choice.composite.name,
            "canonization": self.canonized.reports,
            "parameters": self.network().parameter_count(),
            "layers": layers.collect::<Vec<_>>(),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
}

/// The kind, and for an activation which one.
fn kind(layer: &Layer, kind: Kind) -> String {
    match &layer.op {
        Op::Activation(activation) => format!("activation ({})", activation.name),
        _ => kind.word().to_string(),
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
