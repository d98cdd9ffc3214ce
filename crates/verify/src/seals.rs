//! The chain of seals, from the database and the export together, and every sealed head against the
//! facts.

use crate::book::Book;
use crate::canon::{Form, Hash, hex};
use crate::export::{Export, Line};
use crate::merkle::Tree;
use crate::page::{self, StoredSeal};
use crate::report::Report;
use crate::seal::Seal;
use crate::{Error, Flaw, Place};
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::{BTreeMap, VecDeque};

/// The seals on their way.
pub(crate) struct Walk<'a> {
    pub(crate) book: &'a mut dyn Book,
    pub(crate) report: &'a mut Report,
    /// Keys that the caller knows; none if any will do.
    pub(crate) keys: &'a [VerifyingKey],
    pub(crate) export: Option<Export>,
    stored: Stored,
    /// Each partition's last sealed fact.
    sealed: BTreeMap<String, (i64, Hash)>,
    /// The hash of the seal before; none behind a gap, where it cannot be known.
    before: Option<Hash>,
    /// A seal was missing, so the heads are not all known and no root can be computed.
    gap: bool,
}

/// Stored seals in their order, a page at a time.
#[derive(Default)]
struct Stored {
    page: VecDeque<StoredSeal>,
    after: Option<i64>,
    done: bool,
}

impl Stored {
    fn peek(&mut self, book: &mut dyn Book) -> Result<Option<&StoredSeal>, Error> {
        if self.page.is_empty() && !self.done {
            self.page = page::seals(book, self.after)?.into();
            self.after = self.page.back().map(|last| last.number).or(self.after);
            self.done = self.page.is_empty();
        }
        Ok(self.page.front())
    }

    /// The seal of this number, if it is there; those before it are passed.
    fn take(&mut self, book: &mut dyn Book, number: i64) -> Result<Option<StoredSeal>, Error> {
        while self.peek(book)?.is_some_and(|seal| seal.number < number) {
            self.page.pop_front();
        }
        let here = self.peek(book)?.is_some_and(|seal| seal.number == number);
        Ok(if here { self.page.pop_front() } else { None })
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        book: &'a mut dyn Book,
        report: &'a mut Report,
        keys: &'a [VerifyingKey],
        export: Option<Export>,
    ) -> Self {
        let (stored, sealed) = (Stored::default(), BTreeMap::new());
        Self {
            book,
            report,
            keys,
            export,
            stored,
            sealed,
            before: Some([0; 32]),
            gap: false,
        }
    }

    /// Check all seals; each partition's last sealed fact.
    pub(crate) fn run(mut self) -> Result<BTreeMap<String, (i64, Hash)>, Error> {
        self.refuse_low_numbers()?;
        let mut due = 1;
        loop {
            self.skip_misplaced(due)?;
            let exported = self
                .export
                .as_ref()
                .and_then(Export::peek)
                .and_then(Line::number);
            let stored = self.stored.peek(self.book)?.map(|seal| seal.number);
            let Some(next) = exported.into_iter().chain(stored).min() else {
                break;
            };
            if next > due {
                self.report
                    .found(Place::Seal { number: due }, Flaw::SealMissing);
                (self.before, self.gap) = (None, true);
                due = next;
            }
            self.number(due, exported == Some(due))?;
            due += 1;
        }
        Ok(self.sealed)
    }

    fn refuse_low_numbers(&mut self) -> Result<(), Error> {
        while let Some(number) = self
            .stored
            .peek(self.book)?
            .map(|seal| seal.number)
            .filter(|number| *number < 1)
        {
            self.report.found(Place::Seal { number }, Flaw::Number);
            self.stored.page.pop_front();
        }
        Ok(())
    }

    /// Lines that are no seals, or whose number came already, are named and left out.
    fn skip_misplaced(&mut self, due: i64) -> Result<(), Error> {
        let Some(export) = &mut self.export else {
            return Ok(());
        };
        while let Some(line) = export.peek() {
            let flaw = match &line.seal {
                Err(why) => Flaw::NoSeal { why: why.clone() },
                Ok(seal) if seal.number < due => Flaw::Order { due },
                Ok(_) => return Ok(()),
            };
            self.report.found(Place::Line { line: line.place }, flaw);
            export.take()?;
        }
        Ok(())
    }

