//! The whole of it: partitions, then seals, in one snapshot.

use crate::book::{Book, with_postgres, with_sqlite};
use crate::export::Export;
use crate::page::{self, Head};
use crate::report::Report;
use crate::{Error, Flaw, Place, chain, seals};
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the facts are.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file; a server may have it open.
    Sqlite(PathBuf),
    /// A server: `postgresql://user:password@host/database`.
    Postgres(String),
}

/// What is known beside the database, and what to leave out.
#[derive(Debug, Clone)]
pub struct Options {
    /// The exported seals: a file with one seal a line. Without it only the stored ones are
    /// checked.
    pub seals: Option<PathBuf>,
    /// The public keys of the sealer that the caller knows: one, or several where it was changed.
    /// Empty: any.
    pub keys: Vec<[u8; 32]>,
    /// Whether the rows of batches are read again.
    pub batches: bool,
    /// Problems that are told in full; all are counted.
    pub max_problems: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seals: None,
            keys: Vec::new(),
            batches: true,
            max_problems: 100,
        }
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The partition that is read; none when the seals are.
    pub partition: Option<&'a str>,
    /// Facts read so far, of all partitions.
    pub facts: u64,
    /// Facts there are, by the heads.
    pub of: u64,
}

/// Verify a database. Errors only if it cannot be read at all; what is wrong with it stands in the
/// report.
pub fn run(
    source: &Source,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, Error> {
    let keys = options
        .keys
        .iter()
        .map(pinned)
        .collect::<Result<Vec<_>, _>>()?;
    let export = options.seals.as_deref().map(Export::open).transpose()?;
    let work = |book: &mut dyn Book| all(book, options, &keys, export, progress);
    match source {
        Source::Sqlite(path) => with_sqlite(path, work),
        Source::Postgres(url) => with_postgres(url, work),
    }
}

fn pinned(bytes: &[u8; 32]) -> Result<VerifyingKey, Error> {
    let key = VerifyingKey::from_bytes(bytes)
        .ok()
        .filter(|key| !key.is_weak());
    key.ok_or_else(|| Error::Key(crate::canon::hex(bytes)))
}

fn all(
    book: &mut dyn Book,
    options: &Options,
    keys: &[VerifyingKey],
    export: Option<Export>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, Error> {
    let mut report = Report {
        keep: options.max_problems,
        ..Report::default()
    };
    let heads = page::heads(book)?;
    let of = heads
        .iter()
        .map(|head| u64::try_from(head.seq).unwrap_or(0))
        .sum();
    partitions(
        book,
        options,
        heads,
        &mut report,
        &mut |partition, facts| {
            progress(Progress {
                partition: Some(partition),
                facts,
                of,
            });
        },
    )?;
    progress(Progress {
        partition: None,
        facts: report.facts(),
        of,
    });
    report.seals.pinned = !keys.is_empty();
    let given = export.is_some();
    let sealed = seals::Walk::new(book, &mut report, keys, export).run()?;
    for partition in &mut report.partitions {
        partition.sealed = sealed.get(&partition.partition).map_or(0, |(seq, _)| *seq);
        partition.unsealed = partition
            .facts
            .saturating_sub(u64::try_from(partition.sealed).unwrap_or(0));
    }
    if report.seals.count == 0 && report.facts() > 0 && (given || !keys.is_empty()) {
        report.found(Place::Seals, Flaw::Unsealed);
    }
    Ok(report)
}

/// Every partition that has a head, or facts, or both.
fn partitions(
    book: &mut dyn Book,
    options: &Options,
    heads: Vec<Head>,
    report: &mut Report,
    tell: &mut dyn FnMut(&str, u64),
) -> Result<(), Error> {
    let mut all: BTreeMap<String, Option<Head>> = heads
        .into_iter()
        .map(|head| (head.partition.clone(), Some(head)))
        .collect();
    let mut last = None;
    while let Some(name) = page::partition_after(book, last.as_deref())? {
        all.entry(name.clone()).or_insert(None);
        last = Some(name);
    }
    for (name, head) in all {
        let before = report.facts();
        let tell = &mut |partition: &str, facts| tell(partition, before + facts);
        let mut walk = chain::Walk {
            book,
            options,
            report,
            tell,
        };
        let partition = walk.partition(&name, head.as_ref())?;
        report.partitions.push(partition);
    }
    Ok(())
}
