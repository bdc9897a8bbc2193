//! The temporary file under which a file is written until it is complete.
//!
//! Its name is made from the name of the target, and it is locked as long as its process lives. A process that is killed
//! leaves it behind; the next process that writes the same target uses it again, so that nothing stays. Where another
//! living process writes the same target, or the file system has no locks, the name is random.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempPath};

/// How the names of unfinished files, and of folders of them, begin.
pub const UNFINISHED: &str = ".onnxplain-";

const SUFFIX: &str = ".tmp";

/// An empty temporary file in the folder of `target`, with the permissions of an ordinary new file.
///
/// # Errors
/// When the folder cannot be written to.
pub(super) fn temporary_file(folder: &Path, target: &Path) -> io::Result<NamedTempFile> {
    match of_target(folder, target) {
        Some(file) => Ok(file),
        None => with_random_name(folder),
    }
}

/// The file whose name is made from the target's, unless another process has it.
#[cfg(unix)]
fn of_target(folder: &Path, target: &Path) -> Option<NamedTempFile> {
    let mut name = std::ffi::OsString::from(UNFINISHED);
    name.push(target.file_name()?);
    name.push(SUFFIX);
    let path = folder.join(name);
    let file = File::options().create(true).truncate(false).write(true).open(&path).ok()?;
    file.try_lock().ok()?;
    if !is_only_name(&path, &file) {
        return None;
    }
    file.set_len(0).ok()?;
    Some(NamedTempFile::from_parts(file, TempPath::try_from_path(path).ok()?))
}

/// Elsewhere there is no way to tell that a path still leads to an open file.
#[cfg(not(unix))]
fn of_target(_: &Path, _: &Path) -> Option<NamedTempFile> {
    None
}

/// Whether the path leads to this very file, which has no other name.
///
/// Between opening and locking, another process may have renamed the file to its target. A link that somebody put there
/// must not be followed.
#[cfg(unix)]
fn is_only_name(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(named), Ok(open)) = (fs::symlink_metadata(path), file.metadata()) else {
        return false;
    };
    (named.dev(), named.ino()) == (open.dev(), open.ino()) && open.nlink() == 1 && open.is_file()
}

/// Temporary files can only be read by their owner; this gives them the permissions of ordinary files.
fn with_random_name(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;

    use super::*;

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_a_killed_process_left_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        let mut killed = temporary_file(folder.path(), &target).unwrap();
        killed.write_all(b"half a picture").unwrap();
        // As if the process had been killed: the file stays, its lock does not.
        let (file, path) = killed.keep().unwrap();
        drop(file);
        let next = temporary_file(folder.path(), &target).unwrap();
        assert_eq!(next.path(), path);
        assert_eq!(next.as_file().metadata().unwrap().len(), 0);
        next.persist(&target).unwrap();
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn living_processes_do_not_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.png");
        let [first, second] = [0, 1].map(|_| temporary_file(folder.path(), &target).unwrap());
        assert_ne!(first.path(), second.path());
        drop((first, second));
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, other) = (folder.path().join("a.png"), folder.path().join("other"));
        fs::write(&other, "of somebody").unwrap();
        let name = folder.path().join(".onnxplain-a.png.tmp");
        for is_hard in [true, false] {
            let linked = match is_hard {
                true => fs::hard_link(&other, &name),
                false => std::os::unix::fs::symlink(&other, &name),
            };
            linked.unwrap();
            assert_ne!(temporary_file(folder.path(), &target).unwrap().path(), name);
            assert_eq!(fs::read(&other).unwrap(), b"of somebody");
            fs::remove_file(&name).unwrap();
        }
    }

    #[test]
    fn long_names_are_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a".repeat(255));
        temporary_file(folder.path(), &target).unwrap().persist(&target).unwrap();
        assert_eq!(count(folder.path()), 1);
    }
}
