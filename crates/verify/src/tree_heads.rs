//! The chain of tree heads, from the database and the export together, and every signed head
//! compared with the facts.

use crate::canon::{CanonHasher, Hash, hex};
use crate::database::Database;
use crate::export::{Export, Line};
use crate::merkle::Tree;
use crate::queries::{self, StoredTreeHead};
use crate::report::Report;
use crate::tree_head::TreeHead;
use crate::{Error, Flaw, Location};
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct TreeHeadCheck<'a> {
    pub(crate) database: &'a mut dyn Database,
    pub(crate) report: &'a mut Report,
    /// The pinned keys; if empty, any key is accepted.
    pub(crate) keys: &'a [VerifyingKey],
    pub(crate) export: Option<Export>,
    stored: Stored,
    /// The last signed fact of each partition.
    signed: BTreeMap<String, (i64, Hash)>,
    /// The hash of the previous tree head; none after a gap, where it is unknown.
    previous: Option<Hash>,
    /// A tree head is missing, so not all heads are known and no root can be computed.
    gap: bool,
}

/// The stored tree heads in order, a page at a time.
#[derive(Default)]
struct Stored {
    page: VecDeque<StoredTreeHead>,
    after: Option<i64>,
    done: bool,
}

impl Stored {
    fn peek(&mut self, database: &mut dyn Database) -> Result<Option<&StoredTreeHead>, Error> {
        if self.page.is_empty() && !self.done {
            self.page = queries::tree_heads(database, self.after)?.into();
            self.after = self.page.back().map(|last| last.number).or(self.after);
            self.done = self.page.is_empty();
        }
        Ok(self.page.front())
    }

    /// Take the tree head of this number, if it is stored, skipping those before it.
    fn take(
        &mut self,
        database: &mut dyn Database,
        number: i64,
    ) -> Result<Option<StoredTreeHead>, Error> {
        while self
            .peek(database)?
            .is_some_and(|tree_head| tree_head.number < number)
        {
            self.page.pop_front();
        }
        let exists = self
            .peek(database)?
            .is_some_and(|tree_head| tree_head.number == number);
        Ok(if exists { self.page.pop_front() } else { None })
    }
}

impl<'a> TreeHeadCheck<'a> {
    pub(crate) fn new(
        database: &'a mut dyn Database,
        report: &'a mut Report,
        keys: &'a [VerifyingKey],
        export: Option<Export>,
    ) -> Self {
        let (stored, signed) = (Stored::default(), BTreeMap::new());
        Self {
            database,
            report,
            keys,
            export,
            stored,
            signed,
            previous: Some([0; 32]),
            gap: false,
        }
    }

    /// Check all tree heads. Returns the last signed fact of each partition.
    pub(crate) fn run(mut self) -> Result<BTreeMap<String, (i64, Hash)>, Error> {
        self.reject_low_numbers()?;
        let mut due = 1;
        loop {
            self.skip_misplaced(due)?;
            let exported = self
                .export
                .as_ref()
                .and_then(Export::peek)
                .and_then(Line::number);
            let stored = self
                .stored
                .peek(self.database)?
                .map(|tree_head| tree_head.number);
            let Some(next) = exported.into_iter().chain(stored).min() else {
                break;
            };
            if next > due {
                self.report
                    .add_problem(Location::TreeHead { number: due }, Flaw::TreeHeadMissing);
                (self.previous, self.gap) = (None, true);
                due = next;
            }
            self.check_number(due, exported == Some(due))?;
            due += 1;
        }
        Ok(self.signed)
    }

    fn reject_low_numbers(&mut self) -> Result<(), Error> {
        while let Some(number) = self
            .stored
            .peek(self.database)?
            .map(|tree_head| tree_head.number)
            .filter(|number| *number < 1)
        {
            self.report
                .add_problem(Location::TreeHead { number }, Flaw::InvalidNumber);
            self.stored.page.pop_front();
        }
        Ok(())
    }

    /// Report and skip lines that are not tree heads, or whose number was seen already.
    fn skip_misplaced(&mut self, due: i64) -> Result<(), Error> {
        let Some(export) = &mut self.export else {
            return Ok(());
        };
        while let Some(line) = export.peek() {
            let flaw = match &line.tree_head {
                Err(why) => Flaw::NotATreeHead { why: why.clone() },
                Ok(tree_head) if tree_head.number < due => Flaw::OutOfOrder { expected: due },
                Ok(_) => return Ok(()),
            };
            self.report
                .add_problem(Location::Line { line: line.number }, flaw);
            export.take()?;
        }
        Ok(())
    }

