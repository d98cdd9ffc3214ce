//! The export file of tree heads: one line each, synced to disk before an export counts as done.
//! Processes of one machine may share the file. A writer holds a file lock and appends a tree head
//! only if its number is the next line, so a process that lost its lease writes none twice.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

/// A file of signed tree heads.
pub(crate) struct TreeHeadFile {
    progress: Mutex<ReadProgress>,
}

/// The file and how much of it has been read. Tree heads are only appended, so reading resumes at
/// `bytes`.
struct ReadProgress {
    file: File,
    bytes: u64,
    lines: i64,
}

/// The file with its lock held.
struct Locked<'f> {
    progress: MutexGuard<'f, ReadProgress>,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = self.progress.file.unlock(); // closing the file also releases the lock
    }
}

impl ReadProgress {
    /// The number of the last complete line: tree heads are exported in order and without gaps.
    fn last(&mut self) -> io::Result<i64> {
        if self.file.metadata()?.len() < self.bytes {
            (self.bytes, self.lines) = (0, 0); // the file was truncated or replaced
        }
        self.file.seek(SeekFrom::Start(self.bytes))?;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(self.lines);
            }
            (self.bytes, self.lines) = (self.bytes + line.len() as u64, self.lines + 1);
        }
    }
}

impl TreeHeadFile {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(&path)?;
        let export = Self {
            progress: Mutex::new(ReadProgress {
                file,
                bytes: 0,
                lines: 0,
            }),
        };
        export.truncate_partial_line()?;
        Ok(export)
    }

    /// Remove a line that a crash left incomplete; it is written again.
    fn truncate_partial_line(&self) -> io::Result<()> {
        let progress = &mut self.lock_file()?.progress;
        progress.last()?;
        progress.file.set_len(progress.bytes)
    }

    /// Lock the file without waiting: the holder may be a stopped process, and the tree heads stay
    /// in the database until the next attempt.
    fn lock_file(&self) -> io::Result<Locked<'_>> {
        let progress = self.lock();
        match progress.file.try_lock() {
            Ok(()) => Ok(Locked { progress }),
            Err(TryLockError::WouldBlock) => Err(io::Error::other(
                "another process is writing tree heads to this file",
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ReadProgress> {
        self.progress
            .lock()
            .expect("no thread panics while it holds the lock")
    }
}

impl store::TreeHeadExport for TreeHeadFile {
    fn put(&self, number: i64, line: &str) -> io::Result<()> {
        let progress = &mut self.lock_file()?.progress;
        let last = progress.last()?;
        match number {
            _ if number <= last => Ok(()),
            _ if number == last + 1 => {
                progress.file.write_all(format!("{line}\n").as_bytes())?;
                progress.file.sync_data()
            }
            _ => Err(io::Error::other(format!(
                "tree head {number} does not follow {last}"
            ))),
        }
    }

    fn last(&self) -> io::Result<i64> {
        self.lock().last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::TreeHeadExport as _;

    #[test]
    fn two_processes_write_no_tree_head_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree-heads.jsonl");
        let (first, second) = (
            TreeHeadFile::open(path.clone()).unwrap(),
            TreeHeadFile::open(path.clone()).unwrap(),
        );
        first.put(1, "first").unwrap();
        second.put(2, "second").unwrap();
        first
            .put(2, "second, by a process that lost its lease")
            .unwrap();
        assert!(first.put(4, "fourth").is_err(), "no gap");
        assert_eq!(
            (
                std::fs::read_to_string(&path).unwrap().as_str(),
                first.last().unwrap()
            ),
            ("first\nsecond\n", 2)
        );
        let held = second.lock_file().unwrap();
        assert!(first.put(3, "third").is_err(), "another process is writing");
        drop(held);
        first.put(3, "third").unwrap();
    }

    #[test]
    fn a_partial_line_is_truncated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree-heads.jsonl");
        std::fs::write(&path, "first\nsec").unwrap();
        let file = TreeHeadFile::open(path.clone()).unwrap();
        assert_eq!(file.last().unwrap(), 1);
        file.put(2, "second").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\nsecond\n");
    }
}
