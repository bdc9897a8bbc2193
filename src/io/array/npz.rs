//! NumPy's `.npz`: a ZIP archive of `.npy` files, stored or deflated.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder,
    ZipArchiveWriter,
};

use crate::io::npy;
use crate::io::write::{Overwrite, write_whole};

/// An archive that is open; nothing but the list of its arrays is read at once.
type Archive = ZipArchive<FileReader>;

/// Where an array is.
struct Place {
    name: String,
    wayfinder: ZipArchiveEntryWayfinder,
    compression: CompressionMethod,
}

fn open(path: &Path) -> Result<Archive> {
    let file = File::open(path)?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    ZipArchive::from_file(file, &mut buffer).context("this is not a .npz file")
}

/// The arrays of an archive, in its order.
fn places(archive: &Archive) -> Result<Vec<Place>> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let mut entries = archive.entries(&mut buffer);
    let mut places = vec![];
    while let Some(entry) = entries.next_entry().context("the archive is damaged")? {
        let path = entry.file_path();
        let name = String::from_utf8_lossy(path.as_bytes());
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_string();
        let (wayfinder, compression) = (entry.wayfinder(), entry.compression_method());
        places.push(Place { name, wayfinder, compression });
    }
    Ok(places)
}

/// Reads the array of that name; the only one where none is named.
///
/// # Errors
/// When the file is no archive, has no such array, or several where none is named.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<(Vec<usize>, Vec<f32>)> {
    let archive = open(path)?;
    let places = places(&archive)?;
    let names = || places.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let found: Vec<&Place> =
        places.iter().filter(|it| name.is_none_or(|name| name == it.name)).collect();
    let place = match (name, &found[..]) {
        (_, &[only]) | (Some(_), &[only, ..]) => only,
        (_, []) if places.is_empty() => bail!("it holds no arrays"),
        (Some(name), []) => bail!("it holds no array \"{name}\", but {}", names()),
        (None, _) => bail!(
            "it holds the arrays {}: say which one is meant, as {}:{}",
            names(),
            path.display(),
            places[0].name
        ),
    };
    let entry = archive.get_entry(place.wayfinder).context("the archive is damaged")?;
    match place.compression {
        CompressionMethod::STORE => npy::decode(BufReader::new(entry.reader())),
        // What the checksum is wrong of is an error at its end.
        CompressionMethod::DEFLATE => {
            npy::decode(entry.verifying_reader(DeflateDecoder::new(entry.reader())))
        }
        _ => {
            bail!("its arrays are compressed in a way that is not known: save it with numpy.savez")
        }
    }
}

/// The names of the arrays of an archive.
///
/// # Errors
/// When the file is no archive.
pub fn npz_names(path: &Path) -> Result<Vec<String>> {
    let named = || format!("cannot read the numbers of {}", path.display());
    let names = open(path).and_then(|archive| places(&archive)).with_context(named)?;
    Ok(names.into_iter().map(|place| place.name).collect())
}

/// Puts `.npy` files into an archive, uncompressed, each by a name of its own; with `keep`, behind the arrays of other names that
/// the archive has already. The archive is replaced when the new one is complete.
///
/// # Errors
/// When a file cannot be read or written.
pub fn pack_npz(path: &Path, files: &[(String, PathBuf)], keep: bool) -> Result<()> {
    write_whole(path, Overwrite::Replace, |file| {
        let mut packed = ZipArchiveWriter::new(file);
        if keep && path.exists() {
            let archive = open(path)?;
            let is_new = |name: &str| files.iter().any(|(other, _)| other == name);
            for place in places(&archive)?.iter().filter(|it| !is_new(&it.name)) {
                let entry = archive.get_entry(place.wayfinder).context("the archive is damaged")?;
                add(&mut packed, &place.name, entry.reader())?;
            }
        }
        for (name, source) in files {
            let source =
                File::open(source).with_context(|| format!("cannot read {}", source.display()))?;
            add(&mut packed, name, source)?;
        }
        packed.finish()?;
        Ok(())
    })
}

fn add<W: Write>(
    archive: &mut ZipArchiveWriter<W>,
    name: &str,
    mut bytes: impl Read,
) -> Result<()> {
    let name = format!("{name}.npy");
    let file = archive.new_file(name.as_str()).compression_method(CompressionMethod::STORE);
    let (mut entry, config) = file.start()?;
    let mut writer = config.wrap(&mut entry);
    std::io::copy(&mut bytes, &mut writer)?;
    let (_, descriptor) = writer.finish()?;
    entry.finish(descriptor)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_packed_and_packed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let file = |name: &str, value: f32| {
            let path = folder.path().join(name);
            npy::write_npy(&path, &[1], &[value], Overwrite::Replace).unwrap();
            path
        };
        let pack = |files: &[(&str, f32)], keep: bool| {
            let files: Vec<_> = files
                .iter()
                .map(|(name, value)| (name.to_string(), file(&name.replace('/', "-"), *value)))
                .collect();
            pack_npz(&path, &files, keep).unwrap();
        };
        pack(&[("a/1", 1.0), ("b", 2.0)], false);
        pack(&[("b", 3.0), ("c", 4.0)], true);
        assert_eq!(npz_names(&path).unwrap(), ["a/1", "b", "c"]);
        let value = |name: &str| read(&path, Some(name)).unwrap().1[0];
        assert_eq!(["a/1", "b", "c"].map(value), [1.0, 3.0, 4.0]);
        pack(&[("d", 5.0)], false);
        assert_eq!(npz_names(&path).unwrap(), ["d"]);
        assert!(npz_names(&folder.path().join("b")).is_err());
    }

    fn archive(names: &[&str], array: &[u8], is_deflated: bool) -> Vec<u8> {
        let mut bytes = vec![];
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for name in names {
            let method =
                if is_deflated { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
            let name = format!("{name}.npy");
            let file = archive.new_file(&name).compression_method(method);
            let (mut entry, config) = file.start().unwrap();
            if is_deflated {
                let level = flate2::Compression::default();
                let encoder = flate2::write::DeflateEncoder::new(&mut entry, level);
                let mut writer = config.wrap(encoder);
                writer.write_all(array).unwrap();
                let (encoder, descriptor) = writer.finish().unwrap();
                encoder.finish().unwrap();
                entry.finish(descriptor).unwrap();
            } else {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(array).unwrap();
                let (_, descriptor) = writer.finish().unwrap();
                entry.finish(descriptor).unwrap();
            }
        }
        archive.finish().unwrap();
        bytes
    }

    #[test]
    fn arrays_are_found_by_name_stored_or_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let array = folder.path().join("a.npy");
        npy::write_npy(&array, &[2], &[1.5, -2.0], crate::io::Overwrite::Replace).unwrap();
        let array = std::fs::read(&array).unwrap();
        for is_deflated in [false, true] {
            std::fs::write(&path, archive(&["only"], &array, is_deflated)).unwrap();
            assert_eq!(read(&path, None).unwrap(), (vec![2], vec![1.5, -2.0]));
            std::fs::write(&path, archive(&["a", "b"], &array, is_deflated)).unwrap();
            assert_eq!(read(&path, Some("b")).unwrap().1, [1.5, -2.0]);
        }
        let error = |name| format!("{:#}", read(&path, name).unwrap_err());
        assert!(error(None).contains("the arrays a, b") && error(None).contains("x.npz:a"));
        assert!(error(Some("c")).contains("no array \"c\", but a, b"));
        std::fs::write(&path, b"PK no archive").unwrap();
        assert!(error(None).contains("not a .npz file"));
    }
}
