//! The header of a `.npy` file: a short Python dictionary.

use std::fmt::Write as _;
use std::io::{self, Read};

use anyhow::{Context, Result, bail, ensure};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The data of a written file begins at a multiple of so many bytes.
const ALIGNMENT: usize = 64;

/// The longest header that is read. Those of ordinary arrays have about 100 bytes.
const LONGEST_HEADER: u32 = 1 << 16;

/// Reads the header, up to the first byte of the data.
pub(super) fn read_header(file: &mut impl Read) -> Result<Header> {
    let text = read_text(file)?;
    Header::parse(&text).context("its .npy header is not valid")
}

/// Whether a file begins with the header that [`encode_header`] gives its array.
pub(in crate::io) fn is_own(start: &[u8]) -> bool {
    let header =
        read_header(&mut &*start).and_then(|header| encode_header(&header.shape, &header.element));
    header.is_ok_and(|header| start.starts_with(&header))
}

/// The header of an array of `shape` in C order, in version 1; `element` is NumPy's word for its numbers, such as `<f4`.
///
/// It is longer than it must be, by as much as the data is aligned by: readers go by the length that the header begins
/// with, and [`is_own`] knows our files by it. NumPy pads to the next multiple.
pub(super) fn encode_header(shape: &[usize], element: &str) -> Result<Vec<u8>> {
    let mut text = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': (");
    for axis in shape {
        write!(text, "{axis}, ")?;
    }
    text.push_str("), }");
    let before_text = MAGIC.len() + 4;
    let unpadded = before_text + text.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded + ALIGNMENT;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');

    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend(u16::try_from(text.len())?.to_le_bytes());
    header.extend(text.as_bytes());
    Ok(header)
}

fn read_text(file: &mut impl Read) -> Result<String> {
    let mut start = [0; 8];
    match file.read_exact(&mut start) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        _ => ensure!(
            start.starts_with(MAGIC),
            "it is not a .npy file: the NumPy signature is missing"
        ),
    }
    let length = match start[6] {
        1 => {
            let mut length = [0; 2];
            file.read_exact(&mut length).map(|()| u32::from(u16::from_le_bytes(length)))
        }
        2 | 3 => {
            let mut length = [0; 4];
            file.read_exact(&mut length).map(|()| u32::from_le_bytes(length))
        }
        version => bail!("version {version} of the .npy format is not known"),
    }
    .context("the file is truncated: its header is incomplete")?;
    ensure!(
        length <= LONGEST_HEADER,
        "its .npy header claims {length} bytes, more than any ordinary array needs"
    );
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).context("the file is truncated: its header is incomplete")?;
    String::from_utf8(text).context("its .npy header is not text")
}

/// The contents of the header's Python dictionary.
pub(super) struct Header {
    /// NumPy's array-protocol type string, such as `<f4`.
    pub(super) element: String,
    /// Whether the first axis is contiguous (Fortran order).
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Self> {
        let mut literal = Literal { rest: text };
        let (mut element, mut fortran_order, mut shape) = (None, None, None);
        literal.expect('{')?;
        while !literal.accept('}') {
            let key = literal.string()?;
            literal.expect(':')?;
            match key {
                "descr" => {
                    let plain = literal.string().ok();
                    element = Some(plain.context(
                        "its elements are records; only arrays of plain numbers can be read",
                    )?);
                }
                "fortran_order" => fortran_order = Some(literal.boolean()?),
                "shape" => shape = Some(literal.tuple()?),
                _ => bail!("the key `{key}` is not known"),
            }
            if !literal.accept(',') {
                literal.expect('}')?;
                break;
            }
        }
        Ok(Self {
            element: element.context("the key `descr` is missing")?.to_owned(),
            fortran_order: fortran_order.context("the key `fortran_order` is missing")?,
            shape: shape.context("the key `shape` is missing")?,
        })
    }
}

/// Parses the few Python literals that occur in a header, without recursion.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn accept(&mut self, expected: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, expected: char) -> Result<()> {
        ensure!(self.accept(expected), "`{expected}` is missing");
        Ok(())
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = ['\'', '"']
            .into_iter()
            .find(|&quote| self.accept(quote))
            .context("a quoted text is missing")?;
        let (text, rest) = self.rest.split_once(quote).context("a quoted text has no end")?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        bail!("True or False is missing")
    }

    fn tuple(&mut self) -> Result<Vec<usize>> {
        self.expect('(')?;
        let (inside, rest) = self.rest.split_once(')').context("`)` is missing")?;
        self.rest = rest;
        inside
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty())
            // Python 2 wrote long integers with an L.
            .map(|axis| axis.strip_suffix('L').unwrap_or(axis))
            .map(|axis| axis.parse().with_context(|| format!("`{axis}` is not a size")))
            .collect()
    }
}
