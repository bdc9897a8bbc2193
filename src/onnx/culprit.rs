//! Panics of tract, which some files lead it to: they become errors, with the node that tract stopped at.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

use super::validate::order;

/// How long the node is looked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a panic said.
#[derive(Debug)]
struct Panicked(String);

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the model's graph is inconsistent, or more than tract can read ({})",
            self.0
        )
    }
}

impl std::error::Error for Panicked {}

/// Runs tract on a file that may be damaged in ways it does not expect: a panic becomes an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message =
            message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Panicked(message.to_string()).into())
    })
}

/// The error with the node that a panic came from, where it was one: the last node of the shortest beginning of the graph
/// with which `work` panics too.
pub(super) fn with_node<T>(
    error: Error,
    model: &ModelProto,
    work: impl Fn(&ModelProto) -> Result<T>,
) -> Error {
    if !error.is::<Panicked>() {
        return error;
    }
    let panics = |beginning: &ModelProto| {
        guarded(|| work(beginning)).is_err_and(|error| error.is::<Panicked>())
    };
    match node_of(model, panics) {
        Some(node) => error.context(format!(
            "the {} node \"{}\" cannot be read: export the model again, or report it with the file",
            node.op_type,
            order::name(node)
        )),
        None => error,
    }
}

fn node_of(model: &ModelProto, panics: impl Fn(&ModelProto) -> bool) -> Option<&NodeProto> {
    let graph = model.graph.as_ref()?;
    let order = order::order(graph, &Default::default()).ok()?;
    let begin = Instant::now();
    // Without the first node nothing panics, with all of them it does.
    let (mut good, mut bad) = (0, order.len());
    while bad - good > 1 {
        if begin.elapsed() > PATIENCE {
            return None;
        }
        let middle = good.midpoint(bad);
        match panics(&beginning(model, graph, &order[..middle])) {
            true => bad = middle,
            false => good = middle,
        }
    }
    let last = *order.get(bad.checked_sub(1)?)?;
    panics(&beginning(model, graph, &order[..bad])).then(|| &graph.node[last])
}

/// The model with some of its nodes, whose values are all put out.
fn beginning(model: &ModelProto, graph: &GraphProto, places: &[usize]) -> ModelProto {
    let node: Vec<NodeProto> = places.iter().map(|&place| graph.node[place].clone()).collect();
    let names = node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
    let output = names
        .map(|name| ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() })
        .collect();
    let (input, initializer) = (graph.input.clone(), graph.initializer.clone());
    let graph = GraphProto {
        name: graph.name.clone(),
        node,
        input,
        initializer,
        output,
        ..GraphProto::default()
    };
    ModelProto {
        opset_import: model.opset_import.clone(),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::rewrite::node;

    #[test]
    fn the_node_that_panics_is_named() {
        let nodes = (0..20).map(|at| {
            node(&format!("n{at}"), "Relu", &[&format!("v{at}")], &format!("v{}", at + 1))
        });
        let input = vec![ValueInfoProto { name: "v0".to_string(), ..ValueInfoProto::default() }];
        let graph = GraphProto { node: nodes.collect(), input, ..GraphProto::default() };
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let work = |model: &ModelProto| -> Result<()> {
            let names =
                model.graph.iter().flat_map(|graph| &graph.node).map(|node| node.name.as_str());
            assert!(!names.into_iter().any(|name| name == "n13"), "at thirteen");
            Ok(())
        };
        let error = guarded(|| work(&model)).unwrap_err();
        let told = format!("{:#}", with_node(error, &model, work));
        assert!(told.contains("Relu node \"n13\"") && told.contains("at thirteen"), "{told}");
        let other = with_node(Error::msg("no panic"), &model, work).to_string();
        assert_eq!(other, "no panic");
    }
}
