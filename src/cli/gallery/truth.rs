//! `--truth`: the true class of every input, from a folder of its path or from a table.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

/// Where true classes come from.
#[derive(Clone, Debug)]
pub enum Truth {
    /// The name of the folder so many levels above the file.
    Folder(usize),
    /// A table.
    Table(HashMap<String, String>),
}

impl FromStr for Truth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Truth> {
        if text == "folder" {
            return Ok(Truth::Folder(1));
        }
        if let Some(level) = text.strip_prefix("folder:") {
            let level = level.parse().ok().filter(|level| *level > 0);
            let wrong = || {
                format!(
                    "`{text}` is no level: folder:1 is the folder of the file, folder:2 the one above"
                )
            };
            return Ok(Truth::Folder(level.with_context(wrong)?));
        }
        let table = fs::read_to_string(text).with_context(|| {
            format!("cannot read {text}: give folder, folder:2, or a file of lines PATH,CLASS")
        })?;
        let rows = table.lines().filter(|line| !line.trim().is_empty()).enumerate();
        let rows = rows.map(|(index, line)| {
            let (path, rest) = field(line);
            let class = rest.map(|rest| field(rest).0).filter(|class| !class.is_empty());
            let missing = || format!("line {} of {text} has no class: write PATH,CLASS", index + 1);
            Ok((path, class.with_context(missing)?))
        });
        let rows = rows.collect::<Result<HashMap<_, _>>>()?;
        ensure!(!rows.is_empty(), "{text} is empty");
        Ok(Truth::Table(rows))
    }
}

impl Truth {
    /// The true class of an input, where it is known.
    pub fn of(&self, input: &str) -> Option<String> {
        let path = Path::new(input);
        match self {
            Truth::Folder(level) => {
                let folder = path.ancestors().nth(*level)?.file_name()?;
                Some(folder.to_string_lossy().into_owned())
            }
            // The longest part of the path that the table has.
            Truth::Table(rows) => {
                let parts: Vec<_> = path.iter().collect();
                let tails = (0..parts.len()).map(|begin| {
                    let tail: std::path::PathBuf = parts[begin..].iter().collect();
                    tail.to_string_lossy().into_owned()
                });
                tails.into_iter().find_map(|tail| rows.get(&tail).cloned())
            }
        }
    }
}

/// The first field of a line of comma-separated values, and what follows its comma.
fn field(line: &str) -> (String, Option<&str>) {
    let line = line.trim();
    let Some(quoted) = line.strip_prefix('"') else {
        return match line.split_once(',') {
            Some((field, rest)) => (field.trim().to_string(), Some(rest)),
            None => (line.to_string(), None),
        };
    };
    // Inside quotation marks, two stand for one.
    let mut field_text = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        if character != '"' {
            field_text.push(character);
        } else if characters.next_if(|(_, next)| *next == '"').is_some() {
            field_text.push('"');
        } else {
            let rest = quoted[index + 1..].trim_start().strip_prefix(',');
            return (field_text, rest);
        }
    }
    (field_text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_counted_from_the_file() {
        let of = |truth: &str| truth.parse::<Truth>().unwrap().of("photos/cats/day/1.png");
        assert_eq!(of("folder").as_deref(), Some("day"));
        assert_eq!(of("folder:2").as_deref(), Some("cats"));
        assert_eq!(of("folder:9"), None);
        for wrong in ["folder:0", "folder:x", "/no/such/file.csv"] {
            assert!(wrong.parse::<Truth>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables_have_paths_or_the_ends_of_paths() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truth.csv");
        let text =
            "file,class\na.png,cat\nx/a.png,\"tabby, tabby cat\"\n\"b \"\"c\"\".png\", dog\n";
        fs::write(&path, text).unwrap();
        let truth: Truth = path.to_str().unwrap().parse().unwrap();
        assert_eq!(truth.of("photos/a.png").as_deref(), Some("cat"));
        assert_eq!(truth.of("/photos/x/a.png").as_deref(), Some("tabby, tabby cat"));
        assert_eq!(truth.of("b \"c\".png").as_deref(), Some("dog"));
        assert_eq!(truth.of("photos/other.png"), None);
        fs::write(&path, "a.png\n").unwrap();
        let error = path.to_str().unwrap().parse::<Truth>().unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
