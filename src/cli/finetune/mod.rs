//! `onnxplain finetune`: a model and pictures with classes -> **training** -> the same model with other numbers.

mod options;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;

use onnxplain::finetune::{
    EpochLine, FinetuneReport, ParameterCounts, Progress, State, Trainer, page, verdict,
};
use onnxplain::io::{Overwrite, sha256, write_bytes};
use onnxplain::onnx::StoredNumbers;

pub use self::options::FinetuneOptions;
use super::console::Console;
use super::interrupt::is_interrupted;
use super::labelled::{Opened, Operands};
use super::{Status, interrupt};

/// Trains.
///
/// # Errors
/// When the options contradict each other, the model, the pictures or their classes cannot be read, or nothing can be
/// trained.
pub fn run(options: &FinetuneOptions, console: &mut Console) -> Result<Status> {
    let (operands, settings) = (&options.operands, options.settings());
    let overwrite = match operands.overwrite || options.resume {
        true => Overwrite::Replace,
        false => Overwrite::Refuse,
    };
    operands.check(overwrite)?;
    let beside = Beside::new(operands)?;
    let checkpoint = &beside.checkpoint;
    ensure!(
        !options.resume || checkpoint.is_file(),
        "there is no {} to go on with",
        checkpoint.display()
    );
    let Opened { parametric, stored, samples, classes, has_failed } =
        operands.open(options.seed, console)?;
    let model = File::open(&operands.model).and_then(sha256)?;
    let mut trainer = Trainer::new(&parametric, &stored, settings, samples, operands.jobs())?;
    tell(&trainer, console);
    if options.resume {
        let read = || State::read(&std::fs::read(checkpoint)?, trainer.settings(), &model);
        let state =
            read().with_context(|| format!("cannot go on with {}", checkpoint.display()))?;
        trainer = trainer.resumed(state)?;
        console.note(format_args!("goes on after epoch {}", trainer.state().epoch()));
    }
    interrupt::work_begins();
    let mut work = Work { operands, stored, beside, model, classes, overwrite, trainer };
    let stopped = work.run(console)?;
    let report = work.finish(stopped.as_ref().map(|error| format!("{error:#}")), console)?;
    if console.is_json() {
        console.print_json(&report)?;
    } else {
        console.print(verdict(&report))?;
    }
    if let Some(error) = &stopped {
        console.error(error);
    }
    Ok(interrupt::or_interrupted(match has_failed || stopped.is_some() {
        true => Status::Partly,
        false => Status::Done,
    }))
}

/// Says what is trained and what is not.
fn tell(trainer: &Trainer, console: &mut Console) {
    let counts = ParameterCounts::of(trainer.mapping());
    let settings = trainer.settings();
    console.note(format_args!(
        "{} numbers in {} tensors are trained by {}, {} tensors are frozen",
        counts.numbers,
        counts.trained,
        settings.rule.word(),
        counts.frozen.len()
    ));
    for frozen in counts.frozen.iter().filter(|it| it.why != "as asked") {
        console.note(format_args!("frozen: {}: {}", frozen.name, frozen.why));
    }
    if settings.rule.is_reward() {
        let zeros =
            trainer.mapping().parameters().iter().filter(|it| it.frozen.is_none()).filter(|it| {
                trainer.mapping().stored()[it.places()].iter().all(|number| *number == 0.0)
            });
        let names: Vec<&str> = zeros.map(|it| it.name.as_str()).collect();
        if !names.is_empty() {
            console.warning(format_args!(
                "a weight of 0 gets no rewards and stays 0: {}",
                names.join(", ")
            ));
        }
    }
}

/// The files beside the new model.
struct Beside {
    checkpoint: PathBuf,
    report: PathBuf,
    page: PathBuf,
}

impl Beside {
    /// Refuses, before anything is trained, to replace what somebody else wrote.
    fn new(operands: &Operands) -> Result<Beside> {
        Ok(Beside {
            checkpoint: operands.beside("checkpoint")?,
            report: operands.beside("json")?,
            page: operands.beside("html")?,
        })
    }
}

