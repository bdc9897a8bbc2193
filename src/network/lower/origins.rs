//! Which ONNX node a typed tract node comes from.

use std::collections::HashMap;

use tract_onnx::pb::ModelProto;

/// The names and operator types of the nodes in the file.
pub struct Origins {
    op_types: HashMap<String, String>,
}

impl Origins {
    /// The names in a decoded file.
    pub fn of(proto: &ModelProto) -> Origins {
        let nodes = proto.graph.iter().flat_map(|graph| &graph.node);
        let op_types = nodes
            .map(|node| {
                // tract gives a node without a name that of its first output.
                let first_output = node.output.first().cloned().unwrap_or_default();
                let name = if node.name.is_empty() { first_output } else { node.name.clone() };
                (name, node.op_type.clone())
            })
            .collect();
        Origins { op_types }
    }

    /// Name and operator type of the ONNX node that a typed node was made from. tract names typed nodes like the ONNX node,
    /// with suffixes (`features.1.mul`, `pool-dispose-dims-3`).
    pub fn of_node(&self, typed_name: &str, typed_op: &str) -> (String, String) {
        let mut name = typed_name;
        loop {
            if let Some(op_type) = self.op_types.get(name) {
                return (name.to_string(), op_type.clone());
            }
            match name.rfind(['.', '-']) {
                Some(end) => name = &name[..end],
                None => return (typed_name.to_string(), typed_op.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_cut_off_one_by_one() {
        let op_types = [("a.b", "Clip"), ("a", "Conv")];
        let op_types = op_types.map(|(name, op)| (name.to_string(), op.to_string()));
        let origins = Origins { op_types: op_types.into() };
        let of = |name| origins.of_node(name, "Max");
        assert_eq!(of("a.b.low"), ("a.b".to_string(), "Clip".to_string()));
        assert_eq!(of("a.bias-2"), ("a".to_string(), "Conv".to_string()));
        assert_eq!(of("other.low"), ("other.low".to_string(), "Max".to_string()));
    }
}
