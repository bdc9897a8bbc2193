//! Circles of files that import each other.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Module, Sources};

/// The files that can be reached from themselves, in groups that reach each other.
pub fn circles(files: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        files.keys().map(|file| (file, reachable(files, file))).collect();
    let mut circles: Vec<BTreeSet<Module>> = vec![];
    for file in files.keys().filter(|file| reached[file].contains(file)) {
        let is_back =
            |other: &&&Module| reached.get(*other).is_some_and(|back| back.contains(file));
        let circle: BTreeSet<Module> =
            reached[file].iter().filter(is_back).map(|&other| other.clone()).collect();
        if !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reachable<'a>(
    files: &'a BTreeMap<Module, BTreeSet<Module>>,
    from: &Module,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = files[from].iter().collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(files.get(file).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn circles_are_found() {
    let sources = Sources::of(&[
        ("a", "use crate::b::B;"),
        ("b", "use crate::c::C;"),
        ("c", "fn f() { crate::a::a() }"),
        ("d", "use crate::a::A;"),
        ("e", "use crate::e::own;"),
        ("f", "fn f() { g::g() }"),
        ("f::g", "use super::F;"),
    ]);
    let found = circles(&sources.files());
    assert_eq!(found.len(), 1);
    let names: Vec<String> = found[0].iter().map(|file| file.join("::")).collect();
    assert_eq!(names, ["a", "b", "c"]);
}
