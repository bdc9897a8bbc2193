//! Pictures with their classes: read, checked, split.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::feedback::Sample;
use super::reward::class_count;
use crate::evaluation::{Classes, EvaluationInput};
use crate::random::{Stream, word_of};
use crate::session::{Parametric, Session, Target, in_parallel};

/// An input and its class.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The input.
    pub input: EvaluationInput,
    /// Its class.
    pub class: usize,
}

/// How the words of labels became classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelNotes {
    /// What should be said about it.
    pub notes: Vec<String>,
    /// What the classes are called, where it is known.
    pub names: Vec<String>,
}

/// How many names an error lists.
const LISTED: usize = 5;

/// Finds the class of every input.
///
/// Labels are names of the model's classes, or their numbers, counted from 0. Where the model has no names and the labels
/// are no numbers, they are its classes in alphabetical order, if there are as many.
///
/// # Errors
/// When an input has no label, a label is no class, or a class has no input and `all_classes` says that each must.
pub fn labelled(
    session: &Session,
    inputs: &[EvaluationInput],
    classes: &Classes,
    all_classes: bool,
) -> Result<(Vec<Labelled>, LabelNotes)> {
    ensure!(!inputs.is_empty(), "there are no pictures");
    let mut words = Vec::with_capacity(inputs.len());
    let mut without = vec![];
    for input in inputs {
        match classes.of(&input.path, &input.stem) {
            Some(word) => words.push(word),
            None => without.push(input.path.display().to_string()),
        }
    }
    if !without.is_empty() {
        bail!("{} have no label: {}", counted(without.len(), "picture"), listed(&without));
    }
    let count = class_count(session.class_count());
    let mut notes = LabelNotes::default();
    let by_word = classes_of(session, &words, count, &mut notes)?;
    let classes: Vec<usize> = words.iter().map(|word| by_word[word]).collect();
    let mut of_class = vec![0usize; count];
    classes.iter().for_each(|&class| of_class[class] += 1);
    let name = |class: usize| notes.names.get(class).cloned().unwrap_or(class.to_string());
    let missing: Vec<String> = (0..count).filter(|&class| of_class[class] == 0).map(name).collect();
    if !missing.is_empty() {
        let what =
            format!("{} of {count} classes have no pictures: {}", missing.len(), listed(&missing));
        ensure!(
            !all_classes,
            "{what}; training would unlearn them: add pictures, or give --missing-classes to go on"
        );
        notes.notes.push(what);
    }
    let labelled = inputs.iter().cloned().zip(classes);
    Ok((labelled.map(|(input, class)| Labelled { input, class }).collect(), notes))
}

/// The class of every word.
fn classes_of(
    session: &Session,
    words: &[String],
    count: usize,
    notes: &mut LabelNotes,
) -> Result<BTreeMap<String, usize>> {
    let mut by_word: BTreeMap<String, usize> = words.iter().map(|word| (word.clone(), 0)).collect();
    let is_binary = session.class_count() == 1;
    if let Some(labels) = session.labels().filter(|_| !is_binary) {
        notes.names = labels.to_vec();
    } else if by_word.keys().any(|word| word.parse::<usize>().is_err()) {
        ensure!(
            by_word.len() == count,
            "the model does not name its {count} classes, and there are {} labels ({}): give --class-names FILE with \
             the names in the model's order, or numbers from 0 to {} as labels",
            by_word.len(),
            listed(&by_word.keys().cloned().collect::<Vec<_>>()),
            count.saturating_sub(1)
        );
        notes.names = by_word.keys().cloned().collect();
        by_word.values_mut().enumerate().for_each(|(class, of)| *of = class);
        let told = listed(&notes.names);
        notes.notes.push(format!("classes: the labels in alphabetical order, {told}"));
        return Ok(by_word);
    }
    for (word, class) in &mut by_word {
        *class = match word.parse::<usize>() {
            Ok(class) if session.labels().is_none_or(|labels| !labels.contains(word)) => class,
            _ => match session.resolve_one(&Target::Label(word.clone()))? {
                Target::Class(class) => class,
                _ => bail!("`{word}` is no class"),
            },
        };
        ensure!(
            *class < count,
            "the label {word} is no class: the model has {count}, counted from 0"
        );
    }
    Ok(by_word)
}

/// Splits inputs: in every class, this share of them (rounded, and at least one stays on either side) is held out. Which ones
/// depends on their names and the seed.
pub fn split(labelled: Vec<Labelled>, share: f64, seed: u64) -> (Vec<Labelled>, Vec<Labelled>) {
    let mut of_class: BTreeMap<usize, Vec<(u64, Labelled)>> = BTreeMap::new();
    for it in labelled {
        let place = Stream::new(seed, &[word_of("validation"), word_of(&it.input.stem)]).bits(0);
        of_class.entry(it.class).or_default().push((place, it));
    }
    let (mut training, mut validation) = (vec![], vec![]);
    for (_, mut members) in of_class {
        members.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.input.stem.cmp(&b.1.input.stem)));
        let count = members.len();
        let most = count.saturating_sub(1);
        let wanted = (share * count as f64).round() as usize;
        let held_out = if share > 0.0 { wanted.clamp(1.min(most), most) } else { 0 };
        for (place, (_, it)) in members.into_iter().enumerate() {
            if place < held_out { validation.push(it) } else { training.push(it) }
        }
    }
    (training, validation)
}

/// The inputs as the network reads them, in memory; and those that could not be read.
///
/// # Errors
/// When none can be read.
pub fn read(
    session: &Session,
    parametric: &Parametric,
    labelled: &[Labelled],
    jobs: usize,
) -> Result<(Vec<Arc<Sample>>, Vec<String>)> {
    let prepare = |it: &Labelled| -> Result<Sample> {
        let input = session.prepare(&it.input.path)?;
        Ok(Sample { inputs: parametric.network_inputs(&input)?, class: it.class })
    };
    let (mut samples, mut failed) = (vec![], vec![]);
    for (it, prepared) in labelled.iter().zip(in_parallel(labelled, jobs, prepare)) {
        match prepared {
            Ok(sample) => samples.push(Arc::new(sample)),
            Err(error) => failed.push(format!("{}: {error:#}", it.input.path.display())),
        }
    }
    if samples.is_empty() {
        let error = anyhow!("{}", failed.first().cloned().unwrap_or_default());
        return Err(error).context("none of the pictures can be read");
    }
    Ok((samples, failed))
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_on_both_sides_and_the_split_depends_on_names_only() {
        let all: Vec<Labelled> = (0..40)
            .map(|at| Labelled {
                input: EvaluationInput::new(format!("{at}.png"), at.to_string()),
                class: if at < 3 { 0 } else { 1 },
            })
            .collect();
        let (training, validation) = split(all.clone(), 0.2, 0);
        let of = |all: &[Labelled], class: usize| all.iter().filter(|it| it.class == class).count();
        assert_eq!((of(&training, 0), of(&validation, 0)), (2, 1));
        assert_eq!((of(&training, 1), of(&validation, 1)), (30, 7));
        let names = |all: &[Labelled]| {
            let mut names: Vec<String> = all.iter().map(|it| it.input.stem.clone()).collect();
            names.sort();
            names
        };
        let reversed = split(all.iter().rev().cloned().collect(), 0.2, 0);
        assert_eq!(names(&reversed.1), names(&validation));
        assert!(names(&split(all.clone(), 0.2, 1).1) != names(&validation));
        assert!(split(all, 0.0, 0).1.is_empty());
    }
}
