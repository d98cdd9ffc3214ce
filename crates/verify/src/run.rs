//! A verification run: partitions, then tree heads, in one snapshot.

use crate::database::{Database, with_postgres, with_sqlite};
use crate::export::Export;
use crate::queries::{self, Head};
use crate::report::Report;
use crate::{Error, Flaw, Location, Options, partition, tree_heads};
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The database to verify.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file. A server may have it open.
    Sqlite(PathBuf),
    /// A server: `postgresql://user:password@host/database`.
    Postgres(String),
}

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The partition being read; none for the tree heads.
    pub partition: Option<&'a str>,
    /// Facts read so far, in all partitions.
    pub facts: u64,
    /// Facts in all partitions, according to their heads.
    pub total_facts: u64,
}

/// Verify a database. Returns an error only if the database cannot be read; what is wrong with it
/// is in the report.
pub fn run(
    source: &Source,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, Error> {
    let keys = options
        .keys
        .iter()
        .map(pinned_key)
        .collect::<Result<Vec<_>, _>>()?;
    let export = options
        .tree_heads
        .as_deref()
        .map(Export::open)
        .transpose()?;
    let work = |database: &mut dyn Database| verify_all(database, options, &keys, export, progress);
    match source {
        Source::Sqlite(path) => with_sqlite(path, work),
        Source::Postgres(url) => with_postgres(url, work),
    }
}

fn pinned_key(bytes: &[u8; 32]) -> Result<VerifyingKey, Error> {
    let key = VerifyingKey::from_bytes(bytes)
        .ok()
        .filter(|key| !key.is_weak());
    key.ok_or_else(|| Error::Key(crate::canon::hex(bytes)))
}

fn verify_all(
    database: &mut dyn Database,
    options: &Options,
    keys: &[VerifyingKey],
    export: Option<Export>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, Error> {
    let mut report = Report {
        max_problems: options.max_problems,
        ..Report::default()
    };
    let heads = queries::heads(database)?;
    let of = heads
        .iter()
        .map(|head| u64::try_from(head.seq).unwrap_or(0))
        .sum();
    check_partitions(
        database,
        options,
        heads,
        &mut report,
        &mut |partition, facts| {
            progress(Progress {
                partition: Some(partition),
                facts,
                total_facts: of,
            });
        },
    )?;
    progress(Progress {
        partition: None,
        facts: report.facts(),
        total_facts: of,
    });
    report.tree_heads.pinned = !keys.is_empty();
    let has_export = export.is_some();
    let signed = tree_heads::TreeHeadCheck::new(database, &mut report, keys, export).run()?;
    for partition in &mut report.partitions {
        partition.signed_seq = signed.get(&partition.partition).map_or(0, |(seq, _)| *seq);
        partition.unsigned_facts = partition
            .facts
            .saturating_sub(u64::try_from(partition.signed_seq).unwrap_or(0));
    }
    if report.tree_heads.count == 0 && report.facts() > 0 && (has_export || !keys.is_empty()) {
        report.add_problem(Location::TreeHeads, Flaw::NoTreeHeads);
    }
    Ok(report)
}

/// Check every partition that has a head, or facts, or both.
fn check_partitions(
    database: &mut dyn Database,
    options: &Options,
    heads: Vec<Head>,
    report: &mut Report,
    report_progress: &mut dyn FnMut(&str, u64),
) -> Result<(), Error> {
    let mut all: BTreeMap<String, Option<Head>> = heads
        .into_iter()
        .map(|head| (head.partition.clone(), Some(head)))
        .collect();
    let mut last = None;
    while let Some(name) = queries::partition_after(database, last.as_deref())? {
        all.entry(name.clone()).or_insert(None);
        last = Some(name);
    }
    for (name, head) in all {
        let before = report.facts();
        let report_progress =
            &mut |partition: &str, facts| report_progress(partition, before + facts);
        let mut check = partition::PartitionCheck {
            database,
            options,
            report,
            report_progress,
        };
        let partition = check.partition(&name, head.as_ref())?;
        report.partitions.push(partition);
    }
    Ok(())
}
