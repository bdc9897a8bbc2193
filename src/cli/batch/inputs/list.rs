//! Lists of paths: `-`, `--files-from`, `-0`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// What ends a path in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    Newline,
    /// NUL, the only byte that no path holds.
    Null,
}

/// Reads a list of paths; `-` is standard input.
///
/// # Errors
/// When it cannot be read, or names nothing.
pub fn read(list: &Path, separator: Separator) -> Result<Vec<PathBuf>> {
    let mut bytes = vec![];
    let (name, outcome) = if list.as_os_str() == "-" {
        ("on standard input".to_string(), std::io::stdin().lock().read_to_end(&mut bytes))
    } else {
        let outcome = File::open(list).and_then(|mut file| file.read_to_end(&mut bytes));
        (list.display().to_string(), outcome)
    };
    outcome.with_context(|| format!("cannot read the list of inputs {name}"))?;
    ensure!(
        separator == Separator::Null || !bytes.contains(&0),
        "the list of inputs {name} holds NUL, which no path does: give -0 if its paths end with it"
    );
    let paths = paths(&bytes, separator);
    ensure!(!paths.is_empty(), "the list of inputs {name} is empty");
    Ok(paths)
}

fn paths(bytes: &[u8], separator: Separator) -> Vec<PathBuf> {
    let end = if separator == Separator::Null { 0 } else { b'\n' };
    let entries = bytes.split(|byte| *byte == end).map(|entry| match separator {
        // Lists from Windows.
        Separator::Newline => entry.strip_suffix(b"\r").unwrap_or(entry),
        Separator::Null => entry,
    });
    entries.filter(|entry| !entry.is_empty()).map(|entry| path(entry).into()).collect()
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_with_a_newline_or_with_nul() {
        let read = |bytes: &[u8], separator| paths(bytes, separator);
        assert_eq!(
            read(b"a b.png\n\nc.png\r\nd.png", Separator::Newline),
            ["a b.png", "c.png", "d.png"].map(PathBuf::from)
        );
        assert_eq!(
            read(b"a\nb.png\0c.png\r\0", Separator::Null),
            ["a\nb.png", "c.png\r"].map(PathBuf::from)
        );
    }

    #[test]
    fn a_list_without_paths_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\n\n").unwrap();
        let error = read(file.path(), Separator::Newline).unwrap_err().to_string();
        assert!(
            error.starts_with("the list of inputs ") && error.ends_with(" is empty"),
            "{error}"
        );
        std::fs::write(file.path(), "a.png\0b.png\0").unwrap();
        let error = read(file.path(), Separator::Newline).unwrap_err().to_string();
        assert!(error.contains("give -0"), "{error}");
        assert_eq!(read(file.path(), Separator::Null).unwrap().len(), 2);
    }
}
