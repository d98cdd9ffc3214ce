//! Addresses, issued in order from public nodes: thousands per call, without reading any secret.

use crate::blocking::{blocking, map_parallel};
use crate::hd::{HARDENED, Path, PublicNode};
use crate::path::family;
use crate::secret::Signer;
use crate::table::{address as table, wallet as wallets};
use crate::wallet::shape::{Branch, Origin};
use crate::{Error, Keys, Result, Settings};
use serde::Serialize;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use store::{Fact, Tx};
use types::{ChainId, Principal, WalletId};
use utoipa::ToSchema;

/// The largest number of addresses per call: about 0.2 s of one processor.
pub const MAX_ADDRESSES: u32 = 10_000;
/// How many addresses are derived inside a transaction, where they delay its whole group commit:
/// about a millisecond.
const DERIVED_INSIDE: u32 = 64;
/// How many times a large request retries after other requests have taken its indices.
const ATTEMPTS: u32 = 16;
/// How many times a request replaces addresses that already exist, which only happens for keys
/// imported singly from the same tree.
const ROUNDS: u32 = 8;

/// An address that a wallet issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Address)]
pub struct KeyAddress {
    /// The index of the address in the wallet's branch for the chain.
    pub index: u32,
    // In the canonical form of the chain.
    pub address: String,
    /// The BIP-32 path of the key.
    pub path: String,
}

/// The branch from which addresses are issued.
pub(crate) struct Source {
    pub(crate) wallet: WalletId,
    pub(crate) chain: ChainId,
    pub(crate) path: Path,
    node: PublicNode,
    next: u32,
}

/// Addresses derived before the transaction, starting at an index.
#[derive(Default)]
struct Derived {
    first: u32,
    addresses: Vec<Option<String>>,
}

/// Why issuing did not complete.
enum IssueError {
    /// Other requests took indices meanwhile; retry from this one.
    Overtaken(u32),
    Failed(Error),
}

/// Issue the next addresses of a wallet on a chain. Each address is issued once, also across
/// crashes; concurrent callers get different ones. Chains of the same family share their addresses.
///
/// Errors: `keys.limit_exceeded` (1 to [`MAX_ADDRESSES`] per call), `keys.unknown_wallet`,
/// `keys.not_hierarchical`, `keys.exhausted`.
pub async fn addresses(
    keys: &Keys,
    principal: &Principal,
    wallet: &WalletId,
    chain: &ChainId,
    count: u32,
) -> Result<Vec<KeyAddress>> {
    if !(1..=MAX_ADDRESSES).contains(&count) {
        return Err(Error::LimitExceeded {
            what: "addresses",
            limit: MAX_ADDRESSES as usize,
        });
    }
    let source = Arc::new(source(keys, principal, wallet, chain).await?);
    // Large requests run one at a time: in parallel they would only invalidate each other's
    // indices, and each uses all processors by itself.
    let _large = if count > DERIVED_INSIDE {
        Some(keys.large_issue_lock().lock().await)
    } else {
        None
    };
    let mut derived_ahead = Arc::new(Derived {
        first: source.next,
        addresses: Vec::new(),
    });
    let mut first = source.next;
    for _ in 0..ATTEMPTS {
        derived_ahead = Arc::new(derive(&source, &derived_ahead, first, count).await?);
        let args = (source.clone(), derived_ahead.clone());
        let written =
            keys.on()
                .write_as(principal, args, move |tx, principal, (source, derived)| {
                    source.issue(tx, principal, derived, count)
                });
        match written.await {
            Ok(list) => return Ok(list),
            Err(IssueError::Overtaken(next)) => first = next,
            Err(IssueError::Failed(error)) => return Err(error),
        }
    }
    Err(store::Error::Contended { attempts: ATTEMPTS }.into())
}

