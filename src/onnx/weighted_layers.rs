//! The weighted layers of a file with the parameters that belong to them: for tests that give single layers other
//! parameters.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

/// A layer with weights, and the parameters behind it up to the next layer with weights: its bias, the normalization
/// that follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedLayer {
    /// The name of its node.
    pub name: String,
    /// The operator type of that node.
    pub op_type: String,
    /// The name of the node that puts out what its weights, its bias and a BatchNormalization right behind it compute.
    pub end: String,
    /// Its parameters. One that several layers share is listed by each.
    pub parameters: Vec<LayerParameter>,
}

/// A stored parameter of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerParameter {
    /// Its name in the file.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Whether the value at the [end](WeightedLayer::end) of the layer is scaled with it (weights and scales), or moved
    /// (biases and shifts). Those before a BatchNormalization are not among them.
    pub reaches_end: bool,
}

/// What a parameter does in its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is multiplied with the values of the layer below, `fan_in` products to a sum.
    Weight {
        /// Products that are summed up.
        fan_in: usize,
    },
    /// It is added to these sums, or to what a layer without weights gives.
    Bias,
    /// It multiplies what a normalization gives: γ.
    Scale,
    /// It is added to that: β.
    Shift,
    /// The slope of an activation below 0.
    Slope,
}

impl WeightedLayer {
    /// Products that are summed up by the layer's weights.
    pub fn fan_in(&self) -> usize {
        let fan_in = |parameter: &LayerParameter| match parameter.role {
            Role::Weight { fan_in } => Some(fan_in),
            _ => None,
        };
        self.parameters.iter().find_map(fan_in).unwrap_or(1)
    }
}

/// The weighted layers in the order of the file's nodes; `shapes` has the shapes of the parameters.
///
/// The parameters of a node without weights belong to the layer behind which it stands: of several the last one. Those of
/// a normalization in front of all layers belong to the first, other ones there are left out: they prepare the input.
pub(super) fn weighted_layers(
    graph: &GraphProto,
    shapes: &HashMap<&str, &[usize]>,
) -> Vec<WeightedLayer> {
    let mut search =
        Search { graph, shapes, stored: HashMap::new(), behind: HashMap::new(), layers: vec![] };
    for name in shapes.keys() {
        search.stored.insert(name, vec![name]);
    }
    let mut in_front = vec![];
    for node in &graph.node {
        search.add(node, &mut in_front);
    }
    search.layers
}

struct Search<'a> {
    graph: &'a GraphProto,
    shapes: &'a HashMap<&'a str, &'a [usize]>,
    /// Values that are made of parameters alone, with their names.
    stored: HashMap<&'a str, Vec<&'a str>>,
    /// The layer behind which a value is computed.
    behind: HashMap<&'a str, usize>,
    layers: Vec<WeightedLayer>,
}

impl<'a> Search<'a> {
    fn add(&mut self, node: &'a NodeProto, in_front: &mut Vec<LayerParameter>) {
        if let Some(names) = self.names_behind(node) {
            for output in &node.output {
                self.stored.insert(output, names.clone());
            }
            return;
        }
        let parameters = self.parameters_of(node);
        let is_weighted = parameters.iter().any(|it| matches!(it.role, Role::Weight { .. }));
        let mut layer =
            node.input.iter().filter_map(|name| self.behind.get(name.as_str())).max().copied();
        if is_weighted {
            layer = Some(self.layers.len());
            let mut all = self.with_end(node, parameters);
            all.parameters.append(in_front);
            self.layers.push(all);
        } else if let Some(layer) = layer {
            let known = &mut self.layers[layer].parameters;
            let is_new = |it: &LayerParameter| known.iter().all(|other| other.name != it.name);
            let new: Vec<LayerParameter> = parameters.into_iter().filter(is_new).collect();
            known.extend(new);
        } else if is_normalization(node) {
            in_front.extend(parameters);
        }
        if let Some(layer) = layer {
            node.output.iter().for_each(|output| {
                self.behind.insert(output, layer);
            });
        }
    }

