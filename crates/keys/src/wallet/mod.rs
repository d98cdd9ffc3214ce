//! Wallets: create, import, change, read.

mod shape;

pub use shape::{Branch, NewSecret, NewWallet, Origin, Patch, Wallet, WalletKind};

use crate::backend::{EncryptedSecret, SOFTWARE};
use crate::hd::{Path, Phrase, node_public};
use crate::keys::blocking;
use crate::secret::{Secret, fingerprint};
use crate::settings::family;
use crate::table::{address, wallet as table};
use crate::{Error, Keys, NewKey, Result, freeze, named};
use store::{Fact, Tx};
use types::{ChainId, Json, Page, Principal, WalletId};

/// The largest size of metadata, in bytes.
const MAX_METADATA: usize = 65_536;
const MAX_NAME: usize = 128;
/// The largest account, because accounts are hardened child numbers.
const MAX_ACCOUNT: u32 = (1 << 31) - 1;

/// Create or import a wallet. The secret is encrypted before it is stored, and appears in no fact.
///
/// Errors: `keys.name`, `keys.name_taken`, `keys.metadata`, `keys.mnemonic`, `keys.private_key`,
/// `keys.wallet_exists`, `keys.address_taken`, `keys.path`.
pub async fn create_wallet(keys: &Keys, principal: &Principal, new: NewWallet) -> Result<Wallet> {
    check_name(&new.name)?;
    check_metadata(&new.metadata)?;
    let prepared = prepare(keys, principal, new).await?;
    let principal = principal.clone();
    keys.write(&principal.namespace.clone(), move |tx| {
        insert(tx, &principal, &prepared)
    })
    .await
}

/// Everything slow or secret, prepared before the transaction.
struct Prepared {
    row: table::New,
    branches: Vec<(WalletId, String, String, i64)>,
    single: Option<(ChainId, String)>,
}

