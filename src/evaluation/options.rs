//! What is evaluated: methods, metrics, conditions, and the truth about the inputs.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};
use crate::metric::removal::Fill;
use crate::metric::{Conditions, Reading};
use crate::session::{Composite, ExplainerOptions, Method, Target};
use crate::truth::{Boxes, Classes};

/// What is evaluated, and how. Everything has a default: LRP and four other methods, the default metrics, three controls.
#[derive(Clone, Debug)]
pub struct EvaluationOptions {
    pub(super) methods: Vec<JudgedMethod>,
    /// Whether there are methods at all: composites are judged without.
    pub(super) has_methods: bool,
    pub(super) metrics: Vec<MetricChoice>,
    pub(super) conditions: Conditions,
    /// `None`: chosen by the inputs.
    pub(super) fill: Option<Fill>,
    pub(super) has_controls: bool,
    pub(super) target: JudgedTarget,
    pub(super) truth: Truth,
    pub(super) seed: u64,
    pub(super) jobs: Option<usize>,
}

/// A method that is judged: one of ours, or maps that were made elsewhere.
#[derive(Clone, Debug)]
pub struct JudgedMethod {
    pub(super) name: Option<String>,
    pub(super) reading: Option<Reading>,
    pub(super) source: MethodSource,
}

/// Where maps come from.
#[derive(Clone, Debug)]
pub(super) enum MethodSource {
    Explained(Box<ExplainerOptions>),
    Maps(PathBuf),
}

/// Metrics that are measured: a word, or a metric under conditions of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricChoice {
    /// A metric, a category, `default` or `all`.
    Word(String),
    /// A metric under a name and conditions of its own.
    Own {
        /// The name in the report.
        name: String,
        /// The metric.
        metric: String,
        /// The conditions that differ.
        conditions: Map<String, Value>,
    },
}

/// The class that is explained of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JudgedTarget {
    /// The strongest one.
    #[default]
    Top,
    /// The one that the picture shows, by [`EvaluationOptions::classes`].
    Label,
    /// This one.
    Class(Target),
}

/// The truth about the inputs.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub masks: Option<PathBuf>,
    pub boxes: Option<(PathBuf, Boxes)>,
    pub classes: Option<(String, Classes)>,
}

impl Default for EvaluationOptions {
    fn default() -> EvaluationOptions {
        EvaluationOptions {
            methods: vec![],
            has_methods: true,
            metrics: vec![],
            conditions: Conditions::default(),
            fill: None,
            has_controls: true,
            target: JudgedTarget::Top,
            truth: Truth::default(),
            seed: 0,
            jobs: None,
        }
    }
}

impl EvaluationOptions {
    /// The default methods, metrics and controls.
    pub fn new() -> EvaluationOptions {
        EvaluationOptions::default()
    }

    /// Judges a method: a [`Method`](crate::Method), a [`Composite`](crate::Composite), [`ExplainerOptions`], or maps
    /// that were made elsewhere. Default: `lrp`, `saliency`, `integrated-gradients`, `smoothgrad` and `grad-cam`.
    pub fn method(mut self, method: impl Into<JudgedMethod>) -> EvaluationOptions {
        self.methods.push(method.into());
        self
    }

    /// Measures a metric: a name, a category (`faithfulness`), `default` or `all`. Default: `default`, with localisation
    /// where masks or boxes are given.
    pub fn metric(self, word: impl Into<String>) -> EvaluationOptions {
        self.choose(MetricChoice::Word(word.into()))
    }

    /// Measures a metric under conditions of its own.
    pub fn choose(mut self, choice: MetricChoice) -> EvaluationOptions {
        self.metrics.push(choice);
        self
    }

    /// The conditions of all metrics, but for those that a metric's paper fixes. Their fill is [`EvaluationOptions::fill`].
    pub fn conditions(mut self, conditions: Conditions) -> EvaluationOptions {
        self.conditions = conditions;
        self
    }

