//! Pictures with their classes, and a model whose numbers are changed: what finetune and prune share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use onnxplain::Session;
use onnxplain::evaluation::Classes;
use onnxplain::finetune::{Labelled, Mapping, Sample, labelled, read, split};
use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::onnx::StoredNumbers;
use onnxplain::session::Parametric;

use super::batch::inputs::{Failed, InputFile, InputOptions, place};
use super::console::Console;
use super::given::{self, Given};
use super::options::{
    ModelOptions, PreprocessOptions, at_a_time, check_is_not_model, check_model_path,
};

/// Pictures with their classes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Classes")]
pub struct LabelOptions {
    /// The class of every picture: folder, where folders are called like classes, or a CSV with the columns input,label
    #[arg(long, value_name = "folder|FILE")]
    pub labels: String,
    /// Go on where a class has no pictures [default: fail, because training unlearns it]
    #[arg(long = "missing-classes")]
    pub missing_classes: bool,
    /// Class names in the model's order, one a line or JSON [default: the card's]
    #[arg(long, value_name = "FILE")]
    pub class_names: Option<PathBuf>,
    /// Pictures that are held out, to judge with: a share of every class, or a folder
    #[arg(long, value_name = "SHARE|DIR", default_value = "0.2")]
    pub validation: String,
}

/// What is held out.
enum HeldOut {
    Share(f64),
    Folder(PathBuf),
}

impl LabelOptions {
    fn held_out(&self) -> Result<HeldOut> {
        if Path::new(&self.validation).is_dir() {
            return Ok(HeldOut::Folder(PathBuf::from(&self.validation)));
        }
        match self.validation.parse::<f64>() {
            Ok(share) => {
                ensure!(
                    (0.0..1.0).contains(&share),
                    "--validation is a share from 0 to below 1, such as 0.2, not {share}"
                );
                Ok(HeldOut::Share(share))
            }
            Err(_) => bail!(
                "--validation {} is neither a share, such as 0.2, nor a folder",
                self.validation
            ),
        }
    }
}

/// What a command is about.
#[derive(Debug, Args)]
pub struct Operands {
    /// The model, an .onnx file
    pub model: PathBuf,
    /// Pictures with a class each: files, folders, glob patterns, or - for a list of paths on standard input
    #[arg(required_unless_present = "files_from", value_name = "DATA")]
    data: Vec<PathBuf>,
    /// The file that the new model is written to
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Pictures at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    #[command(flatten)]
    labels: LabelOptions,
    #[command(flatten)]
    inputs: InputOptions,
    #[command(flatten)]
    model_options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

/// An opened model, and pictures.
pub struct Opened {
    pub parametric: Parametric,
    pub stored: StoredNumbers,
    /// To change the model by, and to judge with.
    pub samples: [Vec<Arc<Sample>>; 2],
    /// What the classes are called, where it is known.
    pub classes: Vec<String>,
    /// Whether some pictures could not be read.
    pub has_failed: bool,
}

impl Operands {
    /// Pictures at a time.
    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }

    /// Refuses what cannot be written to, before anything is read.
    ///
    /// # Errors
    /// When the model is none, or the output is the model itself or no file.
    pub fn check(&self, overwrite: Overwrite) -> Result<()> {
        check_model_path(&self.model)?;
        check_is_not_model(&self.model, &self.output)?;
        ensure!(!self.output.is_dir(), "{} is a folder: --output is a file", self.output.display());
        ensure!(
            self.model_options.composite == "auto",
            "rewards go back by the rules of --rule: --composite {} is not used here",
            self.model_options.composite
        );
        onnxplain::io::check(&self.output, overwrite)
    }

    /// The file beside the new model that has another ending: a report, a page, a checkpoint. One that an earlier run
    /// wrote is replaced.
    ///
    /// # Errors
    /// When somebody else's file has this name, or the new model itself.
    pub fn beside(&self, ending: &str) -> Result<PathBuf> {
        let path = self.output.with_extension(ending);
        ensure!(
            path != self.output,
            "{} would be the model and the .{ending} file beside it: give --output another ending, such as .onnx",
            path.display()
        );
        onnxplain::io::check(&path, Overwrite::ReplaceOwn)?;
        Ok(path)
    }

