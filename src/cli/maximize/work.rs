//! The work: every picture is made, saved, read back and measured; then the sheet and the table.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, Result};
use image::RgbImage;

use onnxplain::Session;
use onnxplain::figure::Format;
use onnxplain::io::{Overwrite, write_png};
use onnxplain::maximize::{Maximized, Maximizer, Start, Task};

use super::files::Files;
use super::options::MaximizeOptions;
use super::report::{Picture, Report};
use super::sheet::sheet;
use crate::cli::Status;
use crate::cli::batch::ending::was_cancelled;
use crate::cli::console::Console;
use crate::cli::figure_parts::file_name;
use crate::cli::method_options::SampleWatch;
use crate::cli::table::{Align, Table};

/// What is to be done.
pub struct Work<'a> {
    pub options: &'a MaximizeOptions,
    pub session: &'a Session,
    pub maximizer: &'a Maximizer,
    pub files: &'a Files,
    pub tasks: &'a [Task],
}

/// A picture that is saved.
struct Made {
    picture: Picture,
    drawn: Arc<RgbImage>,
    elapsed: Duration,
}

impl Work<'_> {
    /// Makes all pictures. After Ctrl-C those that are finished stay, with their report.
    ///
    /// # Errors
    /// When numbers are not finite, or a file cannot be written.
    pub fn run(&self, start: Option<&Start>, console: &mut Console) -> Result<Status> {
        let steps = self.tasks.len() * self.maximizer.settings().steps;
        let watch = SampleWatch(console.begin_samples(steps));
        let mut report = Report::new(self.options, self.maximizer);
        let mut made: Vec<Made> = vec![];
        let mut take = |task: Task, maximized: Maximized| -> Result<()> {
            let one = self.save(made.len(), task, maximized)?;
            report.pictures.push(one.picture.clone());
            // The first time, nothing may be in the way; then it is this run's own.
            let is_first = made.is_empty();
            let overwrite = if is_first { self.files.overwrite() } else { Overwrite::ReplaceOwn };
            report.write(&self.files.report(), overwrite)?;
            self.tell(&one, &report, console)?;
            made.push(one);
            Ok(())
        };
        let outcome: Result<()> = self.maximizer.run(self.tasks, start, &watch, &mut take);
        console.end_progress();
        let is_interrupted = match outcome {
            Err(error) if was_cancelled(&error) => true,
            Err(error) => return Err(self.with_what_stays(error, &made)),
            Ok(()) => false,
        };
        if let Some(path) = self.files.sheet().filter(|_| made.len() > 1) {
            let pictures: Vec<(Picture, Arc<RgbImage>)> =
                made.iter().map(|it| (it.picture.clone(), Arc::clone(&it.drawn))).collect();
            let model = file_name(&self.options.model.display().to_string());
            let figure = sheet(&model, &self.what(), &pictures);
            figure.write(&path, Format::Png, self.files.overwrite())?;
        }
        if !console.is_json() && !made.is_empty() {
            console.print(table(&made).render())?;
        }
        console.note(format_args!(
            "{} of {} pictures in {}",
            made.len(),
            self.tasks.len(),
            self.files.folder().display()
        ));
        Ok(if is_interrupted { Status::Interrupted } else { Status::Done })
    }

    /// Saves a picture, and asks the network about the file.
    fn save(&self, place: usize, task: Task, maximized: Maximized) -> Result<Made> {
        let path = self.files.picture(place);
        write_png(&path, &maximized.picture, self.files.overwrite())?;
        let measured = self.maximizer.measure(task.objective, &path)?;
        let picture = Picture {
            file: self.files.name(place).to_string(),
            objective: self.maximizer.objectives()[task.objective].clone(),
            seed: task.seed,
            measured,
            history: maximized.history,
            is_unmoved: maximized.is_unmoved,
        };
        Ok(Made { picture, drawn: Arc::new(maximized.picture), elapsed: maximized.elapsed })
    }

    fn tell(&self, made: &Made, report: &Report, console: &mut Console) -> Result<()> {
        let picture = &made.picture;
        if picture.is_unmoved {
            console.warning(format_args!(
                "{}: no step had a gradient, so that the picture is what it was at the start: a channel behind an activation may \
                 be silent there; name the layer before the activation, or begin with a picture (--from)",
                picture.objective.describe()
            ));
        }
        if console.is_json() {
            console.print_json(&report.line(picture, made.elapsed.as_secs_f64()))?;
        }
        Ok(())
    }

    fn with_what_stays(&self, error: Error, made: &[Made]) -> Error {
        let place = made.len().min(self.tasks.len() - 1);
        let objective = &self.maximizer.objectives()[self.tasks[place].objective];
        error.context(format!("cannot maximise {}", objective.describe()))
    }

    /// What the outputs are, and how pictures were made, in a line.
    fn what(&self) -> String {
        let settings = self.maximizer.settings();
        let followed = match settings.noise_samples {
            0 => "plain".to_string(),
            count => format!("NoiseGrad, {count} networks, noise {}", settings.weight_noise),
        };
        let labels = if self.session.labels().is_some() { "" } else { "; classes have no labels" };
        format!(
            "activation maximization, {} steps, {}, {followed}{labels}",
            settings.steps,
            settings.basis.word()
        )
    }
}

fn table(made: &[Made]) -> Table {
    let has_fresh = made.iter().any(|it| it.picture.measured.fresh.is_some());
    let mut columns = vec![
        ("file", Align::Left),
        ("maximised", Align::Left),
        ("value", Align::Right),
        ("probability", Align::Right),
        ("strongest", Align::Left),
        ("variation", Align::Right),
    ];
    if has_fresh {
        columns.push(("fresh noise", Align::Right));
    }
    columns.push(("seconds", Align::Right));
    let mut table = Table::new(&columns);
    let shown = |value: Option<f64>, digits: usize| {
        value.map_or("-".to_string(), |value| format!("{value:.digits$}"))
    };
    for Made { picture, elapsed, .. } in made {
        let measured = &picture.measured;
        let strongest = measured.top.as_ref().map_or("-".to_string(), |top| top.describe());
        let mut cells = vec![
            picture.file.clone(),
            picture.objective.describe(),
            format!("{:.3}", measured.value),
            shown(measured.probability, 4),
            strongest,
            format!("{:.4}", measured.total_variation),
        ];
        if has_fresh {
            let fresh = measured.fresh.as_ref();
            let number =
                |it: &onnxplain::maximize::Fresh| it.mean_probability.unwrap_or(it.mean_value);
            cells.push(shown(fresh.map(number), 4));
        }
        cells.push(format!("{:.1}", elapsed.as_secs_f64()));
        table.row(cells);
    }
    table
}
