//! `report.jsonl`: a line for each result, in the order of the inputs.
//!
//! Lines are appended as the inputs end. What a killed run leaves, a last line without an end included, is read by
//! [`resume`]. A run with lines that were kept from an earlier one appends too, and sorts the file when it ends: at
//! any moment the file holds every line that there is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use onnxplain::io::{self, Overwrite};

use super::recorded::Recorded;
use super::shard::Shard;
use super::staging::Staging;

/// Lines about inputs that were not given, and files that were left out, come before those of the inputs.
pub const ORDER_OF_OTHERS: usize = 0;

/// Where the lines of an input belong in the report.
pub fn order(index: usize) -> usize {
    index + 1
}

/// The file of a run. Its lock keeps other processes from writing it.
pub struct ReportFile {
    path: PathBuf,
    file: File,
    length: u64,
    lines: Vec<Line>,
}

/// Where a line is, and where it belongs.
struct Line {
    order: usize,
    start: u64,
    length: usize,
}

/// Where the report of an output folder is.
pub fn path(output: &Path, shard: Option<Shard>) -> PathBuf {
    let name = match shard {
        None => "report.jsonl".to_string(),
        Some(shard) => format!("report.{shard}.jsonl"),
    };
    output.join(name)
}

impl ReportFile {
    /// Begins an empty report.
    ///
    /// # Errors
    /// When there is one already and `overwrite` refuses, or it cannot be written.
    pub fn create(path: &Path, overwrite: Overwrite) -> Result<ReportFile> {
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        refuse_existing(path, overwrite)?;
        let file = open_locked(path, OpenOptions::new().create(true))?;
        file.set_len(0).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(ReportFile { path: path.to_path_buf(), file, length: 0, lines: vec![] })
    }

    /// Appends the lines of an input, the `order`-th. A line that cannot be written whole is taken back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, order: usize, lines: &[String]) -> Result<()> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // What stays where even that fails is repaired when the batch is resumed.
            let _ = self.file.set_len(self.length);
            return Err(error).with_context(|| format!("cannot write {}", self.path.display()));
        }
        self.lines.push(Line { order, start: self.length, length: text.len() });
        self.length += text.len() as u64;
        Ok(())
    }

    /// Puts the lines in the order of the inputs, where earlier runs left gaps.
    ///
    /// # Errors
    /// When the file cannot be written; it is left as it is.
    pub fn sort(mut self, staging: &Staging) -> Result<()> {
        if self.lines.is_sorted_by_key(|line| line.order) {
            return Ok(());
        }
        self.lines.sort_by_key(|line| line.order);
        let staged = staging.file(self.path.clone())?;
        staged.fill(|path| self.copy_lines(path))?;
        staged.finish(Overwrite::Replace)
    }

    fn copy_lines(&mut self, path: &Path) -> Result<()> {
        let mut sorted = BufWriter::new(File::create(path)?);
        for line in &self.lines {
            let mut text = vec![0; line.length];
            self.file.seek(SeekFrom::Start(line.start))?;
            self.file.read_exact(&mut text)?;
            sorted.write_all(&text)?;
        }
        Ok(sorted.flush()?)
    }
}

/// Refuses to begin a report where one exists, and to replace a file of others.
///
/// # Errors
/// When `overwrite` refuses and the file exists, or onnxplain did not write it.
pub fn refuse_existing(path: &Path, overwrite: Overwrite) -> Result<()> {
    ensure!(
        overwrite != Overwrite::Refuse || path.symlink_metadata().is_err(),
        "{} exists already: give --resume to go on with it, --overwrite to begin again, or another --output",
        path.display()
    );
    io::check(path, overwrite)
}

/// The files that a report names; none where there is no report.
pub fn files(report: &Path) -> impl Iterator<Item = PathBuf> {
    let file = File::open(report).ok();
    let lines =
        file.into_iter().flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
    let named = lines.filter_map(Recorded::parse).flat_map(|recorded| recorded.files);
    named.map(|(_, path)| PathBuf::from(path))
}

/// Continues a report, or begins one where there is none.
///
/// `judge` gets the lines of one input after the other, and whether they are the last; it says where they belong, or
/// `None` for those to be dropped.
///
/// # Errors
/// When the file cannot be read or written, another process writes it, or `judge` fails. The old file stays then.
pub fn resume(
    path: &Path,
    judge: impl FnMut(&[Recorded], bool) -> Result<Option<usize>>,
) -> Result<(ReportFile, Staging)> {
    resume_by(path, Recorded::is_of_same_result, judge)
}

/// The same with other groups: of lines behind each other that `is_together` says belong together.
///
/// # Errors
/// As [`resume`].
pub fn resume_by(
    path: &Path,
    is_together: fn(&Recorded, &Recorded) -> bool,
    mut judge: impl FnMut(&[Recorded], bool) -> Result<Option<usize>>,
) -> Result<(ReportFile, Staging)> {
    if path.symlink_metadata().is_err() {
        let report = ReportFile::create(path, Overwrite::Refuse)?;
        return Ok((report, Staging::of_report(path)?));
    }
    let old = open_locked(path, &mut OpenOptions::new())?;
    let staging = Staging::of_report(path)?;
    let staged = staging.file(path.to_path_buf())?;
    let file = open_locked(staged.path(), OpenOptions::new().create(true))?;
    let mut report = ReportFile { path: path.to_path_buf(), file, length: 0, lines: vec![] };
    let mut groups = Groups::of(&old, is_together).peekable();
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        let group = group.with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(order) = judge(&group, is_last)? {
            let lines: Vec<String> = group.into_iter().map(|recorded| recorded.line).collect();
            report.append(order, &lines)?;
        }
    }
    staged.finish(Overwrite::Replace)?;
    Ok((report, staging))
}

