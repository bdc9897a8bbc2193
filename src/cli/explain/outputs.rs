//! Which files are written, and where.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use onnxplain::io::{self, Overwrite};

use super::inputs::place;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// The heatmap over the picture: STEM.overlay.png
    Overlay,
    /// The heatmap alone, in the size of the network's input: STEM.heatmap.png
    Heatmap,
    /// The relevance of every element of the network's input: STEM.relevance.npy (float32)
    Relevance,
    /// Prediction, target, conservation, preprocessing, seconds: STEM.json
    Report,
}

impl Kind {
    /// What `--save` saves by default.
    pub const DEFAULT: [Kind; 3] = [Kind::Overlay, Kind::Heatmap, Kind::Report];

    /// Every kind.
    const ALL: [Kind; 4] = [Kind::Overlay, Kind::Heatmap, Kind::Relevance, Kind::Report];

    /// The word in `--save` and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Overlay => "overlay",
            Kind::Heatmap => "heatmap",
            Kind::Relevance => "relevance",
            Kind::Report => "report",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Kind::Overlay => ".overlay.png",
            Kind::Heatmap => ".heatmap.png",
            Kind::Relevance => ".relevance.npy",
            Kind::Report => ".json",
        }
    }
}

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
    overwrite: Overwrite,
    /// The places of files that are read: they are never written.
    read: HashSet<PathBuf>,
    /// Files that the report says are ours, whatever became of them.
    own: HashSet<PathBuf>,
}

/// What there is to draw on.
#[derive(Clone, Copy, Debug)]
pub struct Canvas {
    /// Whether the input is a picture file.
    pub has_photo: bool,
    /// Whether the network's input has the shape of a picture.
    pub is_picture: bool,
    /// Whether the relevance lies on the picture: not that of every layer does.
    pub has_positions: bool,
}

