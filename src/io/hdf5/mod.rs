//! HDF5 files, written as a stream: groups, datasets in one piece, text and number attributes.
//!
//! HDF5 File Format Specification 3.0: superblock version 0, object headers version 1, links as messages, contiguous
//! layout. This combination needs no checksum, no B-tree and no heap. Values are written as they come, so that memory does
//! not grow with the file. (`hdf5-writer` keeps the file in memory, `hdf5-metno` compiles the C library.)

mod message;

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

pub use self::message::Element;
use self::message::{Attribute, Message};

/// A file that is being written. Names are paths: `00000004/cluster/kmeans-02`.
pub struct Hdf5 {
    file: BufWriter<File>,
    /// Where the next byte goes.
    end: u64,
    root: Group,
}

/// A group whose header is written last.
#[derive(Default)]
struct Group {
    children: Vec<(String, Child)>,
}

enum Child {
    Group(Group),
    /// The address of its header.
    Dataset(u64),
}

/// A dataset that is being written.
pub struct Dataset<'a> {
    file: &'a mut Hdf5,
    name: String,
    element: Element,
    shape: Vec<u64>,
    attributes: Vec<Attribute>,
    begin: u64,
}

const SUPERBLOCK: u64 = 96;

/// An address that leads nowhere.
const UNDEFINED: u64 = u64::MAX;

impl Hdf5 {
    /// Begins a file; one that is there is replaced. It can be read after [`Hdf5::finish`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path) -> Result<Hdf5> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut file = BufWriter::new(file);
        // Its place; it is written last, so that a file that is not whole cannot be opened.
        file.write_all(&[0; SUPERBLOCK as usize])?;
        Ok(Hdf5 { file, end: SUPERBLOCK, root: Group::default() })
    }

    /// Begins a dataset of this shape.
    pub fn dataset(&mut self, name: &str, element: Element, shape: &[usize]) -> Dataset<'_> {
        let begin = self.end;
        let shape = shape.iter().map(|&side| side as u64).collect();
        Dataset { begin, file: self, name: name.to_string(), element, shape, attributes: vec![] }
    }

    /// Writes the groups and the superblock.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        let root = std::mem::take(&mut self.root);
        let root = self.write_group(root)?;
        let mut block = vec![0x89, b'H', b'D', b'F', 0x0D, 0x0A, 0x1A, 0x0A];
        block.extend([0, 0, 0, 0, 0, 8, 8, 0]);
        block.extend(4_u16.to_le_bytes());
        block.extend(16_u16.to_le_bytes());
        block.extend(0_u32.to_le_bytes());
        for word in [0, UNDEFINED, self.end, UNDEFINED, 0, root, 0, 0, 0] {
            block.extend(word.to_le_bytes());
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&block)?;
        self.file.flush()?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Object headers begin at multiples of 8.
    fn align(&mut self) -> Result<()> {
        let rest = (8 - self.end % 8) % 8;
        self.write(&[0; 8][..rest as usize])
    }

    fn write_header(&mut self, messages: &[Message]) -> Result<u64> {
        self.align()?;
        let address = self.end;
        self.write(&message::header(messages))?;
        Ok(address)
    }

    /// Writes the headers of a group and of all below it; returns its address.
    fn write_group(&mut self, group: Group) -> Result<u64> {
        let mut messages = vec![Message::links_of_group()];
        for (name, child) in group.children {
            let address = match child {
                Child::Dataset(address) => address,
                Child::Group(group) => self.write_group(group)?,
            };
            messages.push(Message::link(&name, address));
        }
        self.write_header(&messages)
    }
}

impl Group {
    fn add(&mut self, path: &str, address: u64) {
        let Some((group, rest)) = path.split_once('/') else {
            self.children.push((path.to_string(), Child::Dataset(address)));
            return;
        };
        let known = self.children.iter_mut().find_map(|(name, child)| match child {
            Child::Group(known) if name == group => Some(known),
            _ => None,
        });
        match known {
            Some(known) => known.add(rest, address),
            None => {
                let mut new = Group::default();
                new.add(rest, address);
                self.children.push((group.to_string(), Child::Group(new)));
            }
        }
    }
}

impl Dataset<'_> {
    /// Appends values, as little-endian bytes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write(bytes)
    }

    /// Appends numbers.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_floats(&mut self, values: &[f32]) -> Result<()> {
        values.iter().try_for_each(|value| self.file.write(&value.to_le_bytes()))
    }

    /// Gives the dataset an attribute of numbers.
    #[must_use]
    pub fn attribute(mut self, name: &str, values: &[f32]) -> Self {
        self.attributes.push(Attribute::floats(name, values));
        self
    }

    /// Ends the dataset.
    ///
    /// # Errors
    /// When there were more or fewer values than the shape has, or the file cannot be written.
    pub fn finish(self) -> Result<()> {
        let Dataset { file, name, element, shape, attributes, begin } = self;
        let written = file.end - begin;
        let expected = shape.iter().product::<u64>() * element.size();
        ensure!(
            written == expected,
            "the dataset {name} of shape {shape:?} needs {expected} bytes, and got {written}"
        );
        let place = if written == 0 { UNDEFINED } else { begin };
        let mut messages = vec![
            Message::dataspace(&shape),
            Message::datatype(element),
            Message::fill_value(),
            Message::contiguous(place, written),
        ];
        messages.extend(attributes.iter().map(Message::attribute));
        let address = file.write_header(&messages)?;
        file.root.add(&name, address);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_has_the_expected_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let mut file = Hdf5::create(&path).unwrap();
        let mut dataset = file.dataset("x", Element::U8, &[3]);
        dataset.write(&[1, 2, 3]).unwrap();
        dataset.finish().unwrap();
        file.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(&bytes[..8], b"\x89HDF\r\n\x1a\n");
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(word(40), bytes.len() as u64);
        assert_eq!(&bytes[96..99], [1, 2, 3]);
        // The root's header: version 1, two messages.
        let root = word(64) as usize;
        assert_eq!((root % 8, &bytes[root..root + 4]), (0, &[1, 0, 2, 0][..]));
    }

    #[test]
    fn a_dataset_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Hdf5::create(&folder.path().join("a.h5")).unwrap();
        let mut dataset = file.dataset("x", Element::F32, &[2, 2]);
        dataset.write_floats(&[1.0, 2.0, 3.0]).unwrap();
        let error = dataset.finish().unwrap_err().to_string();
        assert!(error.contains("needs 16 bytes, and got 12"), "{error}");
    }
}
