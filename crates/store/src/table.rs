//! The only SQL of the store: facts, heads and leases, seals, idempotency, data keys.

use crate::chain::Head;
use crate::engine::{Answer, Connection, Statement};
use crate::fact::{Cursor, Linked, PendingFact, StoredFact, Subject};
use crate::lease::Partition;
use crate::sql::Dialect;
use crate::{Cell, Error, FromCell, FromRow, Kind, Result, Row, ToValue, Tx, Unbound, Value};
use types::{Digest, Time};

const FACT_KINDS: [Kind; 15] = [
    Kind::Text,
    Kind::Int,
    Kind::Text,
    Kind::Int,
    Kind::Text,
    Kind::Text,
    Kind::Text,
    Kind::Text,
    Kind::Text,
    Kind::Int,
    Kind::Text,
    Kind::Blob,
    Kind::Blob,
    Kind::Blob,
    Kind::Blob,
];

fn query<T: FromRow>(connection: &mut dyn Connection, sql: &str, params: &[Value<'_>]) -> Answer<Vec<T>> {
    let rows = connection.query(&Statement { sql, params, namespace: None })?;
    rows.into_iter().map(|row| T::from_row(row).map_err(Into::into)).collect()
}

/// The head of a partition under its owner's epoch; none if another owns it.
pub(crate) fn head(connection: &mut dyn Connection, partition: &Partition) -> Answer<Option<Head>> {
    let sql = "SELECT seq, hash, turn FROM partition_head WHERE partition = ?1 AND epoch = ?2";
    let rows: Vec<(i64, Digest, i64)> =
        query(connection, sql, &[Value::Text(partition.name().into()), Value::Int(partition.epoch())])?;
    Ok(rows.into_iter().next().map(|(seq, hash, turn)| Head { seq, hash, turn }))
}

/// Move a head on; false if another owns the partition, or wrote it.
pub(crate) fn move_head(
    connection: &mut dyn Connection,
    partition: &Partition,
    old: &Head,
    new: &Head,
) -> Answer<bool> {
    let sql =
        "UPDATE partition_head SET seq = ?3, hash = ?4, turn = ?5 WHERE partition = ?1 AND epoch = ?2 AND turn = ?6";
    let params = [
        Value::Text(partition.name().into()),
        Value::Int(partition.epoch()),
        Value::Int(new.seq),
        new.hash.to_value(),
        Value::Int(new.turn),
        Value::Int(old.turn),
    ];
    Ok(connection.execute(&Statement { sql, params: &params, namespace: None })? == 1)
}

/// Store linked facts.
pub(crate) fn insert_facts(
    connection: &mut dyn Connection,
    partitions: &[Partition],
    facts: &[PendingFact],
    linked: &[Linked],
) -> Answer<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Value<'_>>> =
        facts.iter().zip(linked).map(|(fact, link)| fact_row(partitions[fact.partition].name(), fact, link)).collect();
    let sql = "INSERT INTO fact (partition, seq, type, schema_version, namespace, subjects, actor, causation, correlation, \
                                 at, payload, salt, payload_hash, prev, hash) {rows}";
    connection.execute_rows(&Statement { sql, params: &[], namespace: None }, &FACT_KINDS, &rows)?;
    Ok(())
}

fn fact_row<'a>(partition: &'a str, pending: &'a PendingFact, link: &'a Linked) -> Vec<Value<'a>> {
    let columns = pending.fact.columns();
    vec![
        Value::Text(partition.into()),
        Value::Int(link.seq),
        Value::Text(columns.kind.into()),
        Value::Int(i64::from(columns.schema)),
        pending.namespace.to_value(),
        Value::Text(link.subjects.as_str().into()),
        Value::Text(columns.actor.into()),
        columns.causation.to_value(),
        columns.correlation.to_value(),
        pending.at.to_value(),
        Value::Text(columns.payload.into()),
        Value::Blob(pending.salt.as_slice().into()),
        link.payload_hash.to_value(),
        link.prev.to_value(),
        link.hash.to_value(),
    ]
}

