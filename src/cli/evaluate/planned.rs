//! Methods and metrics as a plan writes them. Whatever is wrong is found while the plan is read, so that errors have its
//! line and column.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess};
use serde_json::{Map, Value};

use onnxplain::evaluation::{MetricChoice, Reading, check_names};
use onnxplain::metric::named;
use onnxplain::suggest::nearest;
use onnxplain::suggest::spelled::{self, Spelled};
use onnxplain::{Composite, Method};

/// A method to judge, as options and plans name it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedMethod {
    pub name: Option<String>,
    pub method: Method,
    pub composite: Option<String>,
    /// The folder of maps that were made elsewhere; the method has no meaning then.
    pub maps: Option<PathBuf>,
    pub reading: Option<Reading>,
}

/// What the entry of a method may hold besides the parameters of the method.
const METHOD_KEYS: [&str; 5] = ["name", "method", "composite", "maps", "reading"];

impl PlannedMethod {
    /// A method of ours.
    ///
    /// # Errors
    /// When there is no such composite, or the method takes none.
    pub fn of_method(method: Method, composite: Option<String>) -> Result<PlannedMethod> {
        if let Some(composite) = &composite {
            ensure!(
                method.takes_composite(),
                "{} brings its own rules, so it cannot have the composite {composite}",
                method.name()
            );
            Composite::named(composite)?;
        }
        Ok(PlannedMethod { name: None, method, composite, maps: None, reading: None })
    }

    /// `METHOD`, or `METHOD:COMPOSITE`.
    ///
    /// # Errors
    /// When there is no such method or composite, or the method takes none.
    pub fn of_word(word: &str) -> Result<PlannedMethod> {
        let word = word.trim();
        let (method, composite) = match word.split_once(':') {
            Some((method, composite)) => (method, Some(composite.to_string())),
            None => (word, None),
        };
        PlannedMethod::of_method(Method::named(method)?, composite)
    }

    /// Maps that were made elsewhere.
    pub fn of_maps(name: &str, folder: PathBuf) -> PlannedMethod {
        let (method, name) = (Method::default(), Some(name.to_string()));
        PlannedMethod { name, method, composite: None, maps: Some(folder), reading: None }
    }

    /// Whether a composite decides on its rules.
    pub fn takes_composite(&self) -> bool {
        self.maps.is_none() && self.method.takes_composite()
    }

    /// `{ lrp: COMPOSITE }`, or an object of the method, its parameters, and its name.
    fn of_object(mut object: Map<String, Value>) -> Result<PlannedMethod> {
        if let Some((method, composite)) = single(&object) {
            return PlannedMethod::of_method(method, Some(composite));
        }
        let mut word = |key: &str| match object.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => Ok(Some(word)),
            Some(other) => Err(anyhow!("`{key}` must be a word, not {other}")),
        };
        let (name, maps) = (word("name")?, word("maps")?);
        let (method, composite, reading) = (word("method")?, word("composite")?, word("reading")?);
        let reading = reading.map(|word| reading_of(&word)).transpose()?;
        if let Some(folder) = maps {
            let stranger = object.keys().next().map(String::as_str);
            let stranger = stranger.or(method.as_ref().map(|_| "method"));
            let stranger = stranger.or(composite.as_ref().map(|_| "composite"));
            if let Some(stranger) = stranger {
                bail!("maps that were made elsewhere have no `{stranger}`, only name and reading");
            }
            let name = name.context("maps that were made elsewhere need a `name`")?;
            return Ok(PlannedMethod { reading, ..PlannedMethod::of_maps(&name, folder.into()) });
        }
        let Some(method) = method else {
            let hint =
                object.keys().map(|key| hint(key, &METHOD_KEYS)).find(|hint| !hint.is_empty());
            bail!(
                "a method is a word, {{ lrp: COMPOSITE }}, or has a `method` or `maps`{}",
                hint.unwrap_or_default()
            );
        };
        let method = with_parameters(&method, object)?;
        Ok(PlannedMethod { name, reading, ..PlannedMethod::of_method(method, composite)? })
    }
}

