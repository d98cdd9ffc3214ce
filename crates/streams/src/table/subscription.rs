//! `subscription`: what people write.

use crate::error::{Error, Result};
use crate::subscription::{Delivery, Filter, OnError, RetryRule, Subscription};
use serde::{Deserialize, Serialize};
use store::{FromRow, Row, Tx, Unbound};
use types::{Namespace, SubscriptionId, Time};

/// What is stored as JSON: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) filter: Filter,
    pub(crate) delivery: Delivery,
    pub(crate) retry: RetryRule,
    pub(crate) on_error: OnError,
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) sealed: Vec<u8>,
    pub(crate) suspended: bool,
    pub(crate) why: Option<String>,
    pub(crate) created: Time,
    pub(crate) updated: Time,
}

/// A row to be, and the shard that will serve it.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) id: SubscriptionId,
    pub(crate) shard: u32,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) sealed: Vec<u8>,
    pub(crate) suspended: bool,
}

const COLUMNS: &str = "id, version, name, settings, sealed, suspended, why, created_at, updated_at";

impl Settings {
    /// From what is stored.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let broken = store::Error::Column {
            column: 3,
            found: "other text",
            expected: "settings",
        };
        serde_json::from_str(text).map_err(|_| broken.into())
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("settings are plain data and always serialize")
    }
}

impl Stored {
    fn read(row: Row) -> Result<Self> {
        type Columns = (
            SubscriptionId,
            i64,
            String,
            String,
            Vec<u8>,
            bool,
            Option<String>,
            Time,
            Time,
        );
        let (id, version, name, settings, sealed, suspended, why, created, updated) =
            Columns::from_row(row)?;
        let settings = Settings::parse(&settings)?;
        Ok(Self {
            id,
            version,
            name,
            settings,
            sealed,
            suspended,
            why,
            created,
            updated,
        })
    }

    /// As people read it.
    pub(crate) fn shown(&self) -> Subscription {
        let settings = self.settings.clone();
        Subscription {
            id: self.id,
            version: self.version,
            name: self.name.clone(),
            filter: settings.filter,
            delivery: settings.delivery,
            retry: settings.retry,
            on_error: settings.on_error,
            suspended: self.suspended,
            why: self.why.clone(),
            created: self.created,
            updated: self.updated,
        }
    }
}

/// Insert a subscription; false if its name is taken.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &New) -> Result<bool> {
    let now = tx.now();
    let kind = new.settings.delivery.kind();
    let row = (
        new.id,
        new.shard,
        &new.name,
        kind,
        new.settings.text(),
        &new.sealed,
        new.suspended,
        now,
    );
    let count = tx.execute(
        "INSERT INTO subscription (namespace, id, version, shard, name, kind, settings, sealed, suspended, why,
                                   created_at, updated_at)
         VALUES (?ns, ?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?8) ON CONFLICT (namespace, name) DO NOTHING",
        row,
    )?;
    Ok(count == 1)
}

/// A subscription.
pub(crate) fn find(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<Stored> {
    let row: Option<Row> = tx.row(
        &format!("SELECT {COLUMNS} FROM subscription WHERE namespace = ?ns AND id = ?1"),
        (id,),
    )?;
    row.map_or(Err(Error::Unknown { id }), Stored::read)
}

/// A subscription for the worker: none if it is gone, or if this release cannot read it, which must
/// not stop the others.
pub(crate) fn legible(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<Option<Stored>> {
    match find(tx, id) {
        Ok(row) => Ok(Some(row)),
        Err(Error::Unknown { .. }) => Ok(None),
        Err(Error::Store(store::Error::Column { .. })) => {
            tracing::error!(subscription = %id, "the subscription cannot be read; it is left alone");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Subscriptions by id, behind one.
pub(crate) fn list(tx: &mut Tx<'_, '_>, after: &str, limit: u32, skip: u32) -> Result<Vec<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subscription WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2 OFFSET ?3"
    );
    let rows: Vec<Row> = tx.rows(&sql, (after, limit, skip))?;
    rows.into_iter().map(Stored::read).collect()
}

/// How many there are in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM subscription WHERE namespace = ?ns",
        (),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// The id behind a name.
pub(crate) fn named(tx: &mut Tx<'_, '_>, name: &str) -> Result<Option<SubscriptionId>> {
    let row: Option<(SubscriptionId,)> = tx.row(
        "SELECT id FROM subscription WHERE namespace = ?ns AND name = ?1",
        (name,),
    )?;
    Ok(row.map(|(id,)| id))
}

/// Write a row that was read in this transaction, as its next version.
pub(crate) fn save(tx: &mut Tx<'_, '_>, row: &mut Stored) -> Result<()> {
    let now = tx.now();
    let values = (
        row.id,
        row.version,
        &row.name,
        row.settings.text(),
        &row.sealed,
        row.suspended,
        &row.why,
        now,
    );
    let count = tx.execute(
        "UPDATE subscription SET version = version + 1, name = ?3, settings = ?4, sealed = ?5, suspended = ?6, why = ?7,
                updated_at = ?8
          WHERE namespace = ?ns AND id = ?1 AND version = ?2",
        values,
    )?;
    assert_eq!(
        count, 1,
        "a row that was read in this transaction is still there"
    );
    row.version += 1;
    row.updated = now;
    Ok(())
}

/// What is sealed under an older data key than that which begins with this head, of any namespace,
/// behind a row.
pub(crate) fn sealed_before(
    tx: &mut Unbound<'_, '_>,
    head: &[u8],
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<(Namespace, SubscriptionId, Vec<u8>)>> {
    Ok(tx.rows(
        "SELECT namespace, id, sealed FROM subscription
          WHERE sealed < ?1 AND (namespace, id) > (?2, ?3) ORDER BY namespace, id LIMIT ?4",
        (head, after.0, after.1, limit),
    )?)
}

/// How many are sealed under an older data key than that which begins with this head.
pub(crate) fn count_before(tx: &mut Unbound<'_, '_>, head: &[u8]) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM subscription WHERE sealed < ?1",
        (head,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// A secret that was sealed anew: namespace, id, as it was, as it is to be.
pub(crate) type Anew = (Namespace, SubscriptionId, Vec<u8>, Vec<u8>);

/// Put secrets in place that were sealed anew. Those that changed meanwhile stay as they are.
pub(crate) fn reseal(tx: &mut Unbound<'_, '_>, rows: &[Anew]) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(namespace, id, old, new) AS ({rows})
         UPDATE subscription SET sealed = n.new FROM n
          WHERE subscription.namespace = n.namespace AND subscription.id = n.id AND subscription.sealed = n.old",
        (),
        rows,
    )?)
}

/// Delete a subscription.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// The subscriptions of a shard that are not suspended, with their versions.
pub(crate) fn versions(tx: &mut Unbound<'_, '_>, shard: u32) -> Result<Vec<(SubscriptionId, i64)>> {
    Ok(tx.rows(
        "SELECT id, version FROM subscription WHERE shard = ?1 AND suspended = 0",
        (shard,),
    )?)
}

/// The same with their settings.
pub(crate) fn settings(
    tx: &mut Unbound<'_, '_>,
    shard: u32,
) -> Result<Vec<(Namespace, SubscriptionId, i64, String)>> {
    Ok(tx.rows(
        "SELECT namespace, id, version, settings FROM subscription WHERE shard = ?1 AND suspended = 0",
        (shard,),
    )?)
}
