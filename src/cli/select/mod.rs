//! `onnxplain select`: which pictures to label next, by how unlike their heatmaps are to those of labelled ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::spray::{Feature, Reading, diverse, novelty};

use super::Status;
use super::console::Console;
use super::explained::{Explained, Maps, read_maps, read_rows};
use super::table::{Align, Table};

const EXAMPLES: &str = "\
Examples:
  onnxplain explain model.onnx pool/ -o pool-out --save relevance,report
  onnxplain explain model.onnx labelled/ -o labelled-out --save relevance,report
  onnxplain select pool-out --labelled labelled-out -n 50
  onnxplain select pool-out --labelled labelled-out -n 50 -o next.txt      a list for --files-from";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SelectOptions {
    /// A folder with what `explain --save relevance,report` wrote of pictures without labels
    #[arg(value_name = "POOL")]
    pool: PathBuf,
    /// The same of pictures with labels
    #[arg(long, value_name = "DIR")]
    labelled: PathBuf,
    /// How many pictures are chosen
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    number: usize,
    /// A file for the paths, one a line [default: only the table]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file [default: refuse]
    #[arg(long)]
    overwrite: bool,
    /// Threads [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// A picture that could be labelled.
struct Candidate {
    row: usize,
    feature: Feature,
    /// Infinite where nothing of its class is labelled.
    score: f64,
}

/// Chooses pictures.
///
/// # Errors
/// When a report cannot be used, or the two were made in different ways.
pub fn run(options: &SelectOptions, console: &mut Console) -> Result<Status> {
    let threads = options.jobs.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.context("cannot start the threads")?.install(|| select(options, console))
}

fn select(options: &SelectOptions, console: &mut Console) -> Result<Status> {
    let (pool, labelled) = (read_rows(&options.pool)?, read_rows(&options.labelled)?);
    ensure!(
        pool.way == labelled.way,
        "{} and {} were made with different models, methods or preparations: explain both in the same way",
        options.pool.display(),
        options.labelled.display()
    );
    let [of_pool, of_labelled] = [&pool, &labelled].map(|it| read_maps(it, Reading::Signed));
    let (of_pool, of_labelled) = (of_pool?, of_labelled?);
    ensure!(
        of_pool.pooling == of_labelled.pooling,
        "the heatmaps of {} and {} have different sizes",
        options.pool.display(),
        options.labelled.display()
    );
    let candidates = candidates((&pool, &of_pool), (&labelled, &of_labelled));
    let features: Vec<Feature> = candidates.iter().map(|it| it.feature.clone()).collect();
    let scores: Vec<f64> = candidates.iter().map(|it| it.score).collect();
    let chosen: Vec<&Candidate> =
        diverse(&features, &scores, options.number).into_iter().map(|it| &candidates[it]).collect();
    let left_out = pool.rows.len() - candidates.len();
    if left_out > 0 {
        console.warning(format_args!(
            "{left_out} heatmaps are left out: their relevance is zero or not finite"
        ));
    }
    if let Some(path) = &options.output {
        let overwrite = if options.overwrite { Overwrite::Replace } else { Overwrite::Refuse };
        let paths: String =
            chosen.iter().map(|it| pool.rows[it.row].input.clone() + "\n").collect();
        write_bytes(path, paths, overwrite)?;
    }
    print(&pool, &chosen, console)?;
    Ok(Status::Done)
}

/// Every picture of the pool with its score, against what is labelled of its class.
fn candidates(
    (pool, of_pool): (&Explained, &Maps),
    (labelled, of_labelled): (&Explained, &Maps),
) -> Vec<Candidate> {
    let mut known: BTreeMap<usize, Vec<&Feature>> = BTreeMap::new();
    for (row, feature) in labelled.rows.iter().zip(&of_labelled.features) {
        if let Some(feature) = feature {
            known.entry(row.target.index).or_default().push(feature);
        }
    }
    let mut classes: BTreeMap<usize, Vec<(usize, &Feature)>> = BTreeMap::new();
    for (index, (row, feature)) in pool.rows.iter().zip(&of_pool.features).enumerate() {
        if let Some(feature) = feature {
            classes.entry(row.target.index).or_default().push((index, feature));
        }
    }
    let mut all = vec![];
    for (class, members) in classes {
        let features: Vec<Feature> =
            members.iter().map(|(_, feature)| (*feature).clone()).collect();
        let labelled = known.get(&class).map_or(&[][..], Vec::as_slice);
        let scores = novelty(&features, labelled);
        let members = members.into_iter().zip(features).zip(scores);
        all.extend(members.map(|(((row, _), feature), score)| Candidate { row, feature, score }));
    }
    all.sort_by_key(|candidate| candidate.row);
    all
}

fn print(pool: &Explained, chosen: &[&Candidate], console: &mut Console) -> Result<()> {
    if console.is_json() {
        return chosen.iter().enumerate().try_for_each(|(place, candidate)| {
            let row = &pool.rows[candidate.row];
            let score = candidate.score.is_finite().then_some(candidate.score);
            console.print_json(&json!({
                "place": place + 1,
                "input": row.input,
                "class": row.target,
                "probability": row.probability,
                "score": score,
            }))
        });
    }
    let columns = [
        ("#", Align::Right),
        ("score", Align::Right),
        ("class", Align::Left),
        ("probability", Align::Right),
        ("picture", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for (place, candidate) in chosen.iter().enumerate() {
        let row = &pool.rows[candidate.row];
        let score = match candidate.score {
            score if score.is_finite() => format!("{score:.4}"),
            _ => "new class".to_string(),
        };
        let probability = format!("{:.1} %", 100.0 * row.probability);
        let name = row.target.name();
        table.row(vec![(place + 1).to_string(), score, name, probability, row.input.clone()]);
    }
    console.print(table.render())?;
    console.note(
        "score: the mean distance to the 5 most similar heatmaps of labelled pictures of the class; the list is \
         ordered so that its pictures differ from each other",
    );
    Ok(())
}