    /// The parameters that alone make up what a node puts out; `None` where it reads other values.
    fn names_behind(&self, node: &NodeProto) -> Option<Vec<&'a str>> {
        // A shape, which is no parameter, is the second input of what moves numbers.
        let (is_moved, is_computed) = (moves_only(node), is_arithmetic(node));
        let inputs = if is_moved { node.input.get(..1)? } else { &node.input };
        let known = |name: &String| self.stored.get(name.as_str());
        let names = inputs.iter().map(known).collect::<Option<Vec<_>>>()?;
        (is_moved || is_computed).then(|| names.into_iter().flatten().copied().collect())
    }

    /// The parameters that a node reads, none of which reaches the end of a layer yet.
    fn parameters_of(&self, node: &NodeProto) -> Vec<LayerParameter> {
        let mut parameters: Vec<LayerParameter> = vec![];
        for (slot, input) in node.input.iter().enumerate() {
            for name in self.stored.get(input.as_str()).into_iter().flatten() {
                let role = self.role(node, slot, name);
                if let Some(role) = role.filter(|_| parameters.iter().all(|it| it.name != *name)) {
                    parameters.push(LayerParameter {
                        name: name.to_string(),
                        role,
                        reaches_end: false,
                    });
                }
            }
        }
        parameters
    }

    fn role(&self, node: &NodeProto, slot: usize, name: &str) -> Option<Role> {
        let shape = self.shapes.get(name).copied().unwrap_or_default();
        let kernel = || shape.iter().skip(1).product::<usize>().max(1);
        let axis_from_end = |back: usize| {
            shape.len().checked_sub(back).and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
        };
        if is_normalization(node) {
            return match slot {
                1 => Some(Role::Scale),
                2 => Some(Role::Shift),
                _ => None,
            };
        }
        Some(match (node.op_type.as_str(), slot) {
            ("Conv" | "ConvTranspose", 1) => Role::Weight { fan_in: kernel() },
            ("Gemm", 0 | 1) => {
                let is_transposed = attribute(node, "transB") != 0;
                Role::Weight { fan_in: axis_from_end(if is_transposed { 1 } else { 2 }) }
            }
            ("MatMul", 0) => Role::Weight { fan_in: axis_from_end(1) },
            ("MatMul", _) => Role::Weight { fan_in: axis_from_end(2) },
            ("Conv" | "ConvTranspose" | "Gemm", _) => Role::Bias,
            ("Mul" | "Div", _) => Role::Scale,
            ("Add" | "Sub" | "Concat", _) => Role::Bias,
            ("PRelu", 1) => Role::Slope,
            _ => return None,
        })
    }

    /// A layer that begins at a node, with the bias and the BatchNormalization right behind it.
    fn with_end(&self, node: &NodeProto, parameters: Vec<LayerParameter>) -> WeightedLayer {
        let reaching = |parameters: Vec<LayerParameter>| {
            let reach = |it| LayerParameter { reaches_end: true, ..it };
            parameters.into_iter().map(reach).collect::<Vec<_>>()
        };
        let mut layer = WeightedLayer {
            name: node.name.clone(),
            op_type: node.op_type.clone(),
            end: node.name.clone(),
            parameters: reaching(parameters),
        };
        let mut last = node;
        while let Some(next) = self.only_reader(last) {
            let behind = reaching(self.parameters_of(next));
            match next.op_type.as_str() {
                "Add" if behind.len() == 1 => layer.parameters.extend(behind),
                _ if is_batch_normalization(next) => {
                    layer.parameters.iter_mut().for_each(|it| it.reaches_end = false);
                    layer.parameters.extend(behind);
                }
                _ => break,
            }
            layer.end = next.name.clone();
            last = next;
            if is_batch_normalization(next) {
                break;
            }
        }
        layer
    }

    /// The only node that reads what a node puts out.
    fn only_reader(&self, node: &NodeProto) -> Option<&'a NodeProto> {
        let output = node.output.first()?;
        let is_result = self.graph.output.iter().any(|result| result.name == *output);
        let mut readers = self.graph.node.iter().filter(|reader| reader.input.contains(output));
        let first = readers.next().filter(|_| !is_result)?;
        readers.next().is_none().then_some(first)
    }
}

/// Whether a node only moves the numbers of its first input.
pub(super) fn moves_only(node: &NodeProto) -> bool {
    ["Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"]
        .contains(&node.op_type.as_str())
}

fn is_arithmetic(node: &NodeProto) -> bool {
    ["Add", "Sub", "Mul", "Div", "Concat"].contains(&node.op_type.as_str())
}

/// Whether a node is a BatchNormalization, in whatever form: some have names of their own by now, as where a parameter comes
/// through an `Identity`, which exporters write where two are equal.
pub(super) fn is_batch_normalization(node: &NodeProto) -> bool {
    node.op_type.starts_with("BatchNormalization")
}

fn is_normalization(node: &NodeProto) -> bool {
    let others = ["LayerNormalization", "GroupNormalization", "InstanceNormalization"];
    is_batch_normalization(node) || others.contains(&node.op_type.as_str())
}

