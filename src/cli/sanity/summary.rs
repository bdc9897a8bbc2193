//! After the last input: what the reports in the folder say together, as files and on standard output.

use std::path::Path;

use anyhow::Result;

use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::sanity::{
    SanitySettings, StepLine, csv, markdown_table, page, summarize, text_table,
};

use super::options::SanityOptions;
use super::pictures;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::options::SummaryFormat;
use crate::cli::reports::lines_of_reports;

/// Summarizes the reports of a folder: writes the files, and prints what was asked for.
///
/// # Errors
/// When a report cannot be read or a file cannot be written.
pub fn run(
    options: &SanityOptions,
    settings: &SanitySettings,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<()> {
    let output = &options.output;
    let mut lines: Vec<StepLine> = lines_of_reports(output)?;
    lines.retain(|line| line.settings == settings.hash);
    if lines.is_empty() {
        return Ok(());
    }
    let summary = summarize(settings, &lines);
    let json = serde_json::to_string_pretty(&summary)? + "\n";
    let (table, markdown) = (csv(&summary), markdown_table(&summary));
    write(output, "summary.json", &json)?;
    write(output, "summary.csv", &table)?;
    write(output, "summary.md", &markdown)?;
    let pictures = pictures::of_inputs(output, settings, files);
    write(output, "index.html", &page(&summary, &lines, &pictures))?;
    if !console.is_json() {
        console.print(match options.format {
            SummaryFormat::Table => text_table(&summary),
            SummaryFormat::Markdown => markdown,
            SummaryFormat::Csv => table,
            SummaryFormat::Json => json,
        })?;
    }
    console.note(format_args!("open {} in a browser", output.join("index.html").display()));
    Ok(())
}

fn write(output: &Path, name: &str, text: &str) -> Result<()> {
    write_bytes(&output.join(name), text, Overwrite::Replace)
}
