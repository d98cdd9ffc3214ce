//! The queries of the verifier, with their rows as in `docs/facts.md`.

use crate::Error;
use crate::database::{Cells, Database, Param, Row};

/// Rows per query. A fact may have some megabytes.
const PAGE: i64 = 200;

/// A row of `partition_head`.
pub(crate) struct Head {
    pub(crate) partition: String,
    pub(crate) seq: i64,
    pub(crate) hash: Vec<u8>,
}

/// A row of `fact`.
pub(crate) struct Fact {
    pub(crate) seq: i64,
    pub(crate) kind: Vec<u8>,
    pub(crate) schema: i64,
    pub(crate) namespace: Vec<u8>,
    pub(crate) subjects: Vec<u8>,
    pub(crate) actor: Vec<u8>,
    pub(crate) causation: Option<Vec<u8>>,
    pub(crate) correlation: Option<Vec<u8>>,
    pub(crate) at: i64,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) payload_hash: Vec<u8>,
    pub(crate) prev: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

/// A row of `tree_head`.
pub(crate) struct StoredTreeHead {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) line: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

/// Read every partition head.
pub(crate) fn heads(database: &mut dyn Database) -> Result<Vec<Head>, Error> {
    let rows = database.query(
        "SELECT partition, seq, hash FROM partition_head ORDER BY partition",
        &[],
    )?;
    let head = |row| {
        let mut cells = Cells::new(row);
        Ok(Head {
            partition: cells.name()?,
            seq: cells.int()?,
            hash: cells.bytes()?,
        })
    };
    rows.into_iter().map(head).collect()
}

/// Find the next partition that has facts, with or without a head.
pub(crate) fn partition_after(
    database: &mut dyn Database,
    after: Option<&str>,
) -> Result<Option<String>, Error> {
    let first = "SELECT partition FROM fact ORDER BY partition LIMIT 1";
    let next = "SELECT partition FROM fact WHERE partition > ?1 ORDER BY partition LIMIT 1";
    let rows = match after {
        None => database.query(first, &[])?,
        Some(after) => database.query(next, &[Param::Text(after.to_owned())])?,
    };
    rows.into_iter()
        .next()
        .map(|row| Cells::new(row).name())
        .transpose()
}

/// Read the facts of a partition after a number, in order; from the first if none is given.
pub(crate) fn facts(
    database: &mut dyn Database,
    partition: &str,
    after: Option<i64>,
) -> Result<Vec<Fact>, Error> {
    let columns = "seq, type, schema_version, namespace, subjects, actor, causation, correlation, at, payload, salt, \
                   payload_hash, prev, hash";
    let mut params = vec![Param::Text(partition.to_owned()), Param::Int(PAGE)];
    let condition = after.map_or("", |after| {
        params.push(Param::Int(after));
        "AND seq > ?3"
    });
    let sql = format!(
        "SELECT {columns} FROM fact WHERE partition = ?1 {condition} ORDER BY seq LIMIT ?2"
    );
    database
        .query(&sql, &params)?
        .into_iter()
        .map(fact)
        .collect()
}

fn fact(row: Row) -> Result<Fact, Error> {
    let mut cells = Cells::new(row);
    Ok(Fact {
        seq: cells.int()?,
        kind: cells.text()?,
        schema: cells.int()?,
        namespace: cells.text()?,
        subjects: cells.text()?,
        actor: cells.text()?,
        causation: cells.optional()?,
        correlation: cells.optional()?,
        at: cells.int()?,
        payload: cells.optional()?,
        salt: cells.optional()?,
        payload_hash: cells.bytes()?,
        prev: cells.bytes()?,
        hash: cells.bytes()?,
    })
}

/// Read the hash of one fact, if the fact exists.
pub(crate) fn fact_hash(
    database: &mut dyn Database,
    partition: &str,
    seq: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT hash FROM fact WHERE partition = ?1 AND seq = ?2";
    let rows = database.query(sql, &[Param::Text(partition.to_owned()), Param::Int(seq)])?;
    rows.into_iter()
        .next()
        .map(|row| Cells::new(row).bytes())
        .transpose()
}

/// Read the stored tree heads after a number, in order; from the first if none is given.
pub(crate) fn tree_heads(
    database: &mut dyn Database,
    after: Option<i64>,
) -> Result<Vec<StoredTreeHead>, Error> {
    let first = "SELECT number, at, line, hash FROM tree_head ORDER BY number LIMIT ?1";
    let next =
        "SELECT number, at, line, hash FROM tree_head WHERE number > ?2 ORDER BY number LIMIT ?1";
    let rows = match after {
        None => database.query(first, &[Param::Int(PAGE)])?,
        Some(after) => database.query(next, &[Param::Int(PAGE), Param::Int(after)])?,
    };
    let tree_head = |row| {
        let mut cells = Cells::new(row);
        Ok(StoredTreeHead {
            number: cells.int()?,
            at: cells.int()?,
            line: cells.text()?,
            hash: cells.bytes()?,
        })
    };
    rows.into_iter().map(tree_head).collect()
}
