//! A line of a report, read again; and whether the files it names are whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::outputs::Kind;

/// A line of a report: a result, or an input that failed.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    /// The line as it was written.
    #[serde(skip)]
    pub line: String,
    /// The path of the input.
    pub input: String,
    /// Why it failed.
    error: Option<String>,
    /// Why it was no input.
    #[serde(rename = "left_out")]
    reason: Option<String>,
    target: Option<RecordedTarget>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// What the lines of an input must say for its results to be those of a job: names and values, the most telling first.
pub type Settings = Vec<(&'static str, Value)>;

/// A setting that was another one then.
#[derive(Debug, PartialEq)]
pub struct Difference<'a> {
    pub name: &'a str,
    pub then: &'a Value,
    pub now: &'a Value,
}

impl<'a> Difference<'a> {
    /// Of objects, the first entry that differs.
    fn narrowed(self) -> Difference<'a> {
        let (Value::Object(then), Value::Object(now)) = (self.then, self.now) else {
            return self;
        };
        let mut entries = now.iter().map(|(name, now)| {
            let then = then.get(name).unwrap_or(&Value::Null);
            Difference { name, then, now }
        });
        match entries.find(|entry| entry.then != entry.now) {
            Some(entry) => entry.narrowed(),
            None => self,
        }
    }
}

#[derive(Debug, Deserialize)]
struct RecordedTarget {
    index: usize,
}

impl Recorded {
    /// Reads a line; `None` where it is damaged.
    pub fn parse(line: String) -> Option<Recorded> {
        let recorded: Recorded = serde_json::from_str(&line).ok()?;
        Some(Recorded { line, ..recorded })
    }

    /// A field of the line that this type does not name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.rest.get(name)
    }

    /// The class that was explained; `None` where the input failed.
    pub fn class(&self) -> Option<usize> {
        match self.error {
            None => Some(self.target.as_ref()?.index),
            Some(_) => None,
        }
    }

    /// Whether a file of a folder was not taken for an input: told by each run anew.
    pub fn is_left_out(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether two lines tell of one input: a failure stands for itself, as that of an input that is given twice.
    pub fn is_of_same_result(&self, other: &Recorded) -> bool {
        self.input == other.input && self.error.is_none() && other.error.is_none()
    }

    /// The first setting that differs.
    pub fn difference<'a>(&'a self, settings: &'a Settings) -> Option<Difference<'a>> {
        settings.iter().find_map(|(name, now)| {
            let then = self.rest.get(*name).unwrap_or(&Value::Null);
            (then != now).then(|| Difference { name, then, now }.narrowed())
        })
    }

    /// Whether a file is as it was written. `relevance_len` is the number of values of a relevance, where it is known.
    pub fn is_whole(&self, kind: Kind, path: &Path, relevance_len: Option<usize>) -> bool {
        let checked = match kind {
            Kind::Figure | Kind::Overlay | Kind::Heatmap => is_whole_picture(path),
            Kind::Relevance => is_whole_npy(path, relevance_len),
            Kind::Report => fs::read_to_string(path).map(|text| compact(&text) == self.line),
        };
        checked.unwrap_or(false)
    }
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
    fn results_failures_and_settings_are_told_apart() {
        let parse = |value: Value| Recorded::parse(value.to_string());
        let target = json!({ "index": 3 });
        let result = json!({ "input": "a", "target": target, "model": "m", "parameters": { "a": 0, "seed": 1 } });
        let result = parse(result).unwrap();
        assert_eq!(result.class(), Some(3));
        let settings = |model: &str, seed: usize| -> Settings {
            vec![("model", json!(model)), ("parameters", json!({ "a": 0, "seed": seed }))]
        };
        assert!(result.difference(&settings("m", 1)).is_none());
        let (then, now) = (&json!("m"), &json!("n"));
        let expected = Difference { name: "model", then, now };
        assert_eq!(result.difference(&settings("n", 2)).unwrap(), expected);
        let (then, now) = (&json!(1), &json!(2));
        let expected = Difference { name: "seed", then, now };
        assert_eq!(result.difference(&settings("m", 2)).unwrap(), expected);
        assert_eq!(parse(json!({ "input": "a", "error": "no" })).unwrap().class(), None);
        assert!(parse(json!({ "error": "no" })).is_none());
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
            let is_whole = || recorded.is_whole(kind, &path(name), Some(6));
            assert!(is_whole(), "{name}");
            let bytes = fs::read(path(name)).unwrap();
            fs::write(path(name), &bytes[..bytes.len() - 1]).unwrap();
            assert!(!is_whole(), "{name} was cut");
            fs::write(path(name), "").unwrap();
            assert!(!is_whole(), "{name} is empty");
            fs::remove_file(path(name)).unwrap();
            assert!(!is_whole(), "{name} is gone");
        }
    }
}
