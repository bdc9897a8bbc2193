//! From the operands to a list of files: files, folders, glob patterns, and lists of paths.

mod folder;
mod list;

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};
use clap::Args;
use glob::Pattern;

use self::folder::{Filter, RESULTS, WILDCARDS};
use self::list::Separator;
use super::shard::Shard;

/// Where inputs come from, besides the operands.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Inputs")]
pub struct InputOptions {
    /// Read a list of inputs, one path a line; - for standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// The paths of lists end with NUL instead of a newline (find -print0)
    #[arg(short = '0', long)]
    null: bool,
    /// Name the results of files, patterns and lists by their paths below this folder [default: by the name of the
    /// file; in lists by the path, where it is relative]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Of folders, take only what matches: a pattern for the name, or with a slash for the path below the folder
    #[arg(long, value_name = "GLOB")]
    include: Vec<Pattern>,
    /// Of folders, leave out what matches
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Pattern>,
    /// Explain only part I of N, chosen by the path: for job arrays
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

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
    /// Whether more than one file was asked for, so that there is a report of all.
    pub is_batch: bool,
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
    /// Expands the operands: files, folders, glob patterns, and lists; keeps those of the shard.
    ///
    /// # Errors
    /// When a list cannot be read, or two inputs would have results of the same name.
    pub fn expand(operands: &[PathBuf], options: &InputOptions) -> Result<Inputs> {
        let mut search = Search {
            inputs: Inputs::default(),
            base: options.base.as_deref(),
            filter: Filter { include: options.include.clone(), exclude: options.exclude.clone() },
        };
        let separator = if options.null { Separator::Null } else { Separator::Newline };
        for operand in operands {
            match operand.as_os_str() == "-" {
                true => search.add_list(operand, separator)?,
                false => search.add(operand, Naming::ByName),
            }
        }
        if let Some(list) = &options.files_from {
            search.add_list(list, separator)?;
        }
        let mut inputs = search.inputs;
        refuse_equal_names(&inputs.files)?;
        if let Some(shard) = options.shard {
            inputs.keep(shard);
        }
        inputs.is_batch |= operands.len() > 1 || options.shard.is_some();
        Ok(inputs)
    }

    fn keep(&mut self, shard: Shard) {
        let all = self.files.len();
        self.files.retain(|file| match file {
            Ok(file) => shard.contains(&file.stem),
            // Told by one process only.
            Err(failed) => shard.contains(Path::new(&failed.input)),
        });
        self.notes.push(format!("shard {shard}: {} of {all} inputs", self.files.len()));
    }
}

/// What results are called after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// The name of the file alone.
    ByName,
    /// The path, where it is relative.
    ByPath,
}

struct Search<'a> {
    inputs: Inputs,
    base: Option<&'a Path>,
    filter: Filter,
}

impl Search<'_> {
    fn add_list(&mut self, list: &Path, separator: Separator) -> Result<()> {
        self.inputs.is_batch = true;
        for path in list::read(list, separator)? {
            self.add(&path, Naming::ByPath);
        }
        Ok(())
    }

    fn add(&mut self, operand: &Path, naming: Naming) {
        if let Err(error) = self.try_add(operand, naming) {
            let input = operand.display().to_string();
            self.inputs.files.push(Err(Failed { input, error }));
        }
    }

    fn try_add(&mut self, operand: &Path, naming: Naming) -> Result<()> {
        if operand.is_dir() {
            return self.add_folder(operand);
        }
        let pattern = operand.to_str().filter(|text| text.contains(['*', '?', '[']));
        if let Some(pattern) = pattern.filter(|_| fs::symlink_metadata(operand).is_err()) {
            return self.add_pattern(pattern);
        }
        ensure!(operand.exists(), "there is no file {}", operand.display());
        let root = match naming {
            Naming::ByPath if operand.is_relative() => Path::new(""),
            _ => operand.parent().unwrap_or(Path::new("")),
        };
        let file = self.input_file(operand, root)?;
        self.inputs.files.push(Ok(file));
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        self.inputs.is_batch = true;
        let found = folder::search(folder, &self.filter)?;
        if found.results > 0 {
            self.inputs.notes.push(format!(
                "{} files in {} are left out, because they are results of onnxplain ({})",
                found.results,
                folder.display(),
                RESULTS.map(|suffix| format!("*{suffix}")).join(", ")
            ));
        }
        ensure!(
            !found.files.is_empty(),
            "the folder {} holds no pictures and no .npy tensors{}",
            folder.display(),
            if self.filter.is_empty() { "" } else { " that --include and --exclude leave" }
        );
        self.inputs.files.extend(found.files.iter().map(|path| Ok(input_file(path, folder))));
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<()> {
        self.inputs.is_batch = true;
        let found = glob::glob_with(pattern, WILDCARDS)
            .with_context(|| format!("the pattern {pattern} is invalid"))?;
        let found: Vec<PathBuf> =
            found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        ensure!(!found.is_empty(), "no file matches {pattern}");
        let root = literal_part(pattern);
        for path in &found {
            let file = self.input_file(path, &root)?;
            self.inputs.files.push(Ok(file));
        }
        Ok(())
    }

    /// A file whose results are named below `--base`, or else below `root`.
    fn input_file(&self, path: &Path, root: &Path) -> Result<InputFile> {
        let Some(base) = self.base else {
            return Ok(input_file(path, root));
        };
        ensure!(
            path.starts_with(base),
            "{} is not below the --base {}",
            path.display(),
            base.display()
        );
        Ok(input_file(path, base))
    }
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
    let relative = relative.strip_prefix(".").unwrap_or(relative);
    // `a/../b.png` must not lead out of the output folder.
    let stays_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = path.file_name().map(Path::new).unwrap_or(path);
    let relative = if stays_inside { relative } else { name };
    InputFile { path: path.to_path_buf(), stem: relative.with_extension("") }
}

