//! Wallets and their branches.

use crate::backend::EncryptedSecret;
use crate::wallet::shape::{Branch, Wallet};
use crate::{Error, Result};
use store::named::{NameErrors as _, Named as _};
use store::{InNamespace, Record as _, ScopedTable as _, Tx, UnscopedTx, list};
use types::{Digest, Namespace, WalletId};

/// A wallet to insert.
#[derive(store::Record)]
#[record(table = "wallet", write)]
pub(crate) struct StoredWallet {
    #[record(flatten)]
    pub(crate) wallet: Wallet,
    #[record(columns("secret", "secret_version"))]
    pub(crate) secret: EncryptedSecret,
    pub(crate) fingerprint: Digest,
}

/// The encrypted secret of a wallet.
#[derive(store::Record)]
#[record(table = "wallet")]
pub(crate) struct WalletSecret {
    pub(crate) id: WalletId,
    #[record(columns("secret", "secret_version"))]
    pub(crate) secret: EncryptedSecret,
}

/// A secret that was encrypted again, and the version of the data key it was under.
#[derive(store::Record)]
pub(crate) struct Reencrypted {
    pub(crate) namespace: Namespace,
    pub(crate) wallet: WalletId,
    pub(crate) old_version: u32,
    #[record(columns("secret", "secret_version"))]
    pub(crate) secret: EncryptedSecret,
}

#[derive(store::Record)]
#[record(table = "wallet_branch")]
pub(crate) struct WalletBranch {
    pub(crate) wallet: WalletId,
    #[record(columns("path", "xpub", "next"))]
    pub(crate) branch: Branch,
}

impl WalletBranch {
    /// A branch that has issued nothing yet.
    pub(crate) fn new(wallet: WalletId, path: String, xpub: String) -> Self {
        let issued = 0;
        let branch = Branch { path, xpub, issued };
        Self { wallet, branch }
    }
}

/// Insert a wallet; false if its name or its secret exists already.
pub(crate) fn insert(tx: &mut Tx, new: &StoredWallet) -> Result<bool> {
    Ok(StoredWallet::insert(tx, std::slice::from_ref(new), "ON CONFLICT DO NOTHING")? == 1)
}

/// A wallet by its id. Error: `keys.unknown_wallet`.
pub(crate) fn require(tx: &mut Tx, id: &WalletId) -> Result<Wallet> {
    Wallet::require(tx, (), &id.to_string())
}

/// The wallet with a fingerprint.
pub(crate) fn with_fingerprint(tx: &mut Tx, fingerprint: &Digest) -> Result<Option<WalletId>> {
    Ok(tx.value(
        "SELECT id FROM wallet WHERE namespace = ?ns AND fingerprint = ?1",
        (fingerprint,),
    )?)
}

/// Increase the version of a wallet, for a fact about it; returns the new version.
pub(crate) fn bump_version(tx: &mut Tx, id: &WalletId) -> Result<Option<u64>> {
    Ok(tx.value(
        "UPDATE wallet SET version = version + 1 WHERE namespace = ?ns AND id = ?1 RETURNING version",
        (id,),
    )?)
}

/// The encrypted secrets of wallets.
pub(crate) fn secrets(tx: &mut Tx, wallets: &[WalletId]) -> Result<Vec<WalletSecret>> {
    let sql = WalletSecret::select("WHERE namespace = ?ns AND id IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(wallets))?)
}

/// The encrypted secret of a wallet. Error: `keys.unknown_wallet`.
pub(crate) fn secret(tx: &mut Tx, wallet: &WalletId) -> Result<EncryptedSecret> {
    let secret = secrets(tx, std::slice::from_ref(wallet))?.pop();
    let unknown = || Error::unknown(Wallet::NOUN, wallet.to_string());
    Ok(secret.ok_or_else(unknown)?.secret)
}

pub(crate) fn branch(tx: &mut Tx, wallet: &WalletId, path: &str) -> Result<Option<WalletBranch>> {
    let sql = WalletBranch::select("WHERE namespace = ?ns AND wallet = ?1 AND path = ?2");
    Ok(tx.row(&sql, (wallet, path))?)
}

pub(crate) fn branches(tx: &mut Tx, wallet: &WalletId) -> Result<Vec<WalletBranch>> {
    let sql = WalletBranch::select("WHERE namespace = ?ns AND wallet = ?1 ORDER BY path");
    Ok(tx.rows(&sql, (wallet,))?)
}

/// Insert branches. Existing rows stay unchanged.
pub(crate) fn insert_branches(tx: &mut Tx, branches: &[WalletBranch]) -> Result<()> {
    WalletBranch::insert(tx, branches, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// Reserve the next `count` indices of a branch, if they are below `end`; returns the index after
/// them.
pub(crate) fn reserve(
    tx: &mut Tx,
    wallet: &WalletId,
    path: &str,
    count: u32,
    end: u32,
) -> Result<Option<u32>> {
    Ok(tx.value(
        "UPDATE wallet_branch SET next = next + ?3
          WHERE namespace = ?ns AND wallet = ?1 AND path = ?2 AND next + ?3 <= ?4 RETURNING next",
        (wallet, path, count, end),
    )?)
}

/// Secrets under an older data key than `version`, of any namespace, after a row.
pub(crate) fn encrypted_before(
    tx: &mut UnscopedTx,
    version: u32,
    after_namespace: &str,
    after_wallet: &str,
    limit: u32,
) -> Result<Vec<InNamespace<WalletSecret>>> {
    let sql = InNamespace::<WalletSecret>::select(
        "WHERE secret_version < ?1 AND (namespace, id) > (?2, ?3) ORDER BY namespace, id LIMIT ?4",
    );
    Ok(tx.rows(&sql, (version, after_namespace, after_wallet, limit))?)
}

/// The number of secrets under an older data key than `version`.
pub(crate) fn count_before(tx: &mut UnscopedTx, version: u32) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM wallet WHERE secret_version < ?1",
        (version,),
    )?)
}

/// Replace secrets that were encrypted again. Rows that changed meanwhile stay unchanged.
pub(crate) fn reencrypt(tx: &mut UnscopedTx, rows: &[Reencrypted]) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH n(namespace, id, old, secret, new) AS ({rows})
         UPDATE wallet SET secret = n.secret, secret_version = n.new FROM n
          WHERE wallet.namespace = n.namespace AND wallet.id = n.id AND wallet.secret_version = n.old",
        (),
        rows,
    )?)
}