    /// Opens the model and reads the pictures; `seed` says which are held out.
    ///
    /// # Errors
    /// When the model or the labels cannot be read, or do not fit each other.
    pub fn open(&self, seed: u64, console: &mut Console) -> Result<Opened> {
        let held_out = self.labels.held_out()?;
        ensure!(
            self.inputs.shard.is_none(),
            "one process trains: --shard belongs to explain and evaluate"
        );
        let Given { files, all } = Given::expand(&self.data, &self.inputs, console)?;
        let mut has_failed = tell_failed(&files, console);
        let ways = (&self.model_options, &self.preprocess);
        let names = self.labels.class_names.as_deref();
        let session = given::session(names, ways, &files).open(&self.model)?;
        session.notices().iter().for_each(|notice| console.notice(notice));
        let classes = Classes::read(&self.labels.labels)?;
        let (all, notes) = labelled(&session, &all, &classes, !self.labels.missing_classes)?;
        notes.notes.iter().for_each(|note| console.note(note));
        let sides = match held_out {
            HeldOut::Share(share) => split(all, share, seed).into(),
            HeldOut::Folder(folder) => {
                let others = Given::expand(&[folder], &InputOptions::default(), console)?;
                has_failed |= tell_failed(&others.files, console);
                let (others, _) = labelled(&session, &others.all, &classes, false)
                    .context("the pictures of --validation")?;
                [all, others]
            }
        };
        let parametric = session.parametric()?;
        let mut samples = [vec![], vec![]];
        for (samples, side) in samples.iter_mut().zip(&sides) {
            if !side.is_empty() {
                let (found, failed) = self.read(&session, &parametric, side, console)?;
                (*samples, has_failed) = (found, has_failed | failed);
            }
        }
        let [training, held_out] = samples.each_ref().map(Vec::len);
        console.note(format_args!("pictures: {training} to learn from, {held_out} held out"));
        let stored = StoredNumbers::read(&self.model)?;
        Ok(Opened { parametric, stored, samples, classes: notes.names, has_failed })
    }

    fn read(
        &self,
        session: &Session,
        parametric: &Parametric,
        side: &[Labelled],
        console: &mut Console,
    ) -> Result<(Vec<Arc<Sample>>, bool)> {
        let (samples, failed) = read(session, parametric, side, self.jobs())?;
        for failed in &failed {
            console.error(&anyhow::anyhow!("{failed}"));
        }
        Ok((samples, !failed.is_empty()))
    }

    /// Writes the model with other numbers in the place of those that can be trained.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(
        &self,
        stored: &mut StoredNumbers,
        mapping: &Mapping,
        values: &[f32],
        overwrite: Overwrite,
    ) -> Result<()> {
        for parameter in mapping.parameters().iter().filter(|it| it.frozen.is_none()) {
            stored.replace(&parameter.name, &values[parameter.places()])?;
        }
        for (name, bytes) in stored.beside() {
            ensure!(
                !is_beside(&self.model, &self.output),
                "the model's numbers lie in the file {name} beside it, which belongs to the model: give an --output in \
                 another folder"
            );
            write_bytes(&self.output.with_file_name(name), bytes, overwrite)?;
        }
        write_bytes(&self.output, stored.bytes(), overwrite)?;
        Ok(())
    }

    /// Copies the card of the model beside the new one, where both are in one folder; says so where they are not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn copy_card(&self, console: &mut Console) -> Result<()> {
        let (card, own) = (self.model.with_extension("yaml"), self.output.with_extension("yaml"));
        if card.is_file() && !own.exists() {
            match is_beside(&self.model, &self.output) {
                true => write_bytes(&own, std::fs::read(&card)?, Overwrite::Refuse)?,
                false => console.note(format_args!(
                    "the card {} is not copied, because it may name files by their paths: copy it to {} to use the new model",
                    card.display(),
                    own.display()
                )),
            }
        }
        Ok(())
    }
}

/// Whether two files are in one folder.
fn is_beside(one: &Path, other: &Path) -> bool {
    place(one).parent() == place(other).parent()
}

/// Tells what could not be turned into files; whether there was any.
fn tell_failed(files: &[Result<InputFile, Failed>], console: &mut Console) -> bool {
    let mut has_failed = false;
    for Failed { input, error } in files.iter().filter_map(|file| file.as_ref().err()) {
        console.error(&anyhow::anyhow!("{input}: {error:#}"));
        has_failed = true;
    }
    has_failed
}
