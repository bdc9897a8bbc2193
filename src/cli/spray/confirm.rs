//! `--confirm`: the region of a suspect's members is put into pictures of other classes. If it makes them the
//! suspect's class more often than the same region of pictures outside the suspect does, the network uses it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Serialize;

use onnxplain::Prediction;
use onnxplain::probe::{Around, Edit, Mask, Region, Scene};
use onnxplain::statistics::{holm, mcnemar};

use super::Findings;
use crate::cli::stage::{Stage, top};

/// Pictures that regions are put into, for one suspect; with more, evenly chosen ones.
const MOST_RECEIVERS: usize = 2000;

/// Pictures that regions come from.
const MOST_DONORS: usize = 100;

/// By how much flips exceed those of the control at least. On the two beds of `sample-models/clever-hans` planted cues
/// exceed them by 0.16 to 0.36, other clusters by 0.13 at most.
const LEAST_EXCESS: f64 = 0.15;

/// Of the adjusted p-value.
const LEVEL: f64 = 0.01;

/// What became of pictures that got the region of members, and of members that got that of others.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    /// Whether flips exceed those of the control by 0.15 and more with p < 0.01. Otherwise it is not confirmed, which
    /// does not mean that it is harmless.
    pub confirmed: bool,
    /// Pictures of other classes.
    pub n: usize,
    /// The share that became the suspect's class, and with the region of pictures outside the suspect.
    pub flips: f64,
    pub control_flips: f64,
    /// The mean change of the class's logit, and with the control.
    pub logit: f64,
    pub control_logit: f64,
    /// McNemar's test of flips against those of the control, adjusted by Holm over the suspects.
    pub p: f64,
    /// The other way round: members that got the region of pictures outside, and as a control that of other members.
    pub members: usize,
    pub lost: f64,
    pub control_lost: f64,
    pub members_logit: f64,
    pub members_control_logit: f64,
}

/// A suspect with the pictures that its region is taken from.
struct Case {
    class: usize,
    mask: Mask,
    inside: Vec<Scene>,
    outside: Vec<Scene>,
}

/// What a picture answers to the region of a member, and to that of another one.
struct Answer {
    before: bool,
    edited: Change,
    control: Change,
}

struct Change {
    logit: f64,
    is_class: bool,
}

/// Tests the suspects that get files.
///
/// # Errors
/// When pictures cannot be read.
pub fn confirm(findings: &Findings, stage: &Stage) -> Result<Vec<Confirmation>> {
    let [height, width] = findings.maps.pooling.size();
    ensure!(
        stage.size() == [height, width],
        "heatmaps have {height} x {width} pixels, the network's input {:?}: --confirm needs relevance of the input",
        stage.size()
    );
    let places: Vec<usize> = (0..findings.found.len().min(findings.most)).collect();
    let cases = places.iter().map(|&place| Case::new(findings, stage, place));
    let cases = cases.collect::<Result<Vec<_>>>()?;
    let forward = of_receivers(findings, stage, &cases)?;
    let mut all = vec![];
    for ((case, &place), answers) in cases.iter().zip(&places).zip(&forward) {
        let members = findings.found[place].rows(&findings.groups);
        let backward = of_members(findings, stage, case, &members)?;
        all.push(confirmation(answers, &backward));
    }
    let adjusted = holm(&all.iter().map(|it| it.p).collect::<Vec<_>>());
    for (confirmation, p) in all.iter_mut().zip(adjusted) {
        confirmation.p = p;
        let excess = confirmation.flips - confirmation.control_flips;
        confirmation.confirmed = excess >= LEAST_EXCESS && p < LEVEL;
    }
    Ok(all)
}

impl Case {
    fn new(findings: &Findings, stage: &Stage, place: usize) -> Result<Case> {
        let found = &findings.found[place];
        let members = found.rows(&findings.groups);
        let group = &findings.groups[found.group].rows;
        let outsiders: Vec<usize> =
            group.iter().copied().filter(|row| members.binary_search(row).is_err()).collect();
        Ok(Case {
            class: class_of(findings, &members),
            mask: mask(findings, place)?,
            inside: scenes(findings, stage, &members)?,
            outside: scenes(findings, stage, &outsiders)?,
        })
    }

    /// The answer of a picture to the regions of two of the donors.
    fn answer(
        &self,
        stage: &Stage,
        (scene, before): (&Scene, &Prediction),
        [edited, control]: [&[Scene]; 2],
        seed: usize,
    ) -> Result<Answer> {
        let change = |donors: &[Scene]| -> Result<Change> {
            let around = Around { donors, seed: seed as u64, ..Around::default() };
            let changed = Edit::Transplant(PathBuf::new()).apply(scene, &self.mask, around)?;
            let after = stage.predict(&changed)?;
            let [after_logit, before_logit] =
                [&after, before].map(|it| f64::from(it.logits()[self.class]));
            Ok(Change { logit: after_logit - before_logit, is_class: top(&after) == self.class })
        };
        let before = top(before) == self.class;
        Ok(Answer { before, edited: change(edited)?, control: change(control)? })
    }
}

/// The class of most members.
fn class_of(findings: &Findings, members: &[usize]) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for &row in members {
        *counts.entry(findings.explained.rows[row].target.index).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(class, count)| (*count, usize::MAX - class));
    most.map_or(0, |(class, _)| class)
}

