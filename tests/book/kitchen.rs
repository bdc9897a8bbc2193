//! The folder in which the commands of a page run: models and photos under the names that the book uses.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::repository;

/// Which sample stands for a name of the book.
const FILES: &[(&str, &str)] = &[
    ("sample-models/fashion_vgg.onnx", "model.onnx"),
    ("sample-models/fashion_vgg.yaml", "model.yaml"),
    ("sample-models/fashion.txt", "fashion.txt"),
    ("sample-models/fashion_vgg.onnx", "vgg.onnx"),
    ("sample-models/fashion_vgg.yaml", "vgg.yaml"),
    ("sample-models/fashion_resnet.onnx", "resnet.onnx"),
    ("sample-models/fashion_resnet.yaml", "resnet.yaml"),
    ("sample-models/fashion_vit.onnx", "vit.onnx"),
    ("sample-models/fashion_vit.yaml", "vit.yaml"),
    ("sample-models/photos/fashion/coat.png", "photo.png"),
    ("sample-models/photos/fashion/bag.png", "bag.png"),
    ("sample-models/photos/fashion/coat.png", "photos/Coat/1.png"),
    ("sample-models/photos/fashion/bag.png", "photos/Bag/2.png"),
    ("sample-models/photos/fashion/dress.png", "photos/Dress/3.png"),
    ("sample-models/photos/fashion/coat.png", "photos/Shirt/4.png"),
    ("sample-models/photos/fashion/shirt.png", "photos/Shirt/5.png"),
    ("sample-models/photos/fashion/sneaker.png", "photos/Sneaker/6.png"),
    ("tests/golden/inputs/tokens.onnx", "text.onnx"),
    ("tests/golden/inputs/tokens.input_ids.npy", "ids.npy"),
    ("tests/golden/inputs/tokens.attention_mask.npy", "mask.npy"),
    ("tests/golden/inputs/tokens.token_type_ids.npy", "segments.npy"),
];

/// A folder with all of them, and the repository's samples under `sample-models`.
pub fn kitchen() -> TempDir {
    let kitchen = tempfile::tempdir().unwrap();
    for (from, to) in FILES {
        let to = kitchen.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(repository().join(from), to).unwrap();
    }
    let samples = repository().join("sample-models");
    std::os::unix::fs::symlink(samples, kitchen.path().join("sample-models")).unwrap();
    kitchen
}

/// Runs a program there; the command of this build stands first in the path.
pub fn run(kitchen: &Path, program: &str, arguments: &[&str]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_onnxplain")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(kitchen).env("PATH", path).env("NO_COLOR", "1");
    if program == "bash" {
        // Blocks may write into the home folder.
        command.env("HOME", kitchen);
    }
    command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}
