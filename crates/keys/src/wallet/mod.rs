//! Wallets: create, import, change, read.

pub(crate) mod shape;

pub use shape::{Branch, NewSecret, NewWallet, Origin, Patch, Wallet, WalletKind};

use crate::address::address_of;
use crate::blocking::blocking;
use crate::hd::{Path, Phrase, node_public};
use crate::path::family;
use crate::secret::{Secret, fingerprint};
use crate::table::{address, wallet as table};
use crate::wallet::shape::check_metadata;
use crate::{Error, KeyAddress, Keys, NewKey, Result, freeze, named};
use store::Tx;
use store::named::{self as resource, Named as _};
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
    check_metadata(&new.metadata)?;
    let prepared = prepare(keys, principal, new).await?;
    keys.on().write_as(principal, prepared, insert).await
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
    wallet.check_name(tx)?;
    if !table::insert(tx, row)? {
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
    let fact = resource::fact(tx, kind, wallet)?;
    tx.append(fact.actor(principal));
    if let Some((chain, address)) = &prepared.single {
        insert_single(tx, principal, wallet, chain, address)?;
    }
    Ok(wallet.clone())
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
    name_or_id: &str,
    patch: Patch,
) -> Result<Wallet> {
    patch.check()?;
    let args = (name_or_id.to_owned(), patch);
    keys.on()
        .write_as(principal, args, |tx, principal, (path, patch)| {
            let mut wallet = Wallet::require(tx, (), path)?;
            patch.apply(wallet.version, &mut wallet.name, &mut wallet.metadata)?;
            resource::change(tx, principal, "wallet.changed", wallet)
        })
        .await
}

/// A wallet by its name or id. Error: `keys.unknown_wallet`.
pub async fn wallet(keys: &Keys, principal: &Principal, name_or_id: &str) -> Result<Wallet> {
    resource::get(keys.db(), principal, (), name_or_id).await
}

/// The wallets of the namespace, ordered by id; the cursor of a page is its last id.
pub async fn wallets(keys: &Keys, principal: &Principal, page: &Page) -> Result<Vec<Wallet>> {
    resource::list(keys.db(), principal, (), page).await
}

/// The branches of a wallet. Error: `keys.unknown_wallet`.
pub async fn branches(keys: &Keys, principal: &Principal, id: &WalletId) -> Result<Vec<Branch>> {
    keys.db()
        .read_with(&principal.namespace, *id, |tx, id| {
            table::require(tx, id)?;
            let rows = table::branches(tx, id)?;
            Ok(rows.into_iter().map(|row| row.branch).collect())
        })
        .await
}
