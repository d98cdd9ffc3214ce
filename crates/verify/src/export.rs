//! Exported tree heads: a file with one per line, read line by line.

use crate::Error;
use crate::tree_head::TreeHead;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The maximum length of a line: about 400,000 heads.
const MAX_LINE: u64 = 64 << 20;

/// A line of the export.
pub(crate) struct Line {
    /// The line number, from 1.
    pub(crate) number: u64,
    /// The bytes, without the line feed.
    pub(crate) bytes: Vec<u8>,
    /// The parsed tree head, or why it is invalid.
    pub(crate) tree_head: Result<TreeHead, String>,
}

/// The lines in the order of the file, with a look ahead of one.
pub(crate) struct Export {
    reader: BufReader<File>,
    number: u64,
    next: Option<Line>,
}

impl Export {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let reader = BufReader::new(File::open(path).map_err(Error::Export)?);
        let mut export = Self {
            reader,
            number: 0,
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
        self.number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let tree_head = TreeHead::parse(&bytes);
        self.next = Some(Line {
            number: self.number,
            bytes,
            tree_head,
        });
        Ok(())
    }
}
