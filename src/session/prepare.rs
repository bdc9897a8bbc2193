//! From what a user hands in to the network's inputs.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Context as _, Result as Checked, bail, ensure};

use super::context::{Context, InputContext};
use super::input::{Input, InputPart};
use super::notice::{Notice, Topic};
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::picture::{PictureFile, decode_picture, read_picture};
use crate::suggest::nearest;
use crate::tensor::{Tensor, Tensors};

impl Context {
    /// Reads, resizes, crops and normalises pictures; checks arrays.
    pub fn prepare(&self, source: Source) -> Result<Input> {
        let mut notices = vec![];
        let parts = match source {
            Source::Input(input) => return self.checked(input),
            Source::Named(sources) => self.named(sources, &mut notices)?,
            source => {
                let index = self.unnamed(&source).kind(Error::Input)?;
                let mut source = Some(source);
                let part = |(place, input): (usize, &InputContext)| match source.take() {
                    Some(given) if place == index => input.prepare(given, &mut notices),
                    other => {
                        source = other;
                        input.by_default()
                    }
                };
                self.inputs.iter().enumerate().map(part).collect::<Result<_>>()?
            }
        };
        Ok(Input { parts, notices })
    }

    /// The input that a source without a name is for: the only one, or the only one without a default.
    fn unnamed(&self, source: &Source) -> Checked<usize> {
        let mut open: Vec<usize> = (0..self.inputs.len()).collect();
        if open.len() > 1 {
            open.retain(|&index| self.inputs[index].default.is_none());
        }
        let names = || {
            let names = open.iter().map(|&index| self.inputs[index].describe());
            names.collect::<Vec<_>>().join(", ")
        };
        let what = || match source {
            Source::Path(path) => path.display().to_string(),
            _ => "what is given".to_string(),
        };
        match open[..] {
            [index] => Ok(index),
            [] => bail!("every input of the model is given by its name: {} is for none", what()),
            _ => bail!(
                "which input {} is for is not said: the model has {} (--input NAME=FILE)",
                what(),
                names()
            ),
        }
    }

    /// A part for each input, from sources by name.
    fn named(
        &self,
        sources: Vec<(String, Source)>,
        notices: &mut Vec<Notice>,
    ) -> Result<Vec<InputPart>> {
        for (name, _) in &sources {
            self.check_name(name).kind(Error::Input)?;
        }
        let mut sources: Vec<Option<(String, Source)>> = sources.into_iter().map(Some).collect();
        let mut part = |input: &InputContext| {
            let name = &input.model.name;
            let found = sources
                .iter_mut()
                .find(|source| source.as_ref().is_some_and(|(other, _)| other == name));
            match found.and_then(Option::take) {
                Some((_, source)) => input.prepare(source, notices),
                None => input.by_default(),
            }
        };
        self.inputs.iter().map(&mut part).collect()
    }

    /// Checks that an input of that name is explained.
    pub fn check_name(&self, name: &str) -> Checked<()> {
        if self.inputs.iter().any(|input| input.model.name == name) {
            return Ok(());
        }
        ensure!(
            self.fixed.iter().all(|fixed| fixed != name),
            "the input \"{name}\" is held fixed: its numbers are those that the model was opened with"
        );
        let names = || self.inputs.iter().map(|input| input.model.name.as_str());
        let similar = nearest(name, names());
        let similar = similar.map_or(String::new(), |name| format!("; did you mean \"{name}\"?"));
        bail!(
            "no input \"{name}\" is explained{similar} The model has {}",
            names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        )
    }

    /// An input that was prepared, by this session or another one.
    fn checked(&self, input: Input) -> Result<Input> {
        let expected = self.inputs.iter().map(|input| input.model.shape.as_slice());
        if !input.arrays().map(super::array::Array::shape).eq(expected.clone()) {
            let list = |shapes: Vec<&[usize]>| match shapes[..] {
                [shape] => format!("{shape:?}"),
                _ => format!("{shapes:?}"),
            };
            let error = anyhow::anyhow!(
                "the input was prepared for another model: it has the shape {}, but the model takes {}",
                list(input.arrays().map(super::array::Array::shape).collect()),
                list(expected.collect())
            );
            return Err(Error::of(Error::Input, error));
        }
        Ok(input)
    }

    /// What the network reads of an input.
    pub fn network_inputs(&self, input: &Input) -> Result<Tensors> {
        let mut tensors = vec![];
        for (known, part) in self.inputs.iter().zip(&input.parts) {
            let parts = known.model.network_inputs(part.array.tensor()).kind(Error::Input)?;
            tensors.extend(parts);
        }
        Ok(tensors.into())
    }

