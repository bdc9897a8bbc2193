//! Every page is in the summary, and every link leads to a page, a heading or a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use regex::Regex;

use crate::pages::{Page, listed, pages, targets};
use crate::{docs, repository};

/// The files below a folder whose names end in one of these.
fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![], vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | ".git") {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found
}

/// `a/../b` as `b`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn the_summary_lists_every_page_once() {
    let listed = listed();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let there = files_below(&docs(), &[".md"]).into_iter();
    let there: BTreeSet<String> = there
        .map(|path| path.strip_prefix(docs()).unwrap().display().to_string())
        .filter(|path| path != "SUMMARY.md")
        .collect();
    let missing: Vec<&String> = there.iter().filter(|path| !once.contains(path)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    let gone: Vec<&&String> = once.iter().filter(|path| !there.contains(**path)).collect();
    assert!(gone.is_empty(), "docs/SUMMARY.md lists {gone:?}, which are not there");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<&str, Vec<String>> =
        pages.iter().map(|page| (page.path.as_str(), page.anchors())).collect();
    let mut broken = vec![];
    for page in &pages {
        for target in targets(&page.prose()) {
            if target.starts_with("http://") || target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let here = Path::new(&page.path);
            let path = match file {
                "" => here.to_path_buf(),
                file => plain(&here.parent().unwrap().join(file)),
            };
            let name = path.display().to_string();
            let is_right = match anchors.get(name.as_str()) {
                Some(anchors) => anchor.is_empty() || anchors.iter().any(|other| other == anchor),
                // In the book a page that it does not have is a dead link, wherever the file is.
                None => !name.ends_with(".md") && docs().join(&path).is_file(),
            };
            if !is_right {
                broken.push(format!("docs/{}: {target}", page.path));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn pages_outside_of_the_book_have_links_that_lead_somewhere() {
    let mut broken = vec![];
    for name in ["README.md", "CONTRIBUTING.md", "sample-models/README.md", "python/README.md"] {
        let path = repository().join(name);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let page = Page { path: name.to_string(), text };
        for target in targets(&page.prose()).into_iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file =
                if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let has_anchor = || {
                let text = fs::read_to_string(&file).unwrap();
                let page = Page { path: String::new(), text };
                anchor.is_empty() || page.anchors().iter().any(|other| other == anchor)
            };
            let is_page = file.extension().is_some_and(|end| end == "md");
            if !file.exists() || is_page && !has_anchor() {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn pages_that_code_points_at_are_there() {
    let mention = Regex::new(r"docs/[A-Za-z0-9_/.-]+\.(md|json|sh|py|html)").unwrap();
    let mut gone = vec![];
    for folder in ["src", "tests", "benchmarks", "python", "kernels", "rules", "docs", ".ci"] {
        for path in files_below(&repository().join(folder), &[".rs", ".py", ".md", ".yaml", "run"])
        {
            let text = fs::read_to_string(&path).unwrap_or_default();
            for found in mention.find_iter(&text) {
                // Files that a program writes into a folder of its own are not meant.
                if !repository().join(found.as_str()).is_file() {
                    gone.push(format!("{}: {}", path.display(), found.as_str()));
                }
            }
        }
    }
    assert!(gone.is_empty(), "pages that are not there:\n{}", gone.join("\n"));
}
