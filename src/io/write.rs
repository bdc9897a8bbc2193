//! Writing files atomically: a file is complete, or it does not exist.
//!
//! Every file is written under a temporary name in its folder, and renamed when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail};
use image::RgbImage;

use super::mark::{SOFTWARE, TOOL, is_own};
use super::unfinished::temporary_file;

/// What to do where the file to write exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// Fail and leave the file as it is.
    #[default]
    Refuse,
    /// Replace the file.
    Replace,
    /// Replace the file if onnxplain wrote it, else fail and leave it as it is.
    ReplaceOwn,
}

impl Overwrite {
    /// What `--overwrite` asks for: files that onnxplain wrote are replaced.
    #[must_use]
    pub fn own_if(asked: bool) -> Overwrite {
        if asked { Overwrite::ReplaceOwn } else { Overwrite::Refuse }
    }
}

/// Writes a picture as [`png_bytes`] has it.
///
/// # Errors
/// Those of [`write_bytes`].
pub fn write_png(path: &Path, picture: &RgbImage, overwrite: Overwrite) -> Result<()> {
    write_whole(path, overwrite, |file| Ok(file.write_all(&png_bytes(picture)?)?))
}

/// A picture as an 8-bit RGB PNG, quickly rather than small. A text chunk says that onnxplain wrote it.
///
/// # Errors
/// When the picture has no pixels.
pub fn png_bytes(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Sub);
    let software = format!("{TOOL} {}", env!("CARGO_PKG_VERSION"));
    encoder.add_text_chunk(SOFTWARE.to_string(), software)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_raw())?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes bytes, or text.
///
/// # Errors
/// When the file exists and must not be replaced, or the folder cannot be created or written to.
pub fn write_bytes(path: &Path, bytes: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<()> {
    write_whole(path, overwrite, |file| Ok(file.write_all(bytes.as_ref())?))
}

/// Checks that a file may be written under this name.
///
/// # Errors
/// Names the file that exists already, and what to do.
pub fn check(path: &Path, overwrite: Overwrite) -> Result<()> {
    match overwrite {
        Overwrite::Replace => Ok(()),
        _ if fs::symlink_metadata(path).is_err() => Ok(()),
        Overwrite::Refuse => Err(exists_already(path)),
        Overwrite::ReplaceOwn if is_own(path) => Ok(()),
        Overwrite::ReplaceOwn => bail!(
            "{} exists already, and onnxplain did not write it: it is not replaced; give another --output, or move it \
             away",
            path.display()
        ),
    }
}

/// Creates `path`, and its folder where missing, with what `fill` writes, atomically.
pub(super) fn write_whole(
    path: &Path,
    overwrite: Overwrite,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    // Before the work, for the common case; the rename below settles a race.
    check(path, overwrite)?;
    write_and_rename(path, overwrite, fill)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_and_rename(
    path: &Path,
    overwrite: Overwrite,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    if path.file_name().is_none() {
        bail!("the path has no file name");
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;

    let temporary =
        temporary_file(folder, path).context("cannot create a temporary file beside it")?;
    let mut writer = BufWriter::new(temporary.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);

    let renamed = match overwrite {
        Overwrite::Refuse => temporary.persist_noclobber(path),
        Overwrite::Replace | Overwrite::ReplaceOwn => temporary.persist(path),
    };
    match renamed {
        Ok(_) => Ok(()),
        Err(failure) if failure.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(exists_already(path))
        }
        Err(failure) => Err(failure.error).context("cannot rename the finished file"),
    }
}

fn exists_already(path: &Path) -> Error {
    anyhow!("{} exists already; give --overwrite to replace it", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/report.json");
        write_bytes(&path, "{}", Overwrite::Refuse).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
        assert_eq!(files(path.parent().unwrap()), ["report.json"]);
    }

    #[test]
    fn an_existing_file_is_kept_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.json");
        write_bytes(&path, "old", Overwrite::Refuse).unwrap();

        let error = write_bytes(&path, "new", Overwrite::Refuse).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("cat.json exists already"), "{message}");
        assert!(message.contains("--overwrite"), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        write_bytes(&path, "new", Overwrite::Replace).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(files(folder.path()), ["cat.json"]);
    }

    #[test]
    fn files_of_others_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.json");
        write_bytes(&path, r#"{"tool": "another"}"#, Overwrite::Refuse).unwrap();
        let error = write_bytes(&path, "{}", Overwrite::ReplaceOwn).unwrap_err();
        assert!(error.to_string().contains("onnxplain did not write it"), "{error:#}");
        write_bytes(&path, r#"{"tool": "onnxplain"}"#, Overwrite::Replace).unwrap();
        write_bytes(&path, "{}", Overwrite::ReplaceOwn).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    }

    #[test]
    fn a_file_that_appears_during_the_work_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.json");
        let error =
            write_whole(&path, Overwrite::Refuse, |_| Ok(fs::write(&path, "from elsewhere")?))
                .unwrap_err();
        assert!(format!("{error:#}").contains("--overwrite"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "from elsewhere");
        assert_eq!(files(folder.path()), ["cat.json"]);
    }

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.json");
        write_bytes(&path, "old", Overwrite::Refuse).unwrap();
        let error = write_whole(&path, Overwrite::Replace, |file| {
            file.write_all(&[0; 100_000])?;
            bail!("the disk is full")
        })
        .unwrap_err();
        let message = format!("{error:#}");
        assert!(message.starts_with("cannot write "), "{message}");
        assert!(message.ends_with("cat.json: the disk is full"), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(files(folder.path()), ["cat.json"]);
    }

    #[test]
    fn impossible_paths_are_errors_that_name_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        write_bytes(&file, "", Overwrite::Refuse).unwrap();
        for path in [file.join("inside/a.json"), folder.path().to_path_buf()] {
            let error = write_bytes(&path, "", Overwrite::Replace).unwrap_err();
            assert!(format!("{error:#}").contains(&path.display().to_string()));
        }
        assert!(write_bytes(Path::new("/"), "", Overwrite::Replace).is_err());
        assert_eq!(files(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_an_ordinary_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
        write_bytes(&ours, "", Overwrite::Refuse).unwrap();
        File::create(&ordinary).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }

    #[test]
    fn a_png_reads_back_as_the_same_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.png");
        let picture = RgbImage::from_fn(37, 21, |x, y| image::Rgb([x as u8 * 6, y as u8 * 12, 7]));
        write_png(&path, &picture, Overwrite::Refuse).unwrap();
        let read = image::open(&path).unwrap();
        assert_eq!(read.color(), image::ColorType::Rgb8);
        assert_eq!(read.into_rgb8(), picture);
        assert!(write_png(&path, &picture, Overwrite::Refuse).is_err());
    }
}