/// The region of a suspect.
fn mask(findings: &Findings, place: usize) -> Result<Mask> {
    let pooling = &findings.maps.pooling;
    let cells = &findings.found[place].suspect.region.cells;
    let boxes: Vec<[usize; 4]> = cells.iter().map(|&cell| pooling.cell_box(cell)).collect();
    let [height, width] = pooling.size();
    let mask = Mask::of(height, width, |x, y| {
        boxes.iter().any(|[left, top, right, bottom]| {
            (*left..*right).contains(&x) && (*top..*bottom).contains(&y)
        })
    });
    // A cluster that has less relevance everywhere has no region of its own.
    if mask.count() == 0 { Region::All.mask([height, width]) } else { Ok(mask) }
}

/// Some of the pictures of rows, evenly chosen.
fn scenes(findings: &Findings, stage: &Stage, rows: &[usize]) -> Result<Vec<Scene>> {
    let step = rows.len().div_ceil(MOST_DONORS).max(1);
    let chosen: Vec<usize> = rows.iter().copied().step_by(step).collect();
    chosen.par_iter().map(|&row| read(findings, stage, row)).collect()
}

fn read(findings: &Findings, stage: &Stage, row: usize) -> Result<Scene> {
    let input = &findings.explained.rows[row].input;
    stage.read(Path::new(input)).with_context(|| {
        format!("--confirm changes pictures, and cannot read {input}: run it in the folder that `explain` ran in")
    })
}

/// For each case the answers of pictures of other classes.
fn of_receivers(findings: &Findings, stage: &Stage, cases: &[Case]) -> Result<Vec<Vec<Answer>>> {
    let rows = &findings.explained.rows;
    let mut pictures: Vec<usize> = (0..rows.len()).collect();
    pictures.dedup_by(|a, b| rows[*a].input == rows[*b].input);
    let is_other = |row: usize, case: &Case| {
        let predicted = rows[row].predicted.as_ref().map(|class| class.index);
        rows[row].target.index != case.class && predicted != Some(case.class)
    };
    let steps: Vec<usize> = cases
        .iter()
        .map(|case| {
            let count = pictures.iter().filter(|&&row| is_other(row, case)).count();
            count.div_ceil(MOST_RECEIVERS).max(1)
        })
        .collect();
    let answers = pictures.par_iter().enumerate().map(|(place, &row)| {
        let wanted = |(case, step): &(&Case, &usize)| place % **step == 0 && is_other(row, case);
        let pairs: Vec<_> =
            cases.iter().zip(&steps).map(|pair| wanted(&pair).then_some(pair.0)).collect();
        if pairs.iter().all(Option::is_none) {
            return Ok(pairs.iter().map(|_| None).collect());
        }
        let scene = read(findings, stage, row)?;
        let before = stage.predict(&scene)?;
        let answer = |case: Option<&Case>| {
            let of = |case: &Case| {
                case.answer(stage, (&scene, &before), [&case.inside, &case.outside], row)
            };
            case.map(of).transpose()
        };
        pairs.into_iter().map(answer).collect::<Result<Vec<Option<Answer>>>>()
    });
    let mut by_case: Vec<Vec<Answer>> = cases.iter().map(|_| vec![]).collect();
    for answers in answers.collect::<Result<Vec<_>>>()? {
        for (all, answer) in by_case.iter_mut().zip(answers) {
            all.extend(answer);
        }
    }
    Ok(by_case)
}

/// The answers of members to the region of others.
fn of_members(
    findings: &Findings,
    stage: &Stage,
    case: &Case,
    members: &[usize],
) -> Result<Vec<Answer>> {
    let answer = |&row: &usize| {
        let scene = read(findings, stage, row)?;
        let before = stage.predict(&scene)?;
        case.answer(stage, (&scene, &before), [&case.outside, &case.inside], row)
    };
    let step = members.len().div_ceil(MOST_RECEIVERS).max(1);
    let members: Vec<usize> = members.iter().copied().step_by(step).collect();
    members.par_iter().map(answer).collect()
}

/// `p` is not adjusted yet.
fn confirmation(forward: &[Answer], backward: &[Answer]) -> Confirmation {
    let share = |answers: &[Answer], is_hit: &dyn Fn(&Answer) -> bool| {
        let hits = answers.iter().filter(|answer| is_hit(answer)).count();
        hits as f64 / answers.len().max(1) as f64
    };
    let mean = |answers: &[Answer], of: &dyn Fn(&Answer) -> f64| {
        answers.iter().map(of).sum::<f64>() / answers.len().max(1) as f64
    };
    let count = |is_hit: &dyn Fn(&Answer) -> bool| forward.iter().filter(|it| is_hit(it)).count();
    let only_edited = count(&|it| it.edited.is_class && !it.control.is_class);
    let only_control = count(&|it| !it.edited.is_class && it.control.is_class);
    Confirmation {
        confirmed: false,
        n: forward.len(),
        flips: share(forward, &|it| it.edited.is_class),
        control_flips: share(forward, &|it| it.control.is_class),
        logit: mean(forward, &|it| it.edited.logit),
        control_logit: mean(forward, &|it| it.control.logit),
        p: mcnemar(only_edited, only_control),
        members: backward.len(),
        lost: share(backward, &|it| it.before && !it.edited.is_class),
        control_lost: share(backward, &|it| it.before && !it.control.is_class),
        members_logit: mean(backward, &|it| it.edited.logit),
        members_control_logit: mean(backward, &|it| it.control.logit),
    }
}
