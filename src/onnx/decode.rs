//! First of all: the messages of a `.onnx` file, without the numbers of its weights.
//!
//! A model is mostly weights. The protobuf decoder would copy them into bytes of its own, and tract those
//! into tensors; so a large `raw_data` of a stored tensor is only noted here, and
//! [`Weights`](super::weights::Weights) reads it from the file into the tensor itself.

use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tract_core::framework::Framework;
use tract_onnx::pb::ModelProto;

use super::bytes::Bytes;

/// Bytes of a tensor that are worth leaving in the file.
const LARGE: u64 = 1 << 10;

/// A decoded file.
pub(super) struct Decoded {
    pub proto: ModelProto,
    /// For each initializer of the graph, where its `raw_data` is, if that was left in the file.
    pub left: Vec<Option<Span>>,
    pub bytes: Arc<Bytes>,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub offset: u64,
    pub length: u64,
}

/// Decodes a file.
///
/// # Errors
/// When it cannot be read, is no ONNX model, or is damaged.
pub(super) fn decode(path: &Path) -> Result<Decoded> {
    let bytes = Bytes::open(path).context("the file cannot be read")?;
    let mut start = [0; 2];
    let has_start = bytes.read(0, &mut start).is_ok();
    ensure!(bytes.read(0, &mut start[..1]).is_ok(), "the file is empty");
    // The first field of a model is its IR version: a varint with the tag 0x08.
    let looks_like_onnx = start[0] == 0x08 && (!has_start || start[1] < 32);
    let decoded = match &bytes {
        Bytes::File { file, .. } => without_weights(file),
        Bytes::Memory(bytes) => without_weights(Cursor::new(bytes)),
    };
    let (proto, left) = decoded.map_err(|error| match looks_like_onnx {
        true => anyhow!("the file is truncated or damaged ({error}); export or download it again"),
        false => match bytes.stands_for_another() {
            Some(what) => anyhow!("this is not the model but {what}"),
            None => anyhow!("this is not an ONNX file"),
        },
    })?;
    let has_nodes = proto.graph.as_ref().is_some_and(|graph| !graph.node.is_empty());
    ensure!(has_nodes, "this is not an ONNX model: it contains no graph");
    Ok(Decoded { proto, left, bytes: Arc::new(bytes) })
}

fn without_weights(mut source: impl Read + Seek) -> Result<(ModelProto, Vec<Option<Span>>)> {
    let end = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let source = BufReader::with_capacity(1 << 16, source);
    let mut scan = Scan { source, at: 0, kept: vec![], span: None, left: vec![] };
    scan.message(end, Message::Model)?;
    let proto = tract_onnx::onnx().proto_model_for_read(&mut scan.kept.as_slice())?;
    Ok((proto, scan.left))
}

/// The messages on the way to a weight; their fields have the numbers of `onnx.proto`.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Tensor,
}

/// A walk through the fields of a file, which are copied but for large `raw_data`.
struct Scan<R> {
    source: BufReader<R>,
    /// Where in the file the walk is.
    at: u64,
    kept: Vec<u8>,
    /// Where the `raw_data` of the current tensor was left.
    span: Option<Span>,
    left: Vec<Option<Span>>,
}

