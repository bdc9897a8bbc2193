//! Before the first input: the model is opened, methods are compiled; what was assumed is said.

use anyhow::Result;

use onnxplain::evaluation::EvaluationInput;
use onnxplain::sanity::{SanityOptions as Test, SanityTest, TestedMethod};

use super::options::SanityOptions;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::evaluate::methods;
use crate::cli::evaluate::planned::PlannedMethod;
use crate::cli::given;

/// Opens the model and compiles the methods; `all` are the inputs of all processes.
///
/// # Errors
/// When the model cannot be read, or an option does not fit it.
pub fn prepare(
    options: &SanityOptions,
    files: &[Result<InputFile, Failed>],
    all: &[EvaluationInput],
    console: &mut Console,
) -> Result<SanityTest> {
    let test = test(options)?;
    let models = (&options.model_options, &options.preprocess);
    let session = given::session(options.labels.as_deref(), models, files).open(&options.model)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    session.note_about(&options.target).iter().for_each(|notice| console.notice(notice));
    let test = SanityTest::new(&session, test, all)?;
    let settings = test.settings();
    let methods: Vec<&str> = settings.methods.iter().map(|method| method.name.as_str()).collect();
    console.note(format_args!(
        "{} steps, {}, {}",
        settings.steps.len(),
        settings.order.word(),
        settings.initialisation.word()
    ));
    console.detail(format_args!("methods: {}", methods.join(", ")));
    Ok(test)
}

fn test(options: &SanityOptions) -> Result<Test> {
    let mut test = Test::new()
        .order(options.order)
        .initialisation(options.init)
        .target(options.target.clone())
        .seed(options.seed)
        .jobs(options.jobs());
    if let Some(count) = options.steps() {
        test = test.steps(count);
    }
    if let Some(draws) = options.smooth() {
        test = test.smooth(draws);
    }
    if options.has_no_controls {
        test = test.without_controls();
    }
    let default = onnxplain::sanity::METHODS.map(str::to_string);
    let words = if options.methods.is_empty() { &default[..] } else { &options.methods };
    for word in words {
        let planned = PlannedMethod::of_word(word)?;
        let explainer = methods::explainer(&planned, &options.model_options)?;
        test = test.method(TestedMethod::new(explainer));
    }
    Ok(test)
}
