//! Opening a model: what its file, its card and the options say about it together.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;

use super::context::{Context, InputContext, ModelFile};
use super::notice::{Notice, Topic};
use super::opened::Session;
use super::options::{Described, Pictures, Range, SessionOptions};
use crate::error::{Error, Kind, Result};
use crate::explain::InputRange;
use crate::io::ARRAY_EXTENSIONS;
use crate::network::Quantity;
use crate::onnx::{Model, ModelInput};
use crate::picture::{Clues, Labels, Preprocessor, Scaling};

impl SessionOptions {
    /// Reads the model.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Preprocessing`] or [`Error::Labels`].
    pub fn open(self, model: impl AsRef<Path>) -> Result<Session> {
        self.describe(model)?.open()
    }
}

impl Described {
    /// Reads the model.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Preprocessing`] or [`Error::Labels`].
    pub fn open(self) -> Result<Session> {
        let begin = Instant::now();
        let load = self.load_options()?;
        let model = Model::load(&self.path, &load).kind(Error::Model)?;
        let elapsed = begin.elapsed();
        let mut notices = self.notices.clone();
        notices.extend(model.notes.iter().map(|note| Notice::note(Topic::Model, note)));
        let classes = model.network.class_count();
        let labels = self.labels_of(&model, &mut notices)?;
        let context = Context {
            file: ModelFile { path: self.path.clone(), options: load, elapsed },
            classes,
            function: model.network.output_function.clone(),
            output: self.cards.output(),
            labels: labels.map(Arc::new),
            inputs: self.inputs(&model, &mut notices)?,
            fixed: model.fixed.clone(),
        };
        notices.extend(about_output(&context));
        let is_prepared = context.inputs.iter().any(|input| input.preprocessor.is_ok());
        let guesses_preprocessing = is_prepared && self.cards.is_guessed();
        Ok(Session::new(Arc::new(context), model, notices, guesses_preprocessing))
    }

    /// The names of the classes: those that were given, else the card's, else those in the model's file.
    fn labels_of(&self, model: &Model, notices: &mut Vec<Notice>) -> Result<Option<Labels>> {
        let classes = model.network.class_count();
        // What is no classifier is refused later, in other words than those about labels.
        if self.is_without_labels() || model.check_classes().is_err() {
            return Ok(None);
        }
        if let Some(labels) = self.checked_labels(classes)? {
            return Ok(Some(labels));
        }
        if let Some(labels) = model.labels.clone() {
            match labels.check_count(classes) {
                Ok(()) => return Ok(Some(labels)),
                Err(error) => {
                    let text = format!("the class names in the model's file are not used: {error}");
                    notices.push(Notice::warning(Topic::Labels, text));
                }
            }
        }
        Ok(self.labels_beside(classes, notices))
    }

    /// The first file of labels beside the model that fits it. Nobody said that it belongs to this model, so one that does
    /// not fit is no error.
    fn labels_beside(&self, classes: usize, notices: &mut Vec<Notice>) -> Option<Labels> {
        for (path, labels) in Labels::beside(&self.path) {
            let name = path.display();
            let fitting = labels.and_then(|labels| labels.check_count(classes).map(|()| labels));
            match fitting {
                Ok(labels) => {
                    let text = format!(
                        "the names of the classes are those of {name}, which lies beside the model"
                    );
                    notices.push(Notice::note(Topic::Labels, text));
                    return Some(labels);
                }
                Err(error) => {
                    let text =
                        format!("{name}, which lies beside the model, is not used: {error:#}");
                    notices.push(Notice::warning(Topic::Labels, text));
                }
            }
        }
        None
    }

    /// What is known of every input that is explained.
    fn inputs(&self, model: &Model, notices: &mut Vec<Notice>) -> Result<Vec<InputContext>> {
        let is_only = model.inputs.len() == 1;
        let mut places = 0..;
        let of_input = |input: &ModelInput| {
            let clues = clues(model, input, places.next().unwrap_or_default());
            let preprocessor = self.preprocessor((input, is_only), &clues, notices)?;
            let mut context = InputContext {
                range: self.range(input, preprocessor.as_ref().ok())?,
                preprocessor,
                default: None,
                drops_pictures: self.options.drops_pictures,
                model: input.clone(),
            };
            if let Some(given) = self.options.given(&input.name) {
                context.default = Some(context.prepare(given.source(), notices)?);
            }
            Ok(context)
        };
        model.inputs.iter().map(of_input).collect()
    }

