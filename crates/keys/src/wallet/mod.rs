//! Wallets: create, import, change, read.

pub(crate) mod shape;

pub use shape::{Branch, NewSecret, NewWallet, Origin, Patch, Wallet, WalletKind};

use crate::address::address_of;
use crate::blocking::blocking;
use crate::hd::{Path, Phrase, node_public};
use crate::secret::{Secret, fingerprint};
use crate::settings::family;
use crate::table::{address, wallet as table};
use crate::wallet::shape::{check_metadata, check_name};
use crate::{Error, KeyAddress, Keys, NewKey, Result, freeze, named};
use store::{Fact, Tx};
use types::{ChainId, Page, Principal, WalletId};

/// The largest account, because accounts are hardened child numbers.
const MAX_ACCOUNT: u32 = (1 << 31) - 1;

/// Create or import a wallet. The secret is encrypted before it is stored, and appears in no fact.
///
/// Errors: `keys.invalid_name`, `keys.name_taken`, `keys.invalid_metadata`,
/// `keys.invalid_mnemonic`, `keys.invalid_private_key`, `keys.wallet_exists`, `keys.address_taken`,
/// `keys.invalid_path`, `keys.unknown_backend`.
pub async fn create_wallet(keys: &Keys, principal: &Principal, new: NewWallet) -> Result<Wallet> {
    keys.backend(&new.backend)?;
    check_name(&new.name)?;
    check_metadata(&new.metadata)?;
    let prepared = prepare(keys, principal, new).await?;
    keys.write(principal, prepared, insert).await
}

/// Everything slow or secret, prepared before the transaction.
struct Prepared {
    row: table::StoredWallet,
    branches: Vec<table::WalletBranch>,
    /// The chain and the address of a single key.
    single: Option<(ChainId, String)>,
}

async fn prepare(keys: &Keys, principal: &Principal, new: NewWallet) -> Result<Prepared> {
    if new.account > MAX_ACCOUNT {
        return Err(Error::InvalidPath {
            text: format!("account {}", new.account),
        });
    }
    let (keys, namespace) = (keys.clone(), principal.namespace);
    blocking(move || {
        let id = WalletId::new(keys.now(), keys.entropy());
        let (secret, origin, chain) = into_secret(new.secret, &keys)?;
        let (public, branches) = public_branches(&keys, &id, &secret, new.account)?;
        let encrypted = keys
            .wallet_secrets()
            .encrypt(&namespace, &id, &secret, keys.entropy())?;
        let single = chain.map(|chain| Ok::<_, Error>((chain, address_of(&chain, public)?)));
        let now = keys.now();
        let wallet = Wallet {
            id,
            name: new.name,
            kind: new.kind,
            origin,
            backend: new.backend,
            account: new.account,
            metadata: new.metadata,
            version: 1,
            created: now,
            updated: now,
        };
        let row = table::StoredWallet {
            wallet,
            secret: encrypted,
            fingerprint: fingerprint(&public, new.account),
        };
        Ok(Prepared {
            row,
            branches,
            single: single.transpose()?,
        })
    })
    .await
}

fn into_secret(new: NewSecret, keys: &Keys) -> Result<(Secret, Origin, Option<ChainId>)> {
    match new {
        NewSecret::Generated => Ok((
            Secret::Words(Phrase::generate(keys.entropy())?),
            Origin::Generated,
            None,
        )),
        NewSecret::Mnemonic { words, passphrase } => Ok((
            Secret::Words(Phrase::parse(&words, &passphrase)?),
            Origin::Mnemonic,
            None,
        )),
        NewSecret::PrivateKey { key, chain } => {
            Ok((Secret::key(key)?, Origin::PrivateKey, Some(chain)))
        }
    }
}

/// The public key of the root, and the branches from which addresses are issued.
fn public_branches(
    keys: &Keys,
    id: &WalletId,
    secret: &Secret,
    account: u32,
) -> Result<([u8; 33], Vec<table::WalletBranch>)> {
    let master = match secret {
        Secret::Key(key) => {
            return Ok((
                node_public(key).ok_or(Error::InvalidPrivateKey)?,
                Vec::new(),
            ));
        }
        Secret::Words(_) => secret.master()?.ok_or(Error::InvalidMnemonic)?,
    };
    let branch = |path: Path| {
        let node = master.at(&path).ok_or_else(|| Error::InvalidPath {
            text: path.to_string(),
        })?;
        Ok(table::WalletBranch::new(
            *id,
            path.to_string(),
            node.neuter().to_xpub(),
        ))
    };
    let paths = keys.settings().default_paths(account)?;
    let branches = paths.into_iter().map(branch).collect::<Result<_>>()?;
    Ok((*master.public(), branches))
}