fn open_locked(path: &Path, options: &mut OpenOptions) -> Result<File> {
    let file = options.read(true).append(true).open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!(
            "another onnxplain is writing {}: wait for it, or give each process a --shard of its own",
            path.display()
        ),
        // Some network file systems have no locks; a report can be written without.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(file),
    }
}

/// The lines of a report, those of an input together. Damaged lines are left out.
struct Groups<'a> {
    lines: BufReader<&'a File>,
    /// The first line of the group to come.
    next: Option<Recorded>,
    is_together: fn(&Recorded, &Recorded) -> bool,
}

impl Groups<'_> {
    fn of(file: &File, is_together: fn(&Recorded, &Recorded) -> bool) -> Groups<'_> {
        Groups { lines: BufReader::new(file), next: None, is_together }
    }

    /// The next line that is whole.
    fn line(&mut self) -> std::io::Result<Option<Recorded>> {
        loop {
            let mut bytes = vec![];
            // A last line without an end is torn, even where it can be read.
            if self.lines.read_until(b'\n', &mut bytes)? == 0 || bytes.pop() != Some(b'\n') {
                return Ok(None);
            }
            let recorded = String::from_utf8(bytes).ok().and_then(Recorded::parse);
            if let Some(recorded) = recorded.filter(|recorded| !recorded.is_left_out()) {
                return Ok(Some(recorded));
            }
        }
    }

    fn group(&mut self) -> std::io::Result<Vec<Recorded>> {
        let mut group: Vec<Recorded> = self.next.take().into_iter().collect();
        while let Some(recorded) = self.line()? {
            if group.first().is_some_and(|first| !(self.is_together)(first, &recorded)) {
                self.next = Some(recorded);
                break;
            }
            group.push(recorded);
        }
        Ok(group)
    }
}

impl Iterator for Groups<'_> {
    type Item = std::io::Result<Vec<Recorded>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.group() {
            Ok(group) if group.is_empty() => None,
            group => Some(group),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn line(input: &str) -> String {
        format!("{{\"input\":\"{input}\",\"target\":{{\"index\":0}}}}")
    }

    fn inputs(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        let recorded = text.lines().map(|line| Recorded::parse(line.to_string()).unwrap());
        recorded.map(|recorded| recorded.input).collect()
    }

    #[test]
    fn a_torn_or_damaged_line_is_repaired_and_gaps_are_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let old = format!("{}\nnonsense\n{}\n{}\n\0\0", line("0"), line("1"), line("3"));
        fs::write(&path, old + &line("4")).unwrap();
        let mut seen = vec![];
        let (mut report, staging) = resume(&path, |group, _| {
            seen.push(group[0].input.clone());
            let order = group[0].input.parse()?;
            Ok((order != 1).then_some(order))
        })
        .unwrap();
        assert_eq!(seen, ["0", "1", "3"]);
        assert_eq!(inputs(&path), ["0", "3"]);
        for order in [1, 2, 4] {
            report.append(order, &[line(&order.to_string())]).unwrap();
        }
        assert_eq!(inputs(&path), ["0", "3", "1", "2", "4"]);
        report.sort(&staging).unwrap();
        assert_eq!(inputs(&path), ["0", "1", "2", "3", "4"]);
    }

    #[test]
    fn lines_of_an_input_are_judged_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        fs::write(&path, [line("a"), line("a"), line("b"), String::new()].join("\n")).unwrap();
        let mut sizes = vec![];
        let judged = resume(&path, |group, is_last| {
            sizes.push((group.len(), is_last));
            Ok(Some(0))
        });
        assert_eq!(sizes, [(2, false), (1, true)]);
        drop(judged.unwrap());
        assert_eq!(inputs(&path), ["a", "a", "b"]);
        // A judge who fails leaves the file as it was.
        assert!(resume(&path, |_, _| bail!("other options")).is_err());
        assert_eq!(inputs(&path), ["a", "a", "b"]);
    }

    #[test]
    fn a_report_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/report.jsonl");
        let first = ReportFile::create(&path, Overwrite::Refuse).unwrap();
        let error = |outcome: Result<()>| outcome.unwrap_err().to_string();
        let second = ReportFile::create(&path, Overwrite::Replace).map(drop);
        assert!(error(second).starts_with("another onnxplain is writing"));
        assert!(error(resume(&path, |_, _| Ok(None)).map(drop)).starts_with("another onnxplain"));
        drop(first);
        let third = ReportFile::create(&path, Overwrite::Refuse).map(drop);
        assert!(error(third).contains("--resume to go on"));
        let shard = Some("2/3".parse().unwrap());
        assert_eq!(super::path(Path::new("out"), shard), Path::new("out/report.2-of-3.jsonl"));
    }
}