    /// The relevance of every input, of that of what the network reads of them.
    pub fn relevance_of_inputs(&self, of_network: &[Tensor]) -> Checked<Vec<Tensor>> {
        let mut rest = of_network;
        let of_input = |input: &InputContext| {
            let count = input.model.parts.len();
            ensure!(rest.len() >= count, "an input has no relevance");
            let (parts, others) = rest.split_at(count);
            rest = others;
            input.model.relevance(parts)
        };
        self.inputs.iter().map(of_input).collect()
    }
}

impl InputContext {
    /// The numbers that the session was opened with.
    fn by_default(&self) -> Result<InputPart> {
        let missing = || {
            anyhow::anyhow!(
                "the input {} is missing: give it with --input {}=FILE",
                self.describe(),
                self.model.name
            )
        };
        self.default.clone().ok_or_else(|| Error::of(Error::Input, missing()))
    }

    /// The input as messages name it.
    pub fn describe(&self) -> String {
        format!("\"{}\" {:?}", self.model.name, self.model.shape)
    }

    /// The part of an input that a source is.
    pub fn prepare(&self, source: Source, notices: &mut Vec<Notice>) -> Result<InputPart> {
        match source {
            Source::Input(input) => match &input.parts[..] {
                [part] if part.array.shape() == self.model.shape => Ok(part.clone()),
                _ => Err(Error::of(
                    Error::Input,
                    anyhow::anyhow!("the input was prepared for another model"),
                )),
            },
            Source::Named(_) => Err(Error::of(
                Error::Input,
                anyhow::anyhow!("an input by its name cannot be several inputs by their names"),
            )),
            Source::Array(array) => {
                let prepared = self.array(array.shape(), array.values(), &"the array", notices);
                self.usable(prepared, &"the array", notices).kind(Error::Input)
            }
            Source::Picture(picture) => {
                let prepared = self.picture(std::borrow::Cow::Borrowed(picture), &"the picture");
                self.usable(prepared, &"the picture", notices).kind(Error::Input)
            }
            Source::Bytes(bytes) => {
                let prepared = self.picture_file(|| decode_picture(bytes), &"the picture", notices);
                self.usable(prepared, &"the picture", notices).kind(Error::Input)
            }
            Source::Path(path) => self.read(path, notices),
        }
    }

    fn read(&self, path: &Path, notices: &mut Vec<Notice>) -> Result<InputPart> {
        let name = path.display();
        let mut read = || match crate::io::is_array_file(path) {
            true => self.array_file(crate::io::read_array(path)?, &name, notices),
            false => self.picture_file(|| read_picture(path), &name, notices),
        };
        let part = read();
        self.usable(part, &name, notices).kind(Error::Input)
    }

    /// What a picture file holds, unless the model takes none.
    fn picture_file(
        &self,
        read: impl FnOnce() -> Checked<PictureFile>,
        name: &dyn Display,
        notices: &mut Vec<Notice>,
    ) -> Checked<InputPart> {
        self.preprocessor.as_ref().map_err(Clone::clone)?;
        let PictureFile { picture, doubts } = read()?;
        notices.extend(doubts.into_iter().map(|text| Notice::warning(Topic::Input, text)));
        self.picture(std::borrow::Cow::Owned(picture), name)
    }

    /// An input, unless it holds numbers that are none, or such as the model does not take.
    fn usable(
        &self,
        part: Checked<InputPart>,
        name: &dyn Display,
        notices: &mut Vec<Notice>,
    ) -> Checked<InputPart> {
        let part = part?;
        let values = part.array.values();
        let count = values.iter().filter(|value| !value.is_finite()).count();
        let wrong = values.iter().find(|value| value.fract() != 0.0);
        let checked = || {
            ensure!(
                count == 0,
                "the tensor holds {count} values that are NaN or infinite; a network can make nothing of them"
            );
            if let Some(wrong) =
                wrong.filter(|_| self.model.is_whole_numbers && part.photo.is_none())
            {
                bail!(
                    "the model takes whole numbers, but the tensor holds {wrong}; give them as they were before they \
                     were scaled"
                );
            }
            self.model.check(part.array.tensor())
        };
        checked().with_context(|| format!("cannot explain {name}"))?;
        self.note_range(&part, notices);
        match self.model.is_tokens() {
            true => Ok(part.with_words(&[])),
            false => Ok(part),
        }
    }

    /// Says where the input goes beyond the range that its values are said to have.
    fn note_range(&self, part: &InputPart, notices: &mut Vec<Notice>) {
        let outside = self.range.as_ref().map(|range| range.farthest_outside(part.array.tensor()));
        // A range of another number of channels is an error where it is used.
        if let Some(Ok(Some((value, [low, high])))) = outside {
            let text = format!(
                "it holds {value}, beyond the range of {low} to {high} that the network's input is said to have \
                 (--input-range, or the preprocessing): the z-box rule, fills and baselines need the true one"
            );
            self.note(notices, text);
        }
    }

    pub(super) fn note(&self, notices: &mut Vec<Notice>, text: String) {
        notices.push(Notice::warning(Topic::Input, text));
    }
}
