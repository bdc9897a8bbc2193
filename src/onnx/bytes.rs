//! What a model is read from: a file, whose weights are read while their layers run, or what came out of a pipe.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use memmap2::MmapOptions;

use crate::tensor::View;

/// What is said of weights that could be read once.
const UNREADABLE: &str = "the model's weights cannot be read any more";

/// What a model is read from.
#[derive(Debug)]
pub(super) enum Bytes {
    /// A file that can be read anywhere.
    File {
        file: File,
        path: PathBuf,
        /// When it was written last, as far as the system knows.
        written: Option<SystemTime>,
    },
    /// What came out of a pipe.
    Memory(Vec<u8>),
}

impl Bytes {
    pub fn open(path: &Path) -> std::io::Result<Bytes> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            return Ok(Bytes::File { file, path: path.into(), written: metadata.modified().ok() });
        }
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        Ok(Bytes::Memory(bytes))
    }

    /// What stands here in the place of the file that is meant, in words that say what to do.
    pub fn stands_for_another(&self) -> Option<&'static str> {
        let mut start = vec![0; self.len().ok()?.min(64) as usize];
        self.read(0, &mut start).ok()?;
        let start = String::from_utf8_lossy(&start).trim_start().to_lowercase();
        if start.starts_with("version https://git-lfs") {
            Some("a Git LFS pointer to it; `git lfs pull` fetches the file")
        } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
            Some("a web page; download the file itself, by its raw link")
        } else {
            None
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> std::io::Result<u64> {
        match self {
            Bytes::File { file, .. } => Ok(file.metadata()?.len()),
            Bytes::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Like [`Bytes::read`], long after the first read.
    ///
    /// # Errors
    /// When the file cannot be read, or was written meanwhile.
    pub fn read_late(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.check_unwritten(offset + buffer.len() as u64)?;
        self.read(offset, buffer).context(UNREADABLE)
    }

    /// Bytes where they lie, long after the first read: pages that the system holds of the file already, not copies.
    ///
    /// # Errors
    /// When the file cannot be read, or was written meanwhile.
    pub fn view_late(&self, offset: u64, len: usize) -> Result<View<'_>> {
        self.check_unwritten(offset + len as u64)?;
        match self {
            Bytes::File { file, .. } => map(file, offset, len).context(UNREADABLE),
            Bytes::Memory(bytes) => {
                let bytes = usize::try_from(offset).ok().and_then(|start| bytes.get(start..));
                let bytes = bytes.and_then(|bytes| bytes.get(..len)).context(UNREADABLE)?;
                Ok(View::Borrowed(bytes))
            }
        }
    }

    /// Fails where a file is not what it was when it was opened, or has fewer than `end` bytes.
    fn check_unwritten(&self, end: u64) -> Result<()> {
        match self {
            Bytes::File { file, path, written } => {
                let now = file.metadata().ok();
                let now = now.filter(|now| now.modified().ok() == *written && now.len() >= end);
                let written =
                    || format!("{} was written while it was in use; run again", path.display());
                now.with_context(written).map(|_| ())
            }
            Bytes::Memory(_) => Ok(()),
        }
    }

    /// Fills `buffer` from a place on.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        match self {
            Bytes::File { file, .. } => read_exact_at(file, offset, buffer),
            Bytes::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read_exact(buffer)
            }
        }
    }
}

/// Maps `len` bytes of a file for the time of one product.
///
/// The first dense layer of a VGG-16 takes 42 ms (two threads) where its weights are copied out of the system's pages,
/// 26 where they are multiplied in there.
#[allow(unsafe_code)]
fn map(file: &File, offset: u64, len: usize) -> std::io::Result<View<'static>> {
    let mut pages = MmapOptions::new();
    // The start of a mapping needs no alignment: the crate maps from the page's start and skips what is before.
    pages.offset(offset).len(len);
    // SAFETY: bytes of a file must not change while they are borrowed. That nobody wrote it was asked just before;
    // whoever writes it within the millisecond in which a piece is mapped gives numbers of both files (any bits are
    // a number), or where the file becomes shorter, ends the process with a signal.
    let pages = unsafe { pages.map(file)? };
    Ok(View::Mapped(pages))
}

/// Fills a buffer from a place in a file on, which any number of threads may do at a time.
#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    use std::io::{Seek, SeekFrom};

    // All readers share the place that a file is read at.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock();
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}
