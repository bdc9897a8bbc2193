//! The stored numbers of a file, replaced where they lie: every other byte stays.
//!
//! A tensor takes as many bytes with other numbers as before, so that nothing in the file moves. Where numbers are written
//! in a way that would move others (16 bits as varints), the tensor is not offered.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use prost::Message as _;
use tract_core::prelude::{DatumType, Tensor as TractTensor};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use super::external::ExternalData;

/// A file whose stored numbers can be replaced.
pub struct StoredNumbers {
    bytes: Vec<u8>,
    tensors: HashMap<String, Stored>,
    /// The files beside it, by the names that it has for them.
    beside: BTreeMap<String, Vec<u8>>,
}

/// A stored tensor.
struct Stored {
    shape: Vec<usize>,
    number_type: DataType,
    /// The name of the file that it lies in, where that is not the model's own.
    file: Option<String>,
    /// Where its numbers are, piece after piece.
    places: Vec<Range<usize>>,
}

impl StoredNumbers {
    /// Reads a file, and those beside it that hold its numbers.
    ///
    /// # Errors
    /// When one cannot be read, or is damaged.
    pub fn read(path: &Path) -> Result<StoredNumbers> {
        let read = || {
            let bytes = std::fs::read(path)?;
            let mut stored =
                StoredNumbers { bytes, tensors: HashMap::new(), beside: BTreeMap::new() };
            let mut external = ExternalData::beside(path);
            for (name, tensor) in tensors(&stored.bytes)? {
                if let Some(found) = stored.place(tensor, &mut external)? {
                    stored.tensors.insert(name, found);
                }
            }
            Ok(stored)
        };
        let stored: Result<StoredNumbers> = read();
        stored.with_context(|| format!("cannot read the numbers that {} stores", path.display()))
    }

    fn place(
        &mut self,
        tensor: Range<usize>,
        external: &mut ExternalData,
    ) -> Result<Option<Stored>> {
        let mut message = TensorProto::decode(&self.bytes[tensor.clone()])?;
        let number_type = DataType::try_from(message.data_type)?;
        let Some(size) = size_of(number_type) else { return Ok(None) };
        let shape: Vec<usize> =
            message.dims.iter().map(|&axis| usize::try_from(axis)).collect::<Result<_, _>>()?;
        let len = shape.iter().try_fold(size, |len, &axis| len.checked_mul(axis));
        let len = len.context("the shape of a stored tensor is beyond all memory")?;
        let mut file = None;
        let places: Vec<Range<usize>> = if message.data_location
            == Some(DataLocation::External as i32)
        {
            let entry = message.external_data.iter().find(|entry| entry.key == "location");
            let location = entry.map_or(String::new(), |entry| entry.value.clone());
            message.raw_data.clear();
            let Some((bytes, span)) = external.place(&message)? else { return Ok(None) };
            if !self.beside.contains_key(&location) {
                let mut whole = vec![0; usize::try_from(bytes.len()?)?];
                bytes.read(0, &mut whole)?;
                self.beside.insert(location.clone(), whole);
            }
            file = Some(location);
            let start = usize::try_from(span.offset)?;
            std::iter::once(start..start + usize::try_from(span.length)?).collect()
        } else {
            let number = match number_type {
                DataType::Float if message.raw_data.is_empty() => 4,
                DataType::Double if message.raw_data.is_empty() => 10,
                _ => 9,
            };
            let fields = fields(&self.bytes, tensor)?;
            fields.into_iter().filter(|field| field.number == number).map(|it| it.place).collect()
        };
        // Numbers that are written in another way, or not at all.
        let is_whole = places.iter().map(Range::len).sum::<usize>() == len;
        Ok(is_whole.then_some(Stored { shape, number_type, file, places }))
    }

