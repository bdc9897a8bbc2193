//! NumPy's `.npy` format, versions 1 to 3: for preprocessed inputs, and for relevance.
//!
//! Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".

mod element;
mod header;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use self::element::{Element, half_from_f32};
use self::header::{encode_header, read_header};
use super::Overwrite;
use super::write::write_whole;

pub(super) use self::header::is_own as is_own_npy;

/// 1 GiB as f32: far beyond the input of any image classifier.
const MOST_ELEMENTS: usize = 1 << 28;

/// Reads the shape and the values of an array of real numbers, as f32 in C order.
///
/// Accepts booleans, integers and floats of 1 to 8 bytes in either byte order, in C or Fortran
/// order. A shape `[]` is a single number.
///
/// # Errors
/// When the file cannot be read, is not a `.npy` file, is shorter or longer than its shape requires, or has other elements
/// than real numbers.
pub fn read_npy(path: &Path) -> Result<(Vec<usize>, Vec<f32>)> {
    File::open(path)
        .map_err(anyhow::Error::from)
        .and_then(|file| decode(BufReader::new(file)))
        .with_context(|| format!("cannot read the tensor {}", path.display()))
}

/// Reads the shape of an array, without its values.
///
/// # Errors
/// When the file cannot be read, or is not a `.npy` file.
pub fn read_npy_shape(path: &Path) -> Result<Vec<usize>> {
    Ok(read_header(&mut BufReader::new(File::open(path)?))?.shape)
}

/// Reads the shape of an array, and the bytes of one of its numbers.
///
/// # Errors
/// When the file cannot be read, or is not a `.npy` file of real numbers.
pub fn read_npy_layout(path: &Path) -> Result<(Vec<usize>, usize)> {
    let header = read_header(&mut BufReader::new(File::open(path)?))?;
    Ok((header.shape, Element::parse(&header.element)?.size))
}

/// How many bits a number gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// float32.
    #[default]
    Single,
    /// float16: three digits, from 6e-8 to 65504.
    Half,
}

/// Writes a float32 array of `shape` in C order, atomically.
///
/// # Errors
/// When the number of values does not fit the shape; and those of [`write_bytes`](super::write_bytes).
pub fn write_npy(path: &Path, shape: &[usize], values: &[f32], overwrite: Overwrite) -> Result<()> {
    write_npy_as(path, shape, values, Precision::Single, overwrite)
}

/// Writes an array in one of two precisions, otherwise as [`write_npy`].
///
/// # Errors
/// As [`write_npy`], and when a number is beyond float16.
pub fn write_npy_as(
    path: &Path,
    shape: &[usize],
    values: &[f32],
    precision: Precision,
    overwrite: Overwrite,
) -> Result<()> {
    ensure!(
        element_count(shape) == Some(values.len()),
        "an array of shape {shape:?} cannot have {} values",
        values.len()
    );
    write_whole(path, overwrite, |file| match precision {
        Precision::Single => {
            file.write_all(&encode_header(shape, "<f4")?)?;
            values.iter().try_for_each(|value| Ok(file.write_all(&value.to_le_bytes())?))
        }
        Precision::Half => {
            file.write_all(&encode_header(shape, "<f2")?)?;
            values.iter().try_for_each(|value| {
                let half = half_from_f32(*value);
                ensure!(
                    half & 0x7fff != 0x7c00 || value.is_infinite(),
                    "{value} is beyond float16, whose largest number is 65504: save it as float32"
                );
                Ok(file.write_all(&half.to_le_bytes())?)
            })
        }
    })
}

fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, &axis| count.checked_mul(axis))
}

pub(super) fn decode(mut file: impl Read) -> Result<(Vec<usize>, Vec<f32>)> {
    let header = read_header(&mut file)?;
    let element = Element::parse(&header.element)?;
    let count = element_count(&header.shape)
        .filter(|&count| count <= MOST_ELEMENTS)
        .with_context(|| format!("shape {:?} is too large for a tensor", header.shape))?;

    let expected = count * element.size;
    let mut bytes = Vec::new();
    // Up to one byte more than needed is read, to notice files that are too long.
    file.take(expected as u64 + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() >= expected,
        "the file is truncated: shape {:?} of {} needs {expected} bytes, {} are there",
        header.shape,
        header.element,
        bytes.len()
    );
    ensure!(
        bytes.len() == expected,
        "the file goes on after the {expected} bytes that shape {:?} of {} needs",
        header.shape,
        header.element
    );
    let values: Vec<f32> =
        bytes.chunks_exact(element.size).map(|bytes| element.decode(bytes)).collect();
    let values = if header.fortran_order { to_c_order(&values, &header.shape) } else { values };
    Ok((header.shape, values))
}