fn attribute(node: &NodeProto, name: &str) -> i64 {
    node.attribute
        .iter()
        .find(|attribute| attribute.name == name)
        .map_or(0, |attribute| attribute.i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, ValueInfoProto};

    fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            name: output.to_string(),
            op_type: op_type.to_string(),
            input: inputs.iter().map(|name| name.to_string()).collect(),
            output: vec![output.to_string()],
            ..NodeProto::default()
        }
    }

    fn layers(nodes: Vec<NodeProto>, shapes: &[(&str, &[usize])]) -> Vec<WeightedLayer> {
        let last = nodes.last().unwrap().output[0].clone();
        let output = vec![ValueInfoProto { name: last, ..ValueInfoProto::default() }];
        let graph = GraphProto { node: nodes, output, ..GraphProto::default() };
        weighted_layers(&graph, &shapes.iter().copied().collect())
    }

    fn told(layer: &WeightedLayer) -> Vec<(&str, Role, bool)> {
        layer.parameters.iter().map(|it| (it.name.as_str(), it.role, it.reaches_end)).collect()
    }

    #[test]
    fn a_normalization_belongs_to_the_layer_before_it_and_ends_it() {
        let mut dense = node("Gemm", &["flat", "v", "c"], "dense");
        let transposed =
            AttributeProto { name: "transB".into(), i: 1, ..AttributeProto::default() };
        dense.attribute.push(transposed);
        let nodes = vec![
            node("Sub", &["x", "mean"], "centred"),
            node("Conv", &["centred", "w", "b"], "conv"),
            node("BatchNormalization", &["conv", "scale", "shift", "m", "v0"], "norm"),
            node("Relu", &["norm"], "relu"),
            node("Flatten", &["relu"], "flat"),
            dense,
        ];
        let found = layers(
            nodes,
            &[
                ("mean", &[3, 1, 1]),
                ("w", &[8, 3, 5, 5]),
                ("b", &[8]),
                ("scale", &[8]),
                ("shift", &[8]),
                ("v", &[10, 72]),
                ("c", &[10]),
            ],
        );
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].end.as_str()), ("conv", "norm"));
        let conv = [
            ("w", Role::Weight { fan_in: 75 }, false),
            ("b", Role::Bias, false),
            ("scale", Role::Scale, true),
            ("shift", Role::Shift, true),
        ];
        assert_eq!(told(&found[0]), conv);
        let dense = [("v", Role::Weight { fan_in: 72 }, true), ("c", Role::Bias, true)];
        assert_eq!(told(&found[1]), dense);
        assert_eq!(found[1].fan_in(), 72);
    }

    #[test]
    fn a_shift_that_two_normalizations_share_belongs_to_both() {
        let nodes = vec![
            node("Identity", &["shift"], "same"),
            node("Conv", &["x", "w"], "conv"),
            node("BatchNormalization", &["conv", "scale", "shift", "m", "v"], "norm"),
            node("Conv", &["x", "u"], "shortcut"),
            node(
                "BatchNormalizationOfComputed",
                &["shortcut", "other", "same", "m", "v"],
                "second",
            ),
            node("Add", &["norm", "second"], "sum"),
        ];
        let found = layers(
            nodes,
            &[
                ("w", &[8, 3, 1, 1]),
                ("u", &[8, 3, 1, 1]),
                ("scale", &[8]),
                ("shift", &[8]),
                ("other", &[8]),
            ],
        );
        assert_eq!((found[0].end.as_str(), found[1].end.as_str()), ("norm", "second"));
        let second = [
            ("u", Role::Weight { fan_in: 3 }, false),
            ("other", Role::Scale, true),
            ("shift", Role::Shift, true),
        ];
        assert_eq!(told(&found[1]), second);
    }

    #[test]
    fn matrix_products_of_a_transformer_have_their_bias_behind_them() {
        let nodes = vec![
            node("LayerNormalization", &["x", "g0", "b0"], "norm0"),
            node("Transpose", &["w"], "wt"),
            node("MatMul", &["norm0", "wt"], "queries"),
            node("Add", &["bias", "queries"], "q"),
            node("MatMul", &["q", "q"], "scores"),
            node("Add", &["scores", "positions"], "sum"),
            node("LayerNormalization", &["sum", "g", "b"], "norm"),
            node("MatMul", &["norm", "wt"], "tied"),
        ];
        let shapes: [(&str, &[usize]); 7] = [
            ("w", &[6, 4]),
            ("bias", &[4]),
            ("positions", &[4]),
            ("g", &[4]),
            ("b", &[4]),
            ("g0", &[4]),
            ("b0", &[4]),
        ];
        let found = layers(nodes, &shapes);
        let names: Vec<&str> = found.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["queries", "tied"]);
        assert_eq!(found[0].end, "q");
        let own: Vec<&str> = found[0].parameters.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(own, ["w", "bias", "g0", "b0", "positions", "g", "b"]);
        let reaching: Vec<bool> = found[0].parameters.iter().map(|it| it.reaches_end).collect();
        assert_eq!(reaching, [true, true, false, false, false, false, false]);
        assert_eq!(told(&found[1]), [("w", Role::Weight { fan_in: 6 }, true)]);
    }
}
