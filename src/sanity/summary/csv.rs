//! The summary as a table for other programs: a line per step, method and similarity.

use super::types::{Estimate, SanitySummary};
use crate::summary::{csv_line, csv_number};

const COLUMNS: [&str; 8] =
    ["step", "layer", "method", "control", "measure", "n", "mean", "standard_error"];

/// The summary as comma-separated values (RFC 4180), heading included. What is undefined is empty. In `step`, `last` is the
/// network with everything random and `mean` the mean over steps; lines without a method tell of the network of a step.
pub fn csv(summary: &SanitySummary) -> String {
    let mut text = csv_line(COLUMNS.iter().map(|name| name.to_string()));
    let mut add = |place: [&str; 4], measure: &str, estimate: &Estimate| {
        let names = place.into_iter().chain([measure]).map(str::to_string);
        let numbers = [
            estimate.n.to_string(),
            csv_number(estimate.mean),
            csv_number(estimate.standard_error),
        ];
        text.push_str(&csv_line(names.chain(numbers)));
    };
    for (name, method) in summary.methods.iter() {
        let control = if method.is_control { "true" } else { "false" };
        for (step, all) in [("last", &method.last), ("mean", &method.mean)] {
            for (measure, estimate) in all {
                add([step, "", name, control], measure, estimate);
            }
        }
        if let Some(estimate) = &method.emprt {
            add(["last", "", name, control], "emprt", estimate);
        }
    }
    for step in &summary.steps {
        let (number, layer) = (step.step.to_string(), step.name.as_str());
        let network = [number.as_str(), layer, "", ""];
        add(network, "probability", &step.probability);
        add(network, "keeps_class", &step.keeps_class);
        if let Some(channels) = &step.channels {
            add(network, "channel_rank", &channels.rank);
            add(network, "channel_activation_rank", &channels.activation_rank);
            add(network, "channel_active_tenth", &channels.active_tenth);
        }
        for (name, measures) in step.methods.iter() {
            let is_control = summary.methods.get(name).is_some_and(|method| method.is_control);
            let control = if is_control { "true" } else { "false" };
            for (measure, estimate) in measures {
                add([&number, layer, name, control], measure, estimate);
            }
        }
    }
    text
}
