//! The house as drawn in docs/internals/architecture.md: which room may import which, and no circle of files that import each other.
//!
//! Reads the imports of `src` and `kernels/src` as text: `use` lines and paths in the code, without comments and unit
//! tests. A name that a `mod.rs` hands on counts as an import of the file that defines it; handing on is no import.
//! A folder's own file may import what lies in the folder, and the files there what it defines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod circles;
mod sources;

use std::collections::BTreeMap;
use std::path::Path;

use circles::circles;
use sources::{Module, Sources};

/// The rooms from the command line down to the ground, each with those that it may import.
const ROOMS: &[(&str, &str)] = &[
    (
        "cli",
        "page maximize search comparison spray probe sanity finetune optimizer summary statistics evaluation session emit method metric explain composite rule canonize onnx network tensor parallel figure heatmap io picture suggest error kernels",
    ),
    (
        "sanity",
        "page summary statistics evaluation session method metric explain onnx network tensor picture random suggest error",
    ),
    (
        "finetune",
        "optimizer page evaluation session explain composite rule canonize onnx network operator linear tensor parallel random suggest",
    ),
    ("probe", "statistics metric tensor picture random suggest"),
    ("search", "page evaluation session method metric composite statistics io random error"),
    ("maximize", "session method explain network optimizer tensor picture random error"),
    ("comparison", "page truth session method metric random statistics error"),
    ("summary", "page evaluation metric statistics"),
    (
        "evaluation",
        "truth session method metric tensor parallel heatmap io picture plane random suggest error",
    ),
    ("truth", "session metric io picture"),
    (
        "session",
        "emit method metric explain composite canonize onnx network tensor parallel heatmap io picture random suggest error",
    ),
    ("emit", "explain rule network operator linear tensor"),
    (
        "method",
        "metric explain composite canonize onnx network tensor parallel plane picture random suggest",
    ),
    ("metric", "tensor picture plane random suggest"),
    ("explain", "composite rule network operator linear tensor parallel kernels"),
    ("composite", "rule canonize network operator suggest yaml"),
    ("rule", "linear suggest"),
    ("canonize", "network operator linear tensor suggest"),
    ("onnx", "network linear tensor picture suggest"),
    ("network", "operator linear tensor random suggest"),
    ("operator", "linear tensor parallel kernels"),
    ("linear", "tensor parallel kernels"),
    ("optimizer", ""),
    ("plane", "tensor picture"),
    ("tensor", "parallel kernels"),
    ("parallel", "kernels"),
    ("kernels", ""),
    ("figure", "page io"),
    ("page", ""),
    ("heatmap", "error suggest"),
    ("spray", "random"),
    ("statistics", "random"),
    ("io", ""),
    ("picture", "suggest"),
    ("random", ""),
    ("suggest", "yaml"),
    ("yaml", ""),
    ("error", ""),
];

/// Whether a room may import another one; `None` for a room that is in no line.
fn may_import(from: &str, to: &str) -> Option<bool> {
    let (_, allowed) = ROOMS.iter().find(|(room, _)| *room == from)?;
    Some(allowed.split(' ').any(|room| room == to))
}

/// Arrows against the direction that are not removed yet. No new ones.
const ARROWS_TO_REMOVE: &[(&str, &str)] = &[];

/// How many files of a room are in circles that are not untied yet. No more; where there are fewer, it is written here.
const CIRCLES_TO_UNTIE: &[(&str, usize)] = &[];

/// Which rooms a room imports, each with a file that does.
fn rooms(sources: &Sources) -> BTreeMap<(String, String), Module> {
    let mut arrows = BTreeMap::new();
    for module in sources.modules.keys().filter(|module| !module.is_empty()) {
        for import in sources.imports(module) {
            let to = match (import.is_local, import.path.first().map(String::as_str)) {
                (true, Some(room)) => room.to_string(),
                (false, Some("onnxplain")) => import.path.get(1).cloned().unwrap_or_default(),
                (false, Some("onnxplain_kernels")) => "kernels".to_string(),
                _ => continue,
            };
            let from = module[0].clone();
            // Not an item at the crate's root.
            let is_room =
                to == "kernels" || sources.modules.keys().any(|other| other[..] == [to.clone()]);
            if from != to && is_room {
                arrows.entry((from, to)).or_insert_with(|| module.clone());
            }
        }
    }
    arrows
}

fn crates() -> Vec<Sources> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "kernels/src"].map(|folder| root.join(folder));
    folders.iter().filter(|folder| folder.is_dir()).map(|folder| Sources::read(folder)).collect()
}

#[test]
fn rooms_import_only_what_lies_below_them() {
    let main = &crates()[0];
    let mut wrong = vec![];
    for ((from, to), file) in rooms(main) {
        let is_known = ARROWS_TO_REMOVE.contains(&(&from, &to));
        match (may_import(&from, &to), is_known) {
            (None, _) => wrong.push(format!("src/{from} is in no line of ROOMS")),
            (Some(false), false) => wrong.push(format!("{from} -> {to}, in {}", file.join("/"))),
            (Some(true), true) => {
                wrong.push(format!("{from} -> {to} is allowed, and in ARROWS_TO_REMOVE"))
            }
            _ => {}
        }
    }
    let arrows = rooms(main);
    for (from, to) in ARROWS_TO_REMOVE {
        if !arrows.contains_key(&(from.to_string(), to.to_string())) {
            wrong.push(format!("{from} -> {to} is gone: take it out of ARROWS_TO_REMOVE"));
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the direction (docs/internals/architecture.md):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_direction_itself_has_no_circle() {
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for lower in allowed.split_whitespace() {
            let place = ROOMS.iter().position(|(other, _)| *other == lower);
            assert!(
                place.is_some_and(|place| place > index),
                "{lower} must stand below {room} in ROOMS"
            );
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut told = vec![];
    for sources in crates() {
        for circle in circles(&sources.files()) {
            let names: Vec<String> = circle.iter().map(|file| file.join("/")).collect();
            told.push(names.join(", "));
            for file in &circle {
                *counts.entry(file.first().cloned().unwrap_or_default()).or_default() += 1;
            }
        }
    }
    let known: BTreeMap<String, usize> =
        CIRCLES_TO_UNTIE.iter().map(|(room, count)| (room.to_string(), *count)).collect();
    assert_eq!(
        counts,
        known,
        "files in circles, by room, against CIRCLES_TO_UNTIE:\n{}",
        told.join("\n")
    );
}
