//! Which files are written, and where.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use onnxplain::io::{self, Overwrite};

use super::archive;
use super::kinds::{Canvas, Formats, Kind, RelevanceFormat, Saved};
use crate::cli::batch::inputs::place;
use crate::cli::batch::shard::Shard;

/// Where results go.
#[derive(Debug)]
pub struct Outputs {
    folder: PathBuf,
    /// What is saved of a picture.
    kinds: Vec<Kind>,
    /// Whether the user named the kinds, so that one that cannot be had is worth a warning.
    is_explicit: bool,
    /// Whether the class index is part of the names.
    has_index: bool,
    /// What tells the files of each way to explain from the others.
    ways: Vec<String>,
    formats: Formats,
    /// What several inputs are called in the names of files; empty where there is one.
    inputs: Vec<String>,
    overwrite: Overwrite,
    /// The places of files that are read: they are never written.
    read: HashSet<PathBuf>,
    /// Files that the report says are ours, whatever became of them.
    own: HashSet<PathBuf>,
    /// The archive of relevance, and the names of arrays that an earlier run put into it.
    archive: PathBuf,
    packed: HashSet<String>,
}

/// What the options say about the files.
#[derive(Debug)]
pub struct Wishes<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// The kinds that the user named.
    pub save: Option<&'a [Kind]>,
    pub formats: Formats,
    /// Whether there are several inputs.
    pub is_batch: bool,
    /// Whether several classes are explained, so that the class index becomes part of the names.
    pub has_index: bool,
    /// What tells the files of each way to explain from the others.
    pub ways: Vec<String>,
    pub overwrite: bool,
    /// Which of several processes this is: each has an archive of its own.
    pub shard: Option<Shard>,
}

impl Outputs {
    /// What the options say.
    ///
    /// # Errors
    /// When the folder cannot be one.
    pub fn new(wishes: Wishes) -> Result<Outputs> {
        let Wishes { folder, save, formats, is_batch, has_index, ways, overwrite, shard } = wishes;
        ensure_can_be_folder(folder)?;
        let default = || if is_batch { Kind::OF_BATCH.to_vec() } else { Kind::OF_SINGLE.to_vec() };
        let mut kinds = save.map_or_else(default, <[Kind]>::to_vec);
        // The report is written last: where it is, everything is.
        kinds.sort();
        kinds.dedup();
        let overwrite = Overwrite::own_if(overwrite);
        Ok(Outputs {
            folder: folder.to_path_buf(),
            kinds,
            is_explicit: save.is_some(),
            has_index,
            ways,
            formats,
            inputs: vec![],
            overwrite,
            read: HashSet::new(),
            own: HashSet::new(),
            archive: folder.join(archive::name(shard)),
            packed: HashSet::new(),
        })
    }

    /// The formats of files that have several.
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// Says what several inputs are called.
    pub fn name_inputs(&mut self, names: &[&str]) {
        let in_file = |name: &&str| {
            let is_plain = |c: char| c.is_alphanumeric() || ['_', '-', '.'].contains(&c);
            name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect::<String>()
        };
        self.inputs = if names.len() > 1 { names.iter().map(in_file).collect() } else { vec![] };
    }

    /// What a file is called in a report: its kind, with several inputs behind the name of the input.
    pub fn word(&self, saved: Saved) -> String {
        match saved.input.and_then(|input| self.inputs.get(input)) {
            Some(name) => format!("{name}.{}", saved.kind.word()),
            None => saved.kind.word().to_string(),
        }
    }

    /// Takes these files for our own: an earlier run wrote them, and they may be damaged since.
    pub fn take_for_own(&mut self, files: impl Iterator<Item = PathBuf>) {
        self.own.extend(files);
    }

    /// What to do where this file exists.
    pub fn overwrite_of(&self, path: &Path) -> Overwrite {
        if self.own.contains(path) { Overwrite::Replace } else { self.overwrite }
    }

