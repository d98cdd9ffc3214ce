//! `subscription`: what callers configure.

use crate::error::{Error, Result};
use crate::subscription::{Configuration, Subscription};
use store::{Fact, InNamespace, Record as _, ScopedTable as _, Tx, UnscopedTx};
use types::{Namespace, Page, Principal, SubscriptionId, Time};

#[derive(Debug, Clone, store::Record)]
#[record(table = "subscription")]
pub(crate) struct StoredSubscription {
    #[record(key)]
    pub(crate) id: SubscriptionId,
    #[record(version)]
    pub(crate) version: i64,
    pub(crate) shard: u32,
    #[record(update)]
    pub(crate) name: String,
    /// The sink of its delivery.
    pub(crate) kind: String,
    /// Whether the worker sends its batches; otherwise a consumer gets them in a session.
    pub(crate) pushes: bool,
    /// Contains no secrets.
    #[record(update, json)]
    pub(crate) settings: Configuration,
    /// Signing secrets, and the write-only values of the delivery.
    #[record(update)]
    pub(crate) encrypted: Vec<u8>,
    #[record(update)]
    pub(crate) suspended: bool,
    #[record(update)]
    pub(crate) why: Option<String>,
    #[record(column = "created_at")]
    pub(crate) created: Time,
    #[record(update, column = "updated_at")]
    pub(crate) updated: Time,
}

/// What the worker reads of the subscriptions of all namespaces. The settings are not parsed yet,
/// so that one unreadable subscription does not stop the others.
#[derive(Debug, store::Record)]
#[record(table = "subscription")]
pub(crate) struct RawSettings {
    pub(crate) id: SubscriptionId,
    pub(crate) version: i64,
    pub(crate) settings: String,
}

#[derive(Debug, store::Record)]
#[record(table = "subscription")]
pub(crate) struct Encrypted {
    pub(crate) id: SubscriptionId,
    pub(crate) encrypted: Vec<u8>,
}

/// New ciphertext for a row that still has the old one.
#[derive(Debug)]
pub(crate) struct Reencrypted {
    pub(crate) namespace: Namespace,
    pub(crate) old: Encrypted,
    pub(crate) new: Vec<u8>,
}

impl StoredSubscription {
    /// Errors: [`Error::VersionConflict`] unless it has the expected version.
    pub(crate) fn check_version(&self, expected: i64) -> Result<()> {
        let actual = self.version;
        if actual == expected {
            return Ok(());
        }
        Err(Error::VersionConflict { expected, actual })
    }

    /// A fact about this version of the subscription.
    pub(crate) fn fact(&self, kind: &'static str, actor: &Principal) -> Fact {
        let version = u64::try_from(self.version).unwrap_or_default();
        Fact::new(kind, 1).subject(&self.id, version).actor(actor)
    }
}

/// As callers read it.
impl From<StoredSubscription> for Subscription {
    fn from(row: StoredSubscription) -> Self {
        let Configuration {
            filter,
            delivery,
            retry,
            on_error,
        } = row.settings;
        Self {
            id: row.id,
            version: row.version,
            name: row.name,
            filter,
            delivery,
            retry,
            on_error,
            suspended: row.suspended,
            why: row.why,
            created: row.created,
            updated: row.updated,
        }
    }
}

/// Insert a subscription; returns false if its name is taken.
pub(crate) fn insert(tx: &mut Tx, row: &StoredSubscription) -> Result<bool> {
    let rest = "ON CONFLICT (namespace, name) DO NOTHING";
    Ok(StoredSubscription::insert(tx, std::slice::from_ref(row), rest)? == 1)
}

pub(crate) fn find(tx: &mut Tx, id: SubscriptionId) -> Result<StoredSubscription> {
    let sql = StoredSubscription::select("WHERE namespace = ?ns AND id = ?1");
    tx.row(&sql, (id,))?
        .ok_or(Error::UnknownSubscription { id })
}

