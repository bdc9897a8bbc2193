//! From words to metrics with their conditions.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::options::MetricChoice;
use super::settings::MetricSettings;
use crate::metric::{Category, Conditions, Metric, Needs, metrics, named};
use crate::picture::InputShape;
use crate::suggest::nearest;

/// A metric under its conditions.
pub(super) struct Chosen {
    pub name: String,
    pub metric: &'static dyn Metric,
    pub conditions: Conditions,
}

/// What there is for metrics that need it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Available {
    pub objects: bool,
    pub boxes: bool,
}

impl Available {
    fn has(self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Object => self.objects,
            Needs::Boxes => self.boxes,
        }
    }
}

impl Chosen {
    /// What reports say of it.
    pub fn settings(&self) -> MetricSettings {
        MetricSettings {
            name: self.name.clone(),
            metric: self.metric.info().name.to_string(),
            direction: self.metric.info().direction,
            options: self.conditions.named(self.metric.takes()),
        }
    }
}

/// The metrics that are meant, each once, in the order of the table; those with names of their own at the end.
///
/// # Errors
/// When there is no such metric or condition, or two have one name.
pub(super) fn chosen(
    choices: &[MetricChoice],
    available: Available,
    conditions: &Conditions,
    shape: InputShape,
) -> Result<Vec<Chosen>> {
    let default = [MetricChoice::Word("default".to_string())];
    let choices = if choices.is_empty() { &default[..] } else { choices };
    let mut is_wanted = vec![false; metrics().len()];
    let mut own = vec![];
    for choice in choices {
        match choice {
            MetricChoice::Word(word) => mark(word, available, &mut is_wanted)?,
            MetricChoice::Own { name, metric, conditions: changes } => {
                let metric = named(metric)?;
                check_names(metric, changes)?;
                own.push((name.clone(), metric, changes));
            }
        }
    }
    let of_table = metrics().iter().zip(is_wanted).filter(|(_, is_wanted)| *is_wanted);
    let nothing = Map::new();
    let of_table = of_table.map(|(metric, _)| (metric.info().name.to_string(), *metric, &nothing));
    let resolve = |(name, metric, changes): (String, &'static dyn Metric, &Map<String, Value>)| {
        let fixed = conditions.with(&metric.fixed(shape))?;
        let conditions = fixed.with(changes).with_context(|| format!("the metric {name}"))?;
        Ok(Chosen { name, metric, conditions })
    };
    let all = of_table.chain(own).map(resolve).collect::<Result<Vec<Chosen>>>()?;
    for (index, chosen) in all.iter().enumerate() {
        ensure!(
            all[..index].iter().all(|other| other.name != chosen.name),
            "two metrics are called `{}`: give one of them another name",
            chosen.name
        );
    }
    Ok(all)
}

/// Marks the metrics that a word means. Of several at once, those are left out that would have no value anywhere.
fn mark(word: &str, available: Available, is_wanted: &mut [bool]) -> Result<()> {
    let category = Category::ALL.into_iter().find(|category| category.word() == word);
    let is_group = ["all", "default"].contains(&word) || category.is_some();
    let single = if is_group { None } else { Some(named(word)?.info().name) };
    let matches = |metric: &dyn Metric| {
        let info = metric.info();
        match (single, category) {
            (Some(name), _) => info.name == name,
            (None, Some(category)) => info.category == category && available.has(metric.needs()),
            (None, None) => (word == "all" || info.is_default) && available.has(metric.needs()),
        }
    };
    let mut found = false;
    for (metric, is_wanted) in metrics().iter().zip(is_wanted) {
        let is_match = matches(*metric);
        *is_wanted |= is_match;
        found |= is_match;
    }
    if !found {
        bail!("the metrics of {word} need masks or boxes: give --masks DIR or --boxes FILE");
    }
    Ok(())
}

/// Refuses conditions that a metric does not depend on.
///
/// # Errors
/// Names the nearest that it does.
pub fn check_names(metric: &dyn Metric, changes: &Map<String, Value>) -> Result<()> {
    let takes = metric.takes();
    let Some(stranger) = changes.keys().find(|name| !takes.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = nearest(stranger, takes.iter().copied());
    let hint = hint.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    let name = metric.info().name;
    match takes {
        [] => bail!("{name} depends on no conditions, and so not on `{stranger}`"),
        takes => {
            bail!("{name} does not depend on `{stranger}`, only on {}{hint}", takes.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;
    use serde_json::json;

    const SHAPE: InputShape =
        InputShape { channels: 3, height: 224, width: 224, layout: Layout::Nchw };

    fn choose(choices: &[MetricChoice], available: Available) -> Result<Vec<Chosen>> {
        chosen(choices, available, &Conditions::default(), SHAPE)
    }

    fn names(words: &[&str], available: Available) -> Vec<String> {
        let words: Vec<_> = words.iter().map(|word| MetricChoice::Word(word.to_string())).collect();
        choose(&words, available).unwrap().into_iter().map(|chosen| chosen.name).collect()
    }

    fn own(metric: &str, conditions: Value) -> MetricChoice {
        let conditions = conditions.as_object().unwrap().clone();
        MetricChoice::Own { name: "mine".into(), metric: metric.into(), conditions }
    }

    #[test]
    fn localisation_comes_with_masks() {
        let without = names(&[], Available::default());
        assert!(without.contains(&"srg".to_string()) && !without.contains(&"mass".to_string()));
        let masks = Available { objects: true, boxes: false };
        assert!(names(&[], masks).contains(&"mass".to_string()));
        assert!(!names(&["all"], masks).contains(&"contrast".to_string()));
        assert_eq!(names(&["roc", "srg", "roc"], Available::default()), ["srg", "roc"]);
        assert_eq!(names(&["localisation"], Available::default()), ["focus"]);
    }

    #[test]
    fn a_paper_fixes_conditions_and_a_plan_replaces_them() {
        let srg = own("srg", json!({ "regions": "pixels", "fill": "linear" }));
        let all =
            choose(&[MetricChoice::Word("deletion".into()), srg], Available::default()).unwrap();
        let options: Vec<Value> = all.iter().map(|it| json!(it.settings().options)).collect();
        assert_eq!((&options[0]["fill"], &options[0]["levels"]), (&json!("zero"), &json!(64)));
        assert_eq!((&options[1]["fill"], &options[1]["levels"]), (&json!("linear"), &json!(32)));
        assert_eq!(all[1].name, "mine");
    }

    #[test]
    fn mistakes_have_a_nearest_word() {
        let error = |choice: MetricChoice| {
            format!("{:#}", choose(&[choice], Available::default()).err().unwrap())
        };
        assert!(
            error(MetricChoice::Word("faithfullness".into()))
                .contains("did you mean `faithfulness`")
        );
        assert!(error(own("srgg", json!({}))).contains("did you mean `srg`"));
        assert!(error(own("srg", json!({ "region": 1 }))).contains("did you mean `regions`"));
        assert!(error(own("mass", json!({ "fill": 1 }))).contains("depends on no conditions"));
        assert!(error(own("srg", json!({ "fill": "blurr" }))).contains("there are blur"));
        let twice = [own("srg", json!({})), own("morf", json!({}))];
        let error = choose(&twice, Available::default()).err().unwrap().to_string();
        assert!(error.contains("two metrics are called `mine`"));
    }
}
