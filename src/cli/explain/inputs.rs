//! From the operands to a list of files: folders, glob patterns, and lists of paths on standard input.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};

/// What a folder is searched for; tensors too.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "npy"];

/// How the names of our own results end: an output folder may be an input folder.
const RESULTS: [&str; 3] = [".overlay.png", ".heatmap.png", ".relevance.npy"];

/// A file to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its results, without suffix: its path below the folder that was given, without extension.
    pub stem: PathBuf,
}

/// What the operands stand for, in their order.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Files, and what could not be turned into files.
    pub files: Vec<Result<InputFile, Failed>>,
    /// What should be said about them.
    pub notes: Vec<String>,
}

/// An input that cannot be explained.
#[derive(Debug)]
pub struct Failed {
    /// What was given.
    pub input: String,
    /// Why not.
    pub error: Error,
}

impl Inputs {
    /// Expands the operands: files, folders, glob patterns, and `-` for a list on standard input.
    ///
    /// # Errors
    /// When standard input cannot be read, or two inputs would have results of the same name.
    pub fn expand(operands: &[PathBuf]) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        for operand in operands {
            if operand.as_os_str() == "-" {
                for path in paths_on_standard_input()? {
                    inputs.add(&path);
                }
            } else {
                inputs.add(operand);
            }
        }
        refuse_equal_names(&inputs.files)?;
        Ok(inputs)
    }

    fn add(&mut self, operand: &Path) {
        if let Err(error) = self.try_add(operand) {
            let input = operand.display().to_string();
            self.files.push(Err(Failed { input, error }));
        }
    }

    fn try_add(&mut self, operand: &Path) -> Result<()> {
        if operand.is_dir() {
            return self.add_folder(operand);
        }
        let pattern = operand.to_str().filter(|text| text.contains(['*', '?', '[']));
        if let Some(pattern) = pattern.filter(|_| fs::symlink_metadata(operand).is_err()) {
            return self.add_pattern(pattern);
        }
        ensure!(operand.exists(), "there is no file {}", operand.display());
        let root = operand.parent().unwrap_or(Path::new(""));
        self.files.push(Ok(input_file(operand, root)));
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let mut found = vec![];
        walk(folder, &mut found)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let (results, found): (Vec<PathBuf>, Vec<PathBuf>) =
            found.into_iter().partition(|path| is_result(path));
        if !results.is_empty() {
            self.notes.push(format!(
                "{} files in {} are left out, because they are results of onnxplain ({})",
                results.len(),
                folder.display(),
                RESULTS.map(|suffix| format!("*{suffix}")).join(", ")
            ));
        }
        ensure!(
            !found.is_empty(),
            "the folder {} holds no pictures and no .npy tensors",
            folder.display()
        );
        self.files.extend(found.iter().map(|path| Ok(input_file(path, folder))));
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<()> {
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            ..glob::MatchOptions::default()
        };
        let found = glob::glob_with(pattern, options)
            .with_context(|| format!("the pattern {pattern} is invalid"))?;
        let found: Vec<PathBuf> =
            found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        ensure!(!found.is_empty(), "no file matches {pattern}");
        let root = literal_part(pattern);
        self.files.extend(found.iter().map(|path| Ok(input_file(path, &root))));
        Ok(())
    }
}

/// All pictures and tensors below a folder, sorted by path; hidden files and linked folders are left out.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, found).with_context(|| path.display().to_string())?;
        } else if is_input(&path) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn is_input(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn is_result(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| RESULTS.iter().any(|suffix| name.ends_with(suffix)))
}

/// The folders of a pattern before its first wildcard.
fn literal_part(pattern: &str) -> PathBuf {
    let folder = Path::new(pattern).parent().unwrap_or(Path::new(""));
    let is_literal =
        |part: &Component| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    folder.components().take_while(is_literal).collect()
}

fn input_file(path: &Path, root: &Path) -> InputFile {
    let relative = path.strip_prefix(root).unwrap_or(path);
    // `a/../b.png` must not lead out of the output folder.
    let stays_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = path.file_name().map(Path::new).unwrap_or(path);
    let relative = if stays_inside { relative } else { name };
    InputFile { path: path.to_path_buf(), stem: relative.with_extension("") }
}

fn paths_on_standard_input() -> Result<Vec<PathBuf>> {
    let lines = std::io::stdin().lock().lines();
    let lines = lines.collect::<Result<Vec<String>, _>>();
    let lines = lines.context("cannot read the list of inputs on standard input")?;
    let paths: Vec<PathBuf> =
        lines.iter().filter(|line| !line.is_empty()).map(PathBuf::from).collect();
    ensure!(!paths.is_empty(), "the list of inputs on standard input is empty");
    Ok(paths)
}

/// Two inputs that would write the same file are an error before any work.
fn refuse_equal_names(files: &[Result<InputFile, Failed>]) -> Result<()> {
    let mut first: BTreeMap<&Path, &Path> = BTreeMap::new();
    for file in files.iter().flatten() {
        if let Some(other) = first.insert(&file.stem, &file.path) {
            bail!(
                "{} and {} would both write {}.*: explain them in two runs with different --output, or give the \
                 folder above them, whose structure is kept",
                other.display(),
                file.path.display(),
                file.stem.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(operands: &[PathBuf]) -> Vec<String> {
        let inputs = Inputs::expand(operands).unwrap();
        inputs.files.iter().flatten().map(|file| file.stem.display().to_string()).collect()
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn folders_are_searched_in_order() {
        let files = [
            "b.PNG",
            "a.npy",
            "sub/c.jpg",
            ".hidden.png",
            ".git/d.png",
            "notes.txt",
            "b.overlay.png",
        ];
        let folder = folder(&files);
        assert_eq!(stems(&[folder.path().into()]), ["a", "b", "sub/c"]);
        let inputs = Inputs::expand(&[folder.path().into()]).unwrap();
        assert!(inputs.notes[0].starts_with("1 files in "), "{:?}", inputs.notes);
        assert_eq!(stems(&[folder.path().join("sub/c.jpg")]), ["c"]);
    }

    #[test]
    fn patterns_keep_the_folders_behind_the_wildcard() {
        let folder = folder(&["x/1.png", "x/y/2.png", "x/y/3.txt"]);
        assert_eq!(stems(&[folder.path().join("x/**/*.png")]), ["1", "y/2"]);
        let nothing = Inputs::expand(&[folder.path().join("*.gif")]).unwrap();
        let failed = nothing.files[0].as_ref().unwrap_err();
        assert!(failed.error.to_string().starts_with("no file matches"));
    }

    #[test]
    fn equal_names_are_refused() {
        let folder = folder(&["x/1.png", "y/1.jpg"]);
        let operands = [folder.path().join("x/1.png"), folder.path().join("y/1.jpg")];
        let error = Inputs::expand(&operands).unwrap_err().to_string();
        assert!(error.contains("would both write 1.*"), "{error}");
        assert_eq!(stems(&[folder.path().into()]), ["x/1", "y/1"]);
    }

    #[test]
    fn results_stay_inside_the_output_folder() {
        let file = input_file(Path::new("photos/../../secret.png"), Path::new("photos"));
        assert_eq!(file.stem, Path::new("secret"));
    }
}