    /// Check the tree head of this number, from the export if it has it, else from the database.
    fn check_number(&mut self, number: i64, is_exported: bool) -> Result<(), Error> {
        let location = || Location::TreeHead { number };
        let stored = self.stored.take(self.database, number)?;
        let line = match (&mut self.export, is_exported) {
            (Some(export), true) => export.take()?,
            (Some(export), false)
                if export.peek().is_some() && self.report.tree_heads.exported.is_some() =>
            {
                self.report.add_problem(location(), Flaw::NotExported);
                None
            }
            _ => None,
        };
        if line.is_some() {
            self.report.tree_heads.exported = Some(number);
        }
        match (&line, &stored) {
            (Some(_), None) => self.report.add_problem(location(), Flaw::NotStored),
            (Some(line), Some(stored)) if line.bytes != stored.line => {
                self.report.add_problem(location(), Flaw::LineMismatch)
            }
            _ => {}
        }
        let parsed = stored.as_ref().map(|stored| TreeHead::parse(&stored.line));
        if let (Some(stored), Some(Ok(tree_head))) = (&stored, &parsed)
            && (tree_head.number != stored.number
                || tree_head.at != stored.at
                || tree_head.hash()[..] != stored.hash[..])
        {
            self.report.add_problem(location(), Flaw::ColumnMismatch);
        }
        match line.map(|line| line.tree_head).or(parsed) {
            Some(Ok(tree_head)) => self.check_tree_head(number, tree_head),
            Some(Err(why)) => {
                self.report
                    .add_problem(location(), Flaw::NotATreeHead { why });
                (self.previous, self.gap) = (None, true);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn check_tree_head(&mut self, number: i64, tree_head: TreeHead) -> Result<(), Error> {
        let location = || Location::TreeHead { number };
        self.report.tree_heads.count += 1;
        self.report.tree_heads.last = Some(number);
        if self
            .previous
            .is_some_and(|previous| previous != tree_head.prev)
        {
            self.report.add_problem(location(), Flaw::TreeHeadLink);
        }
        self.previous = Some(tree_head.hash());
        if let Some(flaw) = self.check_signature(&tree_head) {
            self.report.add_problem(location(), flaw);
        }
        self.check_heads(number, &tree_head)?;
        if !self.gap && self.root() != tree_head.root {
            self.report.add_problem(location(), Flaw::Root);
        }
        Ok(())
    }

    /// Check the signature under a pinned key if there is one; else under the key that the tree
    /// head names, which proves little.
    fn check_signature(&mut self, tree_head: &TreeHead) -> Option<Flaw> {
        let named = hex(&tree_head.key);
        if !self.report.tree_heads.keys.contains(&named) {
            self.report.tree_heads.keys.push(named.clone());
        }
        let named_key = VerifyingKey::from_bytes(&tree_head.key)
            .ok()
            .filter(|key| !key.is_weak());
        let key = if self.keys.is_empty() {
            named_key
        } else {
            let pinned = self.keys.iter().find(|key| key.to_bytes() == tree_head.key);
            if pinned.is_none() {
                return Some(Flaw::UnknownKey { key: named });
            }
            pinned.copied()
        };
        let signature = Signature::from_bytes(&tree_head.signature);
        let is_valid =
            key.is_some_and(|key| key.verify_strict(&tree_head.hash(), &signature).is_ok());
        (!is_valid).then_some(Flaw::Signature)
    }

    fn check_heads(&mut self, number: i64, tree_head: &TreeHead) -> Result<(), Error> {
        let sorted = tree_head
            .heads
            .is_sorted_by(|a, b| a.partition < b.partition);
        for head in &tree_head.heads {
            let name = &head.partition;
            self.report.tree_heads.heads += 1;
            let previous = self.signed.get(name).map_or(0, |(seq, _)| *seq);
            let flaw = match queries::fact_hash(self.database, name, head.seq)? {
                _ if !sorted || head.seq <= previous => Some(Flaw::HeadOrder {
                    partition: name.clone(),
                }),
                None => Some(Flaw::Truncated {
                    partition: name.clone(),
                    seq: head.seq,
                }),
                Some(hash) if hash[..] != head.hash[..] => {
                    Some(Flaw::rewritten(name, head.seq, &head.hash))
                }
                Some(_) => None,
            };
            if let Some(flaw) = flaw {
                self.report.add_problem(Location::TreeHead { number }, flaw);
            }
            self.signed.insert(name.clone(), (head.seq, head.hash));
        }
        Ok(())
    }

    fn root(&self) -> Hash {
        let mut tree = Tree::default();
        for (partition, (seq, hash)) in &self.signed {
            tree.push(
                CanonHasher::leaf("head", 1)
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
        self.tree_head
            .as_ref()
            .ok()
            .map(|tree_head| tree_head.number)
    }
}
