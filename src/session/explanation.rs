//! What an explainer hands back.

use std::time::Duration;

use anyhow::Context as _;

use super::array::Array;
use super::frame::Frame;
use super::heatmap::Heatmap;
use super::input::InputPart;
use super::notice::{Notice, Topic};
use super::prediction::{Class, Prediction};
use super::sign::Sign;
use crate::error::{Error, Kind, Result};
use crate::heatmap::Rendering;
use crate::method::{self, Adaptation, Completeness, Sums};
use crate::metric::{Map, Reading};
use crate::network::Quantity;

/// The explanation of one class for one input.
#[derive(Clone, Debug)]
pub struct Explanation {
    prediction: Prediction,
    class: Class,
    against: Option<Class>,
    sign: Sign,
    explained: Quantity,
    /// Of every input that is explained, or of the layer's value that propagation stopped at.
    relevance: Vec<Array>,
    sums: Sums,
    completeness: Option<Completeness>,
    adaptation: Option<Adaptation>,
    notices: Vec<Notice>,
    timing: Timing,
    drawing: Drawing,
}

/// How long an explanation took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// From the input to the logits; once for all classes of an input.
    pub forward: Duration,
    /// From the logits to the relevance.
    pub propagate: Duration,
}

/// What drawing needs.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// What has relevance.
    pub frames: Vec<Frame>,
    /// What each is drawn on.
    pub inputs: Vec<InputPart>,
    pub rendering: Rendering,
}

/// The classes that an explanation is about.
pub(super) struct Asked {
    pub prediction: Prediction,
    pub class: Class,
    pub against: Option<Class>,
    /// What relevance above 0 speaks for.
    pub sign: Sign,
    /// What the value of a class means.
    pub explained: Quantity,
}

impl Explanation {
    pub(super) fn new(
        (explanation, relevance): (method::Explanation, Vec<Array>),
        asked: Asked,
        drawing: Drawing,
        timing: Timing,
        mut notices: Vec<Notice>,
    ) -> Explanation {
        notices.extend(doubts(&explanation, &asked));
        let method::Explanation { sums, completeness, adaptation, .. } = explanation;
        let Asked { prediction, class, against, sign, explained } = asked;
        Explanation {
            prediction,
            class,
            against,
            sign,
            explained,
            relevance,
            sums,
            completeness,
            adaptation,
            notices,
            timing,
            drawing,
        }
    }

    /// What the network says about the input.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The class that is explained.
    pub fn class(&self) -> &Class {
        &self.class
    }

    /// The class that it is compared with.
    pub fn against(&self) -> Option<&Class> {
        self.against.as_ref()
    }

    /// What relevance above 0 speaks for: the class, unless a logit is negative and [`Initial::One`](crate::Initial::One) or the rule of the
    /// last layer turns the signs.
    pub fn sign(&self) -> Sign {
        self.sign
    }

    /// What the explained value of the class means: a logit where the outputs show that the card is wrong to call them
    /// probabilities.
    #[doc(hidden)]
    pub fn explained(&self) -> Quantity {
        self.explained
    }

    /// The relevance of every number of the model's input, or of the layer's value that propagation stopped at, in
    /// its shape without the batch axis: above 0 it speaks for the class, below 0 against it, unless [`Explanation::sign`]
    /// says otherwise. Of several inputs, that of
    /// the first; of token ids, one number for each.
    pub fn relevance(&self) -> &Array {
        &self.relevance[0]
    }

    /// The relevance, to keep.
    pub fn into_relevance(mut self) -> Array {
        self.relevance.swap_remove(0)
    }

