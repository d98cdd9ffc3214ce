//! The only SQL of the store: facts, heads and leases, tree heads, idempotency, data keys.

use crate::engine::{Connection, EngineResult, Mode, Statement};
use crate::fact::{Cursor, FactLink, PendingFact, StoredFact, Subject};
use crate::hash_chain::Head;
use crate::lease::Partition;
use crate::{
    Cell, Error, FromCell, FromRow, Result, Row, ToValue, Tx, UnscopedTx, Value, ValueKind,
};
use types::{Digest, Time};

const FACT_KINDS: [ValueKind; 15] = [
    ValueKind::Text,
    ValueKind::Int,
    ValueKind::Text,
    ValueKind::Int,
    ValueKind::Text,
    ValueKind::Text,
    ValueKind::Text,
    ValueKind::Text,
    ValueKind::Text,
    ValueKind::Int,
    ValueKind::Text,
    ValueKind::Blob,
    ValueKind::Blob,
    ValueKind::Blob,
    ValueKind::Blob,
];

fn query<T: FromRow>(
    connection: &mut dyn Connection,
    sql: &str,
    params: &[Value<'_>],
) -> EngineResult<Vec<T>> {
    let rows = connection.query(&Statement {
        sql,
        params,
        namespace: None,
    })?;
    rows.into_iter()
        .map(|row| T::from_row(row).map_err(Into::into))
        .collect()
}

/// Read the head of a partition under its owner's epoch; none if another process owns it.
pub(crate) fn head(
    connection: &mut dyn Connection,
    partition: &Partition,
) -> EngineResult<Option<Head>> {
    let sql = "SELECT seq, hash, commits FROM partition_head WHERE partition = ?1 AND epoch = ?2";
    let rows: Vec<(i64, Digest, i64)> = query(
        connection,
        sql,
        &[
            Value::Text(partition.name().into()),
            Value::Int(partition.epoch()),
        ],
    )?;
    Ok(rows
        .into_iter()
        .next()
        .map(|(seq, hash, commits)| Head { seq, hash, commits }))
}

/// Advance a head; false if another process owns the partition or has advanced it.
pub(crate) fn advance_head(
    connection: &mut dyn Connection,
    partition: &Partition,
    old: &Head,
    new: &Head,
) -> EngineResult<bool> {
    let sql = "UPDATE partition_head SET seq = ?3, hash = ?4, commits = ?5 WHERE partition = ?1 AND epoch = ?2 AND commits = ?6";
    let params = [
        Value::Text(partition.name().into()),
        Value::Int(partition.epoch()),
        Value::Int(new.seq),
        new.hash.to_value(),
        Value::Int(new.commits),
        Value::Int(old.commits),
    ];
    Ok(connection.execute(&Statement {
        sql,
        params: &params,
        namespace: None,
    })? == 1)
}

/// Read the commit count and epoch of a partition, whoever owns it. The update waits for the row
/// lock, so no transaction that moves the head is in progress.
pub(crate) fn lock_head(
    connection: &mut dyn Connection,
    partition: &Partition,
) -> EngineResult<Option<(i64, i64)>> {
    let sql =
        "UPDATE partition_head SET commits = commits WHERE partition = ?1 RETURNING commits, epoch";
    let rows: Vec<(i64, i64)> = query(connection, sql, &[Value::Text(partition.name().into())])?;
    Ok(rows.into_iter().next())
}

/// Whether the fact at this position has this hash.
pub(crate) fn is_fact(
    connection: &mut dyn Connection,
    partition: &str,
    seq: i64,
    hash: Digest,
) -> EngineResult<bool> {
    let sql = "SELECT seq FROM fact WHERE partition = ?1 AND seq = ?2 AND hash = ?3";
    let params = [
        Value::Text(partition.into()),
        Value::Int(seq),
        hash.to_value(),
    ];
    let rows: Vec<(i64,)> = query(connection, sql, &params)?;
    Ok(!rows.is_empty())
}

/// Insert linked facts.
pub(crate) fn insert_facts(
    connection: &mut dyn Connection,
    partitions: &[Partition],
    facts: &[PendingFact],
    linked: &[FactLink],
) -> EngineResult<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<Value<'_>>> = facts
        .iter()
        .zip(linked)
        .map(|(fact, link)| fact_row(partitions[fact.partition].name(), fact, link))
        .collect();
    let sql = "INSERT INTO fact (partition, seq, type, schema_version, namespace, subjects, actor, causation, correlation, \
                                 at, payload, salt, payload_hash, prev, hash) {rows}";
    connection.execute_rows(
        &Statement {
            sql,
            params: &[],
            namespace: None,
        },
        &FACT_KINDS,
        &rows,
    )?;
    Ok(())
}

fn fact_row<'a>(
    partition: &'a str,
    pending: &'a PendingFact,
    link: &'a FactLink,
) -> Vec<Value<'a>> {
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