/// A training, and where it is written to.
struct Work<'a> {
    operands: &'a Operands,
    stored: StoredNumbers,
    beside: Beside,
    /// The hash of the model file.
    model: String,
    classes: Vec<String>,
    overwrite: Overwrite,
    trainer: Trainer,
}

impl Work<'_> {
    /// Trains until all is done; why it ended before, where that is an error.
    fn run(&mut self, console: &mut Console) -> Result<Option<anyhow::Error>> {
        for line in self.trainer.state().history.clone() {
            print(&line, console)?;
        }
        while !self.trainer.is_done() && !is_interrupted() {
            let bar = Bar(console.begin_samples(self.trainer.counts()[0]));
            let outcome = self.trainer.epoch(&bar);
            console.end_progress();
            match outcome {
                Ok(Some(line)) => {
                    print(&line, console)?;
                    let state = self.trainer.state();
                    let bytes = state.checkpoint(self.trainer.settings(), &self.model)?;
                    write_bytes(&self.beside.checkpoint, bytes, Overwrite::ReplaceOwn)?;
                    if state.best.as_ref().is_some_and(|best| best.epoch == line.epoch) {
                        self.write()?;
                    }
                }
                Ok(None) => break,
                Err(error) => return Ok(Some(error)),
            }
        }
        Ok(None)
    }

    /// Writes the best network.
    fn write(&mut self) -> Result<()> {
        let mapping = self.trainer.mapping();
        let best = self.trainer.state().best.as_ref().context("no network has a finite loss")?;
        self.operands.write(&mut self.stored, mapping, &best.values, self.overwrite)?;
        // What this run wrote it may replace.
        self.overwrite = Overwrite::Replace;
        Ok(())
    }

    /// Writes the network, the report and the page.
    fn finish(&mut self, failed: Option<String>, console: &mut Console) -> Result<FinetuneReport> {
        self.write()?;
        self.operands.copy_card(console)?;
        let (trainer, output) = (&self.trainer, &self.operands.output);
        let state = trainer.state();
        let is_early = state.epoch() < trainer.settings().epochs;
        let waited = format!("{} epochs were no better", state.waited());
        let early = if is_interrupted() { "interrupted".to_string() } else { waited };
        let report = FinetuneReport {
            tool: "onnxplain".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            model: self.operands.model.display().to_string(),
            output: output.display().to_string(),
            settings: trainer.settings().clone(),
            parameters: ParameterCounts::of(trainer.mapping()),
            pictures: trainer.counts(),
            classes: self.classes.clone(),
            history: state.history.clone(),
            best: state.best.as_ref().map_or(0, |best| best.epoch),
            stopped: failed.or(is_early.then_some(early)),
        };
        let Beside { report: json, page: html, .. } = &self.beside;
        write_report(json, &serde_json::to_string_pretty(&report)?)?;
        write_report(html, &page(&report))?;
        console.note(format_args!(
            "{} is the model; open {} in a browser",
            output.display(),
            html.display()
        ));
        Ok(report)
    }
}

fn write_report(path: &Path, text: &str) -> Result<()> {
    write_bytes(path, format!("{}\n", text.trim_end()), Overwrite::ReplaceOwn)
}

fn print(line: &EpochLine, console: &mut Console) -> Result<()> {
    if console.is_json() {
        return Ok(());
    }
    let held_out = line.held_out;
    let judged = format!("{:.2} % right, loss {:.4}", 100.0 * held_out.accuracy, held_out.loss);
    console.print(match line.training {
        None => format!("before:    {judged}"),
        Some(training) => format!(
            "epoch {:>3}: {judged}   (while trained: {:.2} %, {:.4}; {:.1} s)",
            line.epoch,
            100.0 * training.accuracy,
            training.loss,
            line.seconds
        ),
    })
}

/// A bar that moves with the pictures.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn advanced(&self, pictures: usize) {
        self.0.inc(pictures as u64);
    }

    fn is_cancelled(&self) -> bool {
        is_interrupted()
    }
}
