//! Named keys: the organization's own keys, in wallets of kind `org`.

use crate::address::{issue_one, source};
use crate::path::family;
use crate::table::named::{self as table, NamedKey};
use crate::table::wallet as wallets;
use crate::wallet::shape::{Patch, WalletKind, check_metadata};
use crate::{Error, KeyAddress, Keys, Result};
use store::Tx;
use store::named::{self as resource, Named as _};
use types::{ChainId, Json, KeyId, Page, Principal, WalletId};

/// A named key to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    pub name: String,
    /// A chain of the family in which it signs.
    pub chain: ChainId,
    pub metadata: Json,
}

/// Create a named key from the next address of the wallet.
///
/// Errors: `keys.invalid_name`, `keys.name_taken`, `keys.invalid_metadata`, `keys.unknown_wallet`,
/// `keys.named_key_not_allowed`, `keys.not_hierarchical`, `keys.exhausted`.
pub async fn create_key(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    new: NewKey,
) -> Result<NamedKey> {
    check_metadata(&new.metadata)?;
    let source = source(keys, principal, wallet, &new.chain).await?;
    keys.on()
        .write_as(principal, (source, new), |tx, principal, (source, new)| {
            let wallet = source.wallet;
            if wallets::require(tx, &wallet)?.kind == WalletKind::User {
                return Err(Error::NamedKeyNotAllowed);
            }
            let address = issue_one(tx, principal, source)?;
            insert(tx, principal, wallet, new, address)
        })
        .await
}

/// Insert a key whose address is already issued.
pub(crate) fn insert(
    tx: &mut Tx,
    principal: &Principal,
    wallet: WalletId,
    new: &NewKey,
    KeyAddress { address, path, .. }: KeyAddress,
) -> Result<NamedKey> {
    let now = tx.now();
    let key = NamedKey {
        id: KeyId::new(now, tx.entropy()),
        wallet,
        name: new.name.clone(),
        chain: new.chain,
        address,
        path,
        metadata: new.metadata.clone(),
        version: 1,
        created: now,
        updated: now,
    };
    key.check_name(tx)?;
    let family = family(&key.chain)?;
    let row = table::NewNamedKey { key, family };
    let inserted = table::insert(tx, &row)?;
    let key = row.key;
    if !inserted {
        return Err(Error::NameTaken { name: key.name });
    }
    let fact = resource::fact(tx, "key.created", &key)?;
    tx.append(fact.actor(principal));
    Ok(key)
}

/// Change a key's name or metadata. Errors: `keys.unknown_key`, `keys.version_conflict`,
/// `keys.name_taken`, `keys.invalid_name`, `keys.invalid_metadata`.
pub async fn patch_key(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    name_or_id: &str,
    patch: Patch,
) -> Result<NamedKey> {
    patch.check()?;
    let args = (*wallet, name_or_id.to_owned(), patch);
    keys.on()
        .write_as(principal, args, |tx, principal, (wallet, path, patch)| {
            let mut key = NamedKey::require(tx, *wallet, path)?;
            patch.apply(key.version, &mut key.name, &mut key.metadata)?;
            resource::change(tx, principal, "key.changed", key)
        })
        .await
}

/// A key of a wallet by its name or id. Error: `keys.unknown_key`.
pub async fn named_key(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    name_or_id: &str,
) -> Result<NamedKey> {
    resource::get(keys.db(), principal, *wallet, name_or_id).await
}

/// The keys of a wallet, ordered by id; the cursor of a page is its last id. Error:
/// `keys.unknown_wallet`.
pub async fn named_keys(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    page: &Page,
) -> Result<Vec<NamedKey>> {
    keys.db()
        .read_with(
            &principal.namespace,
            (*wallet, page.clone()),
            |tx, (wallet, page)| {
                wallets::require(tx, wallet)?;
                Ok(NamedKey::list(tx, *wallet, page)?)
            },
        )
        .await
}
