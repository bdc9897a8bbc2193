//! The objects of a PDF and where they begin (ISO 32000-1, 7.3 and 7.5).

use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The number of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(usize);

impl std::fmt::Display for Number {
    /// As another object refers to it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} 0 R", self.0)
    }
}

/// A file that is being written.
pub struct Objects {
    bytes: Vec<u8>,
    /// Where each object begins, by its number.
    offsets: Vec<usize>,
}

impl Objects {
    /// A file without objects, with a comment.
    pub fn new(comment: &str) -> Objects {
        // The second line says that there are bytes that are no text.
        let mut bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        bytes.extend(format!("% {comment}\n").bytes());
        Objects { bytes, offsets: vec![0] }
    }

    /// The number of an object to come.
    pub fn reserve(&mut self) -> Number {
        self.offsets.push(0);
        Number(self.offsets.len() - 1)
    }

    /// Writes an object.
    pub fn put(&mut self, number: Number, object: &str) {
        self.begin(number);
        self.bytes.extend(format!("{object}\nendobj\n").bytes());
    }

    /// Writes a stream, compressed, with these entries of its dictionary.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn put_stream(&mut self, number: Number, entries: &str, data: &[u8]) -> Result<()> {
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        encoder.write_all(data)?;
        let data = encoder.finish()?;
        self.begin(number);
        let length = data.len();
        let head = format!("<< {entries} /Filter /FlateDecode /Length {length} >>\nstream\n");
        self.bytes.extend(head.bytes());
        self.bytes.extend(data);
        self.bytes.extend(b"\nendstream\nendobj\n");
        Ok(())
    }

    fn begin(&mut self, number: Number) {
        self.offsets[number.0] = self.bytes.len();
        self.bytes.extend(format!("{} 0 obj\n", number.0).bytes());
    }

    /// The file, with the table of its objects.
    pub fn finish(mut self, catalog: Number, info: Number) -> Vec<u8> {
        let begin = self.bytes.len();
        let count = self.offsets.len();
        let mut table = format!("xref\n0 {count}\n0000000000 65535 f \n");
        for offset in &self.offsets[1..] {
            table.push_str(&format!("{offset:010} 00000 n \n"));
        }
        let end = format!(
            "trailer\n<< /Size {count} /Root {catalog} /Info {info} >>\nstartxref\n{begin}\n%%EOF\n"
        );
        self.bytes.extend((table + &end).bytes());
        self.bytes
    }
}

/// Text in the properties of a file: UTF-16 with its mark, in hexadecimal digits.
pub fn text_string(text: &str) -> String {
    let digits: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("<FEFF{digits}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_where_objects_begin() {
        let mut objects = Objects::new("a comment");
        let [first, second] = [(); 2].map(|()| objects.reserve());
        objects.put(second, "<< /Of /Second >>");
        objects.put_stream(first, "/A 1", b"data").unwrap();
        let bytes = objects.finish(first, second);
        let text = String::from_utf8_lossy(&bytes);
        let find = |word: &[u8]| bytes.windows(word.len()).position(|it| it == word).unwrap();
        assert!(text.contains(&format!("{:010} 00000 n", find(b"1 0 obj"))), "{text}");
        assert!(text.contains(&format!("{:010} 00000 n", find(b"2 0 obj"))), "{text}");
        assert!(text.contains(&format!("startxref\n{}\n%%EOF", find(b"xref"))), "{text}");
        assert_eq!(text_string("é😀"), "<FEFF00E9D83DDE00>");
    }
}
