//! What the network says about an input.

use std::sync::Arc;

use serde::Serialize;

use crate::picture::Labels;
use crate::tensor::Tensor;

/// What the network says about an input: the logits and probabilities of all classes.
///
/// Cloning shares the numbers.
#[derive(Clone, Debug)]
pub struct Prediction {
    logits: Arc<[f32]>,
    probabilities: Arc<[f32]>,
    labels: Option<Arc<Labels>>,
    /// An output that is no probability, where the card says that all are.
    outlier: Option<f32>,
}

/// A class, and how sure the network is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Its place in the output.
    pub index: usize,
    /// Its name, where the labels are known.
    pub label: Option<String>,
    /// Its score before the softmax.
    pub logit: f32,
    /// Its probability, 0 to 1: by the function at the end of the file; where there is none by the softmax, or for a
    /// single output the sigmoid.
    pub probability: f32,
}

impl Prediction {
    /// `probabilities` has as many numbers as `logits`.
    pub(super) fn new(
        logits: &Tensor,
        probabilities: &Tensor,
        labels: Option<Arc<Labels>>,
    ) -> Prediction {
        Prediction {
            logits: logits.data().into(),
            probabilities: probabilities.data().into(),
            labels,
            outlier: None,
        }
    }

    /// The same where an output shows that the card is wrong about them.
    pub(super) fn with_outlier(self, outlier: Option<f32>) -> Prediction {
        Prediction { outlier, ..self }
    }

    /// An output that is no probability, though the card says so: then all are read as logits.
    pub(super) fn outlier(&self) -> Option<f32> {
        self.outlier
    }

    /// The scores of all classes before the softmax.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The probabilities of all classes, 0 to 1.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// A class; `None` where the network has fewer.
    pub fn class(&self, index: usize) -> Option<Class> {
        (index < self.logits.len()).then(|| self.known_class(index))
    }

    /// The strongest class.
    pub fn top(&self) -> Option<Class> {
        self.strongest(1).into_iter().next()
    }

    /// The `count` strongest classes, the strongest first; equal ones in the order of their index.
    pub fn strongest(&self, count: usize) -> Vec<Class> {
        let mut order: Vec<usize> = (0..self.logits.len()).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]).then(a.cmp(&b)));
        order.into_iter().take(count).map(|index| self.known_class(index)).collect()
    }

    /// A class that the network has.
    fn known_class(&self, index: usize) -> Class {
        let label = self.labels.as_ref().and_then(|labels| labels.name(index));
        Class {
            index,
            label: label.map(str::to_string),
            logit: self.logits[index],
            probability: self.probabilities[index],
        }
    }
}
