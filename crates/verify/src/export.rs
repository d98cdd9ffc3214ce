//! Exported seals: a file of lines, read one at a time.

use crate::Error;
use crate::seal::Seal;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The longest line: some hundred thousand heads that moved at once.
const MAX_LINE: u64 = 64 << 20;

/// A line of the export.
pub(crate) struct Line {
    /// Where it stands, from 1.
    pub(crate) place: u64,
    /// Its bytes, without the line feed.
    pub(crate) bytes: Vec<u8>,
    /// The seal, or why it is none.
    pub(crate) seal: Result<Seal, String>,
}

/// The lines, in the order of the file, with a look at the next.
pub(crate) struct Export {
    reader: BufReader<File>,
    place: u64,
    next: Option<Line>,
}

impl Export {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let reader = BufReader::new(File::open(path).map_err(Error::Export)?);
        let mut export = Self {
            reader,
            place: 0,
            next: None,
        };
        export.advance()?;
        Ok(export)
    }

    pub(crate) fn peek(&self) -> Option<&Line> {
        self.next.as_ref()
    }

    pub(crate) fn take(&mut self) -> Result<Option<Line>, Error> {
        let line = self.next.take();
        self.advance()?;
        Ok(line)
    }

    fn advance(&mut self) -> Result<(), Error> {
        let mut bytes = Vec::new();
        let mut limited = self.reader.by_ref().take(MAX_LINE);
        if limited
            .read_until(b'\n', &mut bytes)
            .map_err(Error::Export)?
            == 0
        {
            return Ok(());
        }
        self.place += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let seal = Seal::parse(&bytes);
        self.next = Some(Line {
            place: self.place,
            bytes,
            seal,
        });
        Ok(())
    }
}
