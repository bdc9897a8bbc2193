//! The plan: a YAML file with everything that an evaluation needs, and the options that override it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess};
use serde_json::{Map, Value};

use onnxplain::evaluation::{Conditions, MetricChoice};
use onnxplain::suggest::placed::{at_key, from_yaml};
use onnxplain::suggest::spelled::{self, Spelled};

use super::methods;
use super::options::{EvaluateOptions, FillWord, parse_fill};
use super::planned::{PlannedMethod, PlannedMetric};
use crate::cli::truth_options::TruthOptions;

/// Everything that an evaluation needs, from the plan and the options.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub model: Option<PathBuf>,
    pub inputs: Vec<PathBuf>,
    /// Empty: the default ones.
    pub methods: Vec<PlannedMethod>,
    /// Empty: the default ones.
    pub metrics: Vec<MetricChoice>,
    pub fill: FillWord,
    pub conditions: Conditions,
    pub seed: u64,
    pub target: Option<String>,
    pub truth: TruthOptions,
    pub has_controls: bool,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    model: Option<PathBuf>,
    inputs: Option<Paths>,
    methods: Vec<PlannedMethod>,
    metrics: Vec<PlannedMetric>,
    settings: Settings,
    target: Option<Word>,
    masks: Option<PathBuf>,
    boxes: Option<PathBuf>,
    classes: Option<String>,
    controls: Option<bool>,
}

/// `settings` of the file: the conditions of all metrics, the fill and the seed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Settings {
    fill: Option<String>,
    regions: Option<Value>,
    levels: Option<Value>,
    score: Option<Value>,
    draws: Option<Value>,
    subsets: Option<Value>,
    radius: Option<Value>,
    noise_draws: Option<Value>,
    tolerance: Option<Value>,
    class: Option<Value>,
    magnitude: Option<Value>,
    seed: Option<u64>,
}

/// A path or a list of paths.
#[derive(Debug, Default)]
struct Paths(Vec<PathBuf>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Paths, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Paths {
    const EXPECTED: &'static str = "a path, or a list of paths";

    fn from_text<E: de::Error>(path: &str) -> Result<Paths, E> {
        Ok(Paths(vec![path.into()]))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Paths, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Paths)
    }
}

/// A word or a number.
#[derive(Debug)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        spelled::read(deserializer)
    }
}

impl Spelled<'_> for Word {
    const EXPECTED: &'static str = "a word or a whole number";

    fn from_text<E: de::Error>(text: &str) -> Result<Word, E> {
        Ok(Word(text.to_string()))
    }

    fn from_whole<E: de::Error>(number: u64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }
}

impl Plan {
    /// What the plan says, where there is one, and the options say otherwise.
    ///
    /// # Errors
    /// When the plan cannot be read (line, column and the nearest word are named), or an option is wrong.
    pub fn of(options: &EvaluateOptions) -> Result<Plan> {
        let mut plan = match &options.plan {
            Some(path) => Plan::read(path)?,
            None => Plan::new(File::default())?,
        };
        plan.override_by(options)?;
        Ok(plan)
    }

    fn read(path: &Path) -> Result<Plan> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read the plan {}", path.display()))?;
        let origin = path.display().to_string();
        let file: File = from_yaml(&text, &origin)?;
        let mut plan = Plan::new(file).map_err(|error| at_key(&text, &origin, &error))?;
        plan.look_beside(path.parent().unwrap_or(Path::new("")));
        Ok(plan)
    }

    fn new(file: File) -> Result<Plan> {
        let settings = file.settings;
        let fill = settings.fill.as_deref().map_or(Ok(FillWord::Auto), parse_fill);
        let fill = fill.context("settings: fill")?;
        let conditions = Conditions::default().with(&settings.conditions()).context("settings")?;
        Ok(Plan {
            model: file.model,
            inputs: file.inputs.unwrap_or_default().0,
            methods: file.methods,
            metrics: file.metrics.into_iter().map(|metric| metric.0).collect(),
            fill,
            conditions,
            seed: settings.seed.unwrap_or(0),
            target: file.target.map(|Word(target)| target),
            truth: TruthOptions { masks: file.masks, boxes: file.boxes, classes: file.classes },
            has_controls: file.controls.unwrap_or(true),
        })
    }

    /// Paths that are not found from the current folder are looked for beside the plan.
    fn look_beside(&mut self, folder: &Path) {
        let beside = |path: &mut PathBuf| {
            let other = folder.join(&*path);
            if !path.exists() && other.exists() {
                *path = other;
            }
        };
        let paths = self.model.iter_mut().chain(&mut self.inputs);
        let paths = paths.chain(&mut self.truth.masks).chain(&mut self.truth.boxes);
        let maps = self.methods.iter_mut().filter_map(|method| method.maps.as_mut());
        paths.chain(maps).for_each(beside);
        if let Some(classes) = self.truth.classes.as_mut().filter(|classes| *classes != "folder") {
            let mut path = PathBuf::from(&*classes);
            beside(&mut path);
            *classes = path.display().to_string();
        }
    }

    fn override_by(&mut self, options: &EvaluateOptions) -> Result<()> {
        if options.model.is_some() {
            self.model.clone_from(&options.model);
        }
        if !options.inputs.is_empty() || options.input_options.files_from.is_some() {
            self.inputs.clone_from(&options.inputs);
        }
        let words = options.methods.iter().map(|word| PlannedMethod::of_word(word));
        let composites = options.composites.iter().map(|word| methods::parse_composite(word));
        let maps = options.maps.iter().map(|text| methods::parse_maps(text));
        let given = words.chain(composites).chain(maps).collect::<Result<Vec<_>>>()?;
        if !given.is_empty() {
            self.methods = given;
        }
        if !options.metrics.is_empty() {
            let words = options.metrics.iter().map(|word| Ok(PlannedMetric::of_word(word)?.0));
            self.metrics = words.collect::<Result<_>>()?;
        }
        self.fill = options.fill.unwrap_or(self.fill);
        self.seed = options.seed.unwrap_or(self.seed);
        self.conditions = changed(&self.conditions, options);
        self.conditions.check()?;
        self.target = options.target.clone().or(self.target.take());
        self.truth = options.truth.or(&self.truth);
        self.has_controls &= !options.has_no_controls;
        Ok(())
    }
}

