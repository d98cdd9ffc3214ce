//! Wallets and their branches.

use crate::Result;
use store::{Tx, Unbound};
use types::{Digest, Json, Namespace, Time, WalletId};

/// The columns of a wallet but its secret.
pub(crate) type Row = (
    WalletId,
    String,
    String,
    String,
    String,
    u32,
    Json,
    i64,
    Time,
    Time,
);

/// A sealed secret and where it is: namespace, wallet, secret, the version of its data key.
pub(crate) type SealedRow = (Namespace, WalletId, Vec<u8>, u32);

/// What is written of a new wallet.
#[derive(Clone)]
pub(crate) struct New {
    pub(crate) id: WalletId,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) source: &'static str,
    pub(crate) backend: &'static str,
    pub(crate) account: u32,
    pub(crate) secret: Vec<u8>,
    pub(crate) secret_version: u32,
    pub(crate) fingerprint: Digest,
    pub(crate) metadata: Json,
}

/// Write a new wallet; false if its name or its secret is there already.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, new: &New) -> Result<bool> {
    let now = tx.now();
    let New {
        id,
        name,
        kind,
        source,
        backend,
        account,
        secret,
        secret_version,
        fingerprint,
        metadata,
    } = new;
    let inserted = tx.execute(
        "INSERT INTO wallet (namespace, id, name, kind, source, backend, account, secret, secret_version, fingerprint, metadata,
                             version, created_at, updated_at)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?11) ON CONFLICT DO NOTHING",
        (id, name, *kind, *source, *backend, account, secret, secret_version, fingerprint, metadata, now),
    )?;
    Ok(inserted == 1)
}

/// A wallet.
pub(crate) fn get(tx: &mut Tx<'_, '_>, id: &WalletId) -> Result<Option<Row>> {
    Ok(tx.row(
        "SELECT id, name, kind, source, backend, account, metadata, version, created_at, updated_at
           FROM wallet WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?)
}

/// A wallet by its name.
pub(crate) fn named(tx: &mut Tx<'_, '_>, name: &str) -> Result<Option<Row>> {
    Ok(tx.row(
        "SELECT id, name, kind, source, backend, account, metadata, version, created_at, updated_at
           FROM wallet WHERE namespace = ?ns AND name = ?1",
        (name,),
    )?)
}

/// The wallet that holds a secret.
pub(crate) fn with_fingerprint(
    tx: &mut Tx<'_, '_>,
    fingerprint: &Digest,
) -> Result<Option<WalletId>> {
    let row: Option<(WalletId,)> = tx.row(
        "SELECT id FROM wallet WHERE namespace = ?ns AND fingerprint = ?1",
        (fingerprint,),
    )?;
    Ok(row.map(|(id,)| id))
}

/// Wallets behind an id, in the order of ids.
pub(crate) fn page(tx: &mut Tx<'_, '_>, after: &str, limit: u32, skip: u32) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT id, name, kind, source, backend, account, metadata, version, created_at, updated_at
           FROM wallet WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
        (after, limit, skip),
    )?)
}

/// Change name and metadata of a wallet at a version; false if it has another.
pub(crate) fn change(
    tx: &mut Tx<'_, '_>,
    id: &WalletId,
    version: i64,
    name: &str,
    metadata: &Json,
) -> Result<bool> {
    let now = tx.now();
    let changed = tx.execute(
        "UPDATE wallet SET name = ?3, metadata = ?4, version = version + 1, updated_at = ?5
          WHERE namespace = ?ns AND id = ?1 AND version = ?2",
        (id, version, name, metadata, now),
    )?;
    Ok(changed == 1)
}

/// Raise the version of a wallet, for a fact about it; the new one.
pub(crate) fn raise(tx: &mut Tx<'_, '_>, id: &WalletId) -> Result<Option<i64>> {
    let row: Option<(i64,)> =
        tx.row("UPDATE wallet SET version = version + 1 WHERE namespace = ?ns AND id = ?1 RETURNING version", (id,))?;
    Ok(row.map(|(version,)| version))
}

/// The sealed secrets of wallets: wallet, secret, the version of its data key.
pub(crate) fn secrets(
    tx: &mut Tx<'_, '_>,
    wallets: &[(WalletId,)],
) -> Result<Vec<(WalletId, Vec<u8>, u32)>> {
    Ok(tx.query_rows(
        "SELECT id, secret, secret_version FROM wallet WHERE namespace = ?ns AND id IN ({rows})",
        (),
        wallets,
    )?)
}

/// A branch of a wallet: its public node.
pub(crate) fn branch(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
    path: &str,
) -> Result<Option<(String, i64)>> {
    Ok(tx.row(
        "SELECT xpub, next FROM wallet_branch WHERE namespace = ?ns AND wallet = ?1 AND path = ?2",
        (wallet, path),
    )?)
}

/// Every branch of a wallet: path, public node, how many addresses are handed out.
pub(crate) fn branches(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
) -> Result<Vec<(String, String, i64)>> {
    Ok(tx.rows(
        "SELECT path, xpub, next FROM wallet_branch WHERE namespace = ?ns AND wallet = ?1 ORDER BY path",
        (wallet,),
    )?)
}

/// Write branches: wallet, path, public node. Those that are there stay as they are.
pub(crate) fn insert_branches(
    tx: &mut Tx<'_, '_>,
    rows: &[(WalletId, String, String, i64)],
) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO wallet_branch (namespace, wallet, path, xpub, next) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        rows,
    )?;
    Ok(())
}

/// Take the next numbers of a branch, if there are as many below `end`; the first number behind
/// them.
pub(crate) fn advance(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
    path: &str,
    count: u32,
    end: i64,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> = tx.row(
        "UPDATE wallet_branch SET next = next + ?3
          WHERE namespace = ?ns AND wallet = ?1 AND path = ?2 AND next + ?3 <= ?4 RETURNING next",
        (wallet, path, count, end),
    )?;
    Ok(row.map(|(next,)| next))
}

/// Secrets that are sealed under an older data key than this, of any namespace, behind a row.
pub(crate) fn sealed_before(
    tx: &mut Unbound<'_, '_>,
    version: u32,
    after_namespace: &str,
    after_wallet: &str,
    limit: u32,
) -> Result<Vec<SealedRow>> {
    Ok(tx.rows(
        "SELECT namespace, id, secret, secret_version FROM wallet
          WHERE secret_version < ?1 AND (namespace, id) > (?2, ?3)
          ORDER BY namespace, id LIMIT ?4",
        (version, after_namespace, after_wallet, limit),
    )?)
}

/// How many secrets are sealed under an older data key than this.
pub(crate) fn count_before(tx: &mut Unbound<'_, '_>, version: u32) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM wallet WHERE secret_version < ?1",
        (version,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Put secrets in place that were sealed anew: namespace, wallet, the version of before, secret,
/// the new version. Those that changed meanwhile stay as they are.
pub(crate) fn reseal(
    tx: &mut Unbound<'_, '_>,
    rows: &[(Namespace, WalletId, u32, Vec<u8>, u32)],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(namespace, id, old, secret, new) AS ({rows})
         UPDATE wallet SET secret = n.secret, secret_version = n.new FROM n
          WHERE wallet.namespace = n.namespace AND wallet.id = n.id AND wallet.secret_version = n.old",
        (),
        rows,
    )?)
}