    /// The shape and the numbers of a tensor, as single floats; `None` where there is no such tensor, or it cannot be
    /// replaced.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn numbers(&self, name: &str) -> Result<Option<(&[usize], Vec<f32>)>> {
        let Some(stored) = self.tensors.get(name) else { return Ok(None) };
        let bytes = self.bytes_of(stored);
        let mut numbers = Vec::with_capacity(bytes.len());
        stored.places.iter().for_each(|place| numbers.extend_from_slice(&bytes[place.clone()]));
        Ok(Some((&stored.shape, decoded(stored.number_type, &numbers)?)))
    }

    fn bytes_of(&self, stored: &Stored) -> &[u8] {
        stored.file.as_ref().and_then(|file| self.beside.get(file)).unwrap_or(&self.bytes)
    }

    /// Replaces the numbers of a tensor, rounded to its number type.
    ///
    /// # Errors
    /// When there is no such tensor, or it has another size.
    pub fn replace(&mut self, name: &str, numbers: &[f32]) -> Result<()> {
        let stored = self.tensors.get(name);
        let stored = stored.with_context(|| format!("the file stores no tensor {name}"))?;
        let encoded = encoded(stored.number_type, numbers)?;
        let len: usize = stored.places.iter().map(Range::len).sum();
        ensure!(
            encoded.len() == len,
            "{} numbers do not fit in the tensor {name} of shape {:?}",
            numbers.len(),
            stored.shape
        );
        let bytes = match stored.file.as_ref().and_then(|file| self.beside.get_mut(file)) {
            Some(bytes) => bytes,
            None => &mut self.bytes,
        };
        let mut rest = encoded.as_slice();
        for place in &stored.places {
            let (piece, behind) = rest.split_at(place.len());
            bytes[place.clone()].copy_from_slice(piece);
            rest = behind;
        }
        Ok(())
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The names and bytes of the files beside it that hold its numbers.
    pub fn beside(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.beside.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

fn size_of(number_type: DataType) -> Option<usize> {
    match number_type {
        DataType::Float => Some(4),
        DataType::Double => Some(8),
        DataType::Float16 | DataType::Bfloat16 => Some(2),
        _ => None,
    }
}

fn decoded(number_type: DataType, bytes: &[u8]) -> Result<Vec<f32>> {
    Ok(match number_type {
        DataType::Float => bytes.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect(),
        DataType::Double => {
            bytes.as_chunks().0.iter().map(|it| f64::from_le_bytes(*it) as f32).collect()
        }
        DataType::Bfloat16 => {
            let whole = |half: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*half)) << 16);
            bytes.as_chunks().0.iter().map(whole).collect()
        }
        DataType::Float16 => {
            let mut tensor = TractTensor::zero_dt(DatumType::F16, &[bytes.len() / 2])?;
            tensor.as_bytes_mut().copy_from_slice(bytes);
            let wide = tensor.cast_to::<f32>()?.into_owned();
            decoded(DataType::Float, wide.as_bytes())?
        }
        _ => bail!("numbers of the type {number_type:?} are not read"),
    })
}

fn encoded(number_type: DataType, numbers: &[f32]) -> Result<Vec<u8>> {
    Ok(match number_type {
        DataType::Float => numbers.iter().flat_map(|it| it.to_le_bytes()).collect(),
        DataType::Double => numbers.iter().flat_map(|it| f64::from(*it).to_le_bytes()).collect(),
        DataType::Bfloat16 => {
            // To the nearest, to the even one of two.
            let half = |number: &f32| {
                let bits = number.to_bits();
                let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
                ((rounded >> 16) as u16).to_le_bytes()
            };
            numbers.iter().flat_map(half).collect()
        }
        DataType::Float16 => {
            let tensor = TractTensor::from_shape(&[numbers.len()], numbers)?;
            tensor.cast_to_dt(DatumType::F16)?.as_bytes().to_vec()
        }
        _ => bail!("numbers of the type {number_type:?} are not written"),
    })
}

/// A field of a message.
struct Field {
    number: u64,
    /// Its content, without its key and its length.
    place: Range<usize>,
}

/// The names of the stored tensors of a model: its initializers and the values of its `Constant` nodes, with the places
/// of their messages.
fn tensors(bytes: &[u8]) -> Result<Vec<(String, Range<usize>)>> {
    let of_number = |place: Range<usize>, number: u64| -> Result<Vec<Range<usize>>> {
        let all = fields(bytes, place)?.into_iter().filter(|field| field.number == number);
        Ok(all.map(|field| field.place).collect())
    };
    let text = |place: Range<usize>| String::from_utf8_lossy(&bytes[place]).into_owned();
    let mut found = vec![];
    for graph in of_number(0..bytes.len(), 7)? {
        for tensor in of_number(graph.clone(), 5)? {
            let name = of_number(tensor.clone(), 8)?.pop().map_or(String::new(), text);
            found.push((name, tensor));
        }
        for node in of_number(graph, 1)? {
            let is_constant =
                of_number(node.clone(), 4)?.into_iter().any(|place| &bytes[place] == b"Constant");
            if !is_constant {
                continue;
            }
            let Some(output) = of_number(node.clone(), 2)?.into_iter().next() else { continue };
            for attribute in of_number(node, 5)? {
                if let Some(tensor) = of_number(attribute, 5)?.pop() {
                    found.push((text(output.clone()), tensor));
                }
            }
        }
    }
    Ok(found)
}

