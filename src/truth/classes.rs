//! Which class every picture shows: a file, or the names of folders.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::table::rows;

/// Where the class of a picture is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// The folder that the picture is in is called like its class.
    Folder,
    /// A table with the columns `input,label`, by the name of the picture without extension.
    File(HashMap<String, String>),
}

impl Classes {
    /// The word `folder`, or the path of a table with the columns `input,label`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn read(text: &str) -> Result<Classes> {
        if text == "folder" {
            return Ok(Classes::Folder);
        }
        let rows = rows(Path::new(text), &["input", "label"])?;
        let name = |input: &str| Path::new(input).with_extension("").to_string_lossy().into_owned();
        Ok(Classes::File(
            rows.iter().map(|row| (name(row.text(0)), row.text(1).to_string())).collect(),
        ))
    }

    /// The label of a picture: by its path below the folder of inputs, or by its name alone.
    pub fn of(&self, path: &Path, stem: &str) -> Option<String> {
        match self {
            Classes::Folder => {
                let folder: PathBuf = path.parent()?.to_path_buf();
                Some(folder.file_name()?.to_string_lossy().into_owned())
            }
            Classes::File(labels) => {
                let alone = stem.rsplit('/').next().unwrap_or(stem);
                labels.get(stem).or_else(|| labels.get(alone)).cloned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_from_folders_or_a_table() {
        let folder = Classes::read("folder").unwrap();
        assert_eq!(folder.of(Path::new("photos/cat/1.png"), "cat/1").as_deref(), Some("cat"));
        assert_eq!(folder.of(Path::new("1.png"), "1"), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "input,label\na/1.png,cat\n2.png,\"tabby, tabby cat\"\n")
            .unwrap();
        let table = Classes::read(file.path().to_str().unwrap()).unwrap();
        let of = |stem: &str| table.of(Path::new("x.png"), stem);
        assert_eq!(of("a/1").as_deref(), Some("cat"));
        assert_eq!(of("b/2").as_deref(), Some("tabby, tabby cat"));
        assert_eq!(of("b/3"), None);
        assert!(Classes::read("no-such.csv").is_err());
    }
}
