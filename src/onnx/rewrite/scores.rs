//! Files that end in classes, cut back to the scores that decide them.
//!
//! `class = ArgMax(scores)`, `TopK(scores)`, `scores > ½`, `Round(scores)`, scikit-learn's `labels[ArgMax(scores)]` and
//! `ZipMap(scores)`: of a class nothing can be explained, but of the scores it was read off everything. The names of
//! the classes that stand behind are kept as labels. Where the smallest score wins, as of distances, its negative is
//! explained.

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::graph::{attribute, constant, producer, read_whole_numbers};

/// The scores behind an output.
#[derive(Debug, Default)]
pub(super) struct Scores {
    /// The value that holds them.
    pub value: String,
    /// The node that decides the class.
    pub decided_by: String,
    /// Whether the smallest score wins.
    pub is_smallest: bool,
    /// The names of the classes, where the file has them there.
    pub labels: Option<Vec<String>>,
}

/// The scores that an output is read off; `None` where it is no class.
pub(super) fn behind(graph: &GraphProto, output: &str) -> Option<Scores> {
    let mut scores: Option<Scores> = None;
    let mut labels = None;
    let mut value = output.to_string();
    // A broken file may compute a value from itself: the walk takes no more steps than there are nodes.
    for _ in 0..graph.node.len() {
        let Some(node) = producer(graph, &value) else { break };
        let read = |slot: usize| node.input.get(slot).cloned();
        let is_constant =
            |slot: usize| read(slot).is_some_and(|name| constant(graph, &name).is_some());
        let decides = |value: String| Scores {
            value,
            decided_by: format!("{} node \"{}\"", node.op_type, name_of(node)),
            is_smallest: node.op_type == "ArgMin"
                || node.op_type == "TopK"
                    && attribute(node, "largest").is_some_and(|largest| largest.i == 0),
            labels: None,
        };
        let before = match node.op_type.as_str() {
            "ArgMax" | "ArgMin" | "Hardmax" | "Round" | "Sign" | "TopK" | "ZipMap" => {
                labels = labels.or_else(|| names_of_classes(node));
                scores = Some(decides(read(0)?));
                read(0)
            }
            // The class comes first, the scores second.
            "LinearClassifier" | "TreeEnsembleClassifier" | "SVMClassifier"
                if node.output.first() == Some(&value) && node.output.len() > 1 =>
            {
                labels = labels.or_else(|| names_of_classes(node));
                scores = Some(decides(node.output[1].clone()));
                None
            }
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" if is_constant(1) => {
                scores = Some(decides(read(0)?));
                read(0)
            }
            // A class that is counted from another number on, or is given only where the score will do.
            "Add" | "Mul" | "Sub" if is_constant(1) => read(0),
            "Add" | "Mul" if is_constant(0) => read(1),
            "Where" if is_constant(2) => read(1),
            "Where" if is_constant(1) => read(2),
            "OneHot" => read(0),
            "ArrayFeatureExtractor" | "Gather" if is_constant(0) => {
                labels = labels.or_else(|| constant(graph, &read(0)?).and_then(words));
                read(1)
            }
            "LabelEncoder" => {
                labels = labels.or_else(|| names_of_classes(node));
                read(0)
            }
            "Cast" | "Flatten" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" => read(0),
            _ => None,
        };
        match before {
            Some(before) => value = before,
            None => break,
        }
    }
    scores.map(|scores| Scores { labels, ..scores })
}

/// What a node is called in a message.
fn name_of(node: &NodeProto) -> &str {
    match node.name.is_empty() {
        true => node.output.first().map_or("?", String::as_str),
        false => &node.name,
    }
}

/// The class names that a `ZipMap` or a `LabelEncoder` holds.
fn names_of_classes(node: &NodeProto) -> Option<Vec<String>> {
    let texts = ["classlabels_strings", "values_strings"];
    let texts = texts.iter().find_map(|name| attribute(node, name));
    let numbers = ["classlabels_int64s", "classlabels_ints", "values_int64s"];
    let numbers = numbers.iter().find_map(|name| attribute(node, name));
    match (texts, numbers) {
        (Some(texts), _) if !texts.strings.is_empty() => {
            Some(texts.strings.iter().map(|bytes| text(bytes)).collect())
        }
        (_, Some(numbers)) if !numbers.ints.is_empty() => {
            Some(numbers.ints.iter().map(i64::to_string).collect())
        }
        _ => None,
    }
}

/// A stored vector of texts or whole numbers, as texts.
fn words(tensor: &TensorProto) -> Option<Vec<String>> {
    if !tensor.string_data.is_empty() {
        return Some(tensor.string_data.iter().map(|bytes| text(bytes)).collect());
    }
    let numbers = match tensor.int32_data.is_empty() {
        true => read_whole_numbers(tensor)?,
        false => tensor.int32_data.iter().map(|&number| i64::from(number)).collect(),
    };
    Some(numbers.iter().map(i64::to_string).collect())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
