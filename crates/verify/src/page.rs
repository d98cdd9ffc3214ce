//! The questions that the verifier asks, and their answers as rows of `docs/facts.md`.

use crate::Error;
use crate::book::{Book, Cells, Param, Row};

/// Rows asked for at a time: a fact may be some megabytes.
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

/// A row of `seal`.
pub(crate) struct StoredSeal {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) line: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

/// Every head.
pub(crate) fn heads(book: &mut dyn Book) -> Result<Vec<Head>, Error> {
    let rows = book.ask(
        "SELECT partition, seq, hash FROM partition_head ORDER BY partition",
        &[],
    )?;
    let head = |row| {
        let mut cells = Cells::of(row);
        Ok(Head {
            partition: cells.name()?,
            seq: cells.int()?,
            hash: cells.bytes()?,
        })
    };
    rows.into_iter().map(head).collect()
}

/// The next partition in which facts stand, with or without a head.
pub(crate) fn partition_after(
    book: &mut dyn Book,
    after: Option<&str>,
) -> Result<Option<String>, Error> {
    let first = "SELECT partition FROM fact ORDER BY partition LIMIT 1";
    let next = "SELECT partition FROM fact WHERE partition > ?1 ORDER BY partition LIMIT 1";
    let rows = match after {
        None => book.ask(first, &[])?,
        Some(after) => book.ask(next, &[Param::Text(after.to_owned())])?,
    };
    rows.into_iter()
        .next()
        .map(|row| Cells::of(row).name())
        .transpose()
}

/// Facts of a partition behind a number, in order; the first of all with none.
pub(crate) fn facts(
    book: &mut dyn Book,
    partition: &str,
    after: Option<i64>,
) -> Result<Vec<Fact>, Error> {
    let columns = "seq, type, schema_version, namespace, subjects, actor, causation, correlation, at, payload, salt, \
                   payload_hash, prev, hash";
    let mut params = vec![Param::Text(partition.to_owned()), Param::Int(PAGE)];
    let behind = after.map_or("", |after| {
        params.push(Param::Int(after));
        "AND seq > ?3"
    });
    let sql =
        format!("SELECT {columns} FROM fact WHERE partition = ?1 {behind} ORDER BY seq LIMIT ?2");
    book.ask(&sql, &params)?.into_iter().map(fact).collect()
}

fn fact(row: Row) -> Result<Fact, Error> {
    let mut cells = Cells::of(row);
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

/// The hash of one fact, if it is there.
pub(crate) fn fact_hash(
    book: &mut dyn Book,
    partition: &str,
    seq: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT hash FROM fact WHERE partition = ?1 AND seq = ?2";
    let rows = book.ask(sql, &[Param::Text(partition.to_owned()), Param::Int(seq)])?;
    rows.into_iter()
        .next()
        .map(|row| Cells::of(row).bytes())
        .transpose()
}

/// Stored seals behind a number, in order; the first of all with none.
pub(crate) fn seals(book: &mut dyn Book, after: Option<i64>) -> Result<Vec<StoredSeal>, Error> {
    let first = "SELECT number, at, line, hash FROM seal ORDER BY number LIMIT ?1";
    let next = "SELECT number, at, line, hash FROM seal WHERE number > ?2 ORDER BY number LIMIT ?1";
    let rows = match after {
        None => book.ask(first, &[Param::Int(PAGE)])?,
        Some(after) => book.ask(next, &[Param::Int(PAGE), Param::Int(after)])?,
    };
    let seal = |row| {
        let mut cells = Cells::of(row);
        Ok(StoredSeal {
            number: cells.int()?,
            at: cells.int()?,
            line: cells.text()?,
            hash: cells.bytes()?,
        })
    };
    rows.into_iter().map(seal).collect()
}
