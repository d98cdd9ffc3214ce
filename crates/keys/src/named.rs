//! Named keys: the organisation's own keys, in wallets of kind `org`.

use crate::address::{issue_one, source};
use crate::settings::family;
use crate::table::named as table;
use crate::wallet::{check_metadata, check_name, require_wallet};
use crate::{Error, Keys, Patch, Result, WalletKind};
use serde::Serialize;
use store::{Fact, Tx};
use types::{ChainId, Json, KeyId, Page, Principal, Time, WalletId};

/// A named key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedKey {
    pub id: KeyId,
    pub wallet: WalletId,
    /// The name, unique in the wallet.
    pub name: String,
    /// The chain it was created for. It signs for the same account on every chain of the family.
    pub chain: ChainId,
    pub address: String,
    /// The path in the wallet; `m` for an imported single key.
    pub path: String,
    /// Custom metadata: a JSON object.
    pub metadata: Json,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    pub updated_at: Time,
}

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
/// Errors: `keys.name`, `keys.name_taken`, `keys.metadata`, `keys.unknown_wallet`,
/// `keys.user_wallet`, `keys.single_key`, `keys.exhausted`.
pub async fn create_key(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    new: NewKey,
) -> Result<NamedKey> {
    check_name(&new.name)?;
    check_metadata(&new.metadata)?;
    let source = source(keys, principal, wallet, &new.chain).await?;
    let (principal, wallet) = (principal.clone(), *wallet);
    keys.write(&principal.namespace.clone(), move |tx| {
        if require_wallet(tx, &wallet)?.kind == WalletKind::User {
            return Err(Error::UserWallet);
        }
        if table::is_taken(tx, &wallet, &new.name)? {
            return Err(Error::NameTaken {
                name: new.name.clone(),
            });
        }
        let address = issue_one(tx, &principal, &source)?;
        insert(tx, &principal, wallet, &new, &address.address, address.path)
    })
    .await
}

/// Insert a key whose address is already issued.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    wallet: WalletId,
    new: &NewKey,
    address: &str,
    path: String,
) -> Result<NamedKey> {
    let now = tx.now();
    let id = KeyId::new(now, tx.entropy());
    let NewKey {
        name,
        chain,
        metadata,
    } = new;
    let row = table::New {
        id,
        wallet,
        name,
        chain,
        family: family(chain)?,
        address,
        path,
        metadata,
    };
    if !table::insert(tx, &row)? {
        return Err(Error::NameTaken { name: name.clone() });
    }
    let key = require_key(tx, &id)?;
    tx.append(
        Fact::new("key.created", 1)
            .subject(&id, key.version)
            .actor(principal)
            .payload(&key),
    );
    Ok(key)
}

/// Change a key's name or metadata. Errors: `keys.unknown_key`, `keys.version_conflict`,
/// `keys.name_taken`, `keys.name`, `keys.metadata`.
pub async fn patch_key(
    keys: &Keys,
    principal: &Principal,
    id: &KeyId,
    patch: Patch,
) -> Result<NamedKey> {
    patch.check()?;
    let (principal, id) = (principal.clone(), *id);
    keys.write(&principal.namespace.clone(), move |tx| {
        let key = require_key(tx, &id)?;
        patch.check_version(key.version)?;
        let name = patch.name.as_ref().unwrap_or(&key.name);
        let metadata = patch.metadata.as_ref().unwrap_or(&key.metadata);
        if *name != key.name && table::is_taken(tx, &key.wallet, name)? {
            return Err(Error::NameTaken { name: name.clone() });
        }
        if !table::change(tx, &id, key.version.cast_signed(), name, metadata)? {
            return Err(Error::VersionConflict {
                expected: key.version,
                found: require_key(tx, &id)?.version,
            });
        }
        let key = require_key(tx, &id)?;
        tx.append(
            Fact::new("key.changed", 1)
                .subject(&id, key.version)
                .actor(&principal)
                .payload(&key),
        );
        Ok(key)
    })
    .await
}

/// A key by its id. Error: `keys.unknown_key`.
pub async fn key(keys: &Keys, principal: &Principal, id: &KeyId) -> Result<NamedKey> {
    let id = *id;
    keys.db()
        .read(&principal.namespace, move |tx| require_key(tx, &id))
        .await
}

/// A key by its wallet and name. Error: `keys.unknown_key`.
pub async fn key_named(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    name: &str,
) -> Result<NamedKey> {
    let (wallet, name) = (*wallet, name.to_owned());
    keys.db()
        .read(&principal.namespace, move |tx| {
            let row = table::named(tx, &wallet, &name)?;
            row.map(NamedKey::from)
                .ok_or_else(|| Error::UnknownKey { key: name.clone() })
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
    let (wallet, page) = (*wallet, page.clone());
    keys.db()
        .read(&principal.namespace, move |tx| {
            require_wallet(tx, &wallet)?;
            let rows = table::page(
                tx,
                &wallet,
                page.after.as_deref().unwrap_or(""),
                page.limit,
                page.skip,
            )?;
            Ok(rows.into_iter().map(NamedKey::from).collect())
        })
        .await
}

fn require_key(tx: &mut Tx<'_, '_>, id: &KeyId) -> Result<NamedKey> {
    table::get(tx, id)?
        .map(NamedKey::from)
        .ok_or_else(|| Error::UnknownKey {
            key: id.to_string(),
        })
}

impl From<table::Row> for NamedKey {
    fn from(row: table::Row) -> Self {
        let (id, wallet, name, chain, address, path, metadata, version, created_at, updated_at) =
            row;
        let version = version.max(0).cast_unsigned();
        Self {
            id,
            wallet,
            name,
            chain,
            address,
            path,
            metadata,
            version,
            created_at,
            updated_at,
        }
    }
}
