//! A value must not be computed from itself.

use std::collections::HashMap;

use anyhow::{Result, bail};
use tract_onnx::pb::{GraphProto, NodeProto};

/// How many nodes of a circle an error names.
const LISTED: usize = 6;

/// Refuses a graph in which the values go round in a circle, with the nodes of the circle.
///
/// # Errors
/// Names the nodes.
pub(super) fn refuse_circles(graph: &GraphProto) -> Result<()> {
    let Some(circle) = circle(&graph.node) else {
        return Ok(());
    };
    let named = |node: &&NodeProto| {
        let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
        format!("\"{}\" ({})", name.map_or("", String::as_str), node.op_type)
    };
    let mut names: Vec<String> = circle.iter().take(LISTED).map(named).collect();
    if circle.len() > LISTED {
        names.push(format!("{} more", circle.len() - LISTED));
    }
    let (first, others) = names.split_first().map_or(("", &[][..]), |(name, rest)| (name, rest));
    match others {
        [] => {
            bail!("the node {first} reads its own output: a value cannot be computed from itself")
        }
        _ => bail!(
            "the node {first} reads a value that is computed from its own output, by way of {}: export the model again",
            others.join(", ")
        ),
    }
}

/// The nodes of a circle, in the order in which they read each other's values; the first in the file comes first.
fn circle(nodes: &[NodeProto]) -> Option<Vec<&NodeProto>> {
    let outputs = nodes.iter().enumerate();
    let makers: HashMap<&str, usize> = outputs
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let reads = |index: usize, input: usize| {
        let name = nodes[index].input.get(input)?;
        makers.get(name.as_str()).copied()
    };
    let mut state = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        // The way from the start to the node that is looked at, and the input of each that comes next.
        let mut way: Vec<(usize, usize)> = vec![];
        if state[start] == State::New {
            way.push((start, 0));
            state[start] = State::OnTheWay;
        }
        while let Some((index, input)) = way.last_mut() {
            let (node, next) = (*index, *input);
            if next == nodes[node].input.len() {
                state[node] = State::Done;
                way.pop();
                continue;
            }
            *input += 1;
            let Some(maker) = reads(node, next) else { continue };
            match state[maker] {
                State::Done => {}
                State::New => {
                    state[maker] = State::OnTheWay;
                    way.push((maker, 0));
                }
                State::OnTheWay => {
                    let begin = way.iter().position(|(index, _)| *index == maker)?;
                    return Some(way[begin..].iter().map(|(index, _)| &nodes[*index]).collect());
                }
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnTheWay,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: &[(&str, &[&str], &str)]) -> GraphProto {
        let node = |(op_type, input, output): &(&str, &[&str], &str)| NodeProto {
            op_type: (*op_type).to_string(),
            input: input.iter().map(ToString::to_string).collect(),
            output: vec![(*output).to_string()],
            ..NodeProto::default()
        };
        GraphProto { node: nodes.iter().map(node).collect(), ..GraphProto::default() }
    }

    #[test]
    fn circles_are_refused_with_their_nodes() {
        let straight =
            [("Relu", &["x"][..], "a"), ("Add", &["a", "x"], "b"), ("Mul", &["a", "b"], "c")];
        assert!(refuse_circles(&graph(&straight)).is_ok());
        let circle =
            [("Relu", &["x"][..], "a"), ("Add", &["a", "c"], "b"), ("Mul", &["b", "b"], "c")];
        let error = refuse_circles(&graph(&circle)).unwrap_err().to_string();
        assert!(
            error.contains("\"b\" (Add)") && error.contains("by way of \"c\" (Mul)"),
            "{error}"
        );
        let alone = [("Add", &["x", "a"][..], "a")];
        let error = refuse_circles(&graph(&alone)).unwrap_err().to_string();
        assert!(error.contains("the node \"a\" (Add) reads its own output"), "{error}");
    }
}
