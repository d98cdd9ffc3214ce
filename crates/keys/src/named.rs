//! Named keys: the organization's own keys, in wallets of kind `org`.

use crate::address::{issue_one, source};
use crate::settings::family;
use crate::table::named::{self as table, NamedKey};
use crate::table::wallet as wallets;
use crate::wallet::shape::{Patch, WalletKind, check_metadata, check_name};
use crate::{Error, KeyAddress, Keys, Result};
use store::{Fact, Tx};
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
    check_name(&new.name)?;
    check_metadata(&new.metadata)?;
    let source = source(keys, principal, wallet, &new.chain).await?;
    keys.write(principal, (source, new), |tx, principal, (source, new)| {
        let wallet = source.wallet;
        if wallets::require(tx, &wallet)?.kind == WalletKind::User {
            return Err(Error::NamedKeyNotAllowed);
        }
        if table::is_taken(tx, &wallet, &new.name)? {
            return Err(Error::NameTaken {
                name: new.name.clone(),
            });
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
    let family = family(&key.chain)?;
    let row = table::NewNamedKey { key, family };
    let inserted = table::insert(tx, &row)?;
    let key = row.key;
    if !inserted {
        return Err(Error::NameTaken { name: key.name });
    }
    append(tx, "key.created", principal, &key);
    Ok(key)
}

fn append(tx: &mut Tx, kind: &'static str, principal: &Principal, key: &NamedKey) {
    let fact = Fact::new(kind, 1).subject(&key.id, key.version);
    tx.append(fact.actor(principal).payload(key));
}

/// Change a key's name or metadata. Errors: `keys.unknown_key`, `keys.version_conflict`,
/// `keys.name_taken`, `keys.invalid_name`, `keys.invalid_metadata`.
pub async fn patch_key(
    keys: &Keys,
    principal: &Principal,
    id: &KeyId,
    patch: Patch,
) -> Result<NamedKey> {
    patch.check()?;
    keys.write(principal, (*id, patch), |tx, principal, (id, patch)| {
        let mut key = require_key(tx, id)?;
        patch.check_version(key.version)?;
        if let Some(name) = &patch.name
            && *name != key.name
            && table::is_taken(tx, &key.wallet, name)?
        {
            return Err(Error::NameTaken { name: name.clone() });
        }
        patch.apply(&mut key.name, &mut key.metadata);
        key.updated = tx.now();
        if !table::update(tx, &key)? {
            return Err(Error::VersionConflict {
                expected: key.version,
                found: require_key(tx, id)?.version,
            });
        }
        key.version += 1;
        append(tx, "key.changed", principal, &key);
        Ok(key)
    })
    .await
}

/// A key by its id. Error: `keys.unknown_key`.
pub async fn key(keys: &Keys, principal: &Principal, id: &KeyId) -> Result<NamedKey> {
    keys.read(principal, *id, require_key).await
}

/// A key by its wallet and name. Error: `keys.unknown_key`.
pub async fn key_named(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    name: &str,
) -> Result<NamedKey> {
    let args = (*wallet, name.to_owned());
    keys.read(principal, args, |tx, (wallet, name)| {
        table::named(tx, wallet, name)?.ok_or_else(|| Error::UnknownKey { key: name.clone() })
    })
    .await
}

/// The keys of a wallet, ordered by id; the cursor of a page is its last id. Error:
/// `keys.unknown_wallet`.
pub async fn named_keys(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    page: &Page,
) -> Result<Vec<NamedKey>> {
    keys.read(principal, (*wallet, page.clone()), |tx, (wallet, page)| {
        wallets::require(tx, wallet)?;
        table::page(tx, wallet, page)
    })
    .await
}

fn require_key(tx: &mut Tx, id: &KeyId) -> Result<NamedKey> {
    table::get(tx, id)?.ok_or_else(|| Error::UnknownKey {
        key: id.to_string(),
    })
}