    /// The preprocessing fitted to an input, or why there is none; an error at once where it must fit.
    fn preprocessor(
        &self,
        (input, is_only): (&ModelInput, bool),
        clues: &Clues,
        notices: &mut Vec<Notice>,
    ) -> Result<Result<Preprocessor>> {
        if self.options.pictures == Pictures::No {
            let none = anyhow!("there is no preprocessing for pictures");
            return Ok(Err(Error::of(Error::Preprocessing, none)));
        }
        let fitted = match input.picture {
            Some(shape) => {
                let takes_bytes = input.range == Some([0.0, 255.0]);
                let clues = (!takes_bytes).then_some(clues);
                self.cards.preprocessor(shape, clues, &self.options.overrides)
            }
            None => Err(Error::of(
                Error::Preprocessing,
                anyhow!(
                    "the model's input \"{}\" {:?} is no picture of 1 or 3 channels: give an array ({}){}",
                    input.name,
                    input.shape,
                    ARRAY_EXTENSIONS.map(|ending| format!(".{ending}")).join(", "),
                    if input.shape.len() == 4 { ", or --layout" } else { "" }
                ),
            )),
        };
        let fitted = fitted.map(|(preprocessor, origin)| {
            notices.extend(origin);
            preprocessor
        });
        match self.options.pictures {
            Pictures::Yes if input.picture.is_some() || is_only => Ok(Ok(fitted?)),
            _ => Ok(fitted),
        }
    }

    /// The lowest and highest value of the input: as given, else those of its type, else what preprocessing makes of a
    /// picture.
    fn range(
        &self,
        input: &ModelInput,
        preprocessor: Option<&Preprocessor>,
    ) -> Result<Option<InputRange>> {
        // Whole numbers of eight bits have a range whatever the preparation.
        let of_type = input.range.map(|[low, high]| (vec![low], vec![high]));
        let ends = match self.options.range {
            Range::Given { .. } => self.given_range()?,
            Range::Unknown => of_type,
            Range::OfPreprocessing => of_type.or(preprocessor.map(Preprocessor::input_range)),
        };
        let channel_axis = Context::channel_axis(input);
        Ok(ends.map(|(low, high)| InputRange { low, high, channel_axis }))
    }
}

/// What the file shows about the pictures that its `place`-th input wants.
fn clues(model: &Model, input: &ModelInput, place: usize) -> Clues {
    let scaling = model.network.input_scaling(place);
    Clues {
        producer: model.metadata.producer.clone(),
        pixel_format: model.metadata.pixel_format.clone(),
        pixel_range: model.metadata.pixel_range.clone(),
        channels: input.picture.map_or(0, |shape| shape.channels),
        layout: input.picture.map(|shape| shape.layout),
        scaling: scaling.map(|[scale, shift]| Scaling { scale, shift }),
    }
}

/// What is explained of the output, where it is not the plain logit of a named class.
fn about_output(context: &Context) -> Vec<Notice> {
    let mut notices = vec![];
    let explained = context.explained();
    let function = context.function.as_ref();
    if explained != Quantity::Logit {
        let text = format!("the network's output is a {explained}, which is explained as it is");
        notices.push(Notice::note(Topic::Model, text));
    } else if let Some(function) = function {
        let text = format!(
            "the file ends in a {}; the logits in front of it are explained",
            function.name()
        );
        notices.push(Notice::note(Topic::Model, text));
    }
    if context.labels.is_none() {
        let imagenet = match context.classes {
            1000 | 1001 => ", --labels imagenet if they are those of ImageNet",
            _ => "",
        };
        let text = format!(
            "the names of the classes are not known, so classes are numbers; --labels FILE gives them (one a line, or \
             JSON){imagenet}, or `labels: FILE` in a card beside the model"
        );
        notices.push(Notice::note(Topic::Labels, text));
    }
    notices
}
