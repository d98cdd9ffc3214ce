//! Seals go to a file, one line each, flushed to the disk before they count. Processes of one
//! machine may share it: whoever writes holds a lock, and takes a number only where it is the next
//! line. A process that slept through the loss of its lease thus writes none twice.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

/// A file of seals.
pub(crate) struct SealFile {
    counted: Mutex<Counted>,
}

/// The file, and how many lines it was seen to have in how many bytes: seals are only ever added.
struct Counted {
    file: File,
    bytes: u64,
    lines: i64,
}

/// The file while no other process writes.
struct Alone<'f>(MutexGuard<'f, Counted>);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let _ = self.0.file.unlock(); // closing the file unlocks it too
    }
}

impl Counted {
    /// The number of the last whole line: seals are exported in order and without gaps.
    fn last(&mut self) -> io::Result<i64> {
        if self.file.metadata()?.len() < self.bytes {
            (self.bytes, self.lines) = (0, 0); // somebody began the file anew
        }
        self.file.seek(SeekFrom::Start(self.bytes))?;
        let mut rest = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            rest.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                return Ok(self.lines);
            }
            (self.bytes, self.lines) = (self.bytes + line.len() as u64, self.lines + 1);
        }
    }
}

impl SealFile {
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
        let this = Self {
            counted: Mutex::new(Counted {
                file,
                bytes: 0,
                lines: 0,
            }),
        };
        this.cut_torn_line()?;
        Ok(this)
    }

    /// A line that a crash left unfinished is taken away; it will be written again.
    fn cut_torn_line(&self) -> io::Result<()> {
        let mut counted = self.alone()?;
        counted.0.last()?;
        counted.0.file.set_len(counted.0.bytes)
    }

    /// Nobody waits for the lock: who holds it may have been stopped, and the seals are in the
    /// database meanwhile.
    fn alone(&self) -> io::Result<Alone<'_>> {
        let counted = self.lock();
        match counted.file.try_lock() {
            Ok(()) => Ok(Alone(counted)),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::other("another process is writing seals there"))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted
            .lock()
            .expect("no thread panics while it holds the file")
    }
}

impl store::Export for SealFile {
    fn put(&self, number: i64, line: &str) -> io::Result<()> {
        let mut counted = self.alone()?;
        let last = counted.0.last()?;
        match number {
            _ if number <= last => Ok(()),
            _ if number == last + 1 => {
                counted.0.file.write_all(format!("{line}\n").as_bytes())?;
                counted.0.file.sync_data()
            }
            _ => Err(io::Error::other(format!(
                "seal {number} does not follow on {last}"
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
    use store::Export as _;

    #[test]
    fn two_processes_write_no_seal_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seals.jsonl");
        let (one, other) = (
            SealFile::open(path.clone()).unwrap(),
            SealFile::open(path.clone()).unwrap(),
        );
        one.put(1, "first").unwrap();
        other.put(2, "second").unwrap();
        one.put(2, "second, by one who slept").unwrap();
        assert!(one.put(4, "fourth").is_err(), "no line is left out");
        assert_eq!(
            (
                std::fs::read_to_string(&path).unwrap().as_str(),
                one.last().unwrap()
            ),
            ("first\nsecond\n", 2)
        );
        let stopped = other.alone().unwrap();
        assert!(one.put(3, "third").is_err(), "another is writing");
        drop(stopped);
        one.put(3, "third").unwrap();
    }

    #[test]
    fn a_torn_line_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seals.jsonl");
        std::fs::write(&path, "first\nsec").unwrap();
        let file = SealFile::open(path.clone()).unwrap();
        assert_eq!(file.last().unwrap(), 1);
        file.put(2, "second").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\nsecond\n");
    }
}