async fn prepare(keys: &Keys, principal: &Principal, new: NewWallet) -> Result<Prepared> {
    if new.account > MAX_ACCOUNT {
        return Err(Error::Path {
            text: format!("account {}", new.account),
        });
    }
    let (keys, namespace) = (keys.clone(), principal.namespace);
    blocking(move || {
        let id = WalletId::new(keys.now(), keys.entropy());
        let (secret, source, chain) = into_secret(new.secret, &keys)?;
        let (public, branches) = public_branches(&keys, &id, &secret, new.account)?;
        let EncryptedSecret { bytes, version } =
            keys.software()
                .encrypt(&namespace, &id, &secret, keys.entropy())?;
        let single = chain
            .map(|chain| Ok::<_, Error>((chain, address_of(&chain, public)?)))
            .transpose()?;
        let row = table::New {
            id,
            name: new.name,
            kind: new.kind.stored(),
            source: source.stored(),
            backend: SOFTWARE,
            account: new.account,
            secret: bytes,
            secret_version: version,
            fingerprint: fingerprint(&public, new.account),
            metadata: new.metadata,
        };
        Ok(Prepared {
            row,
            branches,
            single,
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
#[allow(clippy::type_complexity)]
fn public_branches(
    keys: &Keys,
    id: &WalletId,
    secret: &Secret,
    account: u32,
) -> Result<([u8; 33], Vec<(WalletId, String, String, i64)>)> {
    let master = match secret {
        Secret::Key(key) => return Ok((node_public(key).ok_or(Error::PrivateKey)?, Vec::new())),
        Secret::Words(_) => secret.master()?.ok_or(Error::Mnemonic)?,
    };
    let branch = |path: Path| {
        let node = master.at(&path).ok_or_else(|| Error::Path {
            text: path.to_string(),
        })?;
        Ok((*id, path.to_string(), node.neuter().to_xpub(), 0))
    };
    let branches = keys
        .settings()
        .default_paths(account)?
        .into_iter()
        .map(branch)
        .collect::<Result<_>>()?;
    Ok((*master.public(), branches))
}

fn insert(tx: &mut Tx<'_, '_>, principal: &Principal, prepared: &Prepared) -> Result<Wallet> {
    let Prepared {
        row,
        branches,
        single,
    } = prepared;
    if let Some(wallet) = table::with_fingerprint(tx, &row.fingerprint)? {
        return Err(Error::WalletExists { wallet });
    }
    if table::named(tx, &row.name)?.is_some() || !table::insert(tx, row)? {
        return Err(Error::NameTaken {
            name: row.name.clone(),
        });
    }
    table::insert_branches(tx, branches)?;
    freeze::insert_guards(tx, &row.id)?;
    let wallet = require_wallet(tx, &row.id)?;
    tx.append(
        Fact::new(
            if wallet.origin == Origin::Generated {
                "wallet.created"
            } else {
                "wallet.imported"
            },
            1,
        )
        .subject(&wallet.id, wallet.version)
        .actor(principal)
        .payload(&wallet),
    );
    if let Some((chain, address)) = single {
        insert_single(tx, principal, &wallet, chain, address)?;
    }
    Ok(wallet)
}

/// Insert the only key of a single-key wallet.
fn insert_single(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    wallet: &Wallet,
    chain: &ChainId,
    address: &str,
) -> Result<()> {
    let rows = [(family(chain)?, address, wallet.id, "m", 0u32)];
    if address::insert(tx, &rows)?.is_empty() {
        return Err(Error::AddressTaken {
            address: address.to_owned(),
        });
    }
    let new = NewKey {
        name: wallet.name.clone(),
        chain: *chain,
        metadata: wallet.metadata.clone(),
    };
    named::insert(tx, principal, wallet.id, &new, address, "m".to_owned()).map(drop)
}

/// The address of a public key on a chain.
pub(crate) fn address_of(chain: &ChainId, public: [u8; 33]) -> Result<String> {
    Ok(intent::address(chain, &intent::PublicKey(public))?)
}

/// Change a wallet's name or metadata. Errors: `keys.unknown_wallet`, `keys.version_conflict`,
/// `keys.name_taken`, `keys.name`, `keys.metadata`.
pub async fn patch_wallet(
    keys: &Keys,
    principal: &Principal,
    id: &WalletId,
    patch: Patch,
) -> Result<Wallet> {
    patch.check()?;
    let (principal, id) = (principal.clone(), *id);
    keys.write(&principal.namespace.clone(), move |tx| {
        let wallet = require_wallet(tx, &id)?;
        patch.check_version(wallet.version)?;
        let name = patch.name.as_ref().unwrap_or(&wallet.name);
        let metadata = patch.metadata.as_ref().unwrap_or(&wallet.metadata);
        if table::named(tx, name)?.is_some_and(|other| other.0 != id) {
            return Err(Error::NameTaken { name: name.clone() });
        }
        if !table::change(tx, &id, wallet.version.cast_signed(), name, metadata)? {
            return Err(Error::VersionConflict {
                expected: wallet.version,
                found: require_wallet(tx, &id)?.version,
            });
        }
        let wallet = require_wallet(tx, &id)?;
        tx.append(
            Fact::new("wallet.changed", 1)
                .subject(&id, wallet.version)
                .actor(&principal)
                .payload(&wallet),
        );
        Ok(wallet)
    })
    .await
}

/// A wallet by its id. Error: `keys.unknown_wallet`.
pub async fn wallet(keys: &Keys, principal: &Principal, id: &WalletId) -> Result<Wallet> {
    let id = *id;
    keys.db()
        .read(&principal.namespace, move |tx| require_wallet(tx, &id))
        .await
}

/// A wallet by its name. Error: `keys.unknown_wallet`.
pub async fn wallet_named(keys: &Keys, principal: &Principal, name: &str) -> Result<Wallet> {
    let name = name.to_owned();
    keys.db()
        .read(&principal.namespace, move |tx| {
            let row = table::named(tx, &name)?;
            row.map(Wallet::from_row)
                .transpose()?
                .ok_or_else(|| Error::UnknownWallet {
                    wallet: name.clone(),
                })
        })
        .await
}

/// The wallets of the namespace, ordered by id; the cursor of a page is its last id.
pub async fn wallets(keys: &Keys, principal: &Principal, page: &Page) -> Result<Vec<Wallet>> {
    let page = page.clone();
    keys.db()
        .read(&principal.namespace, move |tx| {
            let rows = table::page(
                tx,
                page.after.as_deref().unwrap_or(""),
                page.limit,
                page.skip,
            )?;
            rows.into_iter().map(Wallet::from_row).collect()
        })
        .await
}

/// The branches of a wallet. Error: `keys.unknown_wallet`.
pub async fn branches(keys: &Keys, principal: &Principal, id: &WalletId) -> Result<Vec<Branch>> {
    let id = *id;
    keys.db()
        .read(&principal.namespace, move |tx| {
            require_wallet(tx, &id)?;
            let rows = table::branches(tx, &id)?;
            Ok(rows
                .into_iter()
                .map(|(path, xpub, next)| Branch {
                    path,
                    xpub,
                    issued: next.max(0).cast_unsigned(),
                })
                .collect())
        })
        .await
}

pub(crate) fn require_wallet(tx: &mut Tx<'_, '_>, id: &WalletId) -> Result<Wallet> {
    let row = table::get(tx, id)?.ok_or_else(|| Error::UnknownWallet {
        wallet: id.to_string(),
    })?;
    Wallet::from_row(row)
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let looks_like_an_id = ["wal:", "key:"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let plain =
        (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if plain && !looks_like_an_id && name.trim() == name {
        Ok(())
    } else {
        Err(Error::Name)
    }
}

pub(crate) fn check_metadata(metadata: &Json) -> Result<()> {
    let text = metadata.as_str();
    let valid = text.len() <= MAX_METADATA && text.starts_with('{') && !text.contains("\\u0000");
    if valid {
        Ok(())
    } else {
        Err(Error::Metadata {
            limit: MAX_METADATA,
        })
    }
}
