//! From lines to a summary.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{ChannelSummary, Estimate, MethodSummary, SanitySummary, StepSummary};
use super::warnings::warnings;
use crate::sanity::line::{MethodLine, StepLine};
use crate::sanity::settings::{SanitySettings, StepSettings, TestedSettings};
use crate::statistics::Sample;
use crate::summary::Named;

/// The lines of an input, by their step.
type Steps<'a> = BTreeMap<usize, &'a StepLine>;

/// Summarizes the lines of these settings.
pub fn summarize(settings: &SanitySettings, lines: &[StepLine]) -> SanitySummary {
    let mut inputs: BTreeMap<&str, Steps> = BTreeMap::new();
    for line in lines {
        inputs.entry(&line.input).or_default().insert(line.step, line);
    }
    let methods = settings.methods.iter();
    let method = |it: &TestedSettings| (it.name.clone(), method(settings, it, &inputs));
    let steps =
        (1..).zip(&settings.steps).map(|(number, it)| step(settings, (number, it), &inputs));
    let mut summary = SanitySummary {
        settings: settings.clone(),
        pictures: inputs.len(),
        methods: methods.map(method).collect(),
        steps: steps.collect(),
        warnings: vec![],
    };
    summary.warnings = warnings(&summary);
    summary
}

impl Estimate {
    fn of(values: impl IntoIterator<Item = f64>) -> Estimate {
        let sample = Sample::of_pictures(values);
        let (n, mean, standard_error) = (sample.count(), sample.mean(), sample.standard_error());
        Estimate { n, mean, standard_error }
    }
}

/// The names of the similarities that lines have.
fn names<'a>(lines: impl Iterator<Item = &'a MethodLine>) -> BTreeSet<&'a str> {
    let names = lines.flat_map(|line| line.values.keys()).map(String::as_str);
    names.filter(|name| *name != "entropy").collect()
}

fn value(line: &MethodLine, name: &str) -> Option<f64> {
    line.values.get(name).copied().flatten()
}

/// A similarity of every input, as `of` makes it of the input's steps; inputs without one are left out.
fn estimates<'a>(
    names: &BTreeSet<&str>,
    inputs: &BTreeMap<&str, Steps<'a>>,
    of: impl Fn(&Steps<'a>, &str) -> Option<f64>,
) -> BTreeMap<String, Estimate> {
    let estimate = |name: &&str| {
        let values = inputs.values().filter_map(|steps| of(steps, name));
        (name.to_string(), Estimate::of(values))
    };
    names.iter().map(estimate).collect()
}

fn method(
    settings: &SanitySettings,
    method: &TestedSettings,
    inputs: &BTreeMap<&str, Steps>,
) -> MethodSummary {
    let name = method.name.as_str();
    let count = settings.steps.len();
    let random = || inputs.values().flat_map(|steps| steps.range(1..).map(|(_, line)| *line));
    let of_method = || random().filter_map(|line| line.methods.get(name));
    let names = names(of_method());
    let line = |steps: &Steps, step: usize| -> Option<MethodLine> {
        steps.get(&step)?.methods.get(name).cloned()
    };
    let last = |steps: &Steps, measure: &str| value(&line(steps, count)?, measure);
    let mean = |steps: &Steps, measure: &str| {
        let values = (1..=count).map(|step| value(&line(steps, step)?, measure));
        let values = values.collect::<Option<Vec<f64>>>()?;
        Some(values.iter().sum::<f64>() / values.len().max(1) as f64)
    };
    let rise = |steps: &Steps| {
        let [before, now] = [0, count].map(|step| value(&line(steps, step)?, "entropy"));
        let (before, now) = (before?, now?);
        (before > 0.0).then(|| (now - before) / before)
    };
    let mut undefined: BTreeMap<String, usize> = BTreeMap::new();
    for line in of_method() {
        for reason in line.undefined.values().collect::<BTreeSet<_>>() {
            *undefined.entry(reason.clone()).or_default() += 1;
        }
    }
    let is_cascading = settings.order.is_cascading();
    MethodSummary {
        is_control: method.is_control,
        last: if is_cascading { estimates(&names, inputs, last) } else { BTreeMap::new() },
        mean: estimates(&names, inputs, mean),
        emprt: is_cascading.then(|| Estimate::of(inputs.values().filter_map(rise))),
        undefined,
    }
}

fn step(
    settings: &SanitySettings,
    (number, step): (usize, &StepSettings),
    inputs: &BTreeMap<&str, Steps>,
) -> StepSummary {
    let lines: Vec<&StepLine> =
        inputs.values().filter_map(|steps| steps.get(&number).copied()).collect();
    let networks = || lines.iter().filter_map(|line| Some((line.network?, line.target.index)));
    let keeps = networks().map(|(network, target)| f64::from(u8::from(network.top == target)));
    let of_method = |method: &TestedSettings| {
        let own = || lines.iter().filter_map(|line| line.methods.get(&method.name));
        let estimate = |name: &&str| {
            (name.to_string(), Estimate::of(own().filter_map(|line| value(line, name))))
        };
        (method.name.clone(), names(own()).iter().map(estimate).collect())
    };
    StepSummary {
        step: number,
        name: step.describe(),
        pictures: lines.len(),
        probability: Estimate::of(networks().map(|(network, _)| network.probability)),
        keeps_class: Estimate::of(keeps),
        classes: networks().map(|(network, _)| network.top).collect::<BTreeSet<_>>().len(),
        channels: channels(&lines),
        methods: settings.methods.iter().map(of_method).collect::<Named<_>>(),
    }
}

fn channels(lines: &[&StepLine]) -> Option<ChannelSummary> {
    let all = || lines.iter().filter_map(|line| line.channels);
    Some(ChannelSummary {
        count: all().next()?.count,
        rank: Estimate::of(all().map(|channels| channels.rank)),
        activation_rank: Estimate::of(all().map(|channels| channels.activation_rank)),
        active_tenth: Estimate::of(all().map(|channels| channels.active_tenth)),
    })
}