/// Read the facts of a partition after a cursor, in order.
pub(crate) fn facts_after(
    tx: &mut UnscopedTx<'_, '_>,
    cursor: &Cursor,
    limit: u32,
) -> Result<Vec<StoredFact>> {
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
    let (
        partition,
        seq,
        kind,
        schema,
        namespace,
        subjects,
        actor,
        causation,
        correlation,
        at,
        payload,
        hash,
    ) = Columns::from_row(row)?;
    let subjects: Vec<Subject> =
        serde_json::from_str(&subjects).map_err(|_| Error::UnexpectedValue {
            column: "subjects",
            found: "other text",
            expected: "subjects",
        })?;
    let cursor = Cursor { partition, seq };
    Ok(StoredFact {
        cursor,
        kind,
        schema,
        namespace,
        subjects,
        actor,
        causation,
        correlation,
        at,
        payload,
        hash,
    })
}

/// List every partition with its last fact.
pub(crate) fn partitions(tx: &mut UnscopedTx<'_, '_>) -> Result<Vec<Cursor>> {
    let rows: Vec<(String, i64)> = tx.rows(
        "SELECT partition, seq FROM partition_head ORDER BY partition",
        (),
    )?;
    Ok(rows
        .into_iter()
        .map(|(partition, seq)| Cursor { partition, seq })
        .collect())
}

/// List every head with its hash, for the next tree head.
pub(crate) fn heads(tx: &mut UnscopedTx<'_, '_>) -> Result<Vec<(String, i64, Digest)>> {
    tx.rows(
        "SELECT partition, seq, hash FROM partition_head WHERE seq > 0 ORDER BY partition",
        (),
    )
}

/// Take a lease if it is free, expired, or (where this process is the only one) left over from an
/// earlier process. Returns the new epoch.
pub(crate) fn take_lease(
    tx: &mut UnscopedTx<'_, '_>,
    partition: &str,
    holder: &str,
    now: Time,
    ttl_ms: u64,
    sole: bool,
) -> Result<Option<i64>> {
    let until = now.plus_millis(i64::try_from(ttl_ms).unwrap_or(i64::MAX));
    let row: Option<(i64,)> = tx.row(
        "INSERT INTO partition_head (partition, seq, hash, commits, epoch, holder, expires_at)
         VALUES (?1, 0, ?5, 0, 1, ?2, ?4)
         ON CONFLICT (partition) DO UPDATE SET epoch = partition_head.epoch + 1, holder = ?2, expires_at = ?4
          WHERE partition_head.expires_at <= ?3 OR (?6 = 1 AND partition_head.holder <> ?2)
         RETURNING epoch",
        (partition, holder, now, until, Digest::default(), sole),
    )?;
    Ok(row.map(|(epoch,)| epoch))
}

/// Renew a lease under its epoch; false if another process has it.
pub(crate) fn renew_lease(
    tx: &mut UnscopedTx<'_, '_>,
    partition: &Partition,
    now: Time,
    ttl_ms: u64,
) -> Result<bool> {
    let until = now.plus_millis(i64::try_from(ttl_ms).unwrap_or(i64::MAX));
    let changed = tx.execute(
        "UPDATE partition_head SET expires_at = ?3 WHERE partition = ?1 AND epoch = ?2",
        (partition.name(), partition.epoch(), until),
    )?;
    Ok(changed == 1)
}

/// Expire a lease now.
pub(crate) fn release_lease(
    tx: &mut UnscopedTx<'_, '_>,
    partition: &Partition,
    now: Time,
) -> Result<()> {
    tx.execute(
        "UPDATE partition_head SET expires_at = ?3 WHERE partition = ?1 AND epoch = ?2",
        (partition.name(), partition.epoch(), now),
    )?;
    Ok(())
}

/// Claim the keys that are free and return them.
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

/// Read what keys were claimed for: key, command hash, resource.
pub(crate) fn existing_claims(
    tx: &mut Tx<'_, '_>,
    verb: &str,
    keys: &[(&str,)],
) -> Result<Vec<(String, Option<Digest>, String)>> {
    tx.query_rows(
        "WITH n(key) AS ({rows}) SELECT i.key, i.command_hash, i.resource
           FROM n JOIN idempotency i ON i.namespace = ?ns AND i.verb = ?1 AND i.key = n.key",
        (verb,),
        keys,
    )
}

/// Free a key for another command.
pub(crate) fn free_key(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM idempotency WHERE namespace = ?ns AND verb = ?1 AND key = ?2",
        (verb, key),
    )?;
    Ok(())
}

