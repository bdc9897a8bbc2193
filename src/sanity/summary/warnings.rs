//! What a reader must know before the numbers.

use super::table::three;
use super::types::{Estimate, SanitySummary};
use crate::sanity::control::Control;
use crate::sanity::init::Initialisation;

/// So many inputs at least for a mean that is worth the name.
const FEW: usize = 10;

/// A similarity further than this above the controls, and more than two standard errors, is told.
const MARGIN: f64 = 0.1;

/// The measures in which methods are compared with controls.
const FIGURES: [(&str, &str); 2] = [("spearman", "signed"), ("spearman-magnitude", "by magnitude")];

/// Sentences for a reader.
pub(super) fn warnings(summary: &SanitySummary) -> Vec<String> {
    let mut warnings = vec![];
    if summary.pictures < FEW {
        let pictures = if summary.pictures == 1 { "picture" } else { "pictures" };
        warnings.push(format!(
            "{} {pictures} only: other pictures may say something else",
            summary.pictures
        ));
    }
    warnings.extend(about_channels(summary));
    warnings.extend(about_methods(summary));
    warnings.extend(about_collapse(summary));
    warnings.extend(about_undefined(summary));
    warnings
}

/// That a right explanation of the first random network is similar to that of the trained one.
fn about_channels(summary: &SanitySummary) -> Option<String> {
    let step = summary.steps.iter().find(|step| step.channels.is_some())?;
    let channels = step.channels?;
    let (rank, tenth) = (channels.rank.mean?, channels.active_tenth.mean?);
    Some(format!(
        "with {} random, the {} channels below it contribute to the logit in the order that they had in the trained network \
         (rank correlation {rank:.2}); {:.0} % of the most active tenth are among the most contributing tenth: a right \
         explanation of this network is similar to that of the trained one",
        step.name,
        channels.count,
        100.0 * tenth
    ))
}

/// Methods that keep more with everything random than what does not come from the network.
fn about_methods(summary: &SanitySummary) -> Vec<String> {
    let mut told = vec![];
    for (name, method) in summary.methods.iter().filter(|(_, method)| !method.is_control) {
        for (measure, how) in FIGURES {
            let Some(own) = method.last.get(measure) else { continue };
            let Some((control, theirs)) = highest_control(summary, measure) else { continue };
            if is_above(own, theirs) {
                told.push(format!(
                    "{name} keeps a similarity of {} ({how}) when every parameter is random, the control {control} {}: \
                     that part of its maps does not come from what the network has learned",
                    three(own.mean.unwrap_or_default()),
                    three(theirs)
                ));
            }
        }
    }
    told
}

/// Of the controls that change, the one that keeps most.
fn highest_control(summary: &SanitySummary, measure: &str) -> Option<(&'static str, f64)> {
    let changing = [Control::Noise, Control::InputXNoise].map(Control::name);
    let of = |name: &'static str| Some((name, summary.last(name, measure)?.mean?));
    changing.into_iter().filter_map(of).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn is_above(own: &Estimate, control: f64) -> bool {
    let (Some(mean), Some(error)) = (own.mean, own.standard_error) else { return false };
    mean - control > MARGIN.max(2.0 * error)
}

/// That all inputs get one class.
fn about_collapse(summary: &SanitySummary) -> Option<String> {
    let last = summary.steps.last()?;
    let is_cascading = summary.settings.order.is_cascading();
    let has_collapsed = is_cascading && summary.pictures > 2 && last.classes == 1;
    let advice = match summary.settings.initialisation {
        Initialisation::KeepScale => String::new(),
        _ => "; --init keep-scale keeps the scale of activations, so that a map does not change for that reason alone".into(),
    };
    has_collapsed.then(|| {
        format!("with everything random, all pictures get the same class: the network hardly looks at them{advice}")
    })
}

fn about_undefined(summary: &SanitySummary) -> Vec<String> {
    let all = summary.methods.iter().flat_map(|(name, method)| {
        method.undefined.iter().map(move |(reason, count)| {
            let places = if *count == 1 { "step" } else { "steps" };
            format!("{name}: a similarity is undefined in {count} {places} of pictures: {reason}")
        })
    });
    all.collect()
}