    /// Keeps these files as they are: those that the run reads.
    pub fn keep<'a>(&mut self, read: impl Iterator<Item = &'a Path>) {
        if self.overwrite == Overwrite::Refuse {
            return;
        }
        for path in read {
            self.read.insert(place(path));
            // What a link leads to is read as well.
            self.read.extend(path.canonicalize());
        }
    }

    /// What to do where a file exists.
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }

    /// Whether the class index is part of the names.
    pub fn has_index(&self) -> bool {
        self.has_index
    }

    /// Whether an input may have several results.
    pub fn has_several(&self) -> bool {
        self.has_index || self.ways.len() > 1
    }

    /// Whether some result of a picture needs the picture itself.
    pub fn needs_photo(&self) -> bool {
        self.kinds.contains(&Kind::Overlay) || self.kinds.contains(&Kind::Figure)
    }

    /// The files to save of what is drawn on these, in the order of the inputs, and what cannot be drawn although it
    /// was asked for.
    ///
    /// # Errors
    /// When nothing is left of what was asked for.
    pub fn saved(&self, canvases: &[Canvas]) -> Result<(Vec<Saved>, Vec<&'static str>)> {
        let (mut all, mut obstacles) = (vec![], vec![]);
        for (place, &canvas) in canvases.iter().enumerate() {
            let (kinds, of_canvas) = self.kinds(canvas)?;
            let input = (!self.inputs.is_empty()).then_some(place);
            let saved = kinds.into_iter().map(|kind| match kind {
                Kind::Report => Saved::of(kind),
                _ => Saved { input, kind },
            });
            all.extend(saved);
            obstacles.extend(of_canvas);
        }
        all.sort();
        all.dedup();
        obstacles.dedup();
        Ok((all, obstacles))
    }

    /// The kinds to save of one input.
    fn kinds(&self, canvas: Canvas) -> Result<(Vec<Kind>, Vec<&'static str>)> {
        let is_one_of_several = !self.inputs.is_empty();
        let obstacle = |kind: &Kind| match (kind, canvas) {
            (Kind::Figure, _) if is_one_of_several => {
                Some("a figure shows one input, and several are explained")
            }
            (Kind::Overlay, Canvas::Array) => {
                Some("an overlay needs a picture, and the input is a tensor")
            }
            (Kind::Figure | Kind::Overlay | Kind::Heatmap, Canvas::Nothing) => Some(
                "the value of the layer given with --at has no positions on the picture; \
                     --save relevance writes it",
            ),
            _ => None,
        };
        let kept: Vec<Kind> =
            self.kinds.iter().copied().filter(|kind| obstacle(kind).is_none()).collect();
        let mut obstacles: Vec<&str> = self.kinds.iter().filter_map(obstacle).collect();
        obstacles.dedup();
        if !self.is_explicit && canvas != Canvas::Nothing {
            return Ok((kept, vec![]));
        }
        ensure!(
            !kept.is_empty() || obstacles.is_empty(),
            "nothing can be saved: {}",
            obstacles.join("; ")
        );
        Ok((kept, obstacles))
    }

    /// The files of one result: of a class, explained in one of the ways.
    pub fn paths(
        &self,
        stem: &Path,
        class: usize,
        way: usize,
        all: &[Saved],
    ) -> BTreeMap<Saved, PathBuf> {
        let infix = self.infix(class, way);
        let path = |saved: Saved| {
            let folder = match self.is_archived(saved) {
                true => archive::parts(&self.archive),
                false => self.folder.clone(),
            };
            let mut name: OsString = folder.join(stem).into_os_string();
            // One figure shows all results of an input.
            if saved.kind != Kind::Figure {
                name.push(&infix);
            }
            if let Some(input) = saved.input.and_then(|input| self.inputs.get(input)) {
                name.push(format!(".{input}"));
            }
            name.push(saved.kind.suffix(self.formats));
            // `./cat.json` reads better as `cat.json`.
            let name = PathBuf::from(name);
            name.strip_prefix(".").map(Path::to_path_buf).unwrap_or(name)
        };
        all.iter().map(|&saved| (saved, path(saved))).collect()
    }

    /// Whether a file becomes an array of the archive.
    fn is_archived(&self, saved: Saved) -> bool {
        saved.kind == Kind::Relevance && self.formats.relevance == RelevanceFormat::Npz
    }

    /// What a file is called in reports.
    pub fn reported(&self, saved: Saved, path: &Path) -> String {
        match self.is_archived(saved) {
            true => format!("{}:{}", self.archive.display(), archive::array(&self.archive, path)),
            false => path.display().to_string(),
        }
    }

    /// Whether an earlier run put a file into the archive.
    pub fn is_packed(&self, saved: Saved, path: &Path) -> bool {
        self.is_archived(saved) && self.packed.contains(&archive::array(&self.archive, path))
    }

    /// Finds out what an earlier run put into the archive.
    pub fn read_archive(&mut self) {
        let names = io::npz_names(&self.archive).unwrap_or_default();
        self.packed = names.into_iter().collect();
    }

    /// Puts relevance into the archive; with `keep`, beside what is there.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn pack(&self, keep: bool) -> Result<()> {
        match self.formats.relevance {
            RelevanceFormat::Npz => archive::pack(&self.archive, keep),
            RelevanceFormat::Float32 | RelevanceFormat::Float16 => Ok(()),
        }
    }

    /// What stands between the name of the input and that of the kind.
    fn infix(&self, class: usize, way: usize) -> String {
        let way = self.ways.get(way).map_or("", String::as_str);
        match self.has_index {
            true => format!(".{class}{way}"),
            false => way.to_string(),
        }
    }

    /// The input's part of the name of a file, as [`Outputs::paths`] made it for a class.
    pub fn stem(&self, name: &str, class: Option<usize>) -> Option<PathBuf> {
        let unpacked = archive::unpacked(name, &Kind::Relevance.suffix(self.formats));
        let name = unpacked.as_deref().unwrap_or(name);
        let below = Path::new(name).strip_prefix(&self.folder).unwrap_or(Path::new(name));
        let below = below.to_str()?;
        let without = |kind: &Kind| Some((*kind, below.strip_suffix(&kind.suffix(self.formats))?));
        let (kind, stem) = Kind::ALL.iter().find_map(without)?;
        let of_input = |name: &String| stem.strip_suffix(&format!(".{name}"));
        let stem = self.inputs.iter().find_map(of_input).unwrap_or(stem);
        if kind == Kind::Figure || !self.has_several() {
            return Some(PathBuf::from(stem));
        }
        let class = class?;
        let mut infixes = (0..self.ways.len()).map(|way| self.infix(class, way));
        infixes.find_map(|infix| stem.strip_suffix(&infix).map(PathBuf::from))
    }

    /// Refuses to write over existing files, as far as their names are known before the work: with several targets
    /// they depend on the classes.
    ///
    /// # Errors
    /// Names the file that exists.
    pub fn check_before_work(&self, stem: &Path) -> Result<()> {
        match self.has_index {
            true => Ok(()),
            false => {
                let all: Vec<Saved> = self.kinds.iter().map(|&kind| Saved::of(kind)).collect();
                let mut ways = 0..self.ways.len();
                ways.try_for_each(|way| self.refuse_existing(&self.paths(stem, 0, way, &all)))
            }
        }
    }

    /// Refuses to write over existing files, but for our own with `--overwrite`; never over one that the run reads.
    ///
    /// # Errors
    /// Names the file that exists.
    pub fn refuse_existing(&self, paths: &BTreeMap<Saved, PathBuf>) -> Result<()> {
        for path in paths.values() {
            ensure!(
                self.read.is_empty() || !self.read.contains(&place(path)),
                "{} is an input of this run, and a result would be written over it: give another --output",
                path.display()
            );
            io::check(path, self.overwrite_of(path))?;
        }
        Ok(())
    }
}

