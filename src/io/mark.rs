//! Telling our own files from those of others, so that a run replaces what onnxplain wrote and nothing else.
//!
//! | file | mark |
//! |---|---|
//! | PNG | a text chunk `Software`: `onnxplain` and the version |
//! | JSON, JSON Lines | `"tool": "onnxplain"` in the first object |
//! | HTML | `<meta name="generator" content="onnxplain ...">` |
//! | `.npy` | a header that is longer than it must be: the format has no place for a name |
//! | ONNX | the producer `onnxplain`: compiled graphs; models that were changed keep the name of their own |
//!
//! An empty file counts as our own: there is nothing in it to lose.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::npy::is_own_npy;

/// The name that files are marked with.
pub const TOOL: &str = "onnxplain";

/// The keyword of the PNG text chunk.
pub(super) const SOFTWARE: &str = "Software";

/// Bytes of a file that are searched for the mark of a PNG or a page.
const SEARCHED: u64 = 1 << 13;

/// How the first field of an ONNX file begins, a version that takes one byte, and how the second, its producer.
const IR_VERSION: u8 = 0x08;
const PRODUCER: u8 = 0x12;

/// Whether onnxplain wrote a file. What cannot be read is somebody else's.
#[must_use]
pub fn is_own(path: &Path) -> bool {
    has_mark(path).unwrap_or(false)
}

fn has_mark(path: &Path) -> io::Result<bool> {
    // Reading a pipe would wait for its writer.
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    let mut start = vec![];
    File::open(path)?.take(SEARCHED).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [] => true,
        [b'{', ..] => is_own_json(BufReader::new(File::open(path)?)),
        [0x89, b'P', b'N', b'G', ..] => is_own_png(&start),
        [0x93, b'N', b'U', b'M', ..] => is_own_npy(&start),
        [IR_VERSION, _, PRODUCER, length, name @ ..] => {
            usize::from(*length) == TOOL.len() && name.starts_with(TOOL.as_bytes())
        }
        _ => is_own_page(&start),
    })
}

fn is_own_json(reader: impl Read) -> bool {
    let mut objects = serde_json::Deserializer::from_reader(reader).into_iter::<Value>();
    objects.next().and_then(Result::ok).is_some_and(|object| object["tool"] == TOOL)
}

fn is_own_page(start: &[u8]) -> bool {
    let mark = format!("<meta name=\"generator\" content=\"{TOOL} ");
    start.windows(mark.len()).any(|bytes| bytes == mark.as_bytes())
}

/// Looks at the chunks before the pixels: four bytes of length, four of type, the data, four of checksum.
fn is_own_png(start: &[u8]) -> bool {
    const SIGNATURE: usize = 8;
    let mark = [SOFTWARE.as_bytes(), b"\0", TOOL.as_bytes()].concat();
    let mut rest = start.get(SIGNATURE..).unwrap_or_default();
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        match &kind {
            b"tEXt" if behind.starts_with(&mark) => return true,
            b"IDAT" => return false,
            _ => rest = behind.get(length.saturating_add(4)..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Overwrite, write_npy, write_png};
    use std::fs;

    #[test]
    fn our_own_files_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_png(&path("a.png"), &image::RgbImage::new(9, 9), Overwrite::Refuse).unwrap();
        write_npy(&path("a.npy"), &[1, 2, 3], &[0.5; 6], Overwrite::Refuse).unwrap();
        fs::write(path("a.json"), "{\n  \"input\": \"a\",\n  \"tool\": \"onnxplain\"\n}\n")
            .unwrap();
        let lines = "{\"input\":\"a\",\"tool\":\"onnxplain\"}\n{\"input\":\"b\"";
        fs::write(path("a.jsonl"), lines).unwrap();
        let page = "<!doctype html>\n<meta name=\"generator\" content=\"onnxplain 0.1.0\">";
        fs::write(path("a.html"), page).unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("a.onnx"), b"\x08\x08\x12\x09onnxplain\x1a\x050.1.0").unwrap();
        for name in ["a.png", "a.npy", "a.json", "a.jsonl", "a.html", "a.onnx", "empty"] {
            assert!(is_own(&path(name)), "{name}");
        }
    }

    #[test]
    fn files_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        image::RgbImage::new(9, 9).save(path("a.png")).unwrap();
        // As NumPy writes it: no more padding than needed.
        let mut npy = b"\x93NUMPY\x01\0\x76\0".to_vec();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }";
        npy.extend(format!("{header:<117}\n").into_bytes());
        npy.extend([0; 24]);
        fs::write(path("a.npy"), npy).unwrap();
        fs::write(path("a.json"), r#"{"cat": {"tool": "onnxplain"}}"#).unwrap();
        fs::write(path("b.json"), r#"["tool", "onnxplain"]"#).unwrap();
        fs::write(path("a.html"), "<title>onnxplain</title>").unwrap();
        fs::write(path("cut.png"), b"\x89PNG\r\n\x1a\n\0\0\0\x0dtEX").unwrap();
        fs::write(path("a.onnx"), b"\x08\x08\x12\x07pytorch\x1a\x052.1.0").unwrap();
        fs::write(path("b.onnx"), b"\x08\x08\x12\x0fonnxplain tests").unwrap();
        let names = [
            "a.png", "a.npy", "a.json", "b.json", "a.html", "cut.png", "a.onnx", "b.onnx",
            "missing",
        ];
        for name in names {
            assert!(!is_own(&path(name)), "{name}");
        }
        assert!(!is_own(folder.path()));
    }
}