/// The facts of a partition behind a cursor, in order.
pub(crate) fn facts_after(tx: &mut Unbound<'_, '_>, cursor: &Cursor, limit: u32) -> Result<Vec<StoredFact>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT partition, seq, type, schema_version, namespace, subjects, actor, causation, correlation, at, payload, hash
           FROM fact WHERE partition = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        (&cursor.partition, cursor.seq, limit),
    )?;
    rows.into_iter().map(stored_fact).collect()
}

fn stored_fact(row: Row) -> Result<StoredFact> {
    type Columns = (
        String,
        i64,
        String,
        u32,
        types::Namespace,
        String,
        String,
        Option<String>,
        Option<String>,
        Time,
        Option<types::Json>,
        Digest,
    );
    let (partition, seq, kind, schema, namespace, subjects, actor, causation, correlation, at, payload, hash) =
        Columns::from_row(row)?;
    let subjects: Vec<Subject> = serde_json::from_str(&subjects).map_err(|_| Error::Column {
        column: 5,
        found: "other text",
        expected: "subjects",
    })?;
    let cursor = Cursor { partition, seq };
    Ok(StoredFact { cursor, kind, schema, namespace, subjects, actor, causation, correlation, at, payload, hash })
}

/// Every partition and the last fact in it.
pub(crate) fn partitions(tx: &mut Unbound<'_, '_>) -> Result<Vec<Cursor>> {
    let rows: Vec<(String, i64)> = tx.rows("SELECT partition, seq FROM partition_head ORDER BY partition", ())?;
    Ok(rows.into_iter().map(|(partition, seq)| Cursor { partition, seq }).collect())
}

/// Every head with its hash, for sealing.
pub(crate) fn heads(tx: &mut Unbound<'_, '_>) -> Result<Vec<(String, i64, Digest)>> {
    tx.rows("SELECT partition, seq, hash FROM partition_head WHERE seq > 0 ORDER BY partition", ())
}

/// Take a lease if it is free, run out, or (where this process is the only one) left over from an earlier process. The new epoch.
pub(crate) fn take_lease(
    tx: &mut Unbound<'_, '_>,
    partition: &str,
    holder: &str,
    now: Time,
    ttl_ms: u64,
    sole: bool,
) -> Result<Option<i64>> {
    let until = now.plus_millis(i64::try_from(ttl_ms).unwrap_or(i64::MAX));
    let row: Option<(i64,)> = tx.row(
        "INSERT INTO partition_head (partition, seq, hash, turn, epoch, holder, expires_at)
         VALUES (?1, 0, ?5, 0, 1, ?2, ?4)
         ON CONFLICT (partition) DO UPDATE SET epoch = partition_head.epoch + 1, holder = ?2, expires_at = ?4
          WHERE partition_head.expires_at <= ?3 OR (?6 = 1 AND partition_head.holder <> ?2)
         RETURNING epoch",
        (partition, holder, now, until, Digest::default(), sole),
    )?;
    Ok(row.map(|(epoch,)| epoch))
}

/// Renew a lease under its epoch; false if it is another's.
pub(crate) fn renew_lease(tx: &mut Unbound<'_, '_>, partition: &Partition, now: Time, ttl_ms: u64) -> Result<bool> {
    let until = now.plus_millis(i64::try_from(ttl_ms).unwrap_or(i64::MAX));
    let changed = tx.execute(
        "UPDATE partition_head SET expires_at = ?3 WHERE partition = ?1 AND epoch = ?2",
        (partition.name(), partition.epoch(), until),
    )?;
    Ok(changed == 1)
}

/// Let a lease run out now.
pub(crate) fn release_lease(tx: &mut Unbound<'_, '_>, partition: &Partition, now: Time) -> Result<()> {
    tx.execute(
        "UPDATE partition_head SET expires_at = ?3 WHERE partition = ?1 AND epoch = ?2",
        (partition.name(), partition.epoch(), now),
    )?;
    Ok(())
}

