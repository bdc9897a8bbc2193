//! Messages of object headers, version 1.

/// The type of a number; all little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    U8,
    U16,
    U32,
    I32,
    F32,
}

impl Element {
    /// Bytes.
    pub(super) fn size(self) -> u64 {
        match self {
            Element::U8 => 1,
            Element::U16 => 2,
            Element::U32 | Element::I32 | Element::F32 => 4,
        }
    }

    fn datatype(self) -> Vec<u8> {
        let size = (self.size() as u32).to_le_bytes();
        let bits = (8 * self.size() as u16).to_le_bytes();
        match self {
            Element::F32 => {
                let mut bytes = vec![0x11, 0x20, 0x1f, 0x00];
                bytes.extend(size);
                bytes.extend([0, 0]);
                bytes.extend(bits);
                bytes.extend([0x17, 0x08, 0x00, 0x17]);
                bytes.extend(127_u32.to_le_bytes());
                bytes
            }
            integer => {
                let sign = if integer == Element::I32 { 8 } else { 0 };
                let mut bytes = vec![0x10, sign, 0x00, 0x00];
                bytes.extend(size);
                bytes.extend([0, 0]);
                bytes.extend(bits);
                bytes
            }
        }
    }
}

/// A message: its type and its body.
pub(super) struct Message {
    kind: u16,
    body: Vec<u8>,
}

/// A small array beside a dataset.
pub(super) struct Attribute {
    name: String,
    values: Vec<f32>,
}

impl Attribute {
    pub fn floats(name: &str, values: &[f32]) -> Attribute {
        Attribute { name: name.to_string(), values: values.to_vec() }
    }
}

fn dataspace(shape: &[u64]) -> Vec<u8> {
    let mut body = vec![1, shape.len() as u8, 0, 0, 0, 0, 0, 0];
    shape.iter().for_each(|side| body.extend(side.to_le_bytes()));
    body
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

impl Message {
    pub fn dataspace(shape: &[u64]) -> Message {
        Message { kind: 0x01, body: dataspace(shape) }
    }

    pub fn datatype(element: Element) -> Message {
        Message { kind: 0x03, body: element.datatype() }
    }

    /// None: all values are written.
    pub fn fill_value() -> Message {
        Message { kind: 0x05, body: vec![0x02, 0x01, 0x00, 0x00] }
    }

    /// Values in one piece.
    pub fn contiguous(address: u64, length: u64) -> Message {
        let mut body = vec![0x03, 0x01];
        body.extend(address.to_le_bytes());
        body.extend(length.to_le_bytes());
        Message { kind: 0x08, body }
    }

    /// That a group has its links as messages.
    pub fn links_of_group() -> Message {
        let mut body = vec![0; 2];
        body.extend([0xff; 16]);
        Message { kind: 0x02, body }
    }

    pub fn link(name: &str, address: u64) -> Message {
        let mut body = vec![0x01, 0x11, 0x01];
        body.extend((name.len() as u16).to_le_bytes());
        body.extend(name.as_bytes());
        body.extend(address.to_le_bytes());
        Message { kind: 0x06, body }
    }

    pub fn attribute(attribute: &Attribute) -> Message {
        let mut name = attribute.name.as_bytes().to_vec();
        name.push(0);
        let (datatype, space) =
            (Element::F32.datatype(), dataspace(&[attribute.values.len() as u64]));
        let mut body = vec![1, 0];
        for part in [&name, &datatype, &space] {
            body.extend((part.len() as u16).to_le_bytes());
        }
        [name, datatype, space].into_iter().for_each(|part| body.extend(padded(part)));
        attribute.values.iter().for_each(|value| body.extend(value.to_le_bytes()));
        Message { kind: 0x0c, body }
    }
}

/// An object header.
pub(super) fn header(messages: &[Message]) -> Vec<u8> {
    let mut bodies = vec![];
    for Message { kind, body } in messages {
        let body = padded(body.clone());
        bodies.extend(kind.to_le_bytes());
        bodies.extend((body.len() as u16).to_le_bytes());
        bodies.extend([0; 4]);
        bodies.extend(body);
    }
    let mut header = vec![1, 0];
    header.extend((messages.len() as u16).to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    header.extend((bodies.len() as u32).to_le_bytes());
    header.extend([0; 4]);
    header.extend(bodies);
    header
}
