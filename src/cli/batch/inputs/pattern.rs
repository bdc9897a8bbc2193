//! The files that a glob pattern matches.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use glob::Pattern;

use super::entry::Failed;
use super::folder::{WILDCARDS, entries, is_hidden};

/// The files that match, sorted by path, and the folders that cannot be read.
///
/// `**` stands for any number of folders, but follows no links to folders, which may lead in a circle; a link that a
/// pattern names, or matches with `*`, is followed.
///
/// # Errors
/// When the pattern is none.
pub fn expand(pattern: &str) -> Result<Vec<Result<PathBuf, Failed>>> {
    let root = literal_part(pattern);
    let rest = Path::new(pattern).strip_prefix(&root).unwrap_or(Path::new(pattern));
    let parts = rest.components().map(|part| Part::of(part.as_os_str()));
    let mut parts = parts.collect::<Result<Vec<_>>>()?;
    parts.dedup_by(|a, b| matches!((a, b), (Part::AnyFolders, Part::AnyFolders)));
    // `photos/**` means all files below.
    if matches!(parts.last(), Some(Part::AnyFolders)) {
        parts.push(Part::Wild(Pattern::new("*")?));
    }
    let mut matches = Matches::default();
    matches.walk(&root, &parts);
    let files = matches.files.into_iter().map(Ok);
    Ok(files.chain(matches.unreadable.into_iter().map(Err)).collect())
}

/// The folders of a pattern before its first wildcard.
pub fn literal_part(pattern: &str) -> PathBuf {
    let folder = Path::new(pattern).parent().unwrap_or(Path::new(""));
    let is_literal = |part: &Component| !part.as_os_str().to_string_lossy().contains(WILD);
    folder.components().take_while(is_literal).collect()
}

const WILD: [char; 3] = ['*', '?', '['];

/// A part of a pattern, between slashes.
enum Part {
    /// `**`
    AnyFolders,
    Wild(Pattern),
    Literal(PathBuf),
}

impl Part {
    fn of(text: &OsStr) -> Result<Part> {
        let name = text.to_string_lossy();
        Ok(match &*name {
            "**" => Part::AnyFolders,
            name if name.contains(WILD) => {
                let pattern = Pattern::new(name);
                Part::Wild(pattern.with_context(|| format!("the pattern {name} is invalid"))?)
            }
            _ => Part::Literal(text.into()),
        })
    }
}

#[derive(Default)]
struct Matches {
    files: BTreeSet<PathBuf>,
    unreadable: Vec<Failed>,
}

impl Matches {
    fn walk(&mut self, folder: &Path, parts: &[Part]) {
        let Some((part, rest)) = parts.split_first() else {
            if folder.is_file() {
                self.files.insert(folder.to_path_buf());
            }
            return;
        };
        match part {
            Part::Literal(name) => self.walk(&folder.join(name), rest),
            Part::Wild(pattern) => self.each(folder, |matches, entry| {
                let name = entry.file_name();
                if pattern.matches_path_with(Path::new(&name), WILDCARDS) {
                    matches.walk(&folder.join(&name), rest);
                }
            }),
            Part::AnyFolders => {
                self.walk(folder, rest);
                self.each(folder, |matches, entry| {
                    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if is_folder && !is_hidden(entry) {
                        matches.walk(&folder.join(entry.file_name()), parts);
                    }
                });
            }
        }
    }

    fn each(&mut self, folder: &Path, mut visit: impl FnMut(&mut Matches, &std::fs::DirEntry)) {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if !here.is_dir() {
            return;
        }
        match entries(here) {
            Ok(entries) => entries.iter().for_each(|entry| visit(self, entry)),
            Err(failed) if self.unreadable.iter().any(|known| known.input == failed.input) => {}
            Err(failed) => self.unreadable.push(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn matched(folder: &Path, pattern: &str) -> Vec<String> {
        let found = expand(&format!("{}/{pattern}", folder.display())).unwrap();
        let below = |path: PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        found.into_iter().map(|path| below(path.unwrap())).collect()
    }

    #[test]
    fn wildcards_stay_in_a_folder_and_two_stars_do_not() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["1.png", "x/2.png", "x/y/3.png", "x/y/.hidden.png", "x/y/4.txt"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let matched = |pattern| matched(folder.path(), pattern);
        assert_eq!(matched("*.png"), ["1.png"]);
        assert_eq!(matched("*/*.png"), ["x/2.png"]);
        assert_eq!(matched("**/*.png"), ["1.png", "x/2.png", "x/y/3.png"]);
        assert_eq!(matched("**/**/[34].*"), ["x/y/3.png", "x/y/4.txt"]);
        assert_eq!(matched("x/**"), ["x/2.png", "x/y/3.png", "x/y/4.txt"]);
        assert_eq!(matched("**/y/*.png"), ["x/y/3.png"]);
        assert_eq!(matched("x/y/.*"), ["x/y/.hidden.png"]);
        assert_eq!(matched("x/../*.png"), ["x/../1.png"]);
        assert!(expand("a/[").unwrap_err().to_string().contains("the pattern [ is invalid"));
    }

    #[cfg(unix)]
    #[test]
    fn two_stars_follow_no_linked_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("x")).unwrap();
        fs::write(folder.path().join("x/1.png"), "").unwrap();
        for name in ["loop", "again"] {
            std::os::unix::fs::symlink("..", folder.path().join("x").join(name)).unwrap();
        }
        assert_eq!(matched(folder.path(), "**/*.png"), ["x/1.png"]);
        assert_eq!(matched(folder.path(), "x/loop/*/*.png"), ["x/loop/x/1.png"]);
    }
}
