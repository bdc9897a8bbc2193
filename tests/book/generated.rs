//! Pages that are made from the program: `ONNXPLAIN_WRITE_BOOK=1 cargo test --test book generated` writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use onnxplain::canonize::PASSES;
use onnxplain::composite::{Composite, Entry, PRESETS, SPACES, Space};
use onnxplain::network::Kind;
use onnxplain::rule::{RULES, RuleSpec, Setting};

use crate::docs;
use crate::pages::listed;

/// The first line of every generated page.
const MARK: &str =
    "<!-- Made by `ONNXPLAIN_WRITE_BOOK=1 cargo test --test book generated`: do not edit. -->\n\n";

/// Writes the pages, or compares them with those that are there.
#[test]
fn generated_pages_are_those_of_this_version() {
    let mut pages = commands();
    pages.insert("reference/kinds-and-rules.md".to_string(), kinds_and_rules());
    pages.insert("reference/presets.md".to_string(), presets());
    let writes = std::env::var_os("ONNXPLAIN_WRITE_BOOK").is_some();
    let mut stale = vec![];
    for (name, text) in &pages {
        let (path, text) = (docs().join(name), format!("{MARK}{text}"));
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        match writes {
            true => fs::write(path, text).unwrap(),
            false => stale.push(name),
        }
    }
    let told =
        "are not those of this version: ONNXPLAIN_WRITE_BOOK=1 cargo test --test book generated";
    assert!(stale.is_empty(), "{stale:?} {told}");
    let listed = listed();
    let missing: Vec<&String> = pages.keys().filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    let is_command = |name: &&String| name.starts_with("reference/commands/");
    let gone: Vec<&String> =
        listed.iter().filter(is_command).filter(|name| !pages.contains_key(*name)).collect();
    assert!(gone.is_empty(), "docs/SUMMARY.md lists {gone:?}, of which there is no command");
}

/// What the program prints, without the colours and the width of this terminal.
fn printed(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onnxplain"));
    command.args(arguments).env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1").env("COLUMNS", "100");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names behind `Commands:`, and what each does.
fn subcommands(help: &str) -> Vec<(String, String)> {
    let lines = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let mut commands: Vec<(String, String)> = vec![];
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let deep = line.len() - line.trim_start().len();
        match (line.trim().split_once("  "), commands.last_mut()) {
            (Some((name, about)), _) if deep == 2 => {
                commands.push((name.to_string(), about.trim().to_string()));
            }
            (_, Some((_, about))) => write!(about, " {}", line.trim()).unwrap(),
            _ => {}
        }
    }
    commands.retain(|(name, _)| name != "help");
    commands
}

/// A page for each command, and one that lists them.
fn commands() -> BTreeMap<String, String> {
    let all = printed(&["--help"]);
    let mut list = "# Commands\n\nEvery command answers `-h` (in short) and `--help`. These pages are what `--help` prints.\n\n\
                    | command | what it does |\n|---|---|\n"
        .to_string();
    let mut pages = BTreeMap::new();
    let commands = subcommands(&all);
    assert!(commands.len() >= 16, "{commands:?}");
    for (name, about) in &commands {
        writeln!(list, "| [`onnxplain {name}`](commands/{name}.md) | {about} |").unwrap();
        let help = printed(&[name, "--help"]);
        let mut page = format!("# onnxplain {name}\n\n```text\n{}\n```\n", help.trim_end());
        for (inner, _) in subcommands(&help) {
            let help = printed(&[name, &inner, "--help"]);
            write!(page, "\n## onnxplain {name} {inner}\n\n```text\n{}\n```\n", help.trim_end())
                .unwrap();
        }
        pages.insert(format!("reference/commands/{name}.md"), page);
    }
    writeln!(list, "\n```text\n{}\n```", all.trim_end()).unwrap();
    pages.insert("reference/commands.md".to_string(), list);
    pages
}

