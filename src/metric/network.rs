//! What metrics need from outside: the network, explanations, and what lies beside an input.

use std::path::Path;

use anyhow::Result;

use super::map::Map;
use super::mask::Mask;
use super::undefined::undefined;
use crate::tensor::Tensor;

/// What the network says about an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The scores of all classes before the softmax.
    pub logits: Vec<f32>,
    /// Their probabilities.
    pub probabilities: Vec<f32>,
}

impl Output {
    /// The strongest class; of equal ones the first.
    pub fn top(&self) -> usize {
        let better = |best: usize, class: usize| match self.logits[class] > self.logits[best] {
            true => class,
            false => best,
        };
        (1..self.logits.len()).fold(0, better)
    }

    /// The logit of a class.
    pub fn logit(&self, class: usize) -> f64 {
        f64::from(self.logits[class])
    }

    /// The probability of a class.
    pub fn probability(&self, class: usize) -> f64 {
        f64::from(self.probabilities[class])
    }
}

/// Runs of the network.
pub trait Network: Sync {
    /// The outputs for `count` inputs, in their order. `input` makes each when its turn comes, on any thread, so that
    /// they are never in memory together.
    ///
    /// # Errors
    /// When an input cannot be made, or the network's output is not finite.
    fn outputs(
        &self,
        count: usize,
        input: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    ) -> Result<Vec<Output>>;
}

/// A map with what its method says about it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The map.
    pub map: Map,
    /// |what the relevance adds up to − what it should| / |what it should|, where the method promises it.
    pub relative_error: Option<f64>,
    /// What the network says about the input, where the method ran it.
    pub output: Option<Output>,
}

/// A method, a control, or maps that were made elsewhere.
pub trait Explain: Sync {
    /// The maps of some classes of one input, in the order of the classes. `draw` tells the inputs apart for a method
    /// that is nothing but random: 0 is the input that is judged.
    ///
    /// # Errors
    /// When the method cannot be applied; undefined for maps that were made elsewhere.
    fn explain(&self, input: &Tensor, classes: &[usize], draw: u64) -> Result<Vec<Explained>>;

    /// The maps of one class for several inputs, which are draws 1, 2, ...
    ///
    /// # Errors
    /// As [`Explain::explain`].
    fn explain_all(&self, inputs: &[Tensor], class: usize) -> Result<Vec<Explained>> {
        let mut all = vec![];
        for (input, draw) in inputs.iter().zip(1..) {
            all.extend(self.explain(input, &[class], draw)?);
        }
        Ok(all)
    }
}

/// Four pictures in one (Arias-Duart et al. 2022), and which of them show the class that is explained.
#[derive(Clone, Debug)]
pub struct Mosaic {
    /// The network's input.
    pub input: Tensor,
    /// The quarters of the class: upper left, upper right, lower left, lower right.
    pub is_of_class: [bool; 4],
}

/// What lies beside an input: the truth about it, and other inputs. Whatever is not known is undefined.
pub trait Beside: Sync {
    /// Where the object of a class is.
    ///
    /// # Errors
    /// Undefined where there is no mask or box, or the object is mostly cropped away.
    fn object(&self, _class: usize) -> Result<Mask> {
        undefined("no mask or box is given")
    }

    /// The objects of all classes in the picture, by class.
    ///
    /// # Errors
    /// Undefined where there are no boxes.
    fn objects(&self) -> Result<Vec<(usize, Mask)>> {
        undefined("no boxes are given")
    }

    /// The segments of the picture, a number for each pixel of the network's input, from a folder.
    ///
    /// # Errors
    /// When there is no such file, or it has another size.
    fn segments(&self, folder: &Path) -> Result<Vec<i64>>;

    /// A mosaic of this picture, another one of the class, and two of other classes.
    ///
    /// # Errors
    /// Undefined where there are no such pictures.
    fn mosaic(&self, _class: usize) -> Result<Mosaic> {
        undefined("there are no other pictures to make a mosaic of")
    }
}
