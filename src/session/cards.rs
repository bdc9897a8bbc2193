//! What is known beside the model file: the card that was named, and the one that was found.

use std::path::Path;

use super::notice::{Notice, Topic};
use crate::error::{Error, Kind, Result};
use crate::picture::{
    Card, Clues, InputShape, Labels, Output, Overrides, Preprocessing, Preprocessor,
};

/// The cards of a model.
#[derive(Clone, Debug)]
pub(super) struct Cards {
    named: Option<Card>,
    discovered: Option<Card>,
}

impl Cards {
    /// Reads the card of that name and the one that lies beside the model.
    pub fn read(model: &Path, name: Option<&str>, notices: &mut Vec<Notice>) -> Result<Cards> {
        let named = name.map(Card::named).transpose().kind(Error::Preprocessing)?;
        let discovered = match Card::discover(model) {
            Ok(card) => card,
            // What was named replaces the card, so a broken one is no reason to stop.
            Err(error) if named.is_some() => {
                let text = format!("the card beside the model is not used: {error:#}");
                notices.push(Notice::warning(Topic::Preprocessing, text));
                None
            }
            Err(error) => return Err(Error::of(Error::Preprocessing, error)),
        };
        Ok(Cards { named, discovered })
    }

    fn all(&self) -> impl Iterator<Item = &Card> {
        self.named.iter().chain(&self.discovered)
    }

    /// The preprocessing and the card it comes from; `None` where it must be guessed.
    fn input(&self) -> Option<(&Preprocessing, &Card)> {
        let card = self.all().find(|card| card.input.is_some())?;
        Some((card.input.as_ref()?, card))
    }

    /// Whether the preprocessing must be guessed.
    pub fn is_guessed(&self) -> bool {
        self.input().is_none()
    }

    /// The `[height, width]` that the preprocessing is made for.
    pub fn size(&self) -> Option<[usize; 2]> {
        self.input().and_then(|(input, _)| input.size)
    }

    /// The names of the classes, and the card they come from.
    pub fn labels(&self) -> Option<(&Labels, &Card)> {
        self.all().find_map(|card| Some((card.labels.as_ref()?, card)))
    }

    /// What the network's outputs are.
    pub fn output(&self) -> Option<Output> {
        self.all().find_map(|card| card.output)
    }

    /// The preprocessing fitted to the model's input, and what is to be said about where it comes from.
    pub fn preprocessor(
        &self,
        shape: InputShape,
        // `None`: the input is of bytes.
        clues: Option<&Clues>,
        overrides: &Overrides,
    ) -> Result<(Preprocessor, Vec<Notice>)> {
        let guessed = clues.map_or_else(Card::of_bytes, Card::guessed);
        let (mut steps, card) = match self.input() {
            Some((steps, card)) => (steps.clone(), card),
            None => (guessed.input.clone().unwrap_or_default(), &guessed),
        };
        overrides.apply(&mut steps);
        let preprocessor = Preprocessor::new(&steps, shape).map_err(|error| {
            let origin = &card.origin;
            let error =
                error.context(format!("the preprocessing ({origin}) does not fit the model"));
            Error::of(Error::Preprocessing, error)
        })?;
        let first = format!("preprocessing: {} ({})", preprocessor.steps(), card.origin);
        let texts = std::iter::once(first).chain(card.notes.iter().cloned());
        let notices = texts.map(|text| Notice::note(Topic::Preprocessing, text)).collect();
        Ok((preprocessor, notices))
    }
}
