//! The inputs that metrics and tests are computed on, and what a model is opened with for them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use onnxplain::evaluation::EvaluationInput;
use onnxplain::session::is_array_file;
use onnxplain::{SessionOptions, Watch};

use super::batch::inputs::{Failed, InputFile, InputOptions, Inputs};
use super::console::Console;
use super::interrupt::is_interrupted;
use super::options::{ModelOptions, PreprocessOptions};

/// The inputs of a command.
pub struct Given {
    /// Those of this process, and what could not be turned into files.
    pub files: Vec<Result<InputFile, Failed>>,
    /// Those of all processes of a job array: what is decided by the inputs is decided by all of them.
    pub all: Vec<EvaluationInput>,
}

impl Given {
    /// Expands the operands, and tells what is left out.
    ///
    /// # Errors
    /// As [`Inputs::expand`].
    pub fn expand(
        operands: &[PathBuf],
        options: &InputOptions,
        console: &mut Console,
    ) -> Result<Given> {
        let inputs = Inputs::expand(operands, options)?;
        inputs.notes.iter().for_each(|note| console.note(note));
        if let Some(text) = inputs.about_left_out() {
            console.warning(text);
        }
        let named = |files: &[Result<InputFile, Failed>]| {
            files.iter().flatten().map(evaluation_input).collect()
        };
        let all = match options.shard {
            None => named(&inputs.files),
            Some(_) => named(&Inputs::expand(operands, &options.of_all_shards())?.files),
        };
        Ok(Given { files: inputs.files, all })
    }
}

/// An input as the library names it.
pub fn evaluation_input(file: &InputFile) -> EvaluationInput {
    let parts = file.stem.components().map(|part| part.as_os_str().to_string_lossy());
    EvaluationInput::new(&file.path, parts.collect::<Vec<_>>().join("/"))
}

/// What the model is opened with. How tensors were prepared is not known, and so not the range of their values.
pub fn session(
    labels: Option<&Path>,
    (model, preprocess): (&ModelOptions, &PreprocessOptions),
    files: &[Result<InputFile, Failed>],
) -> SessionOptions {
    session_of(preprocess.session(model), preprocess, labels, files)
}

/// The same where the preprocessing is said already.
pub fn session_of(
    session: SessionOptions,
    preprocess: &PreprocessOptions,
    labels: Option<&Path>,
    files: &[Result<InputFile, Failed>],
) -> SessionOptions {
    let paths = || files.iter().flatten().map(|file| file.path.as_path());
    let session = session.shaped_by(paths());
    let session = match labels {
        Some(path) => session.labels_file(path),
        None => session,
    };
    let has_pictures = paths().any(|path| !is_array_file(path));
    let has_unknown_range = paths().any(is_array_file) && preprocess.input_range.is_none();
    let session = session.pictures(has_pictures);
    if has_unknown_range { session.unknown_input_range() } else { session }
}

/// Ends the work after Ctrl-C.
pub struct Interruption;

impl Watch for Interruption {
    fn sample_done(&self) {}

    fn is_cancelled(&self) -> bool {
        is_interrupted()
    }
}
