//! All inputs at once, for programs.

use super::evaluator::Evaluator;
use super::input::EvaluationInput;
use super::line::ReportLine;
use super::options::EvaluationOptions;
use super::prepare::Earlier;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::method::Unwatched;
use crate::session::{Session, cores, in_parallel};

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// How it was found.
    pub settings: Settings,
    /// A line for every input and method, in the order of the inputs.
    pub lines: Vec<ReportLine>,
    /// The inputs that could not be evaluated, and why.
    pub failures: Vec<(EvaluationInput, Error)>,
}

impl Evaluation {
    /// The mean of a metric over the inputs where it has a value, and how many these are; `None` where it has none.
    pub fn mean(&self, method: &str, metric: &str) -> Option<(f64, usize)> {
        let lines = self.lines.iter().filter(|line| line.method == method);
        let values: Vec<f64> =
            lines.filter_map(|line| line.metrics.get(metric).copied().flatten()).collect();
        let count = values.len();
        (count > 0).then(|| (values.iter().sum::<f64>() / count as f64, count))
    }

    /// The names of the methods, controls included, in the order of the settings.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.settings.methods.iter().map(|method| method.name.as_str())
    }
}

impl Session {
    /// Measures how good explanations of these inputs are: every metric of every method on every input.
    ///
    /// ```
    /// use onnxplain::evaluation::EvaluationOptions;
    /// use onnxplain::{Composite, Method, Session};
    ///
    /// # fn main() -> Result<(), onnxplain::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
    /// # let (model, picture) = (format!("{folder}/fashion_vgg.onnx"), format!("{folder}/photos/fashion/bag.png"));
    /// let session = Session::open(&model)?;
    /// let options = EvaluationOptions::new().method(Composite::auto()).method(Method::named("saliency")?);
    /// let evaluation = session.evaluate([&picture], options.metric("srg").metric("sparseness"))?;
    /// for method in evaluation.methods() {
    ///     println!("{method}: {:?}", evaluation.mean(method, "srg"));
    /// }
    /// # assert_eq!(evaluation.methods().collect::<Vec<_>>(), ["lrp:vgg", "saliency", "random", "edges", "centre"]);
    /// # assert!(evaluation.mean("lrp:vgg", "sparseness").unwrap().0 > evaluation.mean("random", "sparseness").unwrap().0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::new`]; that an input cannot be used is told in [`Evaluation::failures`].
    pub fn evaluate<I: Into<EvaluationInput>>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        options: EvaluationOptions,
    ) -> Result<Evaluation> {
        let inputs: Vec<EvaluationInput> = inputs.into_iter().map(Into::into).collect();
        let jobs = options.jobs.unwrap_or_else(cores);
        let evaluator = Evaluator::new(self, options, &inputs, &Earlier::default())?;
        let results = in_parallel(&inputs, jobs, |input| evaluator.evaluate(input, &Unwatched));
        let (mut lines, mut failures) = (vec![], vec![]);
        for (input, result) in inputs.into_iter().zip(results) {
            match result {
                Ok(found) => lines.extend(found),
                Err(error) => failures.push((input, error)),
            }
        }
        Ok(Evaluation { settings: evaluator.settings().clone(), lines, failures })
    }
}
