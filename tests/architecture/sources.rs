//! The modules of a crate and what they import, read as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module: its path from the root of its crate.
pub type Module = Vec<String>;

/// The modules of a crate, each with the text of its file.
pub struct Sources {
    pub modules: BTreeMap<Module, String>,
}

impl Sources {
    pub fn read(folder: &Path) -> Sources {
        let mut modules = BTreeMap::new();
        read_folder(folder, &vec![], &mut modules);
        Sources { modules }
    }

    /// The same of texts.
    pub fn of(files: &[(&str, &str)]) -> Sources {
        let module = |path: &str| path.split("::").map(str::to_string).collect();
        let modules = files.iter().map(|(path, text)| (module(path), code_of(text)));
        Sources { modules: modules.collect() }
    }

    /// What the files import: paths from the crate's root, or with the name of another crate in front.
    pub fn imports(&self, module: &Module) -> Vec<Import> {
        let mut imports = statements(&self.modules[module]);
        let children = self
            .modules
            .keys()
            .filter(|other| other.split_last().is_some_and(|(_, parent)| parent == module));
        let children: Vec<&String> = children.filter_map(|child| child.last()).collect();
        for import in &mut imports {
            let first = import.path[0].as_str();
            let is_child = children.iter().any(|child| *child == first);
            let (base, skipped) = match first {
                "crate" => (vec![], 1),
                "self" => (module.clone(), 1),
                "super" => {
                    let levels = import.path.iter().take_while(|word| *word == "super").count();
                    (module[..module.len().saturating_sub(levels)].to_vec(), levels)
                }
                _ if is_child => (module.clone(), 0),
                _ => continue,
            };
            import.is_local = true;
            import.path = base.into_iter().chain(import.path.drain(skipped..)).collect();
        }
        imports
    }

    /// The file that defines what a path names: names that a module hands on are followed.
    fn definer(&self, path: &[String]) -> Module {
        let longest = (0..=path.len()).rev().find(|&len| self.modules.contains_key(&path[..len]));
        let module = path[..longest.unwrap_or(0)].to_vec();
        let Some(name) = path.get(module.len()) else {
            return module;
        };
        let handed_on =
            self.modules.get(&module).map(|_| self.imports(&module)).unwrap_or_default();
        let same = handed_on.into_iter().find(|import| {
            import.is_use
                && import.is_local
                && import.name.as_ref() == Some(name)
                && import.path != path
        });
        same.map_or(module, |import| self.definer(&import.path))
    }

    /// Which files a file imports; what it only hands on is left out.
    pub fn files(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let of = |module: &Module| {
            let imports = self.imports(module).into_iter();
            let local = imports.filter(|import| import.is_local && !import.is_handed_on);
            // What a folder's own file imports of its files is no arrow: it stands around them.
            local
                .map(|import| self.definer(&import.path))
                .filter(|file| !file.starts_with(module))
                .collect()
        };
        self.modules.keys().map(|module| (module.clone(), of(module))).collect()
    }
}

fn read_folder(folder: &Path, module: &Module, modules: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
        let inner: Module = module.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() {
            read_folder(&path, &inner, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = ["mod", "lib", "main"].contains(&stem.as_str());
            let text = code_of(&fs::read_to_string(&path).unwrap());
            modules
                .entry(if is_root { module.clone() } else { inner })
                .or_default()
                .push_str(&text);
        }
    }
}

/// The text without comments and unit tests.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

/// A path in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub path: Vec<String>,
    /// The name that it has in the file, for a `use`; `None` for a path inside the code.
    name: Option<String>,
    is_use: bool,
    /// `pub use`.
    is_handed_on: bool,
    /// From the root of the file's own crate.
    pub is_local: bool,
}

/// All `use` declarations and all paths in the code.
fn statements(code: &str) -> Vec<Import> {
    let mut imports = vec![];
    let mut rest = code;
    while let Some(place) = find_use(rest) {
        imports.extend(paths(&rest[..place]));
        let line = rest[..place].rfind('\n').map_or(0, |end| end + 1);
        let is_handed_on = rest[line..place].trim_start().starts_with("pub");
        let tree = &rest[place + 4..];
        let end = tree.find(';').unwrap_or(tree.len());
        let tree_text: String = tree[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        expand(&tree_text, &mut vec![], &mut |path, name| {
            let import =
                Import { path, name: Some(name), is_use: true, is_handed_on, is_local: false };
            imports.push(import);
        });
        rest = &tree[end..];
    }
    imports.extend(paths(rest));
    imports
}

/// Where the next `use` declaration begins.
fn find_use(code: &str) -> Option<usize> {
    let is_start = |place: &usize| {
        let line = code[..*place].rfind('\n').map_or(0, |end| end + 1);
        let before = code[line..*place].trim();
        before.is_empty() || (before.starts_with("pub") && !before.contains(' '))
    };
    code.match_indices("use ").map(|(place, _)| place).find(is_start)
}

/// The paths of a tree such as `a::{b, c::{self, d as e}}`, each with the name it gets.
fn expand(tree: &str, before: &mut Vec<String>, found: &mut impl FnMut(Vec<String>, String)) {
    let depth = before.len();
    let mut rest = tree.trim();
    while let Some(place) = rest.find("::").filter(|&place| !rest[..place].contains('{')) {
        before.push(rest[..place].trim().to_string());
        rest = rest[place + 2..].trim();
    }
    if let Some(list) = rest.strip_prefix('{') {
        let list = list.strip_suffix('}').unwrap_or(list);
        parts(list).into_iter().for_each(|part| expand(part, before, found));
    } else {
        let (word, name) = rest.split_once(" as ").unwrap_or((rest, rest));
        let mut path = before.clone();
        if word != "self" {
            path.push(word.trim().to_string());
        }
        let name = if name == "self" {
            path.last().cloned().unwrap_or_default()
        } else {
            name.to_string()
        };
        found(path, name);
    }
    before.truncate(depth);
}

/// The parts between commas that are in no inner braces.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, vec![]);
    for (place, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Paths of two words and more inside code.
fn paths(code: &str) -> Vec<Import> {
    let is_word =
        |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let words = code.split(|character: char| !is_word(character));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with(':'));
    let path =
        |word: &str| word.split("::").filter(|part| !part.is_empty()).map(str::to_string).collect();
    paths.map(|word| Import { path: path(word), ..Import::default() }).collect()
}

#[test]
fn imports_are_read_from_every_form() {
    let sources = Sources::of(&[
        ("low", "pub use inner::Thing;\nmod inner;\nmod other;"),
        ("low::inner", "pub struct Thing;\n#[cfg(test)]\nmod tests { use crate::high::Top; }"),
        (
            "low::other",
            "use super::{Thing, inner::{self}};\n// use crate::high::Top;\nfn f() { crate::high::top() }",
        ),
        (
            "high",
            "use std::fmt;\npub(crate) use crate::low::{\n    Thing as Name,\n};\npub struct Top;",
        ),
    ]);
    let files = sources.files();
    let module = |path: &str| -> Module { path.split("::").map(str::to_string).collect() };
    let expected = |paths: &[&str]| paths.iter().map(|path| module(path)).collect::<BTreeSet<_>>();
    assert_eq!(files[&module("low")], expected(&[]));
    assert_eq!(files[&module("low::inner")], expected(&[]));
    assert_eq!(files[&module("low::other")], expected(&["low::inner", "high"]));
    assert_eq!(files[&module("high")], expected(&[]));
    assert_eq!(sources.definer(&module("low::Thing")), module("low::inner"));
}