/// `code` that may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The words of a rule's settings, its numbers with their defaults.
fn settings(rule: &RuleSpec) -> String {
    let words = |setting: &Setting| match setting {
        Setting::Number(number) => {
            format!("`{}` = {}: {}", number.name, number.default, number.about)
        }
        setting => {
            setting.words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
    };
    rule.settings.iter().map(words).collect::<Vec<_>>().join("; ")
}

fn kinds_and_rules() -> String {
    let mut page = "# Kinds, rules, passes\n\nThe words of a [composite file](composite.md). `onnxplain inspect MODEL` says \
                    which kind each layer of a model has, and which rule it gets.\n\n## Kinds of layers\n\n\
                    | kind | layers | needs a rule |\n|---|---|---|\n"
        .to_string();
    for kind in Kind::ALL {
        let needs = match kind {
            Kind::Input | Kind::Constant => "no: relevance ends here",
            kind if kind.routes() => "no: relevance has one way to go",
            _ => "yes",
        };
        writeln!(page, "| `{}` | {} | {needs} |", kind.word(), cell(kind.about())).unwrap();
    }
    page += "\n## Rules\n\n[The formulas](../theory/rules.md) of these rules.\n\n| rule | relevance goes | settings | from |\n|---|---|---|---|\n";
    for rule in RULES {
        let RuleSpec { name, about, paper, .. } = rule;
        writeln!(page, "| `{name}` | {} | {} | {paper} |", cell(about), settings(rule)).unwrap();
    }
    page += "\n## Canonization passes\n\nIn the order in which they run. [Why there are any](../theory/canonization.md).\n\n\
             | pass | what it does |\n|---|---|\n";
    for pass in PASSES {
        writeln!(page, "| `{}` | {} |", pass.name, cell(pass.about)).unwrap();
    }
    page
}

/// The rules that a composite gives to layers of a kind, from the input upwards; those of first layers apart.
fn rules_of(composite: &Composite, kind: Kind, is_first: bool) -> String {
    let is_meant = |entry: &&Entry| {
        let is_of_kind = entry.when.kind.as_ref().is_none_or(|kinds| kinds.contains(kind));
        is_of_kind && (entry.when.first == Some(true)) == is_first
    };
    let mut rules: Vec<String> = vec![];
    for entry in composite.rules.iter().filter(is_meant) {
        rules.push(entry.rule.rule.to_string());
        // What comes behind an entry for the whole kind matches nothing.
        if entry.when.depth.is_none() {
            break;
        }
    }
    rules.join(", ")
}

fn presets() -> String {
    let mut page = "# Presets and spaces\n\nA preset is a [composite](composite.md) that comes with onnxplain: `--composite NAME`. \
                    `onnxplain presets show NAME` prints its file. [Which one to take](../guides/choose.md).\n"
        .to_string();
    page += "\nRules of layers by depth stand from the input upwards.\n\n| preset | on the pixels | convolutions | dense layers |\n|---|---|---|---|\n";
    for preset in PRESETS {
        let composite = preset.composite().unwrap();
        let first = rules_of(&composite, Kind::Convolution, true);
        let first = if first.is_empty() { "as above them".to_string() } else { first };
        let [convolutions, dense] =
            [Kind::Convolution, Kind::Dense].map(|kind| rules_of(&composite, kind, false));
        let name = preset.name;
        writeln!(page, "| [`{name}`](#{name}) | {first} | {convolutions} | {dense} |").unwrap();
    }
    for preset in PRESETS {
        let about = preset.composite().unwrap().about;
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(
            page,
            "\n## {}\n\n{about}\n\n```yaml\n{}\n```\n",
            preset.name,
            preset.yaml.trim_end()
        )
        .unwrap();
    }
    page += "\n## Spaces\n\nA space is a composite with open places, for [`onnxplain search`](../search.md). \
             `onnxplain presets show spaces/NAME` prints its file.\n\n| space | composites | about |\n|---|---:|---|\n";
    for named in SPACES {
        let Space { about, parameters, .. } = Space::find(named.name).unwrap();
        let count: usize = parameters.iter().map(|parameter| parameter.values.len()).product();
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(page, "| `{}` | {count} | {} |", named.path, cell(&about)).unwrap();
    }
    page
}
