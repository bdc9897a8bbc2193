//! The graph as a file, whose weights lie in a second file where they are too large for one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use prost::Message;
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};

use super::graph::Dialect;
use super::initializer::Initializer;

/// From so many bytes of stored tensors on, they lie in a second file: one message can hold 2 GiB at most.
pub const EXTERNAL_FROM: u64 = 1_900_000_000;

/// Tensors below this stay in the graph's own file: runtimes read shapes there.
const SMALLEST_EXTERNAL: u64 = 1024;

/// Where tensors begin in the second file: multiples of a page, which runtimes can map.
const ALIGNMENT: u64 = 4096;

/// The version of the file format that goes with the operator sets here.
const IR_VERSION: i64 = 8;

/// A graph, complete.
pub struct GraphFile {
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<Initializer>,
    pub(super) inputs: Vec<ValueInfoProto>,
    pub(super) outputs: Vec<ValueInfoProto>,
    pub(super) dialect: Dialect,
    pub(super) metadata: Vec<(String, String)>,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Bytes of the file, or of both.
    pub bytes: u64,
    /// The name of the second file.
    pub external: Option<String>,
}

impl GraphFile {
    /// How often each operator occurs.
    pub fn operators(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.nodes.iter().for_each(|node| *counts.entry(node.op_type.as_str()).or_default() += 1);
        counts
    }

    /// The number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The version of the operator set.
    pub fn opset(&self) -> i64 {
        self.dialect.opset
    }

    /// Writes the graph; tensors go to a second file beside it, `NAME.data`, where they take `external_from` bytes or
    /// more ([`EXTERNAL_FROM`]).
    ///
    /// # Errors
    /// When a file cannot be written, or a weight cannot be read from the model's file any more.
    pub fn write(&self, path: &Path, external_from: u64) -> Result<Written> {
        let size: u64 = self.initializers.iter().map(Initializer::size).sum();
        let cannot = || format!("cannot write {}", path.display());
        if size < external_from {
            let tensors = self.initializers.iter().map(inline).collect::<Result<Vec<_>>>()?;
            let bytes = self.model(tensors).encode_to_vec();
            std::fs::write(path, &bytes).with_context(cannot)?;
            return Ok(Written { bytes: bytes.len() as u64, external: None });
        }
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let external = format!("{name}.data");
        let beside = path.with_file_name(&external);
        let (tensors, data) = self
            .external(&beside, &external)
            .with_context(|| format!("cannot write {}", beside.display()))?;
        let bytes = self.model(tensors).encode_to_vec();
        std::fs::write(path, &bytes).with_context(cannot)?;
        Ok(Written { bytes: bytes.len() as u64 + data, external: Some(external) })
    }

    /// Writes the large tensors one after the other; returns all of them as the graph has them, and the file's length.
    fn external(&self, path: &Path, name: &str) -> Result<(Vec<TensorProto>, u64)> {
        let mut file = BufWriter::new(File::create(path)?);
        let (mut tensors, mut end) = (vec![], 0u64);
        for initializer in &self.initializers {
            if initializer.size() < SMALLEST_EXTERNAL {
                tensors.push(inline(initializer)?);
                continue;
            }
            let start = end.next_multiple_of(ALIGNMENT);
            std::io::copy(&mut std::io::Read::take(std::io::repeat(0), start - end), &mut file)?;
            let bytes = initializer.bytes()?;
            file.write_all(&bytes)?;
            end = start + bytes.len() as u64;
            let entry =
                |key: &str, value: String| StringStringEntryProto { key: key.to_string(), value };
            let mut tensor = initializer.header();
            tensor.external_data = vec![
                entry("location", name.to_string()),
                entry("offset", start.to_string()),
                entry("length", bytes.len().to_string()),
            ];
            tensor.data_location = Some(DataLocation::External as i32);
            tensors.push(tensor);
        }
        file.flush()?;
        Ok((tensors, end))
    }

    fn model(&self, tensors: Vec<TensorProto>) -> ModelProto {
        let entry = |(key, value): &(String, String)| StringStringEntryProto {
            key: key.clone(),
            value: value.clone(),
        };
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: self.dialect.opset,
            }],
            producer_name: "onnxplain".to_string(),
            producer_version: env!("CARGO_PKG_VERSION").to_string(),
            graph: Some(GraphProto {
                name: "explainer".to_string(),
                node: self.nodes.clone(),
                initializer: tensors,
                input: self.inputs.clone(),
                output: self.outputs.clone(),
                ..GraphProto::default()
            }),
            metadata_props: self.metadata.iter().map(entry).collect(),
            ..ModelProto::default()
        }
    }
}

fn inline(initializer: &Initializer) -> Result<TensorProto> {
    let mut tensor = initializer.header();
    tensor.raw_data = initializer.bytes()?;
    Ok(tensor)
}