impl Outputs {
    /// What `--output`, `--save` and `--overwrite` say; `has_index` with several targets.
    ///
    /// # Errors
    /// When the folder cannot be one.
    pub fn new(
        folder: &Path,
        save: Option<&[Kind]>,
        has_index: bool,
        overwrite: bool,
    ) -> Result<Outputs> {
        ensure_can_be_folder(folder)?;
        let mut kinds = save.unwrap_or(&Kind::DEFAULT).to_vec();
        // The report is written last: where it is, everything is.
        kinds.sort();
        kinds.dedup();
        let overwrite = if overwrite { Overwrite::ReplaceOwn } else { Overwrite::Refuse };
        Ok(Outputs {
            folder: folder.to_path_buf(),
            kinds,
            is_explicit: save.is_some(),
            has_index,
            overwrite,
            read: HashSet::new(),
            own: HashSet::new(),
        })
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

    /// Whether some result of a picture needs the picture itself.
    pub fn needs_photo(&self) -> bool {
        self.kinds.contains(&Kind::Overlay)
    }

    /// The kinds to save, and what cannot be drawn although it was asked for.
    ///
    /// # Errors
    /// When nothing is left of what was asked for.
    pub fn kinds(&self, canvas: Canvas) -> Result<(Vec<Kind>, Vec<&'static str>)> {
        let obstacle = |kind: &Kind| match kind {
            Kind::Overlay if !canvas.has_photo => {
                Some("an overlay needs a picture, and the input is a tensor")
            }
            Kind::Heatmap if !canvas.is_picture => {
                Some("a heatmap needs an input of the shape of a picture")
            }
            Kind::Overlay | Kind::Heatmap if !canvas.has_positions => Some(
                "the value of the layer given with --at has no positions on the picture; \
                     --save relevance writes it",
            ),
            _ => None,
        };
        let kept: Vec<Kind> =
            self.kinds.iter().copied().filter(|kind| obstacle(kind).is_none()).collect();
        let mut obstacles: Vec<&str> = self.kinds.iter().filter_map(obstacle).collect();
        obstacles.dedup();
        if !self.is_explicit && canvas.has_positions {
            return Ok((kept, vec![]));
        }
        ensure!(
            !kept.is_empty() || obstacles.is_empty(),
            "nothing can be saved: {}",
            obstacles.join("; ")
        );
        Ok((kept, obstacles))
    }

    /// The files of one result.
    pub fn paths(&self, stem: &Path, class: usize, kinds: &[Kind]) -> BTreeMap<Kind, PathBuf> {
        let path = |kind: Kind| {
            let mut name: OsString = self.folder.join(stem).into_os_string();
            if self.has_index {
                name.push(format!(".{class}"));
            }
            name.push(kind.suffix());
            // `./cat.json` reads better as `cat.json`.
            let name = PathBuf::from(name);
            name.strip_prefix(".").map(Path::to_path_buf).unwrap_or(name)
        };
        kinds.iter().map(|&kind| (kind, path(kind))).collect()
    }

    /// The input's part of the name of a file, as [`Outputs::paths`] made it for a class.
    pub fn stem(&self, name: &str, class: Option<usize>) -> Option<PathBuf> {
        let below = Path::new(name).strip_prefix(&self.folder).unwrap_or(Path::new(name));
        let below = below.to_str()?;
        let stem = Kind::ALL.iter().find_map(|kind| below.strip_suffix(kind.suffix()))?;
        match self.has_index {
            true => stem.strip_suffix(&format!(".{}", class?)).map(PathBuf::from),
            false => Some(PathBuf::from(stem)),
        }
    }

    /// Refuses to write over existing files, as far as their names are known before the work: with several targets
    /// they depend on the classes.
    ///
    /// # Errors
    /// Names the file that exists.
    pub fn check_before_work(&self, stem: &Path) -> Result<()> {
        match self.has_index {
            true => Ok(()),
            false => self.refuse_existing(&self.paths(stem, 0, &self.kinds)),
        }
    }

    /// Refuses to write over existing files, but for our own with `--overwrite`; never over one that the run reads.
    ///
    /// # Errors
    /// Names the file that exists.
    pub fn refuse_existing(&self, paths: &BTreeMap<Kind, PathBuf>) -> Result<()> {
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

    #[test]
    fn names_follow_the_input_and_the_class() {
        let names = |has_index| {
            let outputs = Outputs::new(Path::new("."), None, has_index, false).unwrap();
            let paths = outputs.paths(Path::new("sub/v1.2"), 281, &Kind::DEFAULT);
            paths.values().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(false), ["sub/v1.2.overlay.png", "sub/v1.2.heatmap.png", "sub/v1.2.json"]);
        assert_eq!(names(true)[2], "sub/v1.2.281.json");
    }

    #[test]
    fn stems_are_found_in_names() {
        for (folder, has_index) in [(".", false), ("out", true)] {
            let outputs = Outputs::new(Path::new(folder), None, has_index, false).unwrap();
            for path in outputs.paths(Path::new("sub/v1.2"), 281, &Kind::ALL).values() {
                let stem = outputs.stem(path.to_str().unwrap(), Some(281));
                assert_eq!(stem.as_deref(), Some(Path::new("sub/v1.2")), "{}", path.display());
            }
        }
    }

    #[test]
    fn what_a_tensor_cannot_give_is_left_out_or_told() {
        let kinds = |save: Option<&[Kind]>| {
            Outputs::new(Path::new("."), save, false, false).unwrap().kinds(Canvas {
                has_photo: false,
                is_picture: true,
                has_positions: true,
            })
        };
        assert_eq!(kinds(None).unwrap(), (vec![Kind::Heatmap, Kind::Report], vec![]));
        let (kept, obstacles) = kinds(Some(&[Kind::Report, Kind::Overlay])).unwrap();
        assert_eq!((kept, obstacles.len()), (vec![Kind::Report], 1));
        assert!(kinds(Some(&[Kind::Overlay])).unwrap_err().to_string().contains("needs a picture"));
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Outputs::new(&file.path().join("a/b"), None, false, false).unwrap_err();
        assert!(error.to_string().contains("is not a folder"));
    }
}
