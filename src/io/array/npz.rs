//! NumPy's `.npz`: a ZIP archive of `.npy` files, stored or deflated.

use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use crate::io::npy;

/// Reads the array of that name; the only one where none is named.
///
/// # Errors
/// When the file is no archive, has no such array, or several where none is named.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<(Vec<usize>, Vec<f32>)> {
    let bytes = std::fs::read(path)?;
    let archive = ZipArchive::from_slice(&bytes).context("this is not a .npz file")?;
    let (mut names, mut found) = (vec![], vec![]);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().context("the archive is damaged")? {
        let path = entry.file_path();
        let array = String::from_utf8_lossy(path.as_bytes());
        let array = array.trim_end_matches(".npy").to_string();
        if name.is_none_or(|name| name == array) {
            found.push((entry.wayfinder(), entry.compression_method()));
        }
        names.push(array);
    }
    let (place, compression) = match (name, &found[..]) {
        (_, &[only]) | (Some(_), &[only, ..]) => only,
        (_, []) if names.is_empty() => bail!("it holds no arrays"),
        (Some(name), []) => bail!("it holds no array \"{name}\", but {}", names.join(", ")),
        (None, _) => bail!(
            "it holds the arrays {}: say which one is meant, as {}:{}",
            names.join(", "),
            path.display(),
            names[0]
        ),
    };
    let entry = archive.get_entry(place).context("the archive is damaged")?;
    match compression {
        CompressionMethod::STORE => npy::decode(entry.data()),
        // What the checksum is wrong of is an error at its end.
        CompressionMethod::DEFLATE => {
            npy::decode(entry.verifying_reader(DeflateDecoder::new(entry.data())))
        }
        _ => {
            bail!("its arrays are compressed in a way that is not known: save it with numpy.savez")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

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