fn insert(tx: &mut Tx, principal: &Principal, prepared: &Prepared) -> Result<Wallet> {
    let row = &prepared.row;
    let wallet = &row.wallet;
    if let Some(wallet) = table::with_fingerprint(tx, &row.fingerprint)? {
        return Err(Error::WalletExists { wallet });
    }
    if table::named(tx, &wallet.name)?.is_some() || !table::insert(tx, row)? {
        return Err(Error::NameTaken {
            name: wallet.name.clone(),
        });
    }
    table::insert_branches(tx, &prepared.branches)?;
    freeze::insert_guards(tx, &wallet.id)?;
    let kind = match wallet.origin {
        Origin::Generated => "wallet.created",
        Origin::Mnemonic | Origin::PrivateKey => "wallet.imported",
    };
    append(tx, kind, principal, wallet);
    if let Some((chain, address)) = &prepared.single {
        insert_single(tx, principal, wallet, chain, address)?;
    }
    Ok(wallet.clone())
}

fn append(tx: &mut Tx, kind: &'static str, principal: &Principal, wallet: &Wallet) {
    let fact = Fact::new(kind, 1).subject(&wallet.id, wallet.version);
    tx.append(fact.actor(principal).payload(wallet));
}

/// Insert the only key of a single-key wallet.
fn insert_single(
    tx: &mut Tx,
    principal: &Principal,
    wallet: &Wallet,
    chain: &ChainId,
    address: &str,
) -> Result<()> {
    let issued = address::IssuedAddress {
        family: family(chain)?,
        address,
        wallet: wallet.id,
        path: "m",
        position: 0,
    };
    if address::insert(tx, &[issued])?.is_empty() {
        return Err(Error::AddressTaken {
            address: address.to_owned(),
        });
    }
    let new = NewKey {
        name: wallet.name.clone(),
        chain: *chain,
        metadata: wallet.metadata.clone(),
    };
    let address = KeyAddress {
        index: 0,
        address: address.to_owned(),
        path: "m".to_owned(),
    };
    named::insert(tx, principal, wallet.id, &new, address).map(drop)
}

/// Change a wallet's name or metadata. Errors: `keys.unknown_wallet`, `keys.version_conflict`,
/// `keys.name_taken`, `keys.invalid_name`, `keys.invalid_metadata`.
pub async fn patch_wallet(
    keys: &Keys,
    principal: &Principal,
    id: &WalletId,
    patch: Patch,
) -> Result<Wallet> {
    patch.check()?;
    keys.write(principal, (*id, patch), |tx, principal, (id, patch)| {
        let mut wallet = table::require(tx, id)?;
        patch.check_version(wallet.version)?;
        patch.apply(&mut wallet.name, &mut wallet.metadata);
        if table::named(tx, &wallet.name)?.is_some_and(|other| other.id != *id) {
            return Err(Error::NameTaken { name: wallet.name });
        }
        wallet.updated = tx.now();
        if !table::update(tx, &wallet)? {
            return Err(Error::VersionConflict {
                expected: wallet.version,
                found: table::require(tx, id)?.version,
            });
        }
        wallet.version += 1;
        append(tx, "wallet.changed", principal, &wallet);
        Ok(wallet)
    })
    .await
}

/// A wallet by its id. Error: `keys.unknown_wallet`.
pub async fn wallet(keys: &Keys, principal: &Principal, id: &WalletId) -> Result<Wallet> {
    keys.read(principal, *id, table::require).await
}

/// A wallet by its name. Error: `keys.unknown_wallet`.
pub async fn wallet_named(keys: &Keys, principal: &Principal, name: &str) -> Result<Wallet> {
    keys.read(principal, name.to_owned(), |tx, name| {
        table::named(tx, name)?.ok_or_else(|| Error::UnknownWallet {
            wallet: name.clone(),
        })
    })
    .await
}

/// The wallets of the namespace, ordered by id; the cursor of a page is its last id.
pub async fn wallets(keys: &Keys, principal: &Principal, page: &Page) -> Result<Vec<Wallet>> {
    keys.read(principal, page.clone(), table::page).await
}

/// The branches of a wallet. Error: `keys.unknown_wallet`.
pub async fn branches(keys: &Keys, principal: &Principal, id: &WalletId) -> Result<Vec<Branch>> {
    keys.read(principal, *id, |tx, id| {
        table::require(tx, id)?;
        let rows = table::branches(tx, id)?;
        Ok(rows.into_iter().map(|row| row.branch).collect())
    })
    .await
}