/// Converts values from Fortran order (the first axis is contiguous) to C order.
fn to_c_order(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let source = shape
            .iter()
            .zip(&index)
            .rev()
            .fold(0, |source, (size, position)| source * size + position);
        ordered.push(values[source]);
        for (position, size) in index.iter_mut().zip(shape).rev() {
            *position += 1;
            if position != size {
                break;
            }
            *position = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(element: &str, fortran_order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        with_header(
            &format!(
                "{{'descr': '{element}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n"
            ),
            data,
        )
    }

    fn with_header(text: &str, data: &[u8]) -> Vec<u8> {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((text.len() as u16).to_le_bytes());
        file.extend(text.as_bytes());
        file.extend(data);
        file
    }

    fn error(file: &[u8]) -> String {
        format!("{:#}", decode(file).unwrap_err())
    }

    #[test]
    fn fortran_order_is_turned_into_c_order() {
        let file = npy("|u1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6]);
        let (shape, values) = decode(file.as_slice()).unwrap();
        assert_eq!(shape, [2, 3]);
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

        // numpy.asfortranarray(numpy.arange(12).reshape(2, 2, 3)).tobytes("F")
        let stored = [0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11];
        let file = npy("|u1", "True", "(2, 2, 3)", &stored);
        let counted: Vec<f32> = (0..12).map(|value| value as f32).collect();
        assert_eq!(decode(file.as_slice()).unwrap().1, counted);
    }

    #[test]
    fn headers_of_all_versions_and_writers_are_read() {
        let python2 = npy("<f4", "False", "(1L, 1L)", &[0; 4]);
        assert_eq!(decode(python2.as_slice()).unwrap().0, [1, 1]);
        let scalar = npy("<f4", "False", "()", &[0, 0, 0x80, 0x3f]);
        assert_eq!(decode(scalar.as_slice()).unwrap(), (vec![], vec![1.0]));
        let empty = npy("<f4", "False", "(0, 3)", &[]);
        assert_eq!(decode(empty.as_slice()).unwrap(), (vec![0, 3], vec![]));
        let other_quotes = r#"{"shape":(1,),"fortran_order":False,"descr":"|u1"}"#;
        let other_quotes = with_header(other_quotes, &[9]);
        assert_eq!(decode(other_quotes.as_slice()).unwrap().1, [9.0]);

        let mut version3 = b"\x93NUMPY\x03\x00".to_vec();
        let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}";
        version3.extend((text.len() as u32).to_le_bytes());
        version3.extend(text.as_bytes());
        version3.push(5);
        assert_eq!(decode(version3.as_slice()).unwrap().1, [5.0]);
    }

    #[test]
    fn broken_files_are_named_errors() {
        let whole = npy("<f4", "False", "(2, 3)", &[0; 24]);
        assert!(error(b"\x89PNG\r\n\x1a\n etc").contains("not a .npy file"));
        assert!(error(b"").contains("not a .npy file"));
        assert!(error(&whole[..9]).contains("truncated"));
        assert!(error(&whole[..40]).contains("truncated"));
        let short = error(&whole[..whole.len() - 1]);
        assert_eq!(
            short,
            "the file is truncated: shape [2, 3] of <f4 needs 24 bytes, 23 are there"
        );
        let long = [whole, vec![0]].concat();
        assert!(error(&long).contains("goes on after the 24 bytes"));
        assert!(error(b"\x93NUMPY\x09\x00\x00\x00").contains("version 9"));
    }

    #[test]
    fn what_is_not_real_numbers_is_an_error() {
        let message = error(&npy("|O", "False", "(1,)", &[0; 16]));
        assert!(message.contains("astype('float32')"), "{message}");
        let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}";
        assert!(error(&with_header(records, &[0; 4])).contains("its elements are records"));
    }

    #[test]
    fn absurd_headers_neither_panic_nor_allocate() {
        let huge = "(18446744073709551615, 2)";
        assert!(error(&npy("<f4", "False", huge, &[])).contains("too large"));
        let many = "(4294967296, 4294967296, 0)";
        assert!(error(&npy("<f4", "False", many, &[])).contains("too large"));
        assert!(error(&npy("<f4", "False", "(1000000000,)", &[])).contains("too large"));
        assert!(error(&npy("<f4", "False", "(200000000,)", &[0; 8])).contains("truncated"));
        assert!(error(&npy("<f4", "False", "(-1,)", &[])).contains("`-1` is not a size"));
        assert!(error(&npy("<f4", "Maybe", "(1,)", &[])).contains("True or False"));
        assert!(error(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("claims 4294967295 bytes"));
        for text in ["", "{", "{'", "{'descr'", "{'shape': (", "{}", "((((((((", "{\"é"] {
            assert!(error(&with_header(text, &[])).contains("header is not valid"));
        }
    }

    #[test]
    fn a_written_file_reads_back_and_has_an_aligned_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.relevance.npy");
        let values = [0.5, -1.25, f32::MIN_POSITIVE, 1e30, 0.0, -7.0];
        for shape in [vec![6], vec![1, 2, 3], vec![3, 1, 2, 1]] {
            write_npy(&path, &shape, &values, Overwrite::Replace).unwrap();
            assert_eq!(read_npy(&path).unwrap(), (shape, values.to_vec()));
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() % 64, 24);
        assert_eq!(bytes[bytes.len() - 25], b'\n');

        assert!(write_npy(&path, &[6], &values, Overwrite::Refuse).is_err());
        assert!(write_npy(&path, &[7], &values, Overwrite::Replace).is_err());
        let missing = read_npy(&folder.path().join("dog.npy")).unwrap_err();
        assert!(format!("{missing:#}").contains("dog.npy"), "{missing:#}");
    }
}
