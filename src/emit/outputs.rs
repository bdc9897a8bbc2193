//! The outputs of the graph.

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::file::GraphFile;
use super::graph::Graph;
use super::half::halved;
use super::inputs::{arranged_as_given, declared, is_float, value_info};
use super::spec::{Finish, Output, Spec};
use super::value::Value;
use crate::explain::End;
use crate::network::{LayerId, Network};

/// What the walk through the program left.
pub(super) struct Ends {
    pub logits: Value,
    pub initial: Value,
    /// Relevance of the values where it ends.
    pub arrived: Vec<Value>,
    /// The value of every layer.
    pub values: Vec<Option<Value>>,
}

/// Relevance of one value, finished.
struct Arrived {
    relevance: Value,
    /// Where several inputs are explained: the name of this one.
    name: Option<String>,
    /// The axis of the channels, that of the batch not counted.
    channel_axis: Option<usize>,
}

pub(super) fn write(
    mut graph: Graph,
    spec: &Spec,
    network: &Network,
    ends: Ends,
) -> Result<GraphFile> {
    graph.enter("output");
    let arrived = finished(&mut graph, spec, network, &ends)?;
    let mut outputs: Vec<ValueInfoProto> = vec![];
    let mut put_out = |graph: &mut Graph, name: &str, value: &Value| {
        graph.output(name, &value.name);
        outputs.push(value_info(name, &value.axes, DataType::Float));
    };
    for output in &spec.outputs {
        match output {
            Output::Logits => put_out(&mut graph, output.name(), &ends.logits),
            Output::Relevance => {
                for one in &arrived {
                    put_out(&mut graph, &one.named(*output), &one.relevance);
                }
            }
            Output::Heatmap => {
                for one in &arrived {
                    let heatmap = one.heatmap(&mut graph)?;
                    put_out(&mut graph, &one.named(*output), &heatmap);
                }
            }
            Output::Absorbed => {
                let absorbed = absorbed(&mut graph, &ends);
                put_out(&mut graph, output.name(), &absorbed);
            }
        }
    }
    let names: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
    let dialect = graph.dialect;
    let (nodes, mut initializers) = graph.finished(&names);
    let inputs = declared(spec, network.inputs());
    let nodes = match dialect.is_half {
        true => {
            let given: Vec<(String, bool)> = inputs.iter().map(named_width).collect();
            halved(nodes, &mut initializers, &given)
        }
        false => nodes.into_iter().map(|(node, _)| node).collect(),
    };
    Ok(GraphFile { nodes, initializers, inputs, outputs, dialect, metadata: spec.metadata.clone() })
}

/// An input of the graph, and whether it holds floating-point numbers.
fn named_width(input: &ValueInfoProto) -> (String, bool) {
    (input.name.clone(), is_float(input))
}

/// Relevance of every value where it ends, as it is put out.
fn finished(
    graph: &mut Graph,
    spec: &Spec,
    network: &Network,
    ends: &Ends,
) -> Result<Vec<Arrived>> {
    let layers: Vec<LayerId> = spec.end.layers(network).collect();
    let is_inner = matches!(spec.end, End::Layer(id) if id >= network.input_count());
    let mut arrived = vec![];
    for (relevance, id) in ends.arrived.iter().zip(layers) {
        let value = ends.values[id].as_ref().context("the value of a layer is missing")?;
        let relevance = match spec.finish {
            Finish::AsItIs => relevance.clone(),
            Finish::Magnitude => graph.unary("Abs", relevance),
            Finish::TimesInput => graph.multiply(relevance, value),
        };
        if is_inner {
            // An image with the channels in front.
            let channel_axis = (relevance.axes.len() == 3).then_some(0);
            arrived.push(Arrived { relevance, name: None, channel_axis });
            continue;
        }
        let input = &spec.inputs[id];
        let given = arranged_as_given(graph, input, &relevance);
        let is_rearranged = given != relevance;
        let channel_axis = match is_rearranged {
            true => Some(given.axes.len() - 1),
            false => input.channel_axis.and_then(|axis| axis.checked_sub(1)),
        };
        let name = (spec.inputs.len() > 1).then(|| input.name.clone());
        arrived.push(Arrived { relevance: given, name, channel_axis });
    }
    Ok(arrived)
}

impl Arrived {
    fn named(&self, output: Output) -> String {
        match &self.name {
            Some(input) => format!("{}.{input}", output.name()),
            None => output.name().to_string(),
        }
    }

    /// The sum over the channels.
    fn heatmap(&self, graph: &mut Graph) -> Result<Value> {
        let Some(axis) = self.channel_axis.filter(|&axis| axis < self.relevance.axes.len()) else {
            bail!(
                "the relevance {:?} has no axis of channels to be summed over: leave heatmap out of --outputs",
                self.relevance.axes
            );
        };
        ensure!(self.relevance.axes.len() > 1, "relevance of one axis is its own heatmap");
        let sum = graph.summed(&self.relevance, &[axis]);
        let mut axes = sum.axes.clone();
        axes.remove(axis);
        Ok(graph.reshaped(&sum, &axes))
    }
}

/// What was put in less what arrived, for every picture.
fn absorbed(graph: &mut Graph, ends: &Ends) -> Value {
    let mut rest = total(graph, &ends.initial);
    for arrived in &ends.arrived {
        let sum = total(graph, arrived);
        rest = graph.subtract(&rest, &sum);
    }
    rest
}

/// The sum of everything of each picture.
fn total(graph: &mut Graph, value: &Value) -> Value {
    let line = graph.reshaped(value, &[value.len()]);
    let sum = graph.summed(&line, &[0]);
    graph.reshaped(&sum, &[])
}
