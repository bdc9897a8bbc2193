//! Files with the names of the classes that lie beside a model, which no card names.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::labels::Labels;

/// What such files are called, by training code and by services that export models.
const NAMES: [&str; 6] = [
    "labels.txt",
    "classes.txt",
    "class_names.txt",
    "class_names.json",
    "labels.json",
    "synset.txt",
];

impl Labels {
    /// The files of labels that lie beside a model, as they are read, with their paths.
    pub fn beside(model: &Path) -> impl Iterator<Item = (PathBuf, Result<Labels>)> {
        let folder = model.parent().unwrap_or(Path::new("")).to_path_buf();
        let files = NAMES.iter().map(move |name| folder.join(name)).filter(|path| path.is_file());
        files.map(|path| {
            let labels = Labels::read(&path);
            (path, labels)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_found_beside_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        assert_eq!(Labels::beside(&model).count(), 0);
        for name in NAMES {
            let text = if name.ends_with("json") { "[\"cat\", \"dog\"]" } else { "cat\ndog\n" };
            std::fs::write(folder.path().join(name), text).unwrap();
            let (path, labels) = Labels::beside(&model).next().unwrap();
            assert_eq!(path.file_name().unwrap(), name);
            assert_eq!(labels.unwrap().names(), ["cat", "dog"]);
            std::fs::remove_file(path).unwrap();
        }
    }
}
