//! After the last input: what the reports in the folder say together, as files and on standard output.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use onnxplain::evaluation::{ReportLine, Settings};
use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::suggest::nearest;
use onnxplain::summary::{
    Bootstrap, MeanCurve, Place, SummaryOptions, Units, csv, curves_svg, markdown_table,
    mean_curves, page, range_of, summarize, text_table,
};

use super::pictures;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::file_names::file_names;
use crate::cli::options::SummaryFormat;
use crate::cli::reports::lines_of_reports;

#[derive(Clone, Debug, Args)]
pub struct SummaryArguments {
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t, help_heading = "Summary")]
    format: SummaryFormat,
    /// What counts as independent in intervals and tests: every image, or every folder (frames of a film, slices of a
    /// patient)
    #[arg(long, value_name = "UNIT", value_enum, default_value_t, help_heading = "Summary")]
    resample: Resample,
    /// Confidence of intervals; the level of tests is 1 minus this
    #[arg(long, value_name = "C", default_value_t = 0.95, value_parser = confidence, help_heading = "Summary")]
    confidence: f64,
    /// A weighted score of your own, such as srg=2,sparseness=1 [default: none]
    #[arg(long, value_name = "METRIC=W,...", value_delimiter = ',', value_parser = weight, help_heading = "Summary")]
    weights: Vec<(String, f64)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Resample {
    #[default]
    Image,
    Folder,
}

fn confidence(text: &str) -> Result<f64> {
    let value: f64 = text.parse()?;
    ensure!(value > 0.0 && value < 1.0, "a confidence lies between 0 and 1, such as 0.95");
    Ok(value)
}

fn weight(text: &str) -> Result<(String, f64)> {
    let (metric, weight) =
        text.split_once('=').context("a weight is METRIC=NUMBER, such as srg=2")?;
    let weight: f64 = weight.trim().parse().with_context(|| format!("{weight} is no number"))?;
    ensure!(weight >= 0.0 && weight.is_finite(), "a weight is a number from 0 on");
    Ok((metric.trim().to_string(), weight))
}

impl SummaryArguments {
    /// How lines of these settings are summarized.
    ///
    /// # Errors
    /// When a weight is given to a metric that is not computed, or all weights are zero.
    pub fn options(&self, settings: &Settings) -> Result<SummaryOptions> {
        let names = || settings.metrics.iter().map(|metric| metric.name.as_str());
        for (metric, _) in &self.weights {
            if !names().any(|name| name == metric) {
                let hint = nearest(metric, names())
                    .map_or(String::new(), |name| format!("; did you mean {name}?"));
                bail!(
                    "--weights names {metric}, which is not among the metrics of this evaluation{hint}"
                );
            }
        }
        let weights: BTreeMap<String, f64> = self.weights.iter().cloned().collect();
        ensure!(
            weights.is_empty() || weights.values().any(|weight| *weight > 0.0),
            "--weights are all zero: give at least one metric a weight"
        );
        let units = match self.resample {
            Resample::Image => Units::Pictures,
            Resample::Folder => Units::Folders,
        };
        let bootstrap =
            Bootstrap { seed: settings.seed, confidence: self.confidence, ..Bootstrap::default() };
        Ok(SummaryOptions { units, bootstrap, weights })
    }
}

/// Summarizes the reports of a folder: writes the files, and prints what was asked for.
///
/// # Errors
/// When a report cannot be read or a file cannot be written.
pub fn run(
    arguments: &SummaryArguments,
    output: &Path,
    settings: &Settings,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<()> {
    let mut lines: Vec<ReportLine> = lines_of_reports(output)?;
    lines.retain(|line| line.settings == settings.hash);
    if lines.is_empty() {
        return Ok(());
    }
    let summary = summarize(settings, &lines, &arguments.options(settings)?);
    let json = serde_json::to_string_pretty(&summary)? + "\n";
    let table = csv(&summary);
    write(output, "summary.json", &json)?;
    write(output, "summary.csv", &table)?;
    write_curves(output, settings, &lines)?;
    let found = pictures::of_inputs(output, settings, files);
    write(output, "index.html", &page(&summary, &lines, &found))?;
    if !console.is_json() {
        let text = match arguments.format {
            SummaryFormat::Table => text_table(&summary),
            SummaryFormat::Markdown => markdown_table(&summary),
            SummaryFormat::Csv => table,
            SummaryFormat::Json => json,
        };
        console.print(text)?;
    }
    console.note(format_args!("open {} in a browser", output.join("index.html").display()));
    Ok(())
}

fn write(output: &Path, name: &str, text: &str) -> Result<()> {
    write_bytes(&output.join(name), text, Overwrite::Replace)
}

/// `curves/<method>.svg`: the curves of the first metric that has some.
fn write_curves(output: &Path, settings: &Settings, lines: &[ReportLine]) -> Result<()> {
    let curves = mean_curves(lines);
    let mut metrics = settings.metrics.iter();
    let Some(methods) = metrics.find_map(|metric| curves.get(&metric.name)) else {
        return Ok(());
    };
    let range = range_of(methods.values());
    let random: Option<&MeanCurve> = methods.get("random");
    let names = file_names(settings.methods.iter().map(|method| method.name.as_str()));
    for (method, name) in settings.methods.iter().zip(names) {
        if let Some(curve) = methods.get(&method.name) {
            let svg = curves_svg(&method.name, curve, random, range, Place::File);
            write(&output.join("curves"), &format!("{name}.svg"), &svg)?;
        }
    }
    Ok(())
}
