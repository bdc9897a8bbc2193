//! What propagation starts with at the output: what was asked for, else what the composite says, where that has a meaning.

use super::context::Context;
use super::explainer::Explainer;
use super::method::Method;
use super::notice::{Notice, Topic};
use crate::composite::Composite as Rules;
use crate::explain::{Initial, divides_by_output};
use crate::network::{OutputFunction, Quantity};

impl Explainer {
    /// Whether the mean of all logits is taken away from what is put in.
    pub(crate) fn starts_centred(&self) -> bool {
        self.initial == Initial::Centred
    }

    /// Takes the mean of all logits away where the composite does not, unless the user asked for something else or it has
    /// no meaning here: so that it can be compared with explainers that start so.
    pub(crate) fn start_centred(&mut self) {
        let is_possible = self.method.takes_composite()
            && self.context.has_classes_that_exclude_each_other()
            && divides_by_output(self.engine().program());
        if self.initial == Initial::Logit && !self.is_initial_asked && is_possible {
            self.initial = Initial::Centred;
        }
    }
}

impl Context {
    /// What is put in, and what is to be said about it. `divides_by_output` tells of the rule of the last layer.
    pub(super) fn initial(
        &self,
        asked: Option<Initial>,
        (method, composite): (&Method, &Rules),
        divides_by_output: bool,
    ) -> (Initial, Option<Notice>) {
        let default = match method.takes_composite() {
            true => composite.initial,
            false => method.initial(),
        };
        let wanted = asked.unwrap_or(default);
        if wanted != Initial::Centred {
            return (wanted, None);
        }
        if !self.has_classes_that_exclude_each_other() {
            let told = "relevance starts with the value of the class alone: its outputs are no logits of classes that \
                        exclude each other, whose mean could be taken away";
            return (Initial::Logit, Some(Notice::detail(Topic::Composite, told)));
        }
        // Who asks for it gets it, with a warning in the result.
        if !divides_by_output && asked.is_none() {
            let told = "relevance starts with the logit alone: the rule of the last layer does not divide by its output, as \
                        `initial: centred` needs it";
            return (Initial::Logit, Some(Notice::detail(Topic::Composite, told)));
        }
        (Initial::Centred, None)
    }

    fn has_classes_that_exclude_each_other(&self) -> bool {
        let is_sigmoid = matches!(self.function, Some(OutputFunction::Sigmoid));
        self.classes > 1 && !is_sigmoid && self.explained() == Quantity::Logit
    }
}
