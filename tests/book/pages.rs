//! The pages of the book, in the order of its summary, and what Markdown marks in them.

use std::fs;

use regex::Regex;

use crate::docs;

/// A page, as it is written.
pub struct Page {
    /// The path below `docs`.
    pub path: String,
    pub text: String,
}

/// A fenced block of code.
#[derive(Debug)]
pub struct Block {
    /// What stands behind the fence: `sh`, or `sh,norun`.
    pub info: String,
    pub text: String,
    /// The line of the page at which it begins, from 1.
    pub line: usize,
    /// The last line with text before it.
    pub before: String,
}

impl Block {
    pub fn language(&self) -> &str {
        self.info.split(',').next().unwrap_or_default()
    }

    pub fn is_run(&self) -> bool {
        !self.info.split(',').any(|word| word == "norun")
    }
}

impl Page {
    pub fn read(path: &str) -> Page {
        let text = fs::read_to_string(docs().join(path));
        Page {
            path: path.to_string(),
            text: text.unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }

    /// All fenced blocks.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = vec![];
        let mut open: Option<Block> = None;
        let mut before = String::new();
        for (number, line) in self.text.lines().enumerate() {
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(info)) => {
                    let (info, before) = (info.trim().to_string(), before.clone());
                    open = Some(Block { info, text: String::new(), line: number + 1, before });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.push_str(&format!("{line}\n")),
                (None, None) if !line.trim().is_empty() => before = line.trim().to_string(),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path);
        blocks
    }

    /// The text without fenced blocks and code in backticks.
    pub fn prose(&self) -> String {
        let mut is_code = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                prose.push_str(line);
            }
            prose.push('\n');
        }
        Regex::new("`[^`\n]*`").unwrap().replace_all(&prose, "").into_owned()
    }

    /// What links to headings end in: as mdBook and GitHub make it of the heading's text.
    pub fn anchors(&self) -> Vec<String> {
        let mut is_code = false;
        let mut anchors: Vec<String> = vec![];
        let link = Regex::new(r"\]\([^)]*\)").unwrap();
        for line in self.text.lines() {
            is_code ^= line.trim_start().starts_with("```");
            let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) else { continue };
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let heading = link.replace_all(&heading, "").into_owned();
            let letters = heading.chars().filter_map(|letter| match letter {
                letter if letter.is_alphanumeric() || matches!(letter, '_' | '-') => Some(letter),
                letter if letter.is_whitespace() => Some('-'),
                _ => None,
            });
            let anchor: String = letters.collect();
            let same = anchors.iter().filter(|other| **other == anchor).count();
            anchors.push(if same > 0 { format!("{anchor}-{same}") } else { anchor });
        }
        anchors
    }
}

/// The targets of links and pictures.
pub fn targets(prose: &str) -> Vec<String> {
    let links = Regex::new(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)").unwrap();
    links.captures_iter(prose).map(|found| found[1].to_string()).collect()
}

/// The paths that the summary lists.
pub fn listed() -> Vec<String> {
    targets(&Page::read("SUMMARY.md").text)
}

/// All pages of the book.
pub fn pages() -> Vec<Page> {
    listed().iter().map(|path| Page::read(path)).collect()
}
