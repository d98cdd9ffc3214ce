//! Seals go to a file, one line each, flushed to the disk before they count.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;

/// A file of seals.
pub(crate) struct SealFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl SealFile {
    pub(crate) fn open(path: PathBuf) -> std::io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
        let this = Self { path, file: Mutex::new(file) };
        this.cut_torn_line()?;
        Ok(this)
    }

    /// A line that a crash left unfinished is taken away; it will be written again.
    fn cut_torn_line(&self) -> std::io::Result<()> {
        let text = std::fs::read(&self.path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        if whole < text.len() {
            self.lock().set_len(whole as u64)?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, File> {
        self.file.lock().expect("no thread panics while it holds the file")
    }
}

impl store::Export for SealFile {
    fn put(&self, _: i64, line: &str) -> std::io::Result<()> {
        let mut file = self.lock();
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }

    fn last(&self) -> std::io::Result<i64> {
        let mut file = self.lock();
        file.seek(SeekFrom::Start(0))?;
        // The number of a seal is its line: they are exported in order and without gaps.
        Ok(i64::try_from(BufReader::new(&*file).lines().count()).unwrap_or(i64::MAX))
    }
}