    /// The seal of this number, from the export where it is there, else from the database.
    fn number(&mut self, number: i64, is_exported: bool) -> Result<(), Error> {
        let place = || Place::Seal { number };
        let stored = self.stored.take(self.book, number)?;
        let line = match (&mut self.export, is_exported) {
            (Some(export), true) => export.take()?,
            (Some(export), false)
                if export.peek().is_some() && self.report.seals.exported.is_some() =>
            {
                self.report.found(place(), Flaw::NotExported);
                None
            }
            _ => None,
        };
        if line.is_some() {
            self.report.seals.exported = Some(number);
        }
        match (&line, &stored) {
            (Some(_), None) => self.report.found(place(), Flaw::NotStored),
            (Some(line), Some(stored)) if line.bytes != stored.line => {
                self.report.found(place(), Flaw::OtherLine)
            }
            _ => {}
        }
        let parsed = stored.as_ref().map(|stored| Seal::parse(&stored.line));
        if let (Some(stored), Some(Ok(seal))) = (&stored, &parsed)
            && (seal.number != stored.number
                || seal.at != stored.at
                || seal.hash()[..] != stored.hash[..])
        {
            self.report.found(place(), Flaw::Columns);
        }
        match line.map(|line| line.seal).or(parsed) {
            Some(Ok(seal)) => self.seal(number, seal),
            Some(Err(why)) => {
                self.report.found(place(), Flaw::NoSeal { why });
                (self.before, self.gap) = (None, true);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn seal(&mut self, number: i64, seal: Seal) -> Result<(), Error> {
        let place = || Place::Seal { number };
        self.report.seals.count += 1;
        self.report.seals.last = Some(number);
        if self.before.is_some_and(|before| before != seal.prev) {
            self.report.found(place(), Flaw::SealLink);
        }
        self.before = Some(seal.hash());
        if let Some(flaw) = self.signature(&seal) {
            self.report.found(place(), flaw);
        }
        self.heads(number, &seal)?;
        if !self.gap && self.root() != seal.root {
            self.report.found(place(), Flaw::Root);
        }
        Ok(())
    }

    /// Under a pinned key if there are any; else under the one that the seal names, which proves
    /// little.
    fn signature(&mut self, seal: &Seal) -> Option<Flaw> {
        let named = hex(&seal.key);
        if !self.report.seals.keys.contains(&named) {
            self.report.seals.keys.push(named.clone());
        }
        let own = VerifyingKey::from_bytes(&seal.key)
            .ok()
            .filter(|key| !key.is_weak());
        let key = if self.keys.is_empty() {
            own
        } else {
            let pinned = self.keys.iter().find(|key| key.to_bytes() == seal.key);
            if pinned.is_none() {
                return Some(Flaw::ForeignKey { key: named });
            }
            pinned.copied()
        };
        let signature = Signature::from_bytes(&seal.signature);
        let holds = key.is_some_and(|key| key.verify_strict(&seal.hash(), &signature).is_ok());
        (!holds).then_some(Flaw::Signature)
    }

    fn heads(&mut self, number: i64, seal: &Seal) -> Result<(), Error> {
        let sorted = seal.heads.is_sorted_by(|a, b| a.partition < b.partition);
        for head in &seal.heads {
            let name = &head.partition;
            self.report.seals.heads += 1;
            let before = self.sealed.get(name).map_or(0, |(seq, _)| *seq);
            let flaw = match page::fact_hash(self.book, name, head.seq)? {
                _ if !sorted || head.seq <= before => Some(Flaw::Heads {
                    partition: name.clone(),
                }),
                None => Some(Flaw::Cut {
                    partition: name.clone(),
                    seq: head.seq,
                }),
                Some(hash) if hash[..] != head.hash[..] => {
                    Some(Flaw::rewritten(name, head.seq, &head.hash))
                }
                Some(_) => None,
            };
            if let Some(flaw) = flaw {
                self.report.found(Place::Seal { number }, flaw);
            }
            self.sealed.insert(name.clone(), (head.seq, head.hash));
        }
        Ok(())
    }

    fn root(&self) -> Hash {
        let mut tree = Tree::default();
        for (partition, (seq, hash)) in &self.sealed {
            tree.push(
                Form::leaf("head", 1)
                    .bytes(partition.as_bytes())
                    .int(*seq)
                    .raw(hash)
                    .hash(),
            );
        }
        tree.root()
    }
}

impl Line {
    fn number(&self) -> Option<i64> {
        self.seal.as_ref().ok().map(|seal| seal.number)
    }
}
