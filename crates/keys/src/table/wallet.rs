//! Wallets and their branches.

use crate::Result;
use store::{Tx, UnscopedTx};
use types::{Digest, Json, Namespace, Time, WalletId};

/// The columns of a wallet without its secret.
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

/// An encrypted secret: namespace, wallet, secret, version of its data key.
pub(crate) type EncryptedRow = (Namespace, WalletId, Vec<u8>, u32);

/// A wallet to insert.
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

/// Insert a wallet; false if its name or its secret exists already.
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

/// The wallet with a fingerprint.
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

/// A page of wallets, ordered by id.
pub(crate) fn page(tx: &mut Tx<'_, '_>, after: &str, limit: u32, skip: u32) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT id, name, kind, source, backend, account, metadata, version, created_at, updated_at
           FROM wallet WHERE namespace = ?ns AND id > ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
        (after, limit, skip),
    )?)
}

/// Update name and metadata of a wallet at a version; false if the version is not current.
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

/// Increase the version of a wallet, for a fact about it; returns the new version.
pub(crate) fn bump_version(tx: &mut Tx<'_, '_>, id: &WalletId) -> Result<Option<i64>> {
    let row: Option<(i64,)> =
        tx.row("UPDATE wallet SET version = version + 1 WHERE namespace = ?ns AND id = ?1 RETURNING version", (id,))?;
    Ok(row.map(|(version,)| version))
}

/// The encrypted secrets of wallets: wallet, secret, version of its data key.
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

/// A branch of a wallet: public node, next index.
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

/// The branches of a wallet: path, public node, next index.
pub(crate) fn branches(
    tx: &mut Tx<'_, '_>,
    wallet: &WalletId,
) -> Result<Vec<(String, String, i64)>> {
    Ok(tx.rows(
        "SELECT path, xpub, next FROM wallet_branch WHERE namespace = ?ns AND wallet = ?1 ORDER BY path",
        (wallet,),
    )?)
}

/// Insert branches: wallet, path, public node, next index. Existing rows stay unchanged.
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

/// Reserve the next `count` indices of a branch, if they are below `end`; returns the index after
/// them.
pub(crate) fn reserve(
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

/// Secrets under an older data key than `version`, of any namespace, after a row.
pub(crate) fn encrypted_before(
    tx: &mut UnscopedTx<'_, '_>,
    version: u32,
    after_namespace: &str,
    after_wallet: &str,
    limit: u32,
) -> Result<Vec<EncryptedRow>> {
    Ok(tx.rows(
        "SELECT namespace, id, secret, secret_version FROM wallet
          WHERE secret_version < ?1 AND (namespace, id) > (?2, ?3)
          ORDER BY namespace, id LIMIT ?4",
        (version, after_namespace, after_wallet, limit),
    )?)
}

/// The number of secrets under an older data key than `version`.
pub(crate) fn count_before(tx: &mut UnscopedTx<'_, '_>, version: u32) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM wallet WHERE secret_version < ?1",
        (version,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Replace re-encrypted secrets: namespace, wallet, old version, secret, new version. Rows that
/// changed meanwhile stay unchanged.
pub(crate) fn reencrypt(
    tx: &mut UnscopedTx<'_, '_>,
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