    /// Every input that is explained (or the layer that propagation stopped at) by its name, with its relevance.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.drawing.frames.iter().map(Frame::name).zip(&self.relevance)
    }

    /// Where the relevance went: what was put in is what arrived and what was absorbed, where the method conserves it.
    pub fn conservation(&self) -> Sums {
        self.sums
    }

    /// For Integrated Gradients: how well the relevance adds up to the difference that it explains.
    pub fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    /// For an adaptive SmoothTaylor: the σ that was chosen.
    pub fn adaptation(&self) -> Option<Adaptation> {
        self.adaptation
    }

    /// What may make the result look like something that it is not.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// How long it took.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// What is known of an input, for reports: its values, and what its numbers are called.
    #[doc(hidden)]
    pub fn elements(&self, place: usize) -> Option<(&[f32], Option<&[String]>)> {
        let is_listed = self.drawing.frames.get(place)?.is_listed();
        let input = self.drawing.inputs.get(place)?;
        is_listed.then(|| (input.array.values(), input.names.as_deref()))
    }

    /// The relevance of every pixel, to be drawn; of several inputs, that of the first.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the relevance cannot be drawn, as that of most inner layers.
    pub fn heatmap(&self) -> Result<Heatmap> {
        self.heatmap_at(0)
    }

    /// The relevance of the first input as metrics read it: of every pixel, the sum over its channels, or of their
    /// magnitudes.
    ///
    /// # Errors
    /// As [`Explanation::heatmap`].
    #[doc(hidden)]
    pub fn map(&self, reading: Reading) -> Result<Map> {
        let relevance = match reading {
            Reading::Signed => self.relevance[0].clone(),
            Reading::Magnitude => self.relevance[0].magnitudes()?,
        };
        let rows = || self.drawing.frames[0].heatmap(&relevance);
        let rows = rows().kind(Error::Rendering)?;
        let values = rows.values().iter().map(|&value| f64::from(value)).collect();
        Map::new(values, rows.height(), rows.width()).kind(Error::Rendering)
    }

    /// The relevance of one of several inputs, to be drawn.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the relevance cannot be drawn, or no input of that name is explained.
    pub fn heatmap_of(&self, input: &str) -> Result<Heatmap> {
        let place = self.inputs().position(|(name, _)| name == input);
        let place = place.with_context(|| format!("no input \"{input}\" is explained"));
        self.heatmap_at(place.kind(Error::Rendering)?)
    }

    /// The relevance of the input at a place, to be drawn.
    ///
    /// # Errors
    /// As [`Explanation::heatmap_of`].
    #[doc(hidden)]
    pub fn heatmap_at(&self, place: usize) -> Result<Heatmap> {
        let Drawing { frames, inputs, rendering } = &self.drawing;
        let (frame, input) = (frames[place].clone(), inputs[place].clone());
        let heatmap = Heatmap::new(frame, self.relevance[place].clone(), input, *rendering);
        heatmap.kind(Error::Rendering)
    }
}

/// What may make a result look like something that it is not.
fn doubts(explanation: &method::Explanation, asked: &Asked) -> impl Iterator<Item = Notice> {
    let data = || explanation.relevance.iter().flat_map(|part| part.data());
    let wrong = data().filter(|value| !value.is_finite()).count();
    let is_zero = data().all(|value| *value == 0.0);
    let not_finite = (wrong > 0).then(|| {
        format!(
            "the relevance of {wrong} values is not finite and drawn as 0; try a larger stabilizer"
        )
    });
    let zero = is_zero.then(|| "the relevance is 0 everywhere".to_string());
    let explained = asked.explained;
    let turned = match asked.sign {
        Sign::For => None,
        Sign::Against => Some(format!(
            "the {explained} {} is negative, which turns the signs of this method: blue speaks for the class, red against it",
            asked.class.logit
        )),
        Sign::Mixed if asked.against.is_none() => Some(format!(
            "the {explained}s of all classes are put in, and the rule of the last layer turns the signs of the negative ones: \
             the colours cannot be read; --initial logit, or epsilon on the last layer, keeps them"
        )),
        Sign::Mixed => Some(format!(
            "one of the two {explained}s is negative, which turns the signs of its part of the relevance: the colours \
             cannot be read; --initial logit keeps them"
        )),
    };
    let misread = asked.prediction.outlier().map(|output| {
        format!(
            "the outputs are no probabilities (one is {output}), so `output: probabilities` in the model card is wrong; they \
             are read as logits"
        )
    });
    let texts = misread.into_iter().chain(not_finite).chain(zero).chain(turned);
    texts.map(|text| Notice::warning(Topic::Relevance, text))
}
