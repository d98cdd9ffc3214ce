//! `subscription`: what callers configure.

use crate::error::{Error, Result};
use crate::subscription::{Delivery, Filter, OnError, RetryRule, Subscription};
use serde::{Deserialize, Serialize};
use store::{FromRow, Row, Tx, UnscopedTx};
use types::{Namespace, SubscriptionId, Time};

/// Stored as JSON; contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) filter: Filter,
    pub(crate) delivery: Delivery,
    pub(crate) retry: RetryRule,
    pub(crate) on_error: OnError,
}

#[derive(Debug, Clone)]
pub(crate) struct StoredSubscription {
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) encrypted: Vec<u8>,
    pub(crate) suspended: bool,
    pub(crate) why: Option<String>,
    pub(crate) created: Time,
    pub(crate) updated: Time,
}

#[derive(Debug, Clone)]
pub(crate) struct NewRow {
    pub(crate) id: SubscriptionId,
    pub(crate) shard: u32,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) encrypted: Vec<u8>,
    pub(crate) suspended: bool,
}

const COLUMNS: &str =
    "id, version, name, settings, encrypted, suspended, why, created_at, updated_at";

impl Settings {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let error = store::Error::UnexpectedValue {
            column: "settings",
            found: "other text",
            expected: "settings",
        };
        serde_json::from_str(text).map_err(|_| error.into())
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("settings are plain data and always serialize")
    }
}

impl StoredSubscription {
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
        let (id, version, name, settings, encrypted, suspended, why, created, updated) =
            Columns::from_row(row)?;
        let settings = Settings::parse(&settings)?;
        Ok(Self {
            id,
            version,
            name,
            settings,
            encrypted,
            suspended,
            why,
            created,
            updated,
        })
    }

    /// As callers read it.
    pub(crate) fn view(&self) -> Subscription {
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

/// Insert a subscription; returns false if its name is taken.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &NewRow) -> Result<bool> {
    let now = tx.now();
    let kind = new.settings.delivery.kind();
    let row = (
        new.id,
        new.shard,
        &new.name,
        kind,
        new.settings.text(),
        &new.encrypted,
        new.suspended,
        now,
    );
    let count = tx.execute(
        "INSERT INTO subscription (namespace, id, version, shard, name, kind, settings, encrypted, suspended, why,
                                   created_at, updated_at)
         VALUES (?ns, ?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?8) ON CONFLICT (namespace, name) DO NOTHING",
        row,
    )?;
    Ok(count == 1)
}

pub(crate) fn find(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<StoredSubscription> {
    let row: Option<Row> = tx.row(
        &format!("SELECT {COLUMNS} FROM subscription WHERE namespace = ?ns AND id = ?1"),
        (id,),
    )?;
    row.map_or(
        Err(Error::UnknownSubscription { id }),
        StoredSubscription::read,
    )
}

/// A subscription for the worker: `None` if it was deleted, or if this release cannot parse it,
/// which must not block other subscriptions.
pub(crate) fn find_readable(
    tx: &mut Tx<'_, '_>,
    id: SubscriptionId,
) -> Result<Option<StoredSubscription>> {
    match find(tx, id) {
        Ok(row) => Ok(Some(row)),
        Err(Error::UnknownSubscription { .. }) => Ok(None),
        Err(Error::Store(store::Error::UnexpectedValue { .. })) => {
            tracing::error!(event = "subscription.unreadable", subscription = %id, "the subscription cannot be parsed and is not served");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Subscriptions after an id, ordered by id.
pub(crate) fn list(
    tx: &mut Tx<'_, '_>,
    after: &str,
    limit: u32,
    skip: u32,
) -> Result<Vec<StoredSubscription>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subscription WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2 OFFSET ?3"
    );
    let rows: Vec<Row> = tx.rows(&sql, (after, limit, skip))?;
    rows.into_iter().map(StoredSubscription::read).collect()
}

pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM subscription WHERE namespace = ?ns",
        (),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

pub(crate) fn id_by_name(tx: &mut Tx<'_, '_>, name: &str) -> Result<Option<SubscriptionId>> {
    let row: Option<(SubscriptionId,)> = tx.row(
        "SELECT id FROM subscription WHERE namespace = ?ns AND name = ?1",
        (name,),
    )?;
    Ok(row.map(|(id,)| id))
}

/// Update a row that was read in this transaction, and increment its version.
pub(crate) fn save(tx: &mut Tx<'_, '_>, row: &mut StoredSubscription) -> Result<()> {
    let now = tx.now();
    let values = (
        row.id,
        row.version,
        &row.name,
        row.settings.text(),
        &row.encrypted,
        row.suspended,
        &row.why,
        now,
    );
    let count = tx.execute(
        "UPDATE subscription SET version = version + 1, name = ?3, settings = ?4, encrypted = ?5, suspended = ?6, why = ?7,
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

/// Rows of all namespaces, after a key, that are encrypted under an older data key than the one
/// with this ciphertext prefix.
pub(crate) fn encrypted_before(
    tx: &mut UnscopedTx<'_, '_>,
    key_prefix: &[u8],
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<(Namespace, SubscriptionId, Vec<u8>)>> {
    Ok(tx.rows(
        "SELECT namespace, id, encrypted FROM subscription
          WHERE encrypted < ?1 AND (namespace, id) > (?2, ?3) ORDER BY namespace, id LIMIT ?4",
        (key_prefix, after.0, after.1, limit),
    )?)
}

/// Count the rows that are encrypted under an older data key than the one with this prefix.
pub(crate) fn count_encrypted_before(
    tx: &mut UnscopedTx<'_, '_>,
    key_prefix: &[u8],
) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM subscription WHERE encrypted < ?1",
        (key_prefix,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// A reencrypted row: namespace, id, old ciphertext, new ciphertext.
pub(crate) type Reencrypted = (Namespace, SubscriptionId, Vec<u8>, Vec<u8>);

/// Store reencrypted secrets, except those whose row changed since it was read.
pub(crate) fn reencrypt(tx: &mut UnscopedTx<'_, '_>, rows: &[Reencrypted]) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(namespace, id, old, new) AS ({rows})
         UPDATE subscription SET encrypted = n.new FROM n
          WHERE subscription.namespace = n.namespace AND subscription.id = n.id AND subscription.encrypted = n.old",
        (),
        rows,
    )?)
}

pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// Versions of the subscriptions of a shard that are not suspended.
pub(crate) fn versions(
    tx: &mut UnscopedTx<'_, '_>,
    shard: u32,
) -> Result<Vec<(SubscriptionId, i64)>> {
    Ok(tx.rows(
        "SELECT id, version FROM subscription WHERE shard = ?1 AND suspended = 0",
        (shard,),
    )?)
}

/// Settings of the subscriptions of a shard that are not suspended.
pub(crate) fn settings(
    tx: &mut UnscopedTx<'_, '_>,
    shard: u32,
) -> Result<Vec<(Namespace, SubscriptionId, i64, String)>> {
    Ok(tx.rows(
        "SELECT namespace, id, version, settings FROM subscription WHERE shard = ?1 AND suspended = 0",
        (shard,),
    )?)
}