/// A subscription for the worker: `None` if it was deleted, or if this release cannot parse it,
/// which must not block other subscriptions.
pub(crate) fn find_readable(tx: &mut Tx, id: SubscriptionId) -> Result<Option<StoredSubscription>> {
    match find(tx, id) {
        Ok(row) => Ok(Some(row)),
        Err(Error::UnknownSubscription { .. }) => Ok(None),
        Err(Error::Store(error @ store::Error::UnexpectedValue { .. })) => {
            report_unreadable(id, &error);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

pub(crate) fn report_unreadable(id: SubscriptionId, error: &dyn std::fmt::Display) {
    tracing::error!(event = "subscription.unreadable", subscription = %id, %error, "the subscription cannot be parsed and is not served");
}

/// Subscriptions after an id, ordered by id.
pub(crate) fn list(tx: &mut Tx, page: &Page) -> Result<Vec<StoredSubscription>> {
    let after = page.after.as_deref().unwrap_or_default();
    let sql = StoredSubscription::select(
        "WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
    );
    Ok(tx.rows(&sql, (after, page.limit, page.skip))?)
}

pub(crate) fn count(tx: &mut Tx) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM subscription WHERE namespace = ?ns",
        (),
    )?)
}

pub(crate) fn id_by_name(tx: &mut Tx, name: &str) -> Result<Option<SubscriptionId>> {
    Ok(tx.value(
        "SELECT id FROM subscription WHERE namespace = ?ns AND name = ?1",
        (name,),
    )?)
}

/// Update a row that was read in this transaction, and increment its version.
pub(crate) fn save(tx: &mut Tx, row: &mut StoredSubscription) -> Result<()> {
    row.updated = tx.now();
    assert!(
        row.update(tx)?,
        "a row that was read in this transaction is still there"
    );
    row.version += 1;
    Ok(())
}

/// Rows of all namespaces, after a key, that are encrypted under an older data key than the one
/// with this ciphertext prefix.
pub(crate) fn encrypted_before(
    tx: &mut UnscopedTx,
    key_prefix: &[u8],
    (namespace, id): (&str, &str),
    limit: u32,
) -> Result<Vec<InNamespace<Encrypted>>> {
    let sql = InNamespace::<Encrypted>::select(
        "WHERE encrypted < ?1 AND (namespace, id) > (?2, ?3) ORDER BY namespace, id LIMIT ?4",
    );
    Ok(tx.rows(&sql, (key_prefix, namespace, id, limit))?)
}

/// Count the rows that are encrypted under an older data key than the one with this prefix.
pub(crate) fn count_encrypted_before(tx: &mut UnscopedTx, key_prefix: &[u8]) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM subscription WHERE encrypted < ?1",
        (key_prefix,),
    )?)
}

/// Store reencrypted secrets, except those whose row changed since it was read.
pub(crate) fn reencrypt(tx: &mut UnscopedTx, rows: &[Reencrypted]) -> Result<u64> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.namespace, row.old.id, &row.old.encrypted, &row.new))
        .collect();
    Ok(tx.execute_rows(
        "WITH n(namespace, id, old, new) AS ({rows})
         UPDATE subscription SET encrypted = n.new FROM n
          WHERE subscription.namespace = n.namespace AND subscription.id = n.id AND subscription.encrypted = n.old",
        (),
        &rows,
    )?)
}

pub(crate) fn delete(tx: &mut Tx, id: SubscriptionId) -> Result<()> {
    tx.execute(
        "DELETE FROM subscription WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// Versions of the subscriptions of a shard that are not suspended.
pub(crate) fn versions(tx: &mut UnscopedTx, shard: u32) -> Result<Vec<(SubscriptionId, i64)>> {
    Ok(tx.rows(
        "SELECT id, version FROM subscription WHERE shard = ?1 AND suspended = 0",
        (shard,),
    )?)
}

/// Settings of the subscriptions of a shard that are not suspended.
pub(crate) fn settings(tx: &mut UnscopedTx, shard: u32) -> Result<Vec<InNamespace<RawSettings>>> {
    let sql = InNamespace::<RawSettings>::select("WHERE shard = ?1 AND suspended = 0");
    Ok(tx.rows(&sql, (shard,))?)
}
