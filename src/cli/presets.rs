//! `onnxplain presets`: the composites that come with the tool, and the rules that composites name.

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::json;

use onnxplain::composite::{NamedSpace, PRESETS, Preset, SPACES, Space};
use onnxplain::rule::{RULES, RuleSpec, Setting};

use super::Status;
use super::console::Console;
use super::terminal::{BOLD, DIM};

const EXAMPLES: &str = "\
Examples:
  onnxplain presets                                    what there is
  onnxplain presets show epsilon-plus-flat > my.yaml   a start for a composite of your own
  onnxplain presets rules                              the rules that a composite can name
  onnxplain presets spaces                             the spaces that search chooses from
  onnxplain presets show spaces/resnet > mine.yaml     a start for a space of your own
  onnxplain explain model.onnx cat.jpg --composite my.yaml";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PresetsOptions {
    #[command(subcommand)]
    command: Option<PresetsCommand>,
}

#[derive(Debug, Subcommand)]
enum PresetsCommand {
    /// Print the YAML of a preset or a space, to copy and change
    Show {
        /// The preset, or spaces/NAME
        #[arg(value_parser = PossibleValuesParser::new(names()))]
        name: String,
    },
    /// List the spaces of composites that `search` chooses from
    Spaces,
    /// List the rules that a composite can name, with their settings and defaults
    Rules,
}

/// Lists the presets or shows one.
pub fn run(options: &PresetsOptions, console: &mut Console) -> Result<Status> {
    match &options.command {
        None => list(console)?,
        Some(PresetsCommand::Show { name }) => show(name, console)?,
        Some(PresetsCommand::Spaces) => list_spaces(console)?,
        Some(PresetsCommand::Rules) => list_rules(console)?,
    }
    Ok(Status::Done)
}

/// What `show` knows.
fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.name).chain(SPACES.iter().map(|space| space.path))
}

fn list_spaces(console: &mut Console) -> Result<()> {
    let width = SPACES.iter().map(|space| space.name.len()).max();
    let width = width.unwrap_or(0);
    for NamedSpace { name, .. } in SPACES {
        let Space { about, parameters, .. } = Space::find(name)?;
        let count: usize = parameters.iter().map(|parameter| parameter.values.len()).product();
        if console.is_json() {
            console.print_json(&json!({ "name": name, "about": about, "composites": count }))?;
        } else {
            let line = first_sentence(&about);
            console
                .print(format_args!("{BOLD}{name:<width$}{BOLD:#}  {count} composites: {line}"))?;
        }
    }
    Ok(())
}

fn show_space(name: &str, console: &mut Console) -> Result<()> {
    let space = NamedSpace::find(name).context("there is no such space")?;
    match console.is_json() {
        true => console.print_json(&json!({ "name": space.name, "yaml": space.yaml })),
        false => console.print(space.yaml),
    }
}

fn list(console: &mut Console) -> Result<()> {
    let width = PRESETS.iter().map(|preset| preset.name.len()).max();
    let width = width.unwrap_or(0);
    for Preset { name, .. } in PRESETS {
        let about = about(name)?;
        if console.is_json() {
            console.print_json(&json!({ "name": name, "about": about }))?;
        } else {
            let line = first_sentence(&about);
            console.print(format_args!("{BOLD}{name:<width$}{BOLD:#}  {line}"))?;
        }
    }
    Ok(())
}

fn show(name: &str, console: &mut Console) -> Result<()> {
    if let Some(space) = name.strip_prefix("spaces/") {
        return show_space(space, console);
    }
    let preset = Preset::find(name).context("there is no such preset")?;
    if !console.is_json() {
        return console.print(preset.yaml);
    }
    let about = about(name)?;
    console.print_json(&json!({ "name": name, "about": about, "yaml": preset.yaml }))
}

fn list_rules(console: &mut Console) -> Result<()> {
    let width = RULES.iter().map(|rule| rule.name.len()).max();
    let width = width.unwrap_or(0);
    for rule in RULES {
        let RuleSpec { name, about, paper, .. } = rule;
        if console.is_json() {
            let settings: Vec<&str> = rule.words().collect();
            let object =
                json!({ "name": name, "about": about, "paper": paper, "settings": settings });
            console.print_json(&object)?;
            continue;
        }
        console.print(format_args!("{BOLD}{name:<width$}{BOLD:#}  {about} ({paper})"))?;
        if !rule.settings.is_empty() {
            console.print(format_args!("{:<width$}  {DIM}{}{DIM:#}", "", settings(rule)))?;
        }
    }
    Ok(())
}

/// The words of a rule's settings, its numbers with their defaults.
fn settings(rule: &RuleSpec) -> String {
    let words = |setting: &Setting| match setting {
        Setting::Number(number) => format!("{} ({})", number.name, number.default),
        setting => setting.words().join(", "),
    };
    rule.settings.iter().map(words).collect::<Vec<_>>().join(", ")
}

fn about(name: &str) -> Result<String> {
    let preset = Preset::find(name).context("there is no such preset")?;
    let about = preset.composite()?.about;
    Ok(about.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Up to the first full stop or semicolon that ends a clause; `et al.` and `2.0` do not.
fn first_sentence(text: &str) -> &str {
    let mut from = 0;
    while let Some(place) = text[from..].find(". ") {
        let end = from + place;
        if !text[..end].ends_with("et al") {
            return &text[..=end];
        }
        from = end + 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_at_its_full_stop() {
        assert_eq!(
            first_sentence("z-plus (Bach et al. 2015). Robust. Good."),
            "z-plus (Bach et al. 2015)."
        );
        assert_eq!(first_sentence("One only"), "One only");
    }
}
