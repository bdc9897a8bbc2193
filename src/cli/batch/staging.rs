//! Where files are written before they get their names: a hidden folder inside the output folder.
//!
//! A process that is killed leaves its unfinished files there and nowhere else. The folder of a batch is named after
//! its report, so that the next process with this report clears it, and processes with other reports do not. The folder
//! of a single input holds a file that is locked as long as its process lives: the next run clears those that are not.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Error, Result};
use tempfile::TempPath;

use onnxplain::io::{Overwrite, UNFINISHED, check};

/// The file that is locked.
const LOCK: &str = "lock";

/// A folder without a lock may be that of a process that has just begun, unless it is older than this.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder of unfinished files; removed when it is dropped.
pub struct Staging {
    folder: PathBuf,
    next: AtomicUsize,
    /// Locked, where the file system has locks.
    _lock: Option<File>,
}

impl Staging {
    /// A folder that belongs to this process, inside `output`, which is made where it is missing. Those of processes
    /// that were killed are cleared.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn of_process(output: &Path) -> Result<Staging> {
        make_folder(output)?;
        clear_abandoned(output);
        let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(output);
        let folder = folder.with_context(|| format!("cannot write into {}", output.display()))?;
        let lock = File::create(folder.path().join(LOCK));
        let lock = lock.ok().filter(|lock| lock.try_lock().is_ok());
        Ok(Staging { folder: folder.keep(), next: AtomicUsize::new(0), _lock: lock })
    }

    /// The folder that belongs to a report, emptied. The caller holds the report's lock.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn of_report(report: &Path) -> Result<Staging> {
        let name = report.file_name().unwrap_or_default().to_string_lossy();
        let folder = report.with_file_name(format!(".{name}.tmp"));
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let left = || format!("cannot clear {}, left by another run", folder.display());
                return Err(error).with_context(left);
            }
            _ => make_folder(&folder)?,
        }
        Ok(Staging { folder, next: AtomicUsize::new(0), _lock: None })
    }

    /// A file that will be called `target`.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn file(&self, target: PathBuf) -> Result<StagedFile> {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let temporary = TempPath::try_from_path(self.folder.join(number))?;
        Ok(StagedFile { temporary, target })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is cleared by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of processes that were killed. What cannot be removed is no reason to fail.
fn clear_abandoned(output: &Path) {
    let entries = fs::read_dir(output).into_iter().flatten().flatten();
    let of_processes = entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()));
    let folders = of_processes.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for folder in folders.map(|entry| entry.path()).filter(|folder| is_abandoned(folder)) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn is_abandoned(folder: &Path) -> bool {
    if let Ok(lock) = File::open(folder.join(LOCK)) {
        return lock.try_lock().is_ok();
    }
    let changed = folder.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > YOUNG))
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))
}

/// A file that has no name yet; removed when it is dropped unfinished.
pub struct StagedFile {
    temporary: TempPath,
    target: PathBuf,
}

impl StagedFile {
    /// The name it will have.
    pub fn name(&self) -> String {
        self.target.display().to_string()
    }

    /// The path it will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where it is written until then.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Writes the file; errors tell the name it was to have.
    ///
    /// # Errors
    /// That of `write`.
    pub fn fill(&self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        write(&self.temporary).with_context(|| format!("cannot write {}", self.name()))
    }

    /// Gives the file its name, and makes the folders above it.
    ///
    /// # Errors
    /// When there is a file of that name which `overwrite` keeps, or the folder cannot be written to.
    pub fn finish(self, overwrite: Overwrite) -> Result<()> {
        let StagedFile { temporary, target } = self;
        if let Some(folder) = target.parent().filter(|folder| *folder != Path::new("")) {
            make_folder(folder)?;
        }
        check(&target, overwrite)?;
        let renamed = match overwrite {
            Overwrite::Refuse => temporary.persist_noclobber(&target),
            Overwrite::Replace | Overwrite::ReplaceOwn => temporary.persist(&target),
        };
        match renamed.map_err(|failure| failure.error) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                check(&target, overwrite).and(Err(error.into()))
            }
            renamed => renamed
                .map_err(Error::from)
                .with_context(|| format!("cannot write {}", target.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &StagedFile, text: &str) {
        file.fill(|path| Ok(fs::write(path, text)?)).unwrap();
    }

    #[test]
    fn files_appear_when_they_are_finished() {
        let out = tempfile::tempdir().unwrap();
        let target = out.path().join("deep/er/a.json");
        let staging = Staging::of_process(&out.path().join("deep")).unwrap();
        let [kept, dropped] = [0, 1].map(|_| staging.file(target.clone()).unwrap());
        write(&kept, "whole");
        write(&dropped, "other");
        assert!(!target.exists());
        kept.finish(Overwrite::Refuse).unwrap();
        let error = dropped.finish(Overwrite::Refuse).unwrap_err();
        assert!(format!("{error:#}").contains("--overwrite"));
        assert_eq!(fs::read_to_string(&target).unwrap(), "whole");
        drop(staging);
        assert_eq!(fs::read_dir(out.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_killed_run_leaves_its_files_to_the_next() {
        let out = tempfile::tempdir().unwrap();
        let report = out.path().join("report.jsonl");
        let other = Staging::of_report(&out.path().join("report.2-of-2.jsonl")).unwrap();
        let foreign = other.file(out.path().join("b")).unwrap();
        write(&foreign, "of another run");
        // As if the process had been killed: nothing is dropped.
        let killed = std::mem::ManuallyDrop::new(Staging::of_report(&report).unwrap());
        let left = std::mem::ManuallyDrop::new(killed.file(out.path().join("a")).unwrap());
        write(&left, "half");
        assert!(left.path().exists());
        drop(Staging::of_report(&report).unwrap());
        assert!(!left.path().exists() && foreign.path().exists());
    }

    #[test]
    fn the_folder_of_a_killed_process_is_cleared() {
        let out = tempfile::tempdir().unwrap();
        let living = Staging::of_process(out.path()).unwrap();
        let killed = Staging::of_process(out.path()).unwrap();
        let (folder, left) = (killed.folder.clone(), killed.file(out.path().join("a")).unwrap());
        write(&left, "half");
        // As if the process had been killed: its lock is gone, its files are not.
        std::mem::forget(left);
        let mut killed = std::mem::ManuallyDrop::new(killed);
        killed._lock = None;
        assert!(folder.exists() && living.folder.exists());
        drop(Staging::of_process(out.path()).unwrap());
        assert!(!folder.exists() && living.folder.exists());
    }
}
