//! `--resume`: which inputs are done already.
//!
//! An input is done when the report has its lines and all files of its results are whole. Everything else is done
//! again: inputs that failed, those whose files were finished but not reported, and those whose files were touched.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, bail};

use onnxplain::io::is_array_file;

use super::attribute::Job;
use super::kinds::Saved;
use super::whole::is_whole;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::recorded::{Difference, Recorded};
use crate::cli::batch::report_file::{ORDER_OF_OTHERS, order};
use crate::cli::batch::resume::Known;

/// Judges the lines of an earlier run.
pub struct Judge<'a> {
    job: &'a Job,
    files: &'a [Result<InputFile, Failed>],
    known: Known<'a>,
    by_stem: HashMap<&'a Path, usize>,
    /// Whether an input is done.
    pub is_done: Vec<bool>,
}

impl<'a> Judge<'a> {
    /// A judge who knows the inputs of this run.
    pub fn new(
        job: &'a Job,
        report: &'a Path,
        files: &'a [Result<InputFile, Failed>],
    ) -> Judge<'a> {
        let indexed = files.iter().enumerate();
        let usable = indexed.filter_map(|(index, file)| Some((index, file.as_ref().ok()?)));
        let by_stem = usable.map(|(index, file)| (file.stem.as_path(), index)).collect();
        let is_done = vec![false; files.len()];
        Judge { job, files, known: Known::new(report, files), by_stem, is_done }
    }

    /// What was found, for people.
    pub fn summary(&self) -> Vec<String> {
        self.known.summary(&self.is_done)
    }

    /// Where the lines of an input belong, `None` where they are not to be trusted.
    ///
    /// # Errors
    /// When the earlier run had other settings, or its results have the names of those to come.
    pub fn judge(&mut self, group: &[Recorded], is_last: bool) -> Result<Option<usize>> {
        let Some(first) = group.first().filter(|first| !first.input.contains('\u{fffd}')) else {
            return Ok(None);
        };
        // With several targets, the last lines of a killed run may be missing.
        let may_be_torn = is_last && self.job.outputs.has_index();
        let Some(index) = self.known.index(first) else {
            return self.judge_other(group, is_last && self.job.outputs.has_several());
        };
        let Ok(file) = &self.files[index] else {
            return Ok(None);
        };
        let ways = self.ways_of(group, file)?;
        let is_whole = |(recorded, way): (&Recorded, &Option<usize>)| {
            way.is_some_and(|way| self.is_whole(file, recorded, way))
        };
        // Results that one way alone has are those of a run of fewer ways.
        let count = |way: usize| ways.iter().filter(|it| **it == Some(way)).count();
        let has_all = (0..self.job.ways.len()).all(|way| count(way) == count(0));
        let is_done = has_all && group.iter().zip(&ways).all(is_whole);
        if may_be_torn || self.is_done[index] || !is_done {
            return Ok(None);
        }
        self.is_done[index] = true;
        Ok(Some(order(index)))
    }

    /// An input that was not given this time. Its results stay, unless there are none.
    fn judge_other(&mut self, group: &[Recorded], may_be_torn: bool) -> Result<Option<usize>> {
        if may_be_torn || group.iter().any(|recorded| recorded.class().is_none()) {
            return Ok(None);
        }
        for recorded in group {
            let stems = recorded
                .files
                .values()
                .filter_map(|name| self.job.outputs.stem(name, recorded.class()));
            for stem in stems {
                self.refuse_equal_name(&recorded.input, &stem)?;
            }
        }
        self.known.others += 1;
        Ok(Some(ORDER_OF_OTHERS))
    }

    fn refuse_equal_name(&self, other: &str, stem: &Path) -> Result<()> {
        let same = self.by_stem.get(stem).and_then(|&index| self.files[index].as_ref().ok());
        match same {
            Some(file) => bail!(
                "{other} has results called {}.* (says {}), and {} would write them again: name the inputs as in the \
                 first run, or give another --output",
                stem.display(),
                self.known.report.display(),
                file.path.display()
            ),
            None => Ok(()),
        }
    }

    /// The way that each result was explained in; `None` for a failure.
    ///
    /// # Errors
    /// When one has the settings of none.
    fn ways_of(&self, group: &[Recorded], file: &InputFile) -> Result<Vec<Option<usize>>> {
        let settings = self.job.ways.iter().map(|way| self.job.settings(file, way));
        let settings = settings.collect::<Result<Vec<_>>>()?;
        let way_of = |recorded: &Recorded| {
            if recorded.class().is_none() {
                return Ok(None);
            }
            let way = settings.iter().position(|it| recorded.difference(it).is_none());
            match settings.iter().find_map(|it| recorded.difference(it)) {
                Some(difference) if way.is_none() => bail!(self.other_settings(&difference)),
                _ => Ok(way),
            }
        };
        group.iter().map(way_of).collect()
    }

    fn other_settings(&self, Difference { name, then, now }: &Difference) -> String {
        format!(
            "cannot resume: in {} the {} is {then}, now it is {now}; give the options of the first run, --overwrite \
             to begin again, or another --output",
            self.known.report.display(),
            name.replace('_', " ")
        )
    }

    fn is_whole(&self, file: &InputFile, recorded: &Recorded, way: usize) -> bool {
        let Some(class) = recorded.class() else {
            return false;
        };
        let outputs = &self.job.outputs;
        let has_photo = !is_array_file(&file.path);
        let Ok((saved, _)) = outputs.saved(&self.job.canvases(has_photo)) else {
            return false;
        };
        let shapes: Vec<&[usize]> =
            self.job.explainer().explained_values().map(|(_, shape)| shape).collect();
        // Inputs of open shapes have relevance of other lengths.
        let length = |saved: &Saved| match &self.job.reopen {
            Some(_) => None,
            None => Some(shapes.get(saved.input.unwrap_or(0))?.iter().product()),
        };
        let paths = outputs.paths(&file.stem, class, way, &saved);
        // Another --save makes other files.
        paths.len() == recorded.files.len()
            && paths.keys().all(|&saved| recorded.files.contains_key(&outputs.word(saved)))
            && paths.iter().all(|(saved, path)| {
                outputs.is_packed(*saved, path)
                    || is_whole(recorded, saved.kind, path, length(saved))
            })
    }
}