impl<R: Read + Seek> Scan<R> {
    /// Walks through a message that ends at `end`.
    fn message(&mut self, end: u64, message: Message) -> Result<()> {
        use Message::{Graph, Model, Tensor};
        while self.at < end {
            let before = self.kept.len();
            let key = self.varint()?;
            let length = match key & 7 {
                0 => {
                    self.varint()?;
                    0
                }
                1 => 8,
                2 => self.varint()?,
                5 => 4,
                kind => bail!("a field of the unknown type {kind}"),
            };
            ensure!(length <= end.saturating_sub(self.at), "a field reaches beyond the end");
            let inner = match (message, key) {
                (Model, 0x3a) => Some(Graph),
                (Graph, 0x2a) => Some(Tensor),
                (Tensor, 0x4a) => {
                    self.span = None;
                    if length >= LARGE {
                        self.span = Some(Span { offset: self.at, length });
                        self.kept.truncate(before);
                        self.skip(length)?;
                        continue;
                    }
                    None
                }
                _ => None,
            };
            let Some(inner) = inner else {
                self.copy(length)?;
                continue;
            };
            // The length of what is kept is known afterwards.
            self.kept.truncate(before);
            self.kept.push(key as u8);
            let place = self.kept.len();
            self.kept.extend([0; LENGTH_BYTES]);
            self.message(self.at + length, inner)?;
            let length = self.kept.len() - place - LENGTH_BYTES;
            self.kept[place..place + LENGTH_BYTES].copy_from_slice(&padded_varint(length));
            if inner == Tensor {
                self.left.push(self.span.take());
            }
        }
        ensure!(self.at == end, "a field reaches beyond the end");
        Ok(())
    }

    /// Copies and returns a variable-length integer.
    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.source.fill_buf()?.first().context("it ends within a field")?;
            self.source.consume(1);
            self.at += 1;
            self.kept.push(byte);
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        bail!("a number of more than 64 bits")
    }

    fn copy(&mut self, length: u64) -> Result<()> {
        let copied = self.source.by_ref().take(length).read_to_end(&mut self.kept)?;
        ensure!(copied as u64 == length, "it ends within a field");
        self.at += length;
        Ok(())
    }

    fn skip(&mut self, length: u64) -> Result<()> {
        self.source.seek_relative(i64::try_from(length)?)?;
        self.at += length;
        Ok(())
    }
}

/// Bytes of a length that is written afterwards: enough for 32 GiB.
const LENGTH_BYTES: usize = 5;

/// A variable-length integer that is longer than it need be.
fn padded_varint(value: usize) -> [u8; LENGTH_BYTES] {
    let mut bytes = [0; LENGTH_BYTES];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let goes_on = if index + 1 < LENGTH_BYTES { 0x80 } else { 0 };
        *byte = (value >> (7 * index)) as u8 & 0x7f | goes_on;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

    fn model(lengths: &[usize]) -> ModelProto {
        let initializer = lengths.iter().map(|&length| TensorProto {
            dims: vec![length as i64],
            raw_data: (0..length).map(|byte| byte as u8).collect(),
            name: format!("w{length}"),
            ..TensorProto::default()
        });
        let node = NodeProto { op_type: "Relu".to_string(), ..NodeProto::default() };
        let graph = GraphProto {
            name: "g".repeat(300),
            node: vec![node; 3],
            initializer: initializer.collect(),
            ..GraphProto::default()
        };
        ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn only_large_raw_data_is_left_in_the_file() {
        let mut expected = model(&[5, 5000, 1, 70_000]);
        let bytes = expected.encode_to_vec();
        let (proto, left) = without_weights(Cursor::new(&bytes)).unwrap();
        let graph = expected.graph.as_mut().unwrap();
        for (weight, span) in graph.initializer.iter_mut().zip(&left) {
            assert_eq!(span.is_some(), weight.raw_data.len() > 1000);
            let Some(Span { offset, length }) = *span else { continue };
            let stored = &bytes[offset as usize..][..length as usize];
            assert_eq!(stored, std::mem::take(&mut weight.raw_data));
        }
        assert_eq!(left.len(), 4);
        assert_eq!(proto, expected);
    }

    #[test]
    fn a_file_that_ends_anywhere_is_damaged_or_another_model() {
        let whole = model(&[3, 2000]);
        let bytes = whole.encode_to_vec();
        for end in 0..bytes.len() {
            if let Ok((proto, _)) = without_weights(Cursor::new(&bytes[..end])) {
                assert!(proto.graph.is_none(), "cut at {end}");
            }
        }
    }
}