/// Claim keys that are free; the keys that were claimed.
pub(crate) fn claim_keys(
    tx: &mut Tx<'_, '_>,
    rows: &[(&str, &str, Option<Digest>, &str, Time)],
) -> Result<Vec<(String,)>> {
    tx.query_rows(
        "INSERT INTO idempotency (namespace, verb, key, command_hash, resource, created_at) {ns_rows}
         ON CONFLICT (namespace, verb, key) DO NOTHING RETURNING key",
        (),
        rows,
    )
}

/// What a key was claimed for.
pub(crate) fn claimed(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<Option<(Option<Digest>, String)>> {
    tx.row(
        "SELECT command_hash, resource FROM idempotency WHERE namespace = ?ns AND verb = ?1 AND key = ?2",
        (verb, key),
    )
}

/// Free a key for another command.
pub(crate) fn free_key(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<()> {
    tx.execute("DELETE FROM idempotency WHERE namespace = ?ns AND verb = ?1 AND key = ?2", (verb, key))?;
    Ok(())
}

/// The lines of seals behind a number, in order.
pub(crate) fn seals_after(tx: &mut Unbound<'_, '_>, number: i64, limit: u32) -> Result<Vec<(i64, String)>> {
    tx.rows("SELECT number, line FROM seal WHERE number > ?1 ORDER BY number LIMIT ?2", (number, limit))
}

/// Store a seal.
pub(crate) fn insert_seal(tx: &mut Unbound<'_, '_>, number: i64, at: Time, line: &str, hash: Digest) -> Result<()> {
    tx.execute("INSERT INTO seal (number, at, line, hash) VALUES (?1, ?2, ?3, ?4)", (number, at, line, hash))?;
    Ok(())
}

/// All versions of a data key: version, wrapped bytes, how it is wrapped.
pub(crate) fn data_keys(tx: &mut Unbound<'_, '_>, name: &str) -> Result<Vec<(u32, Vec<u8>, String)>> {
    tx.rows("SELECT version, wrapped, wrapping FROM secret_key WHERE name = ?1 ORDER BY version", (name,))
}

/// Store a version of a data key, or wrap a known one anew.
pub(crate) fn put_data_key(
    tx: &mut Unbound<'_, '_>,
    name: &str,
    version: u32,
    wrapped: &[u8],
    wrapping: &str,
    now: Time,
) -> Result<()> {
    tx.execute(
        "INSERT INTO secret_key (name, version, wrapped, wrapping, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name, version) DO UPDATE SET wrapped = ?3, wrapping = ?4",
        (name, version, wrapped, wrapping, now),
    )?;
    Ok(())
}

/// Begin the transaction of a migration; concurrent processes wait here.
pub(crate) fn begin_migration(connection: &mut dyn Connection) -> Answer<()> {
    match connection.dialect() {
        Dialect::Sqlite => connection.script("BEGIN IMMEDIATE")?,
        // Read committed, so that what the process before wrote is seen once the lock is had.
        Dialect::Postgres => {
            connection.script("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7235419)")?;
        }
    }
    let ledger = "CREATE TABLE IF NOT EXISTS schema_migration (\n  name TEXT NOT NULL,\n  hash BLOB NOT NULL,\n  \
                  applied_at BIGINT NOT NULL,\n  PRIMARY KEY (name)\n);";
    let ledger = crate::sql::ddl(connection.dialect(), ledger);
    connection.script(&ledger)
}

/// What was applied, in order.
pub(crate) fn migrations(connection: &mut dyn Connection) -> Answer<Vec<(String, Digest)>> {
    query(connection, "SELECT name, hash FROM schema_migration ORDER BY name", &[])
}

/// A value of which the installation has one; the first that is written stays.
pub(crate) fn installation_value(tx: &mut Unbound<'_, '_>, name: &str, otherwise: &str) -> Result<String> {
    tx.execute(
        "INSERT INTO installation (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        (name, otherwise),
    )?;
    let row: Option<(Cell,)> = tx.row("SELECT value FROM installation WHERE name = ?1", (name,))?;
    let (cell,) = row.ok_or(Error::Column { column: 0, found: "no row", expected: "a value" })?;
    String::from_cell(cell).map_err(|_| Error::Column { column: 0, found: "other", expected: "text" })
}
