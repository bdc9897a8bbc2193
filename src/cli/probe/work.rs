//! Every picture through every edit, inside the region and elsewhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image::RgbaImage;
use rayon::prelude::*;

use onnxplain::Prediction;
use onnxplain::picture::decode;
use onnxplain::probe::{Answer, Around, Edit, Mask, Scene};

use super::folder_of;
use crate::cli::interrupt::is_interrupted;
use crate::cli::stage::{Stage, paths_of, top};

/// Pictures of a list that transplants come from; more would only cost memory.
const MOST_DONORS: usize = 256;

/// What is done to every picture.
pub struct Work<'a> {
    stage: &'a Stage,
    edits: Vec<Prepared<'a>>,
    mask: &'a Mask,
    controls: &'a [Mask],
    target: Option<usize>,
    seed: u64,
}

/// An edit with the files it needs.
struct Prepared<'a> {
    edit: &'a Edit,
    donors: Vec<Scene>,
    pasted: Option<RgbaImage>,
    /// For each picture the place of another one of its folder.
    others: Vec<usize>,
}

/// A picture and the answers to its edits.
pub struct Probed {
    pub path: PathBuf,
    /// The strongest class before.
    pub top: usize,
    /// One for each edit.
    pub answers: Vec<Answer>,
}

impl<'a> Work<'a> {
    /// Reads what the edits need.
    ///
    /// # Errors
    /// When a file cannot be read, or a folder with one picture has none to swap with.
    pub fn new(
        stage: &'a Stage,
        edits: &'a [Edit],
        mask: &'a Mask,
        controls: &'a [Mask],
        target: Option<usize>,
        seed: u64,
        files: &[PathBuf],
    ) -> Result<Work<'a>> {
        let edits = edits.iter().map(|edit| Prepared::new(edit, stage, files));
        let edits = edits.collect::<Result<Vec<_>>>()?;
        Ok(Work { stage, edits, mask, controls, target, seed })
    }

    /// Probes all pictures, in their order.
    pub fn run(&self, files: &[PathBuf]) -> Vec<Result<Probed>> {
        let probe = |(index, path): (usize, &PathBuf)| {
            if is_interrupted() {
                bail!("{} was not probed: interrupted", path.display());
            }
            let probed = self.probe(index, path, files);
            probed.with_context(|| format!("cannot probe {}", path.display()))
        };
        files.par_iter().enumerate().map(probe).collect()
    }

    fn probe(&self, index: usize, path: &Path, files: &[PathBuf]) -> Result<Probed> {
        let scene = self.stage.read(path)?;
        let before = self.stage.predict(&scene)?;
        let answer = |prepared: &Prepared| {
            let other = match prepared.others.get(index) {
                Some(&other) => Some(self.stage.read(&files[other])?),
                None => None,
            };
            let around = Around {
                other: other.as_ref(),
                donors: &prepared.donors,
                pasted: prepared.pasted.as_ref(),
                seed: self.seed.wrapping_add(index as u64),
            };
            self.answer(&scene, &before, prepared.edit, around)
        };
        let answers = self.edits.iter().map(answer).collect::<Result<Vec<_>>>()?;
        Ok(Probed { path: path.to_path_buf(), top: top(&before), answers })
    }

    fn answer(
        &self,
        scene: &Scene,
        before: &Prediction,
        edit: &Edit,
        around: Around,
    ) -> Result<Answer> {
        let target = self.target.unwrap_or_else(|| top(before));
        let after = self.stage.predict(&edit.apply(scene, self.mask, around)?)?;
        let change = |after: &Prediction| {
            f64::from(after.logits()[target]) - f64::from(before.logits()[target])
        };
        // A pasted picture in a corner is there whatever the mask: elsewhere is nothing.
        let has_place = !matches!(edit, Edit::Paste(_, Some(_)));
        let controls = self
            .controls
            .iter()
            .filter(|_| has_place)
            .map(|mask| Ok(change(&self.stage.predict(&edit.apply(scene, mask, around)?)?)));
        let controls = controls.collect::<Result<Vec<f64>>>()?;
        let strongest = before.strongest(2);
        let lead = match &strongest[..] {
            [first, second] => f64::from(first.logit) - f64::from(second.logit),
            _ => 0.0,
        };
        let probability = |prediction: &Prediction| f64::from(prediction.probabilities()[target]);
        Ok(Answer {
            logit: change(&after),
            control: (!controls.is_empty())
                .then(|| controls.iter().sum::<f64>() / controls.len() as f64),
            probability: probability(&after) - probability(before),
            lead,
            before: top(before) == target,
            after: top(&after) == target,
        })
    }
}

impl<'a> Prepared<'a> {
    fn new(edit: &'a Edit, stage: &Stage, files: &[PathBuf]) -> Result<Prepared<'a>> {
        let mut prepared = Prepared { edit, donors: vec![], pasted: None, others: vec![] };
        match edit {
            Edit::Transplant(list) => {
                let paths = paths_of(list)?;
                let step = paths.len().div_ceil(MOST_DONORS);
                let chosen: Vec<&PathBuf> = paths.iter().step_by(step).collect();
                let read = chosen.par_iter().map(|path| {
                    let scene = stage.read(path);
                    scene.with_context(|| format!("of the list {}", list.display()))
                });
                prepared.donors = read.collect::<Result<_>>()?;
            }
            Edit::Paste(file, _) => prepared.pasted = Some(decode(file)?.into_rgba8()),
            Edit::Swap => {
                let others = (0..files.len()).map(|index| other_of(index, files));
                prepared.others = others.collect::<Result<_>>()?;
            }
            _ => {}
        }
        Ok(prepared)
    }
}

/// The next picture of the same folder, after the last the first.
fn other_of(index: usize, files: &[PathBuf]) -> Result<usize> {
    let folder = folder_of(&files[index]);
    let behind = (index + 1..files.len()).chain(0..index);
    let mut others = behind.filter(|&other| folder_of(&files[other]) == folder);
    others.next().with_context(|| {
        format!("swap: {} is the only picture of its folder", files[index].display())
    })
}