/// `{ METHOD: COMPOSITE }`.
fn single(object: &Map<String, Value>) -> Option<(Method, String)> {
    let mut entries = object.iter();
    let (Some((name, Value::String(composite))), None) = (entries.next(), entries.next()) else {
        return None;
    };
    (!METHOD_KEYS.contains(&name.as_str())).then_some(())?;
    Some((Method::named(name).ok()?, composite.clone()))
}

fn reading_of(word: &str) -> Result<Reading> {
    match word {
        "signed" => Ok(Reading::Signed),
        "magnitude" => Ok(Reading::Magnitude),
        _ => bail!("`{word}` is no reading; there are signed and magnitude"),
    }
}

/// A method with the parameters of its entry; their names may have hyphens, as options have.
fn with_parameters(name: &str, object: Map<String, Value>) -> Result<Method> {
    let parameters: Map<String, Value> =
        object.into_iter().map(|(key, value)| (key.replace('-', "_"), value)).collect();
    let known = Method::named(name)?.parameters();
    let known = known.as_object().into_iter().flatten();
    let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
    let stranger = parameters.keys().find(|key| !known.contains(&key.as_str()));
    let words: Vec<&str> = METHOD_KEYS.into_iter().chain(known.iter().copied()).collect();
    let hint = stranger.map_or(String::new(), |key| hint(key, &words));
    let method = Method::with(name, parameters);
    method.map_err(|error| anyhow!("{error:#}{hint}"))
}

/// `; did you mean ...?`, or nothing.
fn hint(word: &str, known: &[&str]) -> String {
    let nearest = nearest(word, known.iter().copied());
    nearest.map_or(String::new(), |nearest| format!("; did you mean `{nearest}`?"))
}

// What is wrong with an entry is told while it is read: errors have its place then.

impl<'de> Deserialize<'de> for PlannedMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PlannedMethod, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for PlannedMethod {
    const EXPECTED: &'static str = "a method: a word or an object";

    fn from_text<E: Error>(word: &str) -> Result<PlannedMethod, E> {
        PlannedMethod::of_word(word).map_err(told)
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<PlannedMethod, A::Error> {
        PlannedMethod::of_object(object(map)?).map_err(told)
    }
}

fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Map<String, Value>, A::Error> {
    Map::deserialize(MapAccessDeserializer::new(map))
}

fn told<E: Error>(error: anyhow::Error) -> E {
    E::custom(format!("{error:#}"))
}

/// A metric as a plan names it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedMetric(pub MetricChoice);

impl PlannedMetric {
    /// A name, a category, `default` or `all`.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn of_word(word: &str) -> Result<PlannedMetric> {
        let word = word.trim();
        let is_group = ["default", "all"].contains(&word)
            || onnxplain::metric::Category::ALL.iter().any(|category| category.word() == word);
        if !is_group {
            named(word)?;
        }
        Ok(PlannedMetric(MetricChoice::Word(word.to_string())))
    }

    fn of_object(mut object: Map<String, Value>) -> Result<PlannedMetric> {
        let Some(Value::String(metric)) = object.remove("metric") else {
            let hint =
                object.keys().map(|key| hint(key, &["metric"])).find(|hint| !hint.is_empty());
            bail!(
                "the entry of a metric has a `metric`, a `name` and conditions{}",
                hint.unwrap_or_default()
            );
        };
        let name = match object.remove("name") {
            None => metric.clone(),
            Some(Value::String(name)) => name,
            Some(other) => bail!("`name` must be a word, not {other}"),
        };
        let found = named(&metric)?;
        check_names(found, &object)?;
        onnxplain::evaluation::Conditions::default().with(&object)?;
        Ok(PlannedMetric(MetricChoice::Own { name, metric, conditions: object }))
    }
}

impl<'de> Deserialize<'de> for PlannedMetric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PlannedMetric, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for PlannedMetric {
    const EXPECTED: &'static str = "a metric: a word or an object";

    fn from_text<E: Error>(word: &str) -> Result<PlannedMetric, E> {
        PlannedMetric::of_word(word).map_err(told)
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<PlannedMetric, A::Error> {
        PlannedMetric::of_object(object(map)?).map_err(told)
    }
}
