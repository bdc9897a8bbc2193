//! What models and variants are called.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, ensure};

use crate::cli::ways::Asked;

/// The names of models: those that were given, else the names of their files, with as many folders as it takes to tell them
/// apart.
///
/// # Errors
/// When there are more or fewer names than models, or two are the same.
pub fn of_models(models: &[PathBuf], given: &[String]) -> Result<Vec<String>> {
    let names = match given {
        [] => by_files(models),
        given => given.iter().map(|name| name.trim().to_string()).collect(),
    };
    ensure!(
        names.len() == models.len(),
        "--names has {} names, and there are {} models",
        names.len(),
        models.len()
    );
    let mut known = BTreeSet::new();
    for (name, model) in names.iter().zip(models) {
        ensure!(!name.is_empty(), "--names: a name is empty");
        ensure!(
            known.insert(name),
            "two models are called {name}, {} among them: give every model once, or other --names",
            model.display()
        );
    }
    Ok(names)
}

fn by_files(models: &[PathBuf]) -> Vec<String> {
    let longest = models.iter().map(|model| model.components().count()).max().unwrap_or(1);
    let with_folders = |folders: usize| -> Vec<String> {
        models.iter().map(|model| last_parts(model, folders)).collect()
    };
    let are_different =
        |names: &Vec<String>| names.iter().collect::<BTreeSet<&String>>().len() == names.len();
    let found = (0..longest).map(with_folders).find(are_different);
    // The same file twice has one name, which is told.
    found.unwrap_or_else(|| with_folders(0))
}

/// The name of a file without its extension, and some of the folders that it is in.
fn last_parts(path: &Path, folders: usize) -> String {
    let path = path.with_extension("");
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
    let parts: Vec<String> =
        parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts[parts.len().saturating_sub(folders + 1)..].join("/")
}

/// What a way to explain is called beside others: by the method where there are several, and by the composite where there
/// are several.
pub fn of_way(way: &Asked, all: &[Asked]) -> String {
    let has_methods = all.iter().any(|other| other.method.name() != way.method.name());
    let takes = |way: &Asked| way.method.takes_composite();
    let has_composites =
        takes(way) && all.iter().any(|other| takes(other) && other.composite != way.composite);
    let composite = Path::new(&way.composite).file_stem().unwrap_or_default().to_string_lossy();
    match (has_methods, has_composites) {
        (true, true) => format!("{}:{composite}", way.method.name()),
        (false, true) => composite.into_owned(),
        _ => way.method.name().to_string(),
    }
}

/// The name of a variant: what tells it from the others.
pub fn of_variant(parts: [Option<&str>; 3], model: &str) -> String {
    let told: Vec<&str> = parts.into_iter().flatten().collect();
    if told.is_empty() { model.to_string() } else { told.join(", ") }
}

/// The names in the order of the numbers in them, where that is another one than theirs: a shell puts `epoch-10` before
/// `epoch-2`.
pub fn other_order(names: &[String]) -> Option<Vec<&str>> {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_by(|a, b| by_numbers(a, b));
    let is_other = sorted.iter().zip(names).any(|(a, b)| a != b);
    let mut plain: Vec<&String> = names.iter().collect();
    plain.sort();
    // Names in no order at all were put so by someone.
    let was_sorted_as_text = plain.iter().zip(names).all(|(a, b)| *a == b);
    (is_other && was_sorted_as_text).then_some(sorted)
}

fn by_numbers(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(String, u128)> {
        let mut parts = vec![];
        let (mut word, mut digits) = (String::new(), String::new());
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_digit() {
                digits.push(character);
                continue;
            }
            if !digits.is_empty() {
                parts.push((std::mem::take(&mut word), digits.parse().unwrap_or(u128::MAX)));
                digits.clear();
            }
            word.push(character);
        }
        parts.push((word, 0));
        parts
    };
    parts(a).cmp(&parts(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_by_what_tells_them_apart() {
        let of = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            of_models(&paths, &[])
        };
        assert_eq!(of(&["m/vgg.onnx", "m/resnet.v2.onnx"]).unwrap(), ["vgg", "resnet.v2"]);
        assert_eq!(of(&["a/x/model.onnx", "b/x/model.onnx"]).unwrap(), ["a/x/model", "b/x/model"]);
        assert!(of(&["a.onnx", "a.onnx"]).unwrap_err().to_string().contains("two models"));
        let given = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            of_models(&[PathBuf::from("a.onnx"), PathBuf::from("b.onnx")], &names)
        };
        assert_eq!(given(&["x", " y"]).unwrap(), ["x", "y"]);
        assert!(given(&["x"]).unwrap_err().to_string().contains("1 names, and there are 2 models"));
        assert!(given(&["x", "x"]).is_err() && given(&["x", ""]).is_err());
    }

    #[test]
    fn the_order_of_a_shell_is_noticed() {
        let order = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            other_order(&names).map(|found| found.join(" "))
        };
        assert_eq!(order(&["e-1", "e-10", "e-2"]).as_deref(), Some("e-1 e-2 e-10"));
        assert_eq!(order(&["e-1", "e-2", "e-10"]), None);
        assert_eq!(order(&["late", "early"]), None);
    }
}
