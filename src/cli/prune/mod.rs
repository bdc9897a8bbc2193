//! `onnxplain prune`: a model and pictures with classes -> what matters least **becomes 0** -> the same model with zeros.

use anyhow::{Result, ensure};
use clap::Args;

use onnxplain::finetune::{
    Criterion, FeedbackRule, Mapping, PruneReport, PruneSettings, Reward, pruned, standing,
};
use onnxplain::io::{Overwrite, write_bytes};

use super::console::Console;
use super::labelled::{Opened, Operands};
use super::table::{Align, Table};
use super::{Status, interrupt};

const EXAMPLES: &str = "\
Examples:
  onnxplain prune model.onnx pictures/ --labels folder --share 0.5 -o pruned.onnx
  onnxplain prune model.onnx pictures/ --labels folder --share 0.3 --structured --by relevance -o pruned.onnx
  onnxplain finetune pruned.onnx pictures/ --labels folder -o better.onnx     LFP leaves zeros as they are

pruned.onnx is the same graph with zeros in the place of weights; pruned.json is the report. docs/finetune.md compares the
criteria.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PruneOptions {
    #[command(flatten)]
    operands: Operands,

    /// The share of the weights, or filters, that becomes 0
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Pruning")]
    share: f64,
    /// What says how much a weight matters: the rewards that it gets (lfp), its size (magnitude), the relevance of the class's
    /// logit that goes through it (relevance)
    #[arg(long, value_name = "CRITERION", default_value = "lfp", value_parser = parse, help_heading = "Pruning")]
    by: Criterion,
    /// Whole filters: the outputs of a layer, with their biases and the BatchNormalization behind it
    #[arg(long, help_heading = "Pruning")]
    structured: bool,
    /// Every layer loses this share, and not all of them together
    #[arg(long = "by-layer", help_heading = "Pruning")]
    by_layer: bool,
    /// Prune only parameters whose name in the file matches this regular expression
    #[arg(long, value_name = "REGEX", help_heading = "Pruning")]
    layers: Option<String>,
    /// Leave parameters whose name matches as they are
    #[arg(long, value_name = "REGEX", help_heading = "Pruning")]
    freeze: Option<String>,
    /// Seed of what is held out
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Pruning")]
    seed: u64,
}

/// Prunes.
///
/// # Errors
/// When the options contradict each other, or the model, the pictures or their classes cannot be read.
pub fn run(options: &PruneOptions, console: &mut Console) -> Result<Status> {
    let operands = &options.operands;
    let overwrite = if operands.overwrite { Overwrite::Replace } else { Overwrite::Refuse };
    operands.check(overwrite)?;
    let json = operands.beside("json")?;
    let Opened { parametric, mut stored, samples: [all, held_out], has_failed, .. } =
        operands.open(options.seed, console)?;
    ensure!(
        !held_out.is_empty(),
        "pictures must be held out to judge by: --validation 0 leaves none"
    );
    let settings = PruneSettings {
        by: options.by,
        share: options.share,
        structured: options.structured,
        by_layer: options.by_layer,
    };
    let mut mapping = Mapping::new(&parametric, FeedbackRule::LfpEpsilon, &held_out[0].inputs)?;
    let (layers, freeze) = (options.layers.as_deref(), options.freeze.as_deref());
    mapping.restrict(&stored, layers, freeze)?;
    interrupt::work_begins();
    let (values, layers) = pruned(&mapping, &settings, &all, operands.jobs())?;
    let judged = |values: &[f32]| {
        standing(&mapping, values, (&held_out, Reward::Softmax), operands.jobs())
            .map(|it| it.summary())
    };
    let (before, after) = (judged(mapping.stored())?, judged(&values)?);
    operands.write(&mut stored, &mapping, &values, overwrite)?;
    operands.copy_card(console)?;
    let report = PruneReport {
        tool: "onnxplain".to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        model: operands.model.display().to_string(),
        output: operands.output.display().to_string(),
        settings,
        pictures: [all.len(), held_out.len()],
        layers,
        before,
        after,
    };
    let text = serde_json::to_string_pretty(&report)? + "\n";
    write_bytes(&json, text, Overwrite::ReplaceOwn)?;
    print(&report, console)?;
    Ok(interrupt::or_interrupted(if has_failed { Status::Partly } else { Status::Done }))
}

fn print(report: &PruneReport, console: &mut Console) -> Result<()> {
    if console.is_json() {
        return console.print_json(report);
    }
    let what = if report.settings.structured { "filters" } else { "weights" };
    let mut table = Table::new(&[
        ("layer", Align::Left),
        (what, Align::Right),
        ("now 0", Align::Right),
        ("share", Align::Right),
    ]);
    let row = |name: &str, count: usize, pruned: usize| {
        let share = format!("{:.1} %", 100.0 * pruned as f64 / count.max(1) as f64);
        vec![name.to_string(), count.to_string(), pruned.to_string(), share]
    };
    for layer in &report.layers {
        table.row(row(&layer.name, layer.count, layer.pruned));
    }
    let sum =
        |of: fn(&onnxplain::finetune::PrunedLayer) -> usize| report.layers.iter().map(of).sum();
    table.row(row("all", sum(|it| it.count), sum(|it| it.pruned)));
    console.print(table.render())?;
    console.print(format_args!(
        "Right of {} pictures held out: {:.2} % before, {:.2} % after (by {}).",
        report.pictures[1],
        100.0 * report.before.accuracy,
        100.0 * report.after.accuracy,
        report.settings.by.word()
    ))?;
    console.note(format_args!("{} is the model", report.output));
    Ok(())
}

fn parse(word: &str) -> Result<Criterion> {
    word.parse()
}

fn share(text: &str) -> Result<f64> {
    let value: f64 = text.parse()?;
    ensure!(value > 0.0 && value < 1.0, "a share lies between 0 and 1, such as 0.5");
    Ok(value)
}
