//! `trials.jsonl`: every trial of a search, appended as it is measured; what a killed run left is taken up again.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use onnxplain::search::{Extent, Journal, Stage, Trial};

use crate::cli::console::Console;

/// A line: a trial, or what was decided before the first.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Trial(Trial),
    Decided { decided: Extent },
}

/// The trials of a picture at a stage in an earlier run.
struct Group {
    /// Where they begin in the file.
    start: u64,
    trials: Vec<Trial>,
}

/// The file of a search. Its lock keeps other processes from writing it.
pub struct TrialsFile<'a> {
    path: PathBuf,
    file: File,
    length: u64,
    extent: Option<Extent>,
    /// What is there already, in the order of the file.
    earlier: VecDeque<Group>,
    console: &'a mut Console,
}

impl<'a> TrialsFile<'a> {
    /// Begins an empty file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, console: &'a mut Console) -> Result<TrialsFile<'a>> {
        let file = open(path)?;
        file.set_len(0).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(TrialsFile {
            path: path.to_path_buf(),
            file,
            length: 0,
            extent: None,
            earlier: VecDeque::new(),
            console,
        })
    }

    /// Goes on with a file, or begins one where there is none. A torn last line is cut off.
    ///
    /// # Errors
    /// When it cannot be read or written, or holds something else.
    pub fn resume(path: &Path, console: &'a mut Console) -> Result<TrialsFile<'a>> {
        let file = open(path)?;
        let mut trials = TrialsFile {
            path: path.to_path_buf(),
            file,
            length: 0,
            extent: None,
            earlier: VecDeque::new(),
            console,
        };
        let read = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = BufReader::new(read);
        loop {
            let mut bytes = vec![];
            let length = lines.read_until(b'\n', &mut bytes)? as u64;
            if length == 0 || bytes.pop() != Some(b'\n') {
                break;
            }
            let line = serde_json::from_slice(&bytes);
            let line: Line = line.with_context(|| {
                format!("{} is damaged: give --overwrite to begin again", path.display())
            })?;
            match line {
                Line::Decided { decided } => trials.extent = Some(decided),
                Line::Trial(trial) => trials.take_up(trial),
            }
            trials.length += length;
        }
        trials.cut(trials.length)?;
        Ok(trials)
    }

    fn take_up(&mut self, trial: Trial) {
        let start = self.length;
        let belongs = |group: &&mut Group| {
            let first = &group.trials[0];
            (first.stage, &first.input) == (trial.stage, &trial.input)
        };
        match self.earlier.back_mut().filter(belongs) {
            Some(group) => group.trials.push(trial),
            None => self.earlier.push_back(Group { start, trials: vec![trial] }),
        }
    }

    fn cut(&mut self, length: u64) -> Result<()> {
        self.length = length;
        self.file.set_len(length).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn append(&mut self, text: &str) -> Result<()> {
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // A torn line is cut off when the search is gone on with.
            let _ = self.file.set_len(self.length);
            return Err(error).with_context(|| format!("cannot write {}", self.path.display()));
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

impl Journal for TrialsFile<'_> {
    fn earlier_extent(&mut self) -> Option<Extent> {
        self.extent.clone()
    }

    fn decide(&mut self, extent: &Extent) -> Result<()> {
        if self.extent.as_ref() == Some(extent) {
            return Ok(());
        }
        self.extent = Some(extent.clone());
        let line = serde_json::to_string(&Line::Decided { decided: extent.clone() })?;
        self.append(&format!("{line}\n"))
    }

    fn earlier(
        &mut self,
        stage: Stage,
        input: &str,
        composites: &[&str],
    ) -> Result<Option<Vec<Trial>>> {
        let Some(group) = self.earlier.front() else { return Ok(None) };
        let first = &group.trials[0];
        if (first.stage, first.input.as_str()) != (stage, input) {
            // A picture that failed in the earlier run, and is tried again.
            return Ok(None);
        }
        let is_whole = group.trials.iter().map(|trial| trial.composite.as_str());
        if is_whole.eq(composites.iter().copied()) {
            return Ok(self.earlier.pop_front().map(|group| group.trials));
        }
        // Only the last one can be torn. What else may follow was measured under other conditions.
        let start = group.start;
        self.earlier.clear();
        self.cut(start)?;
        Ok(None)
    }

    fn add(&mut self, trials: &[Trial]) -> Result<()> {
        ensure!(
            self.earlier.is_empty(),
            "{} has other trials than this search comes to: give --overwrite to begin again",
            self.path.display()
        );
        let mut text = String::new();
        for trial in trials {
            text.push_str(&serde_json::to_string(trial)?);
            text.push('\n');
        }
        self.append(&text)
    }

    fn begin(&mut self, stage: Stage, pictures: usize, composites: usize) {
        self.console.end_progress();
        let told = match stage {
            Stage::Screen => "screening",
            Stage::Race => "racing",
            Stage::Confirm => "confirming",
        };
        self.console.note(format_args!("{told}: {composites} composites on {pictures} pictures"));
        self.console.begin_progress(pictures, 0);
    }

    fn advance(&mut self) {
        self.console.advance_progress(false);
    }
}

fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).read(true).append(true).open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("another onnxplain is writing {}: wait for it", path.display())
        }
        // Some network file systems have no locks; the file can be written without.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(file),
    }
}
