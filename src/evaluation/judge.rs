//! All metrics of one map.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};

use super::chosen::Chosen;
use super::line::Seconds;
use crate::metric::{Curves, Explain, Explained, Map, Picture, Subject, Undefined, finite};

/// What was measured of a method on a picture.
#[derive(Default)]
pub(super) struct Judged {
    pub metrics: BTreeMap<String, Option<f64>>,
    pub undefined: BTreeMap<String, String>,
    pub curves: BTreeMap<String, Curves>,
    pub flips: Option<f64>,
    /// The map that was judged.
    pub map: Option<Map>,
    /// Runs of the network for this method alone.
    pub runs: usize,
    pub seconds: Seconds,
}

/// Measures all metrics of a method on a picture. `begin` is when the work for the method began.
///
/// # Errors
/// When the method or the network fails.
pub(super) fn judge(
    metrics: &[Chosen],
    picture: &Picture,
    explain: &dyn Explain,
    begin: Instant,
) -> Result<Judged> {
    let explained = explained(metrics, picture, explain)?;
    let explain_seconds = begin.elapsed().as_secs_f64();
    let mut judged = judge_explained(metrics, picture, explain, explained)?;
    let all = begin.elapsed().as_secs_f64();
    judged.seconds = Seconds { explain: explain_seconds, evaluate: all - explain_seconds };
    Ok(judged)
}

/// The same for a map that is there already, with the maps of other classes as far as they are.
///
/// # Errors
/// As [`judge`].
pub(super) fn judge_explained(
    metrics: &[Chosen],
    picture: &Picture,
    explain: &dyn Explain,
    (explained, others): (Explained, Vec<(usize, Map)>),
) -> Result<Judged> {
    let is_finite = explained.map.is_finite();
    let subject = Subject::new(picture, explain, explained, others);
    let mut judged = Judged::default();
    for chosen in metrics {
        match is_finite {
            true => judged.add(chosen, &subject)?,
            false => {
                let reason = "the map holds numbers that are NaN or infinite".to_string();
                judged.add_undefined(&chosen.name, reason);
            }
        }
    }
    judged.flips = subject.flips();
    judged.map = Some(subject.map().clone());
    judged.runs = subject.runs();
    Ok(judged)
}

/// The map of the target, and those of other classes that metrics will ask for: after one run of the network.
fn explained(
    metrics: &[Chosen],
    picture: &Picture,
    explain: &dyn Explain,
) -> Result<(Explained, Vec<(usize, Map)>)> {
    let mut classes = vec![picture.target()];
    for chosen in metrics {
        match chosen.metric.classes(picture, &chosen.conditions) {
            Ok(wanted) => {
                for class in wanted {
                    if !classes.contains(&class) {
                        classes.push(class);
                    }
                }
            }
            Err(error) if error.is::<Undefined>() => {}
            Err(error) => return Err(error),
        }
    }
    let explained = match explain.explain(picture.input(), &classes, 0) {
        // Maps that were made elsewhere are of the target alone.
        Err(error) if error.is::<Undefined>() => {
            classes.truncate(1);
            explain.explain(picture.input(), &classes, 0)?
        }
        explained => explained?,
    };
    let mut maps = explained.into_iter();
    let first = maps.next().context("a method gave no map")?;
    let others = classes.into_iter().skip(1).zip(maps.map(|explained| explained.map));
    Ok((first, others.collect()))
}

impl Judged {
    fn add_undefined(&mut self, name: &str, reason: String) {
        self.metrics.insert(name.to_string(), None);
        self.undefined.insert(name.to_string(), reason);
    }

    /// Measures a metric.
    fn add(&mut self, chosen: &Chosen, subject: &Subject) -> Result<()> {
        let Chosen { name, metric, conditions } = chosen;
        let measured = metric.measure(subject, conditions).and_then(finite);
        match measured {
            Ok(value) => {
                self.metrics.insert(name.clone(), Some(value));
                if let Some(curves) = metric.curves(subject, conditions)? {
                    self.curves.insert(name.clone(), curves);
                }
                Ok(())
            }
            Err(error) => match error.downcast::<Undefined>() {
                Ok(Undefined(reason)) => {
                    self.add_undefined(name, reason);
                    Ok(())
                }
                Err(error) => Err(error.context(format!("measuring {name}"))),
            },
        }
    }
}