/// The conditions with those that options say.
fn changed(conditions: &Conditions, options: &EvaluateOptions) -> Conditions {
    let number = |given: Option<u64>, by_default: usize| given.map_or(by_default, |n| n as usize);
    Conditions {
        regions: options.regions.clone().unwrap_or(conditions.regions.clone()),
        levels: options.levels.clone().unwrap_or(conditions.levels.clone()),
        score: options.score.unwrap_or(conditions.score),
        draws: number(options.draws, conditions.draws),
        subsets: number(options.subsets, conditions.subsets),
        radius: options.radius.unwrap_or(conditions.radius),
        noise_draws: number(options.noise_draws, conditions.noise_draws),
        ..conditions.clone()
    }
}

impl Settings {
    /// Those that are conditions, by their names.
    fn conditions(&self) -> Map<String, Value> {
        let entries = [
            ("regions", &self.regions),
            ("levels", &self.levels),
            ("score", &self.score),
            ("draws", &self.draws),
            ("subsets", &self.subsets),
            ("radius", &self.radius),
            ("noise-draws", &self.noise_draws),
            ("tolerance", &self.tolerance),
            ("class", &self.class),
            ("magnitude", &self.magnitude),
        ];
        let given = entries.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        given.map(|(name, value)| (name.to_string(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onnxplain::Method;
    use onnxplain::evaluation::{Levels, Reading, Regions};
    use onnxplain::methods::IntegratedGradients;

    const PLAN: &str = "\
model: model.onnx
inputs: photos/
methods:
  - lrp
  - lrp: epsilon-plus-flat
  - { name: ig-black, method: integrated-gradients, steps: 50, baseline: black }
  - { name: theirs, maps: captum_maps/, reading: magnitude }
metrics: [default, road, { name: srg-pixels, metric: srg, regions: pixels, fill: linear }]
settings: { fill: auto, levels: 16, seed: 7 }
masks: masks/
";

    fn read(text: &str) -> Result<Plan> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), text)?;
        Plan::read(file.path())
    }

    #[test]
    fn a_plan_says_everything() {
        let plan = read(PLAN).unwrap();
        assert_eq!(plan.model.as_deref(), Some(Path::new("model.onnx")));
        assert_eq!((plan.seed, plan.conditions.levels), (7, Levels::Count(16)));
        assert_eq!(plan.methods.len(), 4);
        assert_eq!(plan.methods[1].composite.as_deref(), Some("epsilon-plus-flat"));
        let baseline = onnxplain::methods::Fill::Black;
        let path = IntegratedGradients { steps: 50, baseline, ..IntegratedGradients::default() };
        assert_eq!(plan.methods[2].method, Method::of(path));
        assert_eq!(plan.methods[3].reading, Some(Reading::Magnitude));
        assert!(matches!(&plan.metrics[2], MetricChoice::Own { name, .. } if name == "srg-pixels"));
        assert_eq!(plan.conditions.regions, Regions::Cells);
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_the_nearest_word() {
        for (from, to, line, hint) in [
            ("masks: ", "mask: ", 10, "`masks`"),
            ("levels: 16", "level: 16", 9, "`levels`"),
            ("- lrp\n", "- lrpp\n", 4, "`lrp`"),
            ("lrp: epsilon-plus-flat", "lrp: epsilon-plus-flt", 5, "`epsilon-plus-flat`"),
            ("steps: 50", "stepps: 50", 6, "`steps`"),
            ("method: integ", "metod: integ", 6, "`method`"),
            ("road", "raod", 8, "`road`"),
            ("regions: pixels", "region: pixels", 8, "`regions`"),
            ("metric: srg", "metric: srgg", 8, "`srg`"),
        ] {
            let error = format!("{:#}", read(&PLAN.replace(from, to)).unwrap_err());
            assert!(error.contains(&format!(":{line}:")), "{to}: {error}");
            assert!(error.contains(&format!("did you mean {hint}?")), "{to}: {error}");
        }
        for (from, to, expected) in [
            ("fill: auto", "fill: blurr", ":9:13: settings: fill: `blurr` is no fill"),
            ("levels: 16", "levels: 0", ":9:25: settings: levels are a whole number above 0"),
            ("photos/", "{ a: 1 }", ":2:9: inputs: expected a path, or a list of paths, not a map"),
            ("masks: ", "target: 1.5\nmasks: ", ":10:9: target: expected a word or a whole number"),
            ("baseline: black", "baseline: blue", "baseline"),
            ("fill: linear", "fill: liner", "`liner` is no fill"),
            ("name: theirs, ", "", "need a `name`"),
        ] {
            let error = format!("{:#}", read(&PLAN.replace(from, to)).unwrap_err());
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