/// The fields of a message.
fn fields(bytes: &[u8], message: Range<usize>) -> Result<Vec<Field>> {
    let (mut at, end) = (message.start, message.end);
    let mut found = vec![];
    while at < end {
        let key = varint(bytes, &mut at)?;
        let length = match key & 7 {
            0 => {
                let start = at;
                varint(bytes, &mut at)?;
                let length = at - start;
                at = start;
                length
            }
            1 => 8,
            2 => usize::try_from(varint(bytes, &mut at)?)?,
            5 => 4,
            kind => bail!("a field of the unknown type {kind}"),
        };
        ensure!(length <= end.saturating_sub(at), "a field reaches beyond the end");
        found.push(Field { number: key >> 3, place: at..at + length });
        at += length;
    }
    Ok(found)
}

fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).context("it ends within a field")?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number of more than 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

    fn tensor(name: &str, data_type: DataType) -> TensorProto {
        let name = name.to_string();
        TensorProto { name, dims: vec![3], data_type: data_type as i32, ..TensorProto::default() }
    }

    #[test]
    fn numbers_are_replaced_and_nothing_else() {
        let raw: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|it| it.to_le_bytes()).collect();
        let halves = vec![0x00, 0x3c, 0x00, 0x40, 0x00, 0x42];
        let constant = AttributeProto {
            name: "value".into(),
            t: Some(TensorProto { raw_data: raw.clone(), ..tensor("", DataType::Float) }),
            ..AttributeProto::default()
        };
        let node = NodeProto {
            op_type: "Constant".into(),
            output: vec!["c".into()],
            attribute: vec![constant],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            node: vec![node],
            initializer: vec![
                TensorProto { raw_data: raw, ..tensor("raw", DataType::Float) },
                TensorProto { float_data: vec![1.0, 2.0, 3.0], ..tensor("f", DataType::Float) },
                TensorProto { double_data: vec![1.0, 2.0, 3.0], ..tensor("d", DataType::Double) },
                TensorProto { raw_data: halves, ..tensor("h", DataType::Float16) },
                TensorProto { int32_data: vec![1, 2, 3], ..tensor("v", DataType::Float16) },
                TensorProto { int64_data: vec![1, 2, 3], ..tensor("i", DataType::Int64) },
            ],
            ..GraphProto::default()
        };
        let mut model = ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), model.encode_to_vec()).unwrap();
        let mut stored = StoredNumbers::read(file.path()).unwrap();
        for name in ["raw", "f", "d", "h", "c"] {
            let (shape, numbers) = stored.numbers(name).unwrap().unwrap();
            assert_eq!((shape, numbers), (&[3][..], vec![1.0, 2.0, 3.0]), "{name}");
        }
        assert!(stored.numbers("v").unwrap().is_none() && stored.numbers("i").unwrap().is_none());
        assert!(stored.replace("raw", &[1.0]).is_err() && stored.replace("no", &[1.0]).is_err());
        let others = [4.0, 0.5, -1.0];
        for name in ["raw", "f", "d", "h", "c"] {
            stored.replace(name, &others).unwrap();
        }
        let raw: Vec<u8> = others.iter().flat_map(|it: &f32| it.to_le_bytes()).collect();
        let graph = model.graph.as_mut().unwrap();
        graph.node[0].attribute[0].t.as_mut().unwrap().raw_data = raw.clone();
        graph.initializer[0].raw_data = raw;
        graph.initializer[1].float_data = others.to_vec();
        graph.initializer[2].double_data = others.iter().map(|it| f64::from(*it)).collect();
        graph.initializer[3].raw_data = vec![0x00, 0x44, 0x00, 0x38, 0x00, 0xbc];
        assert_eq!(stored.bytes(), model.encode_to_vec());
    }
}
