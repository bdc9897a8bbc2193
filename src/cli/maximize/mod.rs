//! `onnxplain maximize`: model and goals -> **pictures**, one after the other -> what the network says about each -> a sheet
//! and a report.

mod files;
mod options;
mod report;
mod sheet;
mod work;

use anyhow::{Context, Result, ensure};

use onnxplain::maximize::{Goals, Maximizer, Task};
use onnxplain::{Session, Target};

use self::files::Files;
pub use self::options::MaximizeOptions;
use self::work::Work;
use super::console::Console;
use super::explain::targets;
use super::options::check_model_path;
use super::{Status, interrupt};

/// Makes the pictures.
///
/// # Errors
/// When an option cannot be used, the model takes no pictures, a file of somebody else is in the way, or numbers are not
/// finite.
pub fn run(options: &MaximizeOptions, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    ensure!(
        options.model_options.composite == "auto",
        "--composite says how relevance is propagated; maximize follows the gradient: leave it out"
    );
    let session = open(options)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let goals = goals(options, &session)?;
    let words = options.target.iter().chain(&options.against).map(String::as_str);
    targets::notes(words, &session).iter().for_each(|notice| console.notice(notice));
    let tasks: Vec<Task> = (0..goals.count())
        .flat_map(|objective| options.seeds().map(move |seed| Task { objective, seed }))
        .collect();
    let settings = options.settings();
    let parallel = (tasks.len(), options.threads());
    let maximizer = Maximizer::new(&session, &goals, settings, parallel)?;
    let files = Files::new(options, maximizer.objectives(), &tasks)?;
    let start = options.from.as_ref().map(|path| maximizer.read_start(path)).transpose()?;
    say(&maximizer, options, console);
    interrupt::work_begins();
    Work { options, session: &session, maximizer: &maximizer, files: &files, tasks: &tasks }
        .run(start.as_ref(), console)
}

fn open(options: &MaximizeOptions) -> Result<Session> {
    let session = options.preprocess.session(&options.model_options).pictures(true);
    let session = match &options.labels {
        Some(path) => session.labels_file(path),
        None => session,
    };
    Ok(session.open(&options.model)?)
}

/// What is asked for.
fn goals(options: &MaximizeOptions, session: &Session) -> Result<Goals> {
    if let Some(layer) = &options.layer {
        return Ok(Goals::Channels { layer: layer.clone(), channels: options.channel.clone() });
    }
    let read = |option: &str, word: &str| -> Result<Target> {
        let target = word.parse::<Target>().and_then(|target| session.resolve_one(&target));
        let target = target.with_context(|| format!("{option} {word}"))?;
        ensure!(
            matches!(target, Target::Class(_)),
            "{option} {word} depends on a picture, which is yet to be made: give class indices or labels"
        );
        Ok(target)
    };
    let words = options.target.iter().flat_map(|text| targets::words(text, session.labels()));
    let targets = words.map(|word| read("--target", word)).collect::<Result<Vec<_>>>()?;
    let against = options.against.as_ref().map(|word| read("--against", word)).transpose()?;
    Ok(Goals::Classes { targets, against })
}

fn say(maximizer: &Maximizer, options: &MaximizeOptions, console: &mut Console) {
    let [height, width] = maximizer.size();
    let settings = maximizer.settings();
    let followed = match settings.noise_samples {
        0 => "the gradient of the network".to_string(),
        count => {
            format!("the mean gradient of {count} networks with noise {}", settings.weight_noise)
        }
    };
    console.note(format_args!(
        "pictures of {height}x{width}, {} steps, {}, {followed}",
        settings.steps,
        settings.basis.word()
    ));
    console.detail(format_args!("preprocessing: {}", maximizer.preprocessing()));
    if let Some(path) = &options.from {
        console.detail(format_args!("begins with {}", path.display()));
    }
}