/// Two inputs that would write the same file are an error before any work.
fn refuse_equal_names(files: &[Result<InputFile, Failed>]) -> Result<()> {
    let mut first: HashMap<&Path, &Path> = HashMap::new();
    for file in files.iter().flatten() {
        if let Some(other) = first.insert(&file.stem, &file.path) {
            bail!(
                "{} and {} would both write {}.*: explain them in two runs with different --output, or give the \
                 folder above them, whose structure is kept (for lists and patterns with --base)",
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

    fn stems(operands: &[PathBuf], options: &InputOptions) -> Vec<String> {
        let inputs = Inputs::expand(operands, options).unwrap();
        inputs.files.iter().flatten().map(|file| file.stem.display().to_string()).collect()
    }

    fn plain() -> InputOptions {
        InputOptions::default()
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
        assert_eq!(stems(&[folder.path().into()], &plain()), ["a", "b", "sub/c"]);
        let inputs = Inputs::expand(&[folder.path().into()], &plain()).unwrap();
        assert!(inputs.notes[0].starts_with("1 files in ") && inputs.is_batch, "{inputs:?}");
        let one = Inputs::expand(&[folder.path().join("sub/c.jpg")], &plain()).unwrap();
        assert!(one.files[0].as_ref().unwrap().stem == Path::new("c") && !one.is_batch);
    }

    #[test]
    fn folders_are_filtered() {
        let folder = folder(&["a.png", "b.jpg", "small/c.png"]);
        let pattern = |text: &str| vec![Pattern::new(text).unwrap()];
        let options =
            InputOptions { include: pattern("*.png"), exclude: pattern("small/*"), ..plain() };
        assert_eq!(stems(&[folder.path().into()], &options), ["a"]);
        let options = InputOptions { include: pattern("*.gif"), ..plain() };
        let inputs = Inputs::expand(&[folder.path().into()], &options).unwrap();
        let error = inputs.files[0].as_ref().unwrap_err().error.to_string();
        assert!(error.ends_with("that --include and --exclude leave"), "{error}");
    }

    #[test]
    fn patterns_keep_the_folders_behind_the_wildcard() {
        let folder = folder(&["x/1.png", "x/y/2.png", "x/y/3.txt"]);
        assert_eq!(stems(&[folder.path().join("x/**/*.png")], &plain()), ["1", "y/2"]);
        let nothing = Inputs::expand(&[folder.path().join("*.gif")], &plain()).unwrap();
        let failed = nothing.files[0].as_ref().unwrap_err();
        assert!(failed.error.to_string().starts_with("no file matches"));
    }

    #[test]
    fn equal_names_are_refused() {
        let folder = folder(&["x/1.png", "y/1.jpg"]);
        let operands = [folder.path().join("x/1.png"), folder.path().join("y/1.jpg")];
        let error = Inputs::expand(&operands, &plain()).unwrap_err().to_string();
        assert!(error.contains("would both write 1.*"), "{error}");
        assert_eq!(stems(&[folder.path().into()], &plain()), ["x/1", "y/1"]);
        let based = InputOptions { base: Some(folder.path().into()), ..plain() };
        assert_eq!(stems(&operands, &based), ["x/1", "y/1"]);
        let elsewhere = InputOptions { base: Some("/nowhere".into()), ..plain() };
        let inputs = Inputs::expand(&operands, &elsewhere).unwrap();
        let error = inputs.files[0].as_ref().unwrap_err().error.to_string();
        assert!(error.ends_with("is not below the --base /nowhere"), "{error}");
    }

    #[test]
    fn shards_are_parts_of_the_whole() {
        let names: Vec<String> = (0..20).map(|number| format!("{number}.png")).collect();
        let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let part = |shard: &str| {
            let options = InputOptions { shard: Some(shard.parse().unwrap()), ..plain() };
            stems(&[folder.path().into()], &options)
        };
        let mut both = [part("1/2"), part("2/2")].concat();
        both.sort();
        let mut all = stems(&[folder.path().into()], &plain());
        all.sort();
        assert_eq!(both, all);
    }

    #[test]
    fn results_stay_inside_the_output_folder() {
        let stem = |path: &str, root: &str| input_file(Path::new(path), Path::new(root)).stem;
        assert_eq!(stem("photos/../../secret.png", "photos"), Path::new("secret"));
        assert_eq!(stem("./photos/a.png", ""), Path::new("photos/a"));
    }
}
