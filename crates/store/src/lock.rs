//! Allows one process per SQLite file: a lock file beside it, held while the database is open.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How many symbolic links are followed before they are taken for a loop.
const MAX_LINKS: usize = 16;

/// The canonical path of a database file, whether it exists or not: two names of one file must not
/// give two locks.
///
/// The file itself is not opened: closing it would release the POSIX locks that this process may
/// hold on it.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Error::Database {
        why: format!("{} cannot be used: {error}", path.display()),
    };
    let mut file = std::path::absolute(path).map_err(failed)?;
    for _ in 0..MAX_LINKS {
        let name = file.file_name().ok_or_else(|| Error::Database {
            why: "the path has no file name".to_owned(),
        })?;
        let directory = file
            .parent()
            .unwrap_or(Path::new("/"))
            .canonicalize()
            .map_err(failed)?;
        let candidate = directory.join(name);
        match std::fs::read_link(&candidate) {
            Ok(target) => file = directory.join(target),
            Err(_) => return Ok(candidate), // not a link
        }
    }
    Err(Error::Database {
        why: format!("{} is a loop of symbolic links", path.display()),
    })
}

/// The lock of a database file, released when it is dropped.
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Unlock explicitly. Closing the file is not enough: a child that was just forked holds it
    /// open too, until it calls `exec`.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Take the lock of a database file. [`Error::Locked`] if another process has it.
pub(crate) fn take(path: &Path) -> Result<Lock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |error: std::io::Error| Error::Database {
        why: format!("the lock file cannot be used: {error}"),
    };
    let file = open_private(Path::new(&name)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            // Only after the lock is taken: closing this file releases any POSIX lock that this
            // process holds on it.
            let unusable = |error| Error::Database {
                why: format!("{} cannot be used: {error}", path.display()),
            };
            drop(open_private(path).map_err(unusable)?);
            Ok(Lock(file))
        }
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Open a file, creating it readable by its owner alone. SQLite gives the files beside a database
/// the same mode.
fn open_private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}
