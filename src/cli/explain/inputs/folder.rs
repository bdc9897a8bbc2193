//! What is found in a folder: pictures and tensors, without hidden files and our own results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use glob::{MatchOptions, Pattern};

/// What a folder is searched for; tensors too.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "npy"];

/// How the names of our own results end: an output folder may be an input folder.
pub const RESULTS: [&str; 5] =
    [".overlay.png", ".heatmap.png", ".relevance.npy", ".thumbnail.jpg", ".thumbnail.png"];

/// How wildcards match: `*` stays in its folder, `**` does not, and hidden files must be named.
pub const WILDCARDS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// `--include` and `--exclude`.
#[derive(Debug, Default)]
pub struct Filter {
    pub include: Vec<Pattern>,
    pub exclude: Vec<Pattern>,
}

impl Filter {
    /// Whether a file of a folder is wanted; the path is that below the folder.
    fn accepts(&self, path: &Path) -> bool {
        let is_included = self.include.is_empty() || self.include.iter().any(|p| matches(p, path));
        is_included && !self.exclude.iter().any(|pattern| matches(pattern, path))
    }

    /// Whether it accepts everything.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}

/// A pattern without a slash is about the name of the file, one with a slash about its path below the folder.
fn matches(pattern: &Pattern, path: &Path) -> bool {
    if pattern.as_str().contains('/') {
        return pattern.matches_path_with(path, WILDCARDS);
    }
    path.file_name().is_some_and(|name| pattern.matches_path_with(Path::new(name), WILDCARDS))
}

/// The files of a folder.
#[derive(Debug, Default)]
pub struct Found {
    /// What can be explained, sorted by path.
    pub files: Vec<PathBuf>,
    /// How many results of onnxplain were left out.
    pub results: usize,
}

/// All pictures and tensors below a folder that the filter accepts; hidden files and linked folders are left out.
///
/// # Errors
/// Names the folder that cannot be read.
pub fn search(folder: &Path, filter: &Filter) -> Result<Found> {
    let mut found = Found::default();
    walk(folder, folder, filter, &mut found)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    Ok(found)
}

fn walk(root: &Path, folder: &Path, filter: &Filter, found: &mut Found) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(root, &path, filter, found).with_context(|| path.display().to_string())?;
        } else if is_input(&path) && path.is_file() {
            if is_result(&path) {
                found.results += 1;
            } else if filter.accepts(path.strip_prefix(root).unwrap_or(&path)) {
                found.files.push(path);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_about_names_or_paths() {
        let filter = |include: &[&str], exclude: &[&str]| Filter {
            include: include.iter().map(|text| Pattern::new(text).unwrap()).collect(),
            exclude: exclude.iter().map(|text| Pattern::new(text).unwrap()).collect(),
        };
        let accepted = |filter: Filter| {
            ["a.png", "b.jpg", "cat/a.jpg", "cat/small/c.jpg"]
                .into_iter()
                .filter(|path| filter.accepts(Path::new(path)))
                .collect::<Vec<_>>()
        };
        assert_eq!(accepted(filter(&["*.jpg"], &[])), ["b.jpg", "cat/a.jpg", "cat/small/c.jpg"]);
        assert_eq!(accepted(filter(&["cat/*"], &[])), ["cat/a.jpg"]);
        assert_eq!(accepted(filter(&["cat/**"], &["**/small/**"])), ["cat/a.jpg"]);
        assert_eq!(accepted(filter(&["a.*", "b.*"], &["*.png"])), ["b.jpg", "cat/a.jpg"]);
        assert_eq!(accepted(filter(&[], &[])).len(), 4);
    }
}