/// The branch from which a wallet issues addresses of a chain. Derived from the secret if the
/// wallet does not have it yet.
pub(crate) async fn source(
    keys: &Keys,
    principal: &Principal,
    id: &WalletId,
    chain: &ChainId,
) -> Result<Source> {
    if let Some(source) = stored_source(keys, principal, id, chain).await? {
        return Ok(source);
    }
    add_branch(keys, principal, *id, *chain).await?;
    stored_source(keys, principal, id, chain)
        .await?
        .ok_or_else(|| Error::UnknownWallet {
            wallet: id.to_string(),
        })
}

async fn stored_source(
    keys: &Keys,
    principal: &Principal,
    id: &WalletId,
    chain: &ChainId,
) -> Result<Option<Source>> {
    let args = (keys.settings().clone(), *id, *chain);
    keys.db()
        .read_with(&principal.namespace, args, |tx, (settings, id, chain)| {
            let path = path(tx, settings, id, chain)?;
            let stored = wallets::branch(tx, id, &path.to_string())?;
            let source = |row: wallets::WalletBranch| Source::new(*id, *chain, path, &row.branch);
            stored.map(source).transpose()
        })
        .await
}

/// The derivation path of a wallet's branch for a chain.
fn path(tx: &mut Tx, settings: &Settings, id: &WalletId, chain: &ChainId) -> Result<Path> {
    let wallet = wallets::require(tx, id)?;
    if wallet.origin == Origin::PrivateKey {
        return Err(Error::NotHierarchical);
    }
    settings.path(chain, wallet.account)
}

async fn add_branch(
    keys: &Keys,
    principal: &Principal,
    id: WalletId,
    chain: ChainId,
) -> Result<()> {
    let settings = keys.settings().clone();
    let read = keys
        .db()
        .read_with(&principal.namespace, settings, move |tx, settings| {
            let path = path(tx, settings, &id, &chain)?.to_string();
            Ok::<_, Error>((path, wallets::secret(tx, &id)?))
        });
    let (path, encrypted) = read.await?;
    let (engine, namespace) = (keys.clone(), principal.namespace);
    let branch = blocking(move || {
        let secret = engine
            .wallet_secrets()
            .decrypt(&namespace, &id, &encrypted)?;
        match secret.signer(&path)? {
            Signer::Branch(node) => Ok(wallets::WalletBranch::new(
                id,
                path,
                node.neuter().to_xpub(),
            )),
            Signer::Single(_) => Err(Error::NotHierarchical),
        }
    });
    keys.on()
        .write_as(principal, [branch.await?], |tx, _, branches| {
            wallets::insert_branches(tx, branches)
        })
        .await
}

impl Source {
    fn new(wallet: WalletId, chain: ChainId, path: Path, branch: &Branch) -> Result<Self> {
        let broken = store::Error::UnexpectedValue {
            column: "xpub",
            found: "an unreadable text",
            expected: "a public node",
        };
        let node = PublicNode::from_xpub(&branch.xpub).ok_or(broken)?;
        Ok(Self {
            wallet,
            chain,
            path,
            node,
            next: u32::try_from(branch.issued).unwrap_or(HARDENED),
        })
    }

    /// The address at an index; `None` for the one index in 2^127 that has none.
    fn address(&self, index: u32) -> Option<String> {
        address_of(&self.chain, self.node.child_key(index)?).ok()
    }

    /// The addresses from an index on: those already derived, and the rest derived now.
    fn range(
        &self,
        first: u32,
        count: u32,
        derived_ahead: &Derived,
    ) -> std::result::Result<Vec<Option<String>>, IssueError> {
        let derived = |index: u32| {
            derived_ahead
                .addresses
                .get(usize::try_from(index.checked_sub(derived_ahead.first)?).ok()?)
        };
        let indices = first..first + count;
        let missing = indices
            .clone()
            .filter(|index| derived(*index).is_none())
            .count();
        if missing > DERIVED_INSIDE as usize {
            return Err(IssueError::Overtaken(first));
        }
        Ok(indices
            .map(|index| {
                derived(index)
                    .cloned()
                    .unwrap_or_else(|| self.address(index))
            })
            .collect())
    }

