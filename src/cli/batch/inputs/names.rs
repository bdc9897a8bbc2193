//! What the results of inputs are called, so that no two write the same file.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use anyhow::{Error, anyhow};

use onnxplain::io::file_of;

use super::entry::{Failed, InputFile};

/// How many clashes a note lists.
const LISTED: usize = 3;

/// Where a file is: the real path of its folder, and its own name, be it a link or not.
pub fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

/// An input whose results are named by its path below `root`.
pub fn input_file(path: &Path, root: &Path) -> InputFile {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let relative = relative.strip_prefix(".").unwrap_or(relative);
    // `a/../b.png` must not lead out of the output folder.
    let stays_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = path.file_name().map(Path::new).unwrap_or(path);
    let relative = if stays_inside { relative } else { name };
    InputFile { path: path.to_path_buf(), stem: stem_of(relative) }
}

/// A path without its extension; a part of a file (`table.csv:3`) belongs to the name.
fn stem_of(path: &Path) -> PathBuf {
    let file = file_of(path);
    let mut stem = file.with_extension("").into_os_string();
    let part = path.to_str().zip(file.to_str());
    let part = part.and_then(|(path, file)| path.strip_prefix(file)?.strip_prefix(':'));
    if let Some(part) = part {
        stem.push(format!(".{}", part.replace(['/', ':'], "_")));
    }
    stem.into()
}

/// Makes every name belong to one input. Files of one name keep their extensions in it (`a.png.json`, `a.jpg.json`);
/// a file that is given twice fails the second time, and so does one that is called as another in every part.
///
/// Returns what should be said about it.
pub fn settle(files: &mut [Result<InputFile, Failed>]) -> Vec<String> {
    refuse_repeated(files);
    refuse_equal(files);
    keep_extensions(files)
}

fn refuse_repeated(files: &mut [Result<InputFile, Failed>]) {
    let mut folders: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut seen = HashSet::new();
    refuse(files, |file| {
        // Folders are looked up once: a batch has many files in few of them.
        let above = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = file.path.file_name().unwrap_or_default();
        let folder = folders.entry(above).or_insert_with(|| {
            place(&file.path).parent().map(Path::to_path_buf).unwrap_or_default()
        });
        let is_new = seen.insert(folder.join(name));
        let given = file.path.display();
        (!is_new).then(|| anyhow!("{given} is given more than once: it is explained once"))
    });
}

fn refuse_equal(files: &mut [Result<InputFile, Failed>]) {
    let mut first: HashMap<PathBuf, PathBuf> = HashMap::new();
    refuse(files, |file| {
        let name = with_extension(file);
        if let Some(other) = first.get(&name) {
            return Some(anyhow!(
                "cannot explain {}: its results would be called {}.*, as those of {}; explain it in another run with \
                 another --output, or give the folder above both, whose structure is kept (for lists and patterns \
                 with --base)",
                file.path.display(),
                file.stem.display(),
                other.display(),
            ));
        }
        first.insert(name, file.path.clone());
        None
    });
}

fn refuse(
    files: &mut [Result<InputFile, Failed>],
    mut why: impl FnMut(&InputFile) -> Option<Error>,
) {
    for entry in files {
        let error = entry.as_ref().ok().and_then(&mut why);
        if let (Ok(file), Some(error)) = (&*entry, error) {
            *entry = Err(Failed { input: file.path.display().to_string(), error });
        }
    }
}

fn keep_extensions(files: &mut [Result<InputFile, Failed>]) -> Vec<String> {
    let mut clashes = vec![];
    // A name with its extension may be that of another file without (`a.png` and `a.png.jpg`): then that keeps its too.
    loop {
        let mut counts: HashMap<PathBuf, usize> = HashMap::new();
        for file in files.iter().flatten() {
            *counts.entry(file.stem.clone()).or_default() += 1;
        }
        let mut is_changed = false;
        for file in files.iter_mut().flatten().filter(|file| counts[&file.stem] > 1) {
            let name = with_extension(file);
            if name != file.stem {
                is_changed = true;
                clashes.push(format!("{}.*", name.display()));
                file.stem = name;
            }
        }
        if !is_changed {
            break;
        }
    }
    if clashes.is_empty() {
        return vec![];
    }
    let more = match clashes.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    clashes.truncate(LISTED);
    let text = "inputs of one name, but for the extension, keep it in the names of their results";
    vec![format!("{text}: {}{more}", clashes.join(", "))]
}

/// The name of the results with the extension of the file.
fn with_extension(file: &InputFile) -> PathBuf {
    let mut name: OsString = file.stem.with_file_name("").into_os_string();
    name.push(file.path.file_name().unwrap_or_default());
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(paths: &[&str]) -> (Vec<Result<String, String>>, Vec<String>) {
        let mut files: Vec<Result<InputFile, Failed>> = paths
            .iter()
            .map(|path| {
                let path = Path::new(path);
                Ok(input_file(path, path.parent().unwrap()))
            })
            .collect();
        let notes = settle(&mut files);
        let names = files.into_iter().map(|file| match file {
            Ok(file) => Ok(file.stem.display().to_string()),
            Err(failed) => Err(failed.error.to_string()),
        });
        (names.collect(), notes)
    }

    #[test]
    fn a_clash_keeps_the_extension() {
        let (names, notes) = settled(&["a.png", "b.png", "a.jpg"]);
        assert_eq!(names, [Ok("a.png".into()), Ok("b".into()), Ok("a.jpg".into())]);
        assert!(notes[0].ends_with(": a.png.*, a.jpg.*"), "{notes:?}");
        let (names, _) = settled(&["a.png", "a.jpg", "a.png.jpg"]);
        assert_eq!(names, [Ok("a.png".into()), Ok("a.jpg".into()), Ok("a.png.jpg".into())]);
        let (names, notes) = settled(&["a", "a.png"]);
        assert_eq!(names, [Ok("a".into()), Ok("a.png".into())]);
        assert_eq!(notes.len(), 1);
        assert!(settled(&["a.png", "b.png"]).1.is_empty());
    }

    #[test]
    fn what_would_write_the_same_file_fails() {
        let (names, _) = settled(&["x/1.png", "y/1.png", "./x/1.png", "z/1.jpg"]);
        assert_eq!(names[0], Ok("1.png".into()));
        assert!(names[1].as_ref().unwrap_err().contains("as those of x/1.png"), "{names:?}");
        assert_eq!(names[3], Ok("1.jpg".into()));
        let (names, _) = settled(&["a.png", "./a.png"]);
        assert_eq!(names[0], Ok("a".into()));
        assert!(names[1].as_ref().unwrap_err().contains("more than once"), "{names:?}");
    }

    #[test]
    fn results_stay_inside_the_output_folder() {
        let stem = |path: &str, root: &str| input_file(Path::new(path), Path::new(root)).stem;
        assert_eq!(stem("photos/../../secret.png", "photos"), Path::new("secret"));
        assert_eq!(stem("./photos/a.png", ""), Path::new("photos/a"));
        assert_eq!(stem("data/t.csv:3", "data"), Path::new("t.3"));
    }
}