/// Read the lines of the tree heads after a number, in order.
pub(crate) fn tree_heads_after(
    tx: &mut UnscopedTx<'_, '_>,
    number: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>> {
    tx.rows(
        "SELECT number, line FROM tree_head WHERE number > ?1 ORDER BY number LIMIT ?2",
        (number, limit),
    )
}

/// Insert a signed tree head.
pub(crate) fn insert_tree_head(
    tx: &mut UnscopedTx<'_, '_>,
    number: i64,
    at: Time,
    line: &str,
    hash: Digest,
) -> Result<()> {
    tx.execute(
        "INSERT INTO tree_head (number, at, line, hash) VALUES (?1, ?2, ?3, ?4)",
        (number, at, line, hash),
    )?;
    Ok(())
}

/// Read the line of the last tree head.
pub(crate) fn last_tree_head(tx: &mut UnscopedTx<'_, '_>) -> Result<Option<(String,)>> {
    tx.row(
        "SELECT line FROM tree_head ORDER BY number DESC LIMIT 1",
        (),
    )
}

/// List the leaves (every head) as of the last tree head.
pub(crate) fn tree_head_leaves(tx: &mut UnscopedTx<'_, '_>) -> Result<Vec<(String, i64, Digest)>> {
    tx.rows(
        "SELECT partition, seq, hash FROM tree_head_leaf ORDER BY partition",
        (),
    )
}

/// Store the heads that moved with a tree head.
pub(crate) fn put_tree_head_leaves(
    tx: &mut UnscopedTx<'_, '_>,
    heads: &[(String, i64, Digest)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO tree_head_leaf (partition, seq, hash) {rows}
         ON CONFLICT (partition) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        (),
        heads,
    )?;
    Ok(())
}

/// List all versions of a data key: version, wrapped bytes, wrapping.
pub(crate) fn data_keys(
    tx: &mut UnscopedTx<'_, '_>,
    name: &str,
) -> Result<Vec<(u32, Vec<u8>, String)>> {
    tx.rows(
        "SELECT version, wrapped, wrapping FROM secret_key WHERE name = ?1 ORDER BY version",
        (name,),
    )
}

/// Count the versions of a data key.
pub(crate) fn count_data_keys(tx: &mut UnscopedTx<'_, '_>, name: &str) -> Result<i64> {
    let row: Option<(i64,)> = tx.row("SELECT COUNT(*) FROM secret_key WHERE name = ?1", (name,))?;
    Ok(row.map_or(0, |(count,)| count))
}

/// List the versions of a data key with the times of creation and retirement, oldest first.
pub(crate) fn data_key_times(
    tx: &mut UnscopedTx<'_, '_>,
    name: &str,
) -> Result<Vec<(u32, Time, Option<Time>)>> {
    tx.rows(
        "SELECT version, created_at, retired_at FROM secret_key WHERE name = ?1 ORDER BY version",
        (name,),
    )
}

/// Mark the versions before this one as retired and return how many were not yet.
pub(crate) fn retire_data_keys(
    tx: &mut UnscopedTx<'_, '_>,
    name: &str,
    before: u32,
    now: Time,
) -> Result<u64> {
    tx.execute(
        "UPDATE secret_key SET retired_at = ?3 WHERE name = ?1 AND version < ?2 AND retired_at IS NULL",
        (name, before, now),
    )
}

/// A version of a data key to be stored.
pub(crate) struct DataKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
    pub(crate) fingerprint: Digest,
    pub(crate) wrapped: &'a [u8],
    pub(crate) wrapping: &'a str,
}

/// Insert a version of a data key, or replace its wrapping; false if the version holds another key.
pub(crate) fn put_data_key(
    tx: &mut UnscopedTx<'_, '_>,
    key: &DataKey<'_>,
    now: Time,
) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO secret_key (name, version, fingerprint, wrapped, wrapping, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (name, version) DO UPDATE SET wrapped = ?4, wrapping = ?5 WHERE secret_key.fingerprint = ?3",
        (key.name, key.version, key.fingerprint, key.wrapped, key.wrapping, now),
    )?;
    Ok(changed == 1)
}

/// Begin the transaction of a migration; concurrent processes wait here.
pub(crate) fn begin_migration(connection: &mut dyn Connection) -> EngineResult<()> {
    connection.begin(Mode::Migrate)?;
    let table = "CREATE TABLE IF NOT EXISTS schema_migration (\n  name TEXT NOT NULL,\n  hash BLOB NOT NULL,\n  \
                  applied_at BIGINT NOT NULL,\n  PRIMARY KEY (name)\n);";
    let table = crate::sql::ddl(connection.dialect(), table);
    connection.script(&table)
}

/// List the applied migrations, in order.
pub(crate) fn migrations(connection: &mut dyn Connection) -> EngineResult<Vec<(String, Digest)>> {
    query(
        connection,
        "SELECT name, hash FROM schema_migration ORDER BY name",
        &[],
    )
}

/// Insert a value of the installation unless it exists, and return the stored one.
pub(crate) fn installation_value(
    tx: &mut UnscopedTx<'_, '_>,
    name: &str,
    default: &str,
) -> Result<String> {
    tx.execute(
        "INSERT INTO installation (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        (name, default),
    )?;
    let row: Option<(Cell,)> = tx.row("SELECT value FROM installation WHERE name = ?1", (name,))?;
    let (cell,) = row.ok_or(Error::UnexpectedValue {
        column: "value",
        found: "no row",
        expected: "a value",
    })?;
    String::from_cell(cell).map_err(|_| Error::UnexpectedValue {
        column: "value",
        found: "other",
        expected: "text",
    })
}