    /// Take the next indices and write their addresses. Indices whose address already exists are
    /// skipped and replaced by further ones.
    fn issue(
        &self,
        tx: &mut Tx,
        principal: &Principal,
        derived_ahead: &Derived,
        count: u32,
    ) -> std::result::Result<Vec<KeyAddress>, IssueError> {
        let mut list = Vec::with_capacity(count as usize);
        for _ in 0..ROUNDS {
            let missing = count - u32::try_from(list.len()).unwrap_or(count);
            if missing == 0 {
                return Ok(list);
            }
            list.extend(self.issue_batch(tx, principal, derived_ahead, missing)?);
        }
        Err(IssueError::Failed(
            store::Error::Contended { attempts: ROUNDS }.into(),
        ))
    }

    /// Take the next indices once. Returns the addresses that are new.
    fn issue_batch(
        &self,
        tx: &mut Tx,
        principal: &Principal,
        derived_ahead: &Derived,
        count: u32,
    ) -> std::result::Result<Vec<KeyAddress>, IssueError> {
        let path = self.path.to_string();
        let end = wallets::reserve(tx, &self.wallet, &path, count, HARDENED)?;
        let end = end.ok_or_else(|| Error::Exhausted { path: path.clone() })?;
        let first = end - count;
        let addresses = self.range(first, count, derived_ahead)?;
        let derived = (first..end)
            .zip(&addresses)
            .filter_map(|(index, address)| Some((index, address.as_deref()?)));
        let family = family(&self.chain)?;
        let rows: Vec<_> = derived
            .map(|(position, address)| table::IssuedAddress {
                family,
                address,
                wallet: self.wallet,
                path: &path,
                position,
            })
            .collect();
        let fresh: HashSet<u32> = table::insert(tx, &rows)?.into_iter().collect();
        let fact = json!({ "wallet": self.wallet, "chain": self.chain, "path": path, "first": first, "count": count });
        tx.append(
            Fact::new("wallet.addresses_issued", 1)
                .subject(&format!("{}/{path}", self.wallet), u64::from(end))
                .actor(principal)
                .payload(&fact),
        );
        let fresh = rows.iter().filter(|row| fresh.contains(&row.position));
        let key_address = |row: &table::IssuedAddress<'_>| KeyAddress {
            index: row.position,
            address: row.address.to_owned(),
            path: format!("{path}/{}", row.position),
        };
        Ok(fresh.map(key_address).collect())
    }
}

/// Derive addresses in parallel before the transaction, where there are too many for its inside.
/// Addresses of the previous attempt are kept.
async fn derive(
    source: &Arc<Source>,
    derived_ahead: &Derived,
    first: u32,
    count: u32,
) -> Result<Derived> {
    if count <= DERIVED_INSIDE {
        return Ok(Derived::default());
    }
    let offset = usize::try_from(first.saturating_sub(derived_ahead.first)).unwrap_or(usize::MAX);
    let mut addresses = derived_ahead
        .addresses
        .get(offset..)
        .unwrap_or_default()
        .to_vec();
    let start = first.saturating_add(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
    let indices = start..first.saturating_add(count).min(HARDENED);
    let source = source.clone();
    addresses.extend(map_parallel(indices.collect(), move |index| source.address(index)).await?);
    Ok(Derived { first, addresses })
}

/// The address of a public key on a chain.
pub(crate) fn address_of(chain: &ChainId, public: [u8; 33]) -> Result<String> {
    Ok(intent::address(chain, &intent::PublicKey(public))?)
}

/// Issue the next address, inside the caller's transaction.
pub(crate) fn issue_one(tx: &mut Tx, principal: &Principal, source: &Source) -> Result<KeyAddress> {
    match source.issue(tx, principal, &Derived::default(), 1) {
        Ok(mut list) => list.pop().ok_or(Error::Exhausted {
            path: source.path.to_string(),
        }),
        Err(IssueError::Failed(error)) => Err(error),
        Err(IssueError::Overtaken(_)) => unreachable!("a single address is always derived inside"),
    }
}

impl From<store::Error> for IssueError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for IssueError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
