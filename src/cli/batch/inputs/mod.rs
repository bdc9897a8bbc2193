//! From the operands to a list of files: files, folders, glob patterns, and lists of paths.

mod entry;
mod folder;
mod list;
mod names;
mod pattern;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;
use glob::Pattern;

use onnxplain::io::file_of;

use self::folder::{Filter, Found};
use self::list::Separator;
use super::shard::Shard;

pub use self::entry::{Failed, InputFile, LeftOut};
pub use self::names::place;

/// Where inputs come from, besides the operands.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Inputs")]
pub struct InputOptions {
    /// Read a list of inputs, one path a line; - for standard input
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,
    /// The paths of lists end with NUL instead of a newline (find -print0)
    #[arg(short = '0', long)]
    null: bool,
    /// Results are named by the path of their input below this folder [default: the folder or pattern that is given;
    /// for lists the current folder; for a single file only its name counts]
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Take only these files of folders: a pattern for the name, or with a slash for the path below the folder
    #[arg(long, value_name = "GLOB")]
    include: Vec<Pattern>,
    /// Leave out these files of folders
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Pattern>,
    /// Explain only part I of N, chosen by the path: for job arrays
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

/// How many files that were left out for one reason are named on the terminal.
const LISTED: usize = 5;

impl InputOptions {
    /// The same for all shards together.
    pub fn of_all_shards(&self) -> InputOptions {
        InputOptions { shard: None, ..self.clone() }
    }
}

/// What the operands stand for, in their order.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Files, and what could not be turned into files.
    pub files: Vec<Result<InputFile, Failed>>,
    /// Files of folders that are no inputs.
    pub left_out: Vec<LeftOut>,
    /// What should be said about them.
    pub notes: Vec<String>,
    /// Whether more than one file was asked for, so that there is a report of all.
    pub is_batch: bool,
}

impl InputOptions {
    /// Whether there is a list of inputs.
    pub fn has_list(&self) -> bool {
        self.files_from.is_some()
    }
}

impl Inputs {
    /// One input of several files, whose results are called after the first.
    pub fn named(first: &Path) -> Inputs {
        let file = names::input_file(first, first.parent().unwrap_or(Path::new("")));
        Inputs { files: vec![Ok(file)], ..Inputs::default() }
    }

    /// Expands the operands: files, folders, glob patterns, and lists; keeps those of the shard.
    ///
    /// # Errors
    /// When a list cannot be read, or `--base` is no folder.
    pub fn expand(operands: &[PathBuf], options: &InputOptions) -> Result<Inputs> {
        if let Some(base) = &options.base {
            ensure!(base.is_dir(), "--base {} is no folder", base.display());
        }
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
        // Shards go by names that do not change where another file of the name is added.
        let names: Vec<PathBuf> = inputs.files.iter().map(shard_name).collect();
        inputs.notes.extend(names::settle(&mut inputs.files));
        if let Some(shard) = options.shard {
            inputs.keep(shard, &names);
        }
        inputs.is_batch |= operands.len() > 1 || options.shard.is_some();
        Ok(inputs)
    }

    fn keep(&mut self, shard: Shard, names: &[PathBuf]) {
        let all = self.files.len();
        let mut names = names.iter();
        self.files.retain(|_| names.next().is_some_and(|name| shard.contains(name)));
        self.left_out.retain(|left_out| shard.contains(Path::new(&left_out.input)));
        self.notes.push(format!("shard {shard}: {} of {all} inputs", self.files.len()));
    }

    /// What is said about files that were left out: their number, and some of their names for each reason.
    pub fn about_left_out(&self) -> Option<String> {
        let mut by_reason: Vec<(&str, Vec<&str>)> = vec![];
        for LeftOut { input, reason } in &self.left_out {
            match by_reason.iter_mut().find(|(known, _)| known == reason) {
                Some((_, names)) => names.push(input),
                None => by_reason.push((reason, vec![input])),
            }
        }
        let told = by_reason.iter().map(|(reason, names)| {
            let more = match names.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(" and {more} more, which the report names"),
            };
            let listed: Vec<&str> = names.iter().take(LISTED).copied().collect();
            format!("{}{more} ({reason})", listed.join(", "))
        });
        let count = self.left_out.len();
        let (noun, verb) = if count == 1 { ("file", "is") } else { ("files", "are") };
        let told: Vec<String> = told.collect();
        (count > 0).then(|| format!("{count} {noun} {verb} left out: {}", told.join("; ")))
    }
}

