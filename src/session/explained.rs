//! What of a model has relevance: its inputs, or the value of a layer; and how that is drawn.

use std::sync::Arc;

use super::array::Array;
use super::explainer::Explainer;
use super::explanation::Drawing;
use super::input::{Input, InputPart};
use crate::error::{Error, Kind, Result};
use crate::explain::End;
use crate::method;

/// What relevance is drawn over.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The picture, where the input is one.
    OverPicture,
    /// The input's own values.
    OverValues,
    /// It cannot be drawn.
    Not,
}

impl Explainer {
    /// The shape of the relevance, without the batch axis: that of the (first) input, or of the layer's value that
    /// propagation stops at.
    pub fn relevance_shape(&self) -> &[usize] {
        self.frames[0].shape()
    }

    /// What has relevance, with its shape without the batch axis: every input that is explained by its name, or the
    /// layer that propagation stops at.
    pub fn explained_values(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.frames.iter().map(|frame| (frame.name(), frame.shape()))
    }

    /// The input with the words of its tokens, by which plots and reports call them; there may be fewer, where ids are
    /// padded.
    ///
    /// # Errors
    /// [`Error::Input`] when the model takes no token ids, or there are more words than ids.
    pub fn with_words(&self, mut input: Input, words: &[String]) -> Result<Input> {
        let inputs = self.context.inputs.iter().zip(&mut input.parts);
        let tokens = inputs.filter(|(known, _)| known.model.is_tokens()).map(|(_, part)| part);
        let checked = |parts: Vec<&mut InputPart>| {
            anyhow::ensure!(
                !parts.is_empty(),
                "the model takes no token ids, which words could be the text of"
            );
            for part in parts {
                let count = part.array.values().len();
                anyhow::ensure!(
                    words.len() <= count,
                    "there are {} words, but only {count} token ids",
                    words.len()
                );
                *part = part.clone().with_words(words);
            }
            Ok(())
        };
        checked(tokens.collect()).kind(Error::Input)?;
        Ok(input)
    }

    /// Whether inputs that were prepared by another explainer are its own: both are of one session.
    #[doc(hidden)]
    pub fn takes_inputs_of(&self, other: &Explainer) -> bool {
        Arc::ptr_eq(&self.context, &other.context)
    }

    /// The relevance of every input, or of the layer's value that propagation stopped at.
    pub(super) fn relevance(&self, explanation: &method::Explanation) -> Result<Vec<Array>> {
        let of_network = &explanation.relevance;
        let all = match self.prepared.end() {
            End::Inputs => self.context.relevance_of_inputs(of_network).kind(Error::Computation)?,
            End::Layer(_) => of_network.to_vec(),
        };
        all.into_iter().map(Array::without_batch).collect()
    }

    /// What the relevance of an input is drawn with.
    pub(super) fn drawing(&self, input: &Input) -> Drawing {
        let inputs = match self.prepared.end() {
            End::Inputs => input.parts.clone(),
            // The value of a layer is drawn on the first picture.
            End::Layer(_) => {
                let place = input.parts.iter().position(|part| part.photo.is_some());
                vec![input.parts[place.unwrap_or(0)].clone()]
            }
        };
        Drawing { frames: self.frames.clone(), inputs, rendering: self.rendering() }
    }

    /// How what has relevance is drawn, in the order of [`Explainer::explained_values`].
    #[doc(hidden)]
    pub fn drawn(&self) -> impl Iterator<Item = Drawn> {
        self.frames.iter().map(|frame| match (frame.can_be_drawn(), frame.shows_values()) {
            (false, _) => Drawn::Not,
            (true, true) => Drawn::OverValues,
            (true, false) => Drawn::OverPicture,
        })
    }
}
