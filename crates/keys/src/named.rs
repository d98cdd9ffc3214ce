//! Keys with a name: the organisation's own, in wallets of kind org.

use crate::address::{hand_out_one, source};
use crate::settings::family;
use crate::table::named as table;
use crate::wallet::{check_metadata, check_name, found};
use crate::{Error, Keys, Patch, Result, WalletKind};
use serde::Serialize;
use store::{Fact, Tx};
use types::{ChainId, Json, KeyId, Page, Principal, Time, WalletId};

/// A key with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedKey {
    /// Its id.
    pub id: KeyId,
    /// Its wallet.
    pub wallet: WalletId,
    /// Its name, unique in the wallet.
    pub name: String,
    /// The chain it was made for. It signs for the same account on every chain of the family.
    pub chain: ChainId,
    /// Its account.
    pub address: String,
    /// Its path in the wallet; `m` for an imported single key.
    pub path: String,
    /// What its users keep with it: a JSON object.
    pub metadata: Json,
    /// Raised with each change.
    pub version: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
}

/// A key that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name.
    pub name: String,
    /// A chain that it is for.
    pub chain: ChainId,
    /// A JSON object.
    pub metadata: Json,
}

/// Make a key with a name: the next of the wallet's.
///
/// Errors: `keys.name`, `keys.name_taken`, `keys.metadata`, `keys.wallet_unknown`,
/// `keys.user_wallet`, `keys.single_key`, `keys.exhausted`.
pub async fn create_key(
    keys: &Keys,
    who: &Principal,
    wallet: &WalletId,
    new: NewKey,
) -> Result<NamedKey> {
    check_name(&new.name)?;
    check_metadata(&new.metadata)?;
    let source = source(keys, who, wallet, &new.chain).await?;
    let (who, wallet) = (who.clone(), *wallet);
    keys.write(&who.namespace.clone(), move |tx| {
        if found(tx, &wallet)?.kind == WalletKind::User {
            return Err(Error::UserWallet);
        }
        if table::is_taken(tx, &wallet, &new.name)? {
            return Err(Error::NameTaken {
                name: new.name.clone(),
            });
        }
        let address = hand_out_one(tx, &who, &source)?;
        insert(tx, &who, wallet, &new, &address.address, address.path)
    })
    .await
}

/// Write a key whose address is handed out.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
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
    let key = found_key(tx, &id)?;
    tx.append(
        Fact::new("key.created", 1)
            .about(&id, key.version)
            .by(who)
            .says(&key),
    );
    Ok(key)
}

/// Change a key's name or metadata. Errors: `keys.key_unknown`, `keys.stale`, `keys.name_taken`,
/// `keys.name`, `keys.metadata`.
pub async fn patch_key(keys: &Keys, who: &Principal, id: &KeyId, patch: Patch) -> Result<NamedKey> {
    patch.check()?;
    let (who, id) = (who.clone(), *id);
    keys.write(&who.namespace.clone(), move |tx| {
        let key = found_key(tx, &id)?;
        patch.fits(key.version)?;
        let name = patch.name.as_ref().unwrap_or(&key.name);
        let metadata = patch.metadata.as_ref().unwrap_or(&key.metadata);
        if *name != key.name && table::is_taken(tx, &key.wallet, name)? {
            return Err(Error::NameTaken { name: name.clone() });
        }
        if !table::change(tx, &id, key.version.cast_signed(), name, metadata)? {
            return Err(Error::Stale {
                expected: key.version,
                found: found_key(tx, &id)?.version,
            });
        }
        let key = found_key(tx, &id)?;
        tx.append(
            Fact::new("key.changed", 1)
                .about(&id, key.version)
                .by(&who)
                .says(&key),
        );
        Ok(key)
    })
    .await
}

/// A key. Error: `keys.key_unknown`.
pub async fn key(keys: &Keys, who: &Principal, id: &KeyId) -> Result<NamedKey> {
    let id = *id;
    keys.db()
        .read(&who.namespace, move |tx| found_key(tx, &id))
        .await
}

/// A key by its wallet and name. Error: `keys.key_unknown`.
pub async fn key_named(
    keys: &Keys,
    who: &Principal,
    wallet: &WalletId,
    name: &str,
) -> Result<NamedKey> {
    let (wallet, name) = (*wallet, name.to_owned());
    keys.db()
        .read(&who.namespace, move |tx| {
            let row = table::named(tx, &wallet, &name)?;
            row.map(NamedKey::from)
                .ok_or_else(|| Error::KeyUnknown { key: name.clone() })
        })
        .await
}

/// The keys of a wallet, in the order of ids; the cursor of a page is its last id. Error:
/// `keys.wallet_unknown`.
pub async fn named_keys(
    keys: &Keys,
    who: &Principal,
    wallet: &WalletId,
    page: &Page,
) -> Result<Vec<NamedKey>> {
    let (wallet, page) = (*wallet, page.clone());
    keys.db()
        .read(&who.namespace, move |tx| {
            found(tx, &wallet)?;
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

fn found_key(tx: &mut Tx<'_, '_>, id: &KeyId) -> Result<NamedKey> {
    table::get(tx, id)?
        .map(NamedKey::from)
        .ok_or_else(|| Error::KeyUnknown {
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
