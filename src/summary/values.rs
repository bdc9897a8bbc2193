//! Lines as a table: one value for each metric, method and picture.

use std::collections::BTreeMap;

use crate::evaluation::{ReportLine, Settings};

/// The values of a report by metric, method and picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// The pictures, sorted by name.
    pub inputs: Vec<String>,
    metrics: Vec<String>,
    methods: Vec<String>,
    /// By metric, method and picture.
    values: Vec<Option<f64>>,
    /// How often a metric is undefined for a method, by reason.
    undefined: BTreeMap<(String, String), BTreeMap<String, usize>>,
}

impl Values {
    /// The table of the lines. Of several lines for a picture and method the last counts; numbers that are not finite count
    /// as undefined.
    pub fn of(settings: &Settings, lines: &[ReportLine]) -> Values {
        let mut inputs: Vec<String> = lines.iter().map(|line| line.input.clone()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let metrics: Vec<String> =
            settings.metrics.iter().map(|metric| metric.name.clone()).collect();
        let methods: Vec<String> =
            settings.methods.iter().map(|method| method.name.clone()).collect();
        let empty = vec![None; metrics.len() * methods.len() * inputs.len()];
        let mut table =
            Values { inputs, metrics, methods, values: empty, undefined: BTreeMap::new() };
        let latest: BTreeMap<(&str, &str), &ReportLine> =
            lines.iter().map(|line| ((line.input.as_str(), line.method.as_str()), line)).collect();
        latest.into_values().for_each(|line| table.add(line));
        table
    }

    fn add(&mut self, line: &ReportLine) {
        let Ok(input) = self.inputs.binary_search(&line.input) else {
            return;
        };
        for (metric, value) in &line.metrics {
            let value = value.filter(|value| value.is_finite());
            if let Some(place) = self.place(metric, &line.method) {
                self.values[place + input] = value;
            }
            if value.is_none() {
                let reason =
                    line.undefined.get(metric).cloned().unwrap_or_else(|| "not finite".into());
                let reasons =
                    self.undefined.entry((metric.to_string(), line.method.clone())).or_default();
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }

    fn place(&self, metric: &str, method: &str) -> Option<usize> {
        let metric = self.metrics.iter().position(|name| name == metric)?;
        let method = self.methods.iter().position(|name| name == method)?;
        Some((metric * self.methods.len() + method) * self.inputs.len())
    }

    /// The values of all pictures, in the order of `inputs`; empty where metric or method are unknown.
    pub fn of_method(&self, metric: &str, method: &str) -> &[Option<f64>] {
        match self.place(metric, method) {
            Some(place) => &self.values[place..place + self.inputs.len()],
            None => &[],
        }
    }

    /// On how many pictures a metric is undefined for a method, for each reason.
    pub fn undefined(&self, metric: &str, method: &str) -> BTreeMap<String, usize> {
        self.undefined.get(&(metric.to_string(), method.to_string())).cloned().unwrap_or_default()
    }
}
