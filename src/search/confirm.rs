//! Confirming: the winner, the default and fixed presets on pictures that took no part in the choice.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::found::{Confirmed, Difference, Mean, Role, Verdict};
use super::measure::{Contestant, Desk, Field};
use super::scores::{Scores, sign};
use super::searcher::Searcher;
use super::trial::Stage;
use crate::composite::{Composite, Parameters};
use crate::error::{Error, Kind, Result};
use crate::statistics::{Bootstrap, Comparison, Sample};

/// Below this, a difference is not taken for chance.
const LEVEL: f64 = 0.05;

/// What confirms a choice.
pub(super) struct Confirmation<'a> {
    pub searcher: &'a Searcher<'a>,
    /// The chosen candidates, the winner first.
    pub front: &'a [usize],
    /// What the race said.
    pub raced: &'a Scores,
}

/// What the confirming pictures say.
pub(super) struct Outcome {
    pub rows: Vec<Confirmed>,
    pub verdict: Verdict,
    pub best: String,
    pub others: Vec<String>,
}

/// A composite that is confirmed.
struct Entrant {
    name: String,
    role: Role,
    composite: Composite,
    contestant: Contestant,
}

impl Confirmation<'_> {
    /// Measures all of them, and writes the chosen ones down.
    ///
    /// # Errors
    /// [`Error::Composite`] where a preset does not fit the network, [`Error::Input`] where no picture can be measured.
    pub fn run(&self, desk: &mut Desk) -> Result<Outcome> {
        let searcher = self.searcher;
        let entrants = self.entrants();
        let composites: Vec<Composite> = entrants.iter().map(|it| it.composite.clone()).collect();
        let variants = searcher.session.variants(&searcher.options.explainer, &composites)?;
        let contestants: Vec<Contestant> =
            entrants.iter().map(|it| it.contestant.clone()).collect();
        let (stage, evaluator) = (Stage::Confirm, &searcher.evaluators[2]);
        let (contestants, jobs) = (&contestants[..], searcher.jobs);
        let field = Field { stage, evaluator, variants: &variants, contestants, jobs };
        let all: Vec<usize> = (0..entrants.len()).collect();
        let pictures = &searcher.split.confirming;
        desk.journal.begin(stage, pictures.len(), all.len());
        let rows = field.measure(&all, pictures, desk).kind(Error::Input)?;
        let mut scores = Scores::default();
        for row in rows {
            all.iter().zip(row).for_each(|(&number, values)| scores.add(number, values));
        }
        let rows = self.rows(&entrants, &scores);
        let verdict = self.verdict(&rows);
        let files = self.files(&rows, verdict).kind(Error::Composite)?;
        let mut files = files.into_iter();
        let best = files.next().unwrap_or_default();
        Ok(Outcome { rows, verdict, best, others: files.collect() })
    }

    fn entrants(&self) -> Vec<Entrant> {
        let searcher = self.searcher;
        let chosen = self.front.iter().enumerate().map(|(place, &number)| {
            let candidate = &searcher.candidates[number];
            let (name, role) = match place {
                0 => ("best".to_string(), Role::Winner),
                place => (format!("front-{place}"), Role::Front),
            };
            let contestant = Contestant::of(candidate);
            Entrant { name, role, composite: candidate.composite.clone(), contestant }
        });
        let preset = |composite: &Composite, role: Role| Entrant {
            name: composite.name.clone(),
            role,
            composite: composite.clone(),
            contestant: Contestant::preset(composite),
        };
        let default = std::iter::once(preset(&searcher.default, Role::Default));
        let fixed = searcher.fixed.iter().map(|composite| preset(composite, Role::Preset));
        chosen.chain(default).chain(fixed).collect()
    }

    fn rows(&self, entrants: &[Entrant], scores: &Scores) -> Vec<Confirmed> {
        let default = entrants.iter().position(|it| it.role == Role::Default).unwrap_or(0);
        let metrics = &self.searcher.evaluators[2].settings().metrics;
        let bootstrap = Bootstrap { seed: self.searcher.options.seed, ..Bootstrap::default() };
        let difference = |number: usize, metric: &str| {
            // As the metric counts, not as it is better.
            let lead = scores.lead(number, default, metric).into_iter();
            let differences = Sample::of_pictures(lead.map(|it| sign(metric) * it));
            let found = Comparison::of(&differences, &bootstrap)?;
            Some(Difference {
                n: found.count,
                mean: found.mean,
                standard_error: found.standard_error,
                interval: found.interval,
                p: found.p,
                pictures_needed: found.pictures_needed,
            })
        };
        let mean = |number: usize, metric: &str| {
            let sample = Sample::of_pictures(scores.values(number, metric).flatten());
            let standard_error = sample.standard_error();
            sample.mean().map(|mean| Mean { n: sample.count(), mean, standard_error })
        };
        let row = |(number, entrant): (usize, &Entrant)| {
            let names = || metrics.iter().map(|metric| metric.name.clone());
            let differences = names().map(|it| (it.clone(), difference(number, &it)));
            Confirmed {
                name: entrant.name.clone(),
                role: entrant.role,
                parameters: entrant.contestant.parameters.clone(),
                metrics: names().map(|it| (it.clone(), mean(number, &it))).collect(),
                differences: match entrant.role {
                    Role::Default => BTreeMap::new(),
                    _ => differences.collect(),
                },
            }
        };
        entrants.iter().enumerate().map(row).collect()
    }

    fn verdict(&self, rows: &[Confirmed]) -> Verdict {
        let metric = &self.searcher.objectives[0];
        let candidate = &self.searcher.candidates[self.front[0]].composite;
        let default = &self.searcher.default;
        let rules =
            |it: &Composite| format!("{:?} {:?} {:?}", it.stabilizer, it.canonize, it.rules);
        if rules(candidate) == rules(default) {
            return Verdict::Same;
        }
        let difference =
            rows.first().and_then(|row| row.differences.get(metric).copied().flatten());
        match difference {
            None => Verdict::Undefined,
            Some(found) if found.p >= LEVEL => Verdict::NotBetter,
            Some(found) if sign(metric) * found.mean > 0.0 => Verdict::Better,
            Some(_) => Verdict::Worse,
        }
    }

    /// The chosen composites as files.
    fn files(&self, rows: &[Confirmed], verdict: Verdict) -> anyhow::Result<Vec<String>> {
        let file = |(place, &number): (usize, &usize)| {
            let row = rows.get(place).context("a composite was not confirmed")?;
            let candidate = &self.searcher.candidates[number];
            let about = self.about(row, rows, (place == 0).then_some(verdict));
            candidate.to_yaml(&row.name, &about, &self.provenance(row, rows, number))
        };
        self.front.iter().enumerate().map(file).collect()
    }

    /// A sentence or two for people.
    fn about(&self, row: &Confirmed, rows: &[Confirmed], verdict: Option<Verdict>) -> String {
        let searcher = self.searcher;
        let settings = &searcher.settings;
        let metric = &searcher.objectives[0];
        let parameters: Vec<(String, Value)> = row.parameters.clone().into_iter().collect();
        let mut text = format!(
            "Found by `onnxplain search` for {} in the space {} ({}).",
            settings.model,
            settings.space,
            Parameters(&parameters)
        );
        if let Some(Some(mean)) = row.metrics.get(metric) {
            text.push_str(&format!(" {metric} {:.3}", mean.mean));
            if let Some(error) = mean.standard_error {
                text.push_str(&format!(" ± {error:.3}"));
            }
            text.push_str(&format!(" on {} pictures that took no part in the choice", mean.n));
        }
        let default = rows.iter().find(|row| row.role == Role::Default);
        if let (Some(Some(difference)), Some(default)) = (row.differences.get(metric), default) {
            text.push_str(&format!("; {:+.3}", difference.mean));
            if let Some(error) = difference.standard_error {
                text.push_str(&format!(" ± {error:.3}"));
            }
            text.push_str(&format!(" over {}", default.name));
        }
        text.push('.');
        if verdict == Some(Verdict::NotBetter) {
            text.push_str(" That is not better than the default.");
        }
        text
    }

    /// Where a composite comes from.
    fn provenance(&self, row: &Confirmed, rows: &[Confirmed], number: usize) -> Value {
        let searcher = self.searcher;
        let settings = &searcher.settings;
        let chosen: Map<String, Value> = searcher.evaluators[1]
            .settings()
            .metrics
            .iter()
            .map(|metric| {
                let mean = self.raced.estimate(number, &metric.name).map(|it| it.mean);
                (metric.name.clone(), json!(mean))
            })
            .collect();
        let objectives: Vec<&str> =
            settings.objectives.iter().map(|(name, _)| name.as_str()).collect();
        let default = rows.iter().find(|row| row.role == Role::Default);
        json!({
            "onnxplain": settings.version,
            "model": settings.model,
            "model-sha256": settings.model_sha256,
            "space": settings.space,
            "parameters": row.parameters,
            "objectives": objectives,
            "requirements": settings.requirements,
            "seed": settings.seed,
            "fill": settings.fill.name,
            "search": settings.hash,
            "chosen-on": { "pictures": self.raced.pictures(number), "metrics": chosen },
            "confirmed-on": { "pictures": settings.confirming.len(), "metrics": row.metrics },
            "default": default.map(|it| json!({ "name": it.name, "metrics": it.metrics })),
            "difference": row.differences,
        })
    }
}
