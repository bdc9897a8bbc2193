//! Whether the files that a line of a report names are whole.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::kinds::Kind;
use crate::cli::batch::recorded::Recorded;

/// Whether a file that a line names is as it was written. `relevance_len` is the number of values of a relevance, where it
/// is known.
pub fn is_whole(
    recorded: &Recorded,
    kind: Kind,
    path: &Path,
    relevance_len: Option<usize>,
) -> bool {
    let checked = match kind {
        Kind::Figure | Kind::Overlay | Kind::Heatmap => is_whole_picture(path),
        Kind::Relevance => is_whole_npy(path, relevance_len),
        Kind::Report => fs::read_to_string(path).map(|text| compact(&text) == recorded.line),
    };
    checked.unwrap_or(false)
}

/// Whether a file begins as a PNG does, and ends with the chunk that ends one.
fn is_whole_png(path: &Path) -> std::io::Result<bool> {
    begins_and_ends(path, b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xae\x42\x60\x82")
}

/// Whether a picture of any format begins and ends as such a file does.
fn is_whole_picture(path: &Path) -> std::io::Result<bool> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => begins_and_ends(path, b"<svg", b"</svg>\n"),
        Some("pdf") => begins_and_ends(path, b"%PDF", b"%%EOF\n"),
        Some("jpg") => begins_and_ends(path, b"\xff\xd8", b"\xff\xd9"),
        Some("webp") => is_whole_webp(path),
        _ => is_whole_png(path),
    }
}

/// Whether a WebP has the length that its head says.
fn is_whole_webp(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let mut head = [0; 8];
    file.read_exact(&mut head)?;
    let [_, _, _, _, length @ ..] = head;
    let length = 8 + u64::from(u32::from_le_bytes(length));
    Ok(head.starts_with(b"RIFF") && file.metadata()?.len() == length)
}

fn begins_and_ends(path: &Path, begin: &[u8], end: &[u8]) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut found_begin, mut found_end) = (vec![0; begin.len()], vec![0; end.len()]);
    file.read_exact(&mut found_begin)?;
    file.seek(SeekFrom::End(-(end.len() as i64)))?;
    file.read_exact(&mut found_end)?;
    Ok(found_begin == begin && found_end == end)
}

/// Whether a file holds so many values behind a header of NumPy's format 1.
fn is_whole_npy(path: &Path, len: Option<usize>) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let mut begin = [0; 10];
    file.read_exact(&mut begin)?;
    let header = u64::from(u16::from_le_bytes([begin[8], begin[9]]));
    let (shape, size) = onnxplain::io::read_npy_layout(path).unwrap_or_default();
    let len = len.unwrap_or_else(|| shape.iter().product());
    let expected = begin.len() as u64 + header + (size * len) as u64;
    Ok(begin.starts_with(b"\x93NUMPY\x01") && file.metadata()?.len() == expected)
}

/// JSON without the white space between its parts: a `.json` file as the line of a report.
fn compact(text: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let was_string = is_string;
        if *character == '"' && !is_escaped {
            is_string = !is_string;
        }
        is_escaped = is_string && *character == '\\' && !is_escaped;
        was_string || !character.is_ascii_whitespace()
    };
    text.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use onnxplain::io::{Overwrite, write_npy, write_png};
    use serde_json::json;

    #[test]
    fn compact_json_is_the_same_object_in_a_line() {
        let object = json!({ "a b": ["x \" y \\", 1.5, {}], "c": "\\\" d\n" });
        let pretty = serde_json::to_string_pretty(&object).unwrap() + "\n";
        assert_eq!(compact(&pretty), object.to_string());
    }

    #[test]
    fn cut_files_are_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let line = json!({ "input": "a", "target": { "index": 3 } });
        let recorded = Recorded::parse(line.to_string()).unwrap();
        let path = |name: &str| folder.path().join(name);
        write_png(&path("a.png"), &image::RgbImage::new(9, 9), Overwrite::Refuse).unwrap();
        write_npy(&path("a.npy"), &[1, 2, 3], &[0.5; 6], Overwrite::Refuse).unwrap();
        fs::write(path("a.json"), serde_json::to_string_pretty(&line).unwrap()).unwrap();
        for (kind, name) in
            [(Kind::Heatmap, "a.png"), (Kind::Relevance, "a.npy"), (Kind::Report, "a.json")]
        {
            let as_written = || is_whole(&recorded, kind, &path(name), Some(6));
            assert!(as_written(), "{name}");
            let bytes = fs::read(path(name)).unwrap();
            fs::write(path(name), &bytes[..bytes.len() - 1]).unwrap();
            assert!(!as_written(), "{name} was cut");
            fs::write(path(name), "").unwrap();
            assert!(!as_written(), "{name} is empty");
            fs::remove_file(path(name)).unwrap();
            assert!(!as_written(), "{name} is gone");
        }
    }
}
