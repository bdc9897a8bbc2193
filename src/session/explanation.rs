//! What an explainer hands back.

use std::sync::Arc;
use std::time::Duration;

use super::array::Array;
use super::heatmap::{Canvas, Heatmap};
use super::notice::{Notice, Topic};
use super::photo::Photo;
use super::prediction::{Class, Prediction};
use super::sign::Sign;
use crate::error::{Error, Kind, Result};
use crate::heatmap::Rendering;
use crate::method::{self, Adaptation, Completeness, Sums};
use crate::network::Quantity;

/// The explanation of one class for one input.
#[derive(Clone, Debug)]
pub struct Explanation {
    prediction: Prediction,
    class: Class,
    against: Option<Class>,
    sign: Sign,
    relevance: Array,
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
    pub canvas: Canvas,
    pub photo: Option<Arc<Photo>>,
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
        explanation: method::Explanation,
        asked: Asked,
        drawing: Drawing,
        timing: Timing,
        mut notices: Vec<Notice>,
    ) -> Result<Explanation> {
        notices.extend(doubts(&explanation, &asked));
        let method::Explanation { relevance, sums, completeness, adaptation } = explanation;
        let Asked { prediction, class, against, sign, .. } = asked;
        let relevance = Array::without_batch(relevance)?;
        Ok(Explanation {
            prediction,
            class,
            against,
            sign,
            relevance,
            sums,
            completeness,
            adaptation,
            notices,
            timing,
            drawing,
        })
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

    /// What relevance above 0 speaks for: the class, unless a logit is negative and [`Initial::One`] or the rule of the
    /// last layer turns the signs.
    pub fn sign(&self) -> Sign {
        self.sign
    }

    /// The relevance of every number of the network's input, or of the layer's value that propagation stopped at, in
    /// its shape without the batch axis: above 0 it speaks for the class, below 0 against it, unless
    /// [`Explanation::sign`] says otherwise.
    pub fn relevance(&self) -> &Array {
        &self.relevance
    }

    /// The relevance, to keep.
    pub fn into_relevance(self) -> Array {
        self.relevance
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

    /// The relevance of every pixel, to be drawn.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the relevance does not lie on a picture.
    pub fn heatmap(&self) -> Result<Heatmap> {
        let Drawing { canvas, photo, rendering } = &self.drawing;
        let map = canvas.heatmap(&self.relevance).kind(Error::Rendering)?;
        Ok(Heatmap::new(map, photo.clone(), *rendering))
    }
}

/// What may make a result look like something that it is not.
fn doubts(explanation: &method::Explanation, asked: &Asked) -> impl Iterator<Item = Notice> {
    let data = explanation.relevance.data();
    let wrong = data.iter().filter(|value| !value.is_finite()).count();
    let is_zero = data.iter().all(|value| *value == 0.0);
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
        Sign::Mixed => Some(format!(
            "one of the two {explained}s is negative, which turns the signs of its part of the relevance: the colours \
             cannot be read; --initial logit keeps them"
        )),
    };
    let texts = not_finite.into_iter().chain(zero).chain(turned);
    texts.map(|text| Notice::warning(Topic::Relevance, text))
}