/// What decides which shard an input belongs to. What failed is told by one process only.
fn shard_name(file: &Result<InputFile, Failed>) -> PathBuf {
    match file {
        Ok(file) => file.stem.clone(),
        Err(failed) => PathBuf::from(&failed.input),
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
        ensure!(file_of(operand).exists(), "there is no file {}", operand.display());
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
        self.add_sorted_out(folder::search(folder, &self.filter), folder)
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<()> {
        self.inputs.is_batch = true;
        let found = pattern::expand(pattern)?;
        ensure!(!found.is_empty(), "no file matches {pattern}");
        let root = pattern::literal_part(pattern);
        // `photos/**` means the folders, not every file in them.
        if Path::new(pattern).ends_with("**") {
            return self.add_sorted_out(folder::sort_out(found), &root);
        }
        self.add_found(found, &root);
        Ok(())
    }

    fn add_sorted_out(&mut self, found: Found, folder: &Path) -> Result<()> {
        self.inputs.left_out.extend(found.left_out);
        ensure!(
            !found.files.is_empty(),
            "the folder {} holds no pictures and no arrays{}",
            folder.display(),
            if self.filter.is_empty() { "" } else { " that --include and --exclude leave" }
        );
        self.add_found(found.files, folder);
        Ok(())
    }

    fn add_found(&mut self, found: Vec<Result<PathBuf, Failed>>, root: &Path) {
        for path in found {
            let file = path.and_then(|path| {
                let failed = |error| Failed { input: path.display().to_string(), error };
                self.input_file(&path, root).map_err(failed)
            });
            self.inputs.files.push(file);
        }
    }

    /// A file whose results are named below `--base`, or else below `root`.
    fn input_file(&self, path: &Path, root: &Path) -> Result<InputFile> {
        let Some(base) = self.base else {
            return Ok(names::input_file(path, root));
        };
        // Places are compared, not their spellings: `./photos`, `photos/../photos` and links to it are one folder.
        let (real_base, real_path) = (base.canonicalize(), names::place(path));
        let real_base = real_base.as_deref().unwrap_or(base);
        ensure!(
            real_path.starts_with(real_base),
            "{} is not below the --base {}",
            path.display(),
            base.display()
        );
        let file = names::input_file(&real_path, real_base);
        Ok(InputFile { path: path.to_path_buf(), ..file })
    }
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
        assert!(inputs.left_out.len() == 4 && inputs.is_batch, "{inputs:?}");
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
    fn a_base_is_a_place() {
        let folder = folder(&["x/1.png", "y/1.jpg"]);
        let operands = [folder.path().join("x/1.png"), folder.path().join("y/1.jpg")];
        assert_eq!(stems(&operands, &plain()), ["1.png", "1.jpg"]);
        assert_eq!(stems(&[folder.path().into()], &plain()), ["x/1", "y/1"]);
        for base in ["", "x/..", "./"] {
            let based = InputOptions { base: Some(folder.path().join(base)), ..plain() };
            assert_eq!(stems(&operands, &based), ["x/1", "y/1"], "{base}");
            assert_eq!(stems(&[folder.path().join("x")], &based), ["x/1"], "{base}");
            assert_eq!(stems(&[folder.path().join("x/*")], &based), ["x/1"], "{base}");
        }
        let elsewhere = InputOptions { base: Some(folder.path().join("y")), ..plain() };
        let inputs = Inputs::expand(&operands, &elsewhere).unwrap();
        let error = inputs.files[0].as_ref().unwrap_err().error.to_string();
        assert!(error.contains("is not below the --base "), "{error}");
        assert_eq!(inputs.files[1].as_ref().unwrap().stem, Path::new("1"));
        let nowhere = InputOptions { base: Some("/nowhere".into()), ..plain() };
        let error = Inputs::expand(&operands, &nowhere).unwrap_err().to_string();
        assert_eq!(error, "--base /nowhere is no folder");
    }

    #[test]
    fn what_is_left_out_is_told() {
        let told = |files: &[&str]| {
            let folder = folder(files);
            let inputs = Inputs::expand(&[folder.path().into()], &plain()).unwrap();
            inputs.about_left_out()
        };
        assert_eq!(told(&["a.png"]), None);
        let text = told(&["a.png", "notes.txt"]).unwrap();
        assert!(text.starts_with("1 file is left out: ") && text.contains("notes.txt (no picture"));
        // Many of one kind do not hide the others.
        let hidden = [".1", ".2", ".3", ".4", ".5", ".6"];
        let text = told(&[&hidden[..], &["a.png", "notes.txt"]].concat()).unwrap();
        assert!(
            text.starts_with("7 files are left out: ") && text.contains("and 1 more"),
            "{text}"
        );
        assert!(text.contains("begins with a dot); ") && text.contains("notes.txt (no"), "{text}");
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
}
