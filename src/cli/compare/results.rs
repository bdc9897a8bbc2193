//! After the last input: what all lines say together, as files and on standard output.

use std::path::Path;

use anyhow::Result;

use onnxplain::comparison::{
    ComparedLine, Mean, Overview, VariantSettings, overview, page, regions_csv, shares_svg,
    similarity_csv,
};
use onnxplain::io::{Overwrite, write_bytes};

use super::options::CompareOptions;
use super::pictures;
use super::prepare::Prepared;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::file_names::file_names;
use crate::cli::reports::lines_of_reports;
use crate::cli::table::{Align, Table};

/// More variants have too many pairs for a terminal; the files have them.
const MOST_PAIRS: usize = 28;

/// Writes the files, and prints the means.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    options: &CompareOptions,
    prepared: &Prepared,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<()> {
    let output = &options.output;
    let settings = prepared.comparer.settings();
    let mut lines: Vec<ComparedLine> = lines_of_reports(output)?;
    lines.retain(|line| line.settings == settings.hash);
    if lines.is_empty() {
        return Ok(());
    }
    let variants = &settings.variants;
    let found = overview(variants, &lines, options.are_checkpoints);
    write_text(output, "overview.json", &(serde_json::to_string_pretty(&found)? + "\n"))?;
    write_text(output, "similarity.csv", &similarity_csv(&found))?;
    if !found.regions.is_empty() {
        write_text(output, "regions.csv", &regions_csv(&found))?;
    }
    let mut plots = vec![];
    for plot in plots_of(variants, prepared) {
        let title = plot.title.as_str();
        let draw = |is_in_page| shares_svg(&found, title, &plot.variants, &plot.names, is_in_page);
        if let Some(svg) = draw(false) {
            let kind = if options.are_checkpoints { "evolution" } else { "regions" };
            write_text(output, &format!("{kind}{}.svg", plot.suffix), &svg)?;
        }
        plots.extend(draw(true));
    }
    let pictures = pictures::of_inputs(output, variants, files, options.figure_format);
    write_text(output, "index.html", &page(&found, &lines, &plots, &pictures))?;
    if !console.is_json() {
        console.print(tables(&found))?;
    }
    console.note(format_args!("open {} in a browser", output.join("index.html").display()));
    Ok(())
}

fn write_text(output: &Path, name: &str, text: &str) -> Result<()> {
    write_bytes(&output.join(name), text, Overwrite::Replace)
}

/// A picture of the shares of regions.
struct Plot<'a> {
    title: String,
    /// What its file is called by.
    suffix: String,
    variants: Vec<&'a VariantSettings>,
    /// What the variants are called below the axis.
    names: Vec<String>,
}

/// One picture for each way to explain, in which the models stand beside each other; of a single model one picture.
fn plots_of<'a>(variants: &'a [VariantSettings], prepared: &Prepared) -> Vec<Plot<'a>> {
    const TITLE: &str = "Share of the relevance in each region";
    let titled = || variants.iter().zip(&prepared.titles);
    let mut ways: Vec<&str> = titled().filter_map(|(_, [_, way])| way.as_deref()).collect();
    ways.sort_unstable();
    ways.dedup();
    let has_models = titled().all(|(_, [model, _])| model.is_some());
    if !has_models || ways.is_empty() {
        let names = variants.iter().map(|variant| variant.name.clone()).collect();
        let variants = variants.iter().collect();
        return vec![Plot { title: TITLE.to_string(), suffix: String::new(), variants, names }];
    }
    let mut plots: Vec<Plot> = vec![];
    let suffixes = file_names(ways.iter().copied());
    for (way, suffix) in ways.into_iter().zip(suffixes) {
        let of_way = titled().filter(|(_, [_, other])| other.as_deref() == Some(way));
        let (variants, names) = of_way
            .map(|(variant, [model, _])| (variant, model.clone().unwrap_or_default()))
            .unzip();
        plots.push(Plot {
            title: format!("{TITLE}: {way}"),
            suffix: format!(".{suffix}"),
            variants,
            names,
        });
    }
    plots
}

/// The means for people.
fn tables(found: &Overview) -> String {
    let pictures = if found.pictures == 1 { "picture" } else { "pictures" };
    let mut text = format!("{} {pictures}, {} variants\n", found.pictures, found.variants.len());
    if !found.regions.is_empty() {
        text += &format!("\n{}", shares(found));
        text += "share of the positive relevance, mean ± standard error (how many times the region's share of the picture)\n";
    }
    text += &format!("\n{}", likeness(found));
    if found.similarity.len() > MOST_PAIRS {
        text += &format!(
            "… and {} pairs more, which similarity.csv has\n",
            found.similarity.len() - MOST_PAIRS
        );
    }
    text.trim_end().to_string()
}

fn shares(found: &Overview) -> String {
    let mut regions: Vec<&str> = found.regions.iter().map(|row| row.region.as_str()).collect();
    regions.dedup();
    let heading = [("variant", Align::Left)].into_iter();
    let heading: Vec<(&str, Align)> =
        heading.chain(regions.iter().map(|region| (*region, Align::Right))).collect();
    let mut table = Table::new(&heading);
    for variant in &found.variants {
        let cells = regions.iter().map(|region| {
            let of = |row: &&onnxplain::comparison::RegionMean| {
                row.region == *region && row.variant == variant.name
            };
            found.regions.iter().find(of).map_or("-".to_string(), |row| {
                let gain = row.gain.mean.map_or(String::new(), |gain| format!(" ({gain:.1} ×)"));
                format!("{}{gain}", percent(row.share))
            })
        });
        table.row([variant.name.clone()].into_iter().chain(cells).collect());
    }
    table.render()
}

fn likeness(found: &Overview) -> String {
    let mut table = Table::new(&[
        ("maps of", Align::Left),
        ("and of", Align::Left),
        ("cosine", Align::Right),
        ("rank correlation", Align::Right),
        ("same class", Align::Right),
    ]);
    for pair in found.similarity.iter().take(MOST_PAIRS) {
        table.row(vec![
            pair.a.clone(),
            pair.b.clone(),
            number(pair.cosine),
            number(pair.rank),
            format!("{:.1} %", 100.0 * pair.same_class),
        ]);
    }
    table.render()
}

fn number(mean: Mean) -> String {
    let error = mean.standard_error.map_or(String::new(), |error| format!(" ± {error:.2}"));
    mean.mean.map_or("-".to_string(), |mean| format!("{mean:.2}{error}"))
}

fn percent(mean: Mean) -> String {
    let error =
        mean.standard_error.map_or(String::new(), |error| format!(" ± {:.1}", 100.0 * error));
    mean.mean.map_or("-".to_string(), |mean| format!("{:.1}{error} %", 100.0 * mean))
}