/// A folder that does not exist yet is made with the first file; what stands in its way is told before any work.
fn ensure_can_be_folder(folder: &Path) -> Result<()> {
    for ancestor in folder.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        if ancestor.is_dir() {
            return Ok(());
        }
        ensure!(
            ancestor.symlink_metadata().is_err(),
            "cannot write into {}: {} is not a folder",
            folder.display(),
            ancestor.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use onnxplain::figure::Format;

    fn outputs(folder: &str, save: Option<&[Kind]>, has_index: bool) -> Outputs {
        let formats = Formats { figures: Format::Pdf, ..Formats::default() };
        let folder = Path::new(folder);
        let ways = vec![".lrp".to_string(), ".rise".to_string()];
        let ways = if has_index { ways } else { vec![String::new()] };
        let (is_batch, overwrite) = (true, false);
        let shard = None;
        let wishes = Wishes { folder, save, formats, is_batch, has_index, ways, overwrite, shard };
        Outputs::new(wishes).unwrap()
    }

    fn plain(kinds: &[Kind]) -> Vec<Saved> {
        kinds.iter().map(|&kind| Saved::of(kind)).collect()
    }

    #[test]
    fn files_of_several_inputs_have_their_names() {
        let mut outputs = outputs(".", None, true);
        outputs.name_inputs(&["scan", "a/b"]);
        let (saved, _) = outputs.saved(&[Canvas::Photo, Canvas::Values]).unwrap();
        let paths = outputs.paths(Path::new("x"), 3, 1, &saved);
        let names: Vec<String> = paths.values().map(|path| path.display().to_string()).collect();
        let expected = [
            "x.3.rise.scan.overlay.png",
            "x.3.rise.scan.heatmap.png",
            "x.3.rise.a_b.overlay.png",
            "x.3.rise.a_b.heatmap.png",
            "x.3.rise.json",
        ];
        assert_eq!(names, expected);
        assert_eq!(outputs.word(saved[0]), "scan.overlay");
        for name in &names {
            assert_eq!(outputs.stem(name, Some(3)).as_deref(), Some(Path::new("x")), "{name}");
        }
    }

    #[test]
    fn names_follow_the_input_and_the_class() {
        let names = |has_index| {
            let paths = outputs(".", None, has_index).paths(
                Path::new("sub/v1.2"),
                281,
                1,
                &plain(&Kind::OF_SINGLE),
            );
            paths.values().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let [figure, others @ ..] = &names(false)[..] else { panic!("there are names") };
        assert_eq!(figure, "sub/v1.2.figure.pdf");
        assert_eq!(others, ["sub/v1.2.overlay.png", "sub/v1.2.heatmap.png", "sub/v1.2.json"]);
        assert_eq!(names(true)[3], "sub/v1.2.281.rise.json");
        assert_eq!(names(true)[0], "sub/v1.2.figure.pdf");
    }

    #[test]
    fn stems_are_found_in_names() {
        for (folder, has_index) in [(".", false), ("out", true)] {
            let outputs = outputs(folder, None, has_index);
            for path in outputs
                .paths(Path::new("sub/v1.2"), 281, usize::from(has_index), &plain(&Kind::ALL))
                .values()
            {
                let stem = outputs.stem(path.to_str().unwrap(), Some(281));
                assert_eq!(stem.as_deref(), Some(Path::new("sub/v1.2")), "{}", path.display());
            }
        }
    }

    #[test]
    fn what_a_tensor_cannot_give_is_left_out_or_told() {
        let kinds = |save: Option<&[Kind]>| outputs(".", save, false).kinds(Canvas::Array);
        assert_eq!(kinds(None).unwrap(), (vec![Kind::Heatmap, Kind::Report], vec![]));
        let (kept, obstacles) = kinds(Some(&[Kind::Report, Kind::Overlay])).unwrap();
        assert_eq!((kept, obstacles.len()), (vec![Kind::Report], 1));
        assert!(kinds(Some(&[Kind::Overlay])).unwrap_err().to_string().contains("needs a picture"));
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = &file.path().join("a/b");
        let (save, formats, ways) = (None, Formats::default(), vec![]);
        let (is_batch, has_index, overwrite) = (true, false, false);
        let shard = None;
        let wishes = Wishes { folder, save, formats, is_batch, has_index, ways, overwrite, shard };
        let error = Outputs::new(wishes).unwrap_err();
        assert!(error.to_string().contains("is not a folder"));
    }
}
