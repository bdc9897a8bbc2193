//! What is found in a folder: pictures and tensors. Hidden files, our own results and other files are left out, and named.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use glob::{MatchOptions, Pattern};

use onnxplain::io::{is_array_file, is_own};
use onnxplain::picture::{Content, content_of};

use super::entry::{Failed, LeftOut};

/// What is taken for an input by its name; of other files the content decides. Tables (.csv) are taken only where
/// `--include` or a pattern asks for them: beside pictures they are mostly about these.
const EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "npy", "npz", "wav", "wave"];

/// How the names of our own results end: an output folder may be an input folder.
const RESULTS: [&str; 8] = [
    ".figure.png",
    ".overlay.png",
    ".overlay.jpg",
    ".overlay.webp",
    ".heatmap.png",
    ".relevance.npy",
    ".thumbnail.jpg",
    ".thumbnail.png",
];

/// Why hidden files are left out.
const HIDDEN: &str = "hidden: its name begins with a dot";

/// Why files are left out that are called as our results are. Only the name says so: nothing is read.
const NAMED_AS_RESULT: &str =
    "its name is that of a result of onnxplain; to explain it, give the file itself";

/// Why reports are left out, which hold our mark.
const RESULT: &str = "a result of onnxplain";

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

    /// Whether `--include` asks for a file of numbers: a table beside pictures is mostly about them, and no input.
    fn asks_for(&self, path: &Path) -> bool {
        is_array_file(path) && self.include.iter().any(|pattern| matches(pattern, path))
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
    /// What can be explained, and what cannot be read, sorted by path.
    pub files: Vec<Result<PathBuf, Failed>>,
    /// What was left out, though the filter accepts it.
    pub left_out: Vec<LeftOut>,
}

/// All pictures and tensors below a folder that the filter accepts; hidden files and folders are left out, and links to
/// folders are not followed. A folder that cannot be read is one of the failures, and the others are searched all the same.
pub fn search(folder: &Path, filter: &Filter) -> Found {
    let mut found = Found::default();
    found.walk(folder, folder, filter);
    found
}

/// The same of files that were found in another way.
pub fn sort_out(files: Vec<Result<PathBuf, Failed>>) -> Found {
    let mut found = Found::default();
    for file in files {
        match file {
            Ok(path) => found.add(path, true),
            Err(failed) => found.files.push(Err(failed)),
        }
    }
    found
}

/// The entries of a folder, sorted by name.
///
/// # Errors
/// Names the folder that cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Failed> {
    let read = || fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>();
    let mut entries = read().map_err(|error| Failed {
        input: folder.display().to_string(),
        error: Error::new(error).context(format!("cannot read the folder {}", folder.display())),
    })?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Whether the name of an entry begins with a dot.
pub fn is_hidden(entry: &fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

impl Found {
    fn walk(&mut self, root: &Path, folder: &Path, filter: &Filter) {
        let entries = match entries(folder) {
            Ok(entries) => entries,
            Err(failed) => return self.files.push(Err(failed)),
        };
        for entry in entries {
            let path = entry.path();
            if is_hidden(&entry) {
                // A hidden folder is one entry: what is in it (.git) is nobody's input.
                if filter.accepts(path.strip_prefix(root).unwrap_or(&path)) {
                    self.leave_out(&path, HIDDEN);
                }
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.walk(root, &path, filter);
            } else if filter.accepts(path.strip_prefix(root).unwrap_or(&path)) {
                let is_asked_for = filter.asks_for(&path);
                self.add(path, is_asked_for);
            }
        }
    }

    /// Adds a file; a table only where it is asked for.
    fn add(&mut self, path: PathBuf, is_asked_for: bool) {
        match Taken::of(&path, is_asked_for) {
            Taken::Input => self.files.push(Ok(path)),
            Taken::No(reason) => self.leave_out(&path, reason),
        }
    }

    fn leave_out(&mut self, path: &Path, reason: &'static str) {
        self.left_out.push(LeftOut { input: path.display().to_string(), reason });
    }
}

/// What a file of a folder is taken for.
enum Taken {
    Input,
    /// Nothing, for this reason.
    No(&'static str),
}

impl Taken {
    fn of(path: &Path, is_asked_for: bool) -> Taken {
        if path.is_dir() {
            return Taken::No("links to folders are not followed");
        }
        if !path.exists() {
            return Taken::No("the link leads nowhere");
        }
        if !path.is_file() {
            return Taken::No("neither a file nor a folder");
        }
        if is_result(path) {
            return Taken::No(NAMED_AS_RESULT);
        }
        if is_input(path) || is_asked_for && is_array_file(path) {
            return Taken::Input;
        }
        match content_of(path) {
            // What cannot be read, or not yet, is an input that fails: somebody wanted it explained.
            Err(_) | Ok(Content::Picture | Content::OtherPicture(_)) => Taken::Input,
            Ok(Content::Unknown) if !is_empty(path) && is_own(path) => Taken::No(RESULT),
            Ok(Content::Unknown) => Taken::No("no picture and no tensor"),
        }
    }
}

fn is_input(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() == 0)
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

    #[test]
    fn the_content_decides_where_the_name_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let mut png = std::io::Cursor::new(vec![]);
        image::RgbImage::new(2, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
        write("a.jfif", png.get_ref());
        write("b", png.get_ref());
        write("c.txt", b"just words");
        write("d.heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1");
        write("e.json", br#"{ "tool": "onnxplain", "version": "0.1.0" }"#);
        write("f.heatmap.png", png.get_ref());
        write(".g.png", png.get_ref());
        fs::create_dir(folder.path().join(".h")).unwrap();
        write(".h/i.png", png.get_ref());
        let Found { files, left_out } = search(folder.path(), &Filter::default());
        let names: Vec<_> = files
            .iter()
            .map(|path| path.as_ref().unwrap().file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.jfif", "b", "d.heic"]);
        let name = |path: &str| Path::new(path).file_name().unwrap().to_str().unwrap().to_string();
        let left_out: Vec<_> = left_out.iter().map(|it| (name(&it.input), it.reason)).collect();
        let expected = [
            (".g.png", HIDDEN),
            (".h", HIDDEN),
            ("c.txt", "no picture and no tensor"),
            ("e.json", RESULT),
            ("f.heatmap.png", NAMED_AS_RESULT),
        ];
        assert_eq!(left_out, expected.map(|(name, reason)| (name.to_string(), reason)));
    }
}