    /// What removed pixels are replaced by. Default: `blur` where it leaves nothing of the class, else `mean`.
    pub fn fill(mut self, fill: Fill) -> EvaluationOptions {
        self.fill = Some(fill);
        self
    }

    /// Without methods and controls: for [`Evaluator::evaluate_variants`](super::Evaluator::evaluate_variants).
    pub(crate) fn without_methods(mut self) -> EvaluationOptions {
        self.has_methods = false;
        self.without_controls()
    }

    /// Without the controls `random`, `edges` and `centre`.
    pub fn without_controls(mut self) -> EvaluationOptions {
        self.has_controls = false;
        self
    }

    /// The class that is explained. Default: the strongest.
    pub fn target(mut self, target: JudgedTarget) -> EvaluationOptions {
        self.target = target;
        self
    }

    /// A folder with a mask for each picture: `<stem>.png` or `<stem>.npy`, not 0 is inside, of the picture's size or the
    /// network's.
    pub fn masks(mut self, folder: impl Into<PathBuf>) -> EvaluationOptions {
        self.truth.masks = Some(folder.into());
        self
    }

    /// Boxes around objects: a table with the columns `input,label,x0,y0,x1,y1`, or COCO's JSON.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) when the file cannot be read.
    pub fn boxes(mut self, file: impl AsRef<Path>) -> Result<EvaluationOptions> {
        let boxes = Boxes::read(file.as_ref()).kind(Error::Input)?;
        self.truth.boxes = Some((file.as_ref().to_path_buf(), boxes));
        Ok(self)
    }

    /// The class of every picture: a table with the columns `input,label`, or `folder` where the folder of a picture is
    /// called like its class.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) when the file cannot be read.
    pub fn classes(mut self, text: &str) -> Result<EvaluationOptions> {
        let classes = Classes::read(text).kind(Error::Input)?;
        self.truth.classes = Some((text.to_string(), classes));
        Ok(self)
    }

    /// The seed of all random numbers. Default: 0.
    pub fn seed(mut self, seed: u64) -> EvaluationOptions {
        self.seed = seed;
        self
    }

    /// Inputs at a time. Default: the number of cores. Numbers do not depend on it.
    pub fn jobs(mut self, jobs: usize) -> EvaluationOptions {
        self.jobs = Some(jobs.max(1));
        self
    }
}

impl JudgedMethod {
    /// A method of ours.
    pub fn new(options: impl Into<ExplainerOptions>) -> JudgedMethod {
        let source = MethodSource::Explained(Box::new(options.into()));
        JudgedMethod { name: None, reading: None, source }
    }

    /// Maps that were made elsewhere: `<stem>.npy` in a folder, `[C, H, W]` or `[H, W]`.
    pub fn maps(name: impl Into<String>, folder: impl Into<PathBuf>) -> JudgedMethod {
        let source = MethodSource::Maps(folder.into());
        JudgedMethod { name: Some(name.into()), reading: None, source }
    }

    /// The name in the report. Default: that of the method, with its composite where it takes one.
    pub fn named(mut self, name: impl Into<String>) -> JudgedMethod {
        self.name = Some(name.into());
        self
    }

    /// How its maps are read. Default: as the method says; maps made elsewhere are signed.
    pub fn read(mut self, reading: Reading) -> JudgedMethod {
        self.reading = Some(reading);
        self
    }
}

impl From<ExplainerOptions> for JudgedMethod {
    fn from(options: ExplainerOptions) -> JudgedMethod {
        JudgedMethod::new(options)
    }
}

impl From<Method> for JudgedMethod {
    fn from(method: Method) -> JudgedMethod {
        JudgedMethod::new(method)
    }
}

impl From<Composite> for JudgedMethod {
    fn from(composite: Composite) -> JudgedMethod {
        JudgedMethod::new(composite)
    }
}
