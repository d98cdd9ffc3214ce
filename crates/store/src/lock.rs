//! One process a SQLite file: a lock beside it, held as long as the database is open.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Links that lead on to links, before they are taken for a ring.
const MAX_LINKS: usize = 16;

/// The one absolute path of a database file, whether it is there yet or not: two names of one file
/// must not be two locks.
///
/// The file itself is not opened: to close it again would drop the locks that this very process may
/// hold on it.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Error::Database {
        why: format!("{} cannot be used: {error}", path.display()),
    };
    let mut file = std::path::absolute(path).map_err(failed)?;
    for _ in 0..MAX_LINKS {
        let name = file.file_name().ok_or_else(|| Error::Database {
            why: "the path names no file".to_owned(),
        })?;
        let folder = file
            .parent()
            .unwrap_or(Path::new("/"))
            .canonicalize()
            .map_err(failed)?;
        let place = folder.join(name);
        match std::fs::read_link(&place) {
            Ok(target) => file = folder.join(target),
            Err(_) => return Ok(place), // no link: this is it
        }
    }
    Err(Error::Database {
        why: format!("{} is a ring of links", path.display()),
    })
}

/// The lock of a database file, given back when it is dropped.
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// To close the file is not enough: a child that was just forked holds it open too, until it
    /// becomes another program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Take the lock of a database file, or say that another process has it.
pub(crate) fn take(path: &Path) -> Result<Lock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |error: std::io::Error| Error::Database {
        why: format!("the lock file cannot be used: {error}"),
    };
    let file = private(Path::new(&name)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            // Only now: to close the file would drop the locks that this very process held on it,
            // had it the lock.
            let unusable = |error| Error::Database {
                why: format!("{} cannot be used: {error}", path.display()),
            };
            drop(private(path).map_err(unusable)?);
            Ok(Lock(file))
        }
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Open a file; one that is not there is made, for its owner alone. SQLite gives the files beside a
/// database the same mode.
fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}
