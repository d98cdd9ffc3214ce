//! Addresses handed out in order from public nodes: by the thousand, without a look at any secret.

use crate::backend::Sealed;
use crate::hd::{HARDENED, Path, PublicNode};
use crate::keys::{blocking, spread};
use crate::secret::Signer;
use crate::settings::family;
use crate::table::{address as table, wallet as wallets};
use crate::wallet::{Origin, address_of, found};
use crate::{Error, Keys, Result, Settings};
use serde::Serialize;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use store::{Fact, Tx};
use types::{ChainId, Principal, WalletId};

/// The most addresses at a time: a fifth of a second of one processor.
pub const MAX_ADDRESSES: u32 = 10_000;
/// As many are derived inside a transaction, where they hold up its group; about a millisecond.
const DERIVED_INSIDE: u32 = 64;
/// How often a large hand-out may be overtaken by others.
const ATTEMPTS: u32 = 16;
/// How often addresses may turn out to be somebody's already, which takes keys that were imported
/// singly from the same tree.
const ROUNDS: u32 = 8;

/// An address that was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyAddress {
    /// Its number in the wallet's branch for the chain.
    pub index: u32,
    /// The address, in the chain's canonical form.
    pub address: String,
    /// The path of its key.
    pub path: String,
}

/// Where addresses come from.
pub(crate) struct Source {
    pub(crate) wallet: WalletId,
    pub(crate) chain: ChainId,
    pub(crate) path: Path,
    node: PublicNode,
    next: u32,
}

/// Addresses derived ahead, from a number on.
#[derive(Default)]
struct Ready {
    first: u32,
    addresses: Vec<Option<String>>,
}

/// Why a hand-out did not come about.
enum Setback {
    /// Others took numbers meanwhile; go on from this one.
    Overtaken(u32),
    Failed(Error),
}

/// Hand out the next addresses of a wallet on a chain. Each is handed out once, whatever happens in
/// between; concurrent callers get different ones. The chains of a family share their addresses.
///
/// Errors: `keys.limit` (1 to [`MAX_ADDRESSES`] at a time), `keys.wallet_unknown`,
/// `keys.single_key`, `keys.exhausted`.
pub async fn addresses(
    keys: &Keys,
    who: &Principal,
    wallet: &WalletId,
    chain: &ChainId,
    count: u32,
) -> Result<Vec<KeyAddress>> {
    if !(1..=MAX_ADDRESSES).contains(&count) {
        return Err(Error::Limit {
            what: "addresses",
            limit: MAX_ADDRESSES as usize,
        });
    }
    let source = Arc::new(source(keys, who, wallet, chain).await?);
    // Large hand-outs take turns: together they would only overtake each other, and each keeps all
    // processors busy by itself.
    let _turn = if count > DERIVED_INSIDE {
        Some(keys.large_hand_outs().lock().await)
    } else {
        None
    };
    let mut ready = Arc::new(Ready {
        first: source.next,
        addresses: Vec::new(),
    });
    let mut first = source.next;
    for _ in 0..ATTEMPTS {
        ready = Arc::new(derive(&source, &ready, first, count).await?);
        let (source, actor, at_hand) = (source.clone(), who.clone(), ready.clone());
        let write = move |tx: &mut Tx<'_, '_>| hand_out(tx, &actor, &source, &at_hand, count);
        match keys.write(&who.namespace, write).await {
            Ok(list) => return Ok(list),
            Err(Setback::Overtaken(next)) => first = next,
            Err(Setback::Failed(error)) => return Err(error),
        }
    }
    Err(store::Error::Contended { attempts: ATTEMPTS }.into())
}

/// The branch from which a wallet hands out addresses of a chain. Made from the secret if the
/// wallet has never had it.
pub(crate) async fn source(
    keys: &Keys,
    who: &Principal,
    id: &WalletId,
    chain: &ChainId,
) -> Result<Source> {
    if let Some(source) = stored_source(keys, who, id, chain).await? {
        return Ok(source);
    }
    add_branch(keys, who, *id, chain.clone()).await?;
    stored_source(keys, who, id, chain)
        .await?
        .ok_or_else(|| Error::WalletUnknown {
            wallet: id.to_string(),
        })
}

async fn stored_source(
    keys: &Keys,
    who: &Principal,
    id: &WalletId,
    chain: &ChainId,
) -> Result<Option<Source>> {
    let (settings, id, chain) = (keys.settings().clone(), *id, chain.clone());
    keys.db()
        .read(&who.namespace, move |tx| {
            let path = path(tx, &settings, &id, &chain)?;
            let stored = wallets::branch(tx, &id, &path.to_string())?;
            stored
                .map(|(xpub, next)| Source::new(id, chain.clone(), path, &xpub, next))
                .transpose()
        })
        .await
}

/// The path of a wallet's branch for a chain.
fn path(tx: &mut Tx<'_, '_>, settings: &Settings, id: &WalletId, chain: &ChainId) -> Result<Path> {
    let wallet = found(tx, id)?;
    if wallet.origin == Origin::PrivateKey {
        return Err(Error::SingleKey);
    }
    settings.path(chain, wallet.account)
}

async fn add_branch(keys: &Keys, who: &Principal, id: WalletId, chain: ChainId) -> Result<()> {
    let (settings, namespace) = (keys.settings().clone(), who.namespace.clone());
    let read = keys.db().read(&namespace, move |tx| {
        let path = path(tx, &settings, &id, &chain)?;
        Ok::<_, Error>((path.to_string(), wallets::secrets(tx, &[(id,)])?.pop()))
    });
    let (path, sealed) = read.await?;
    let (_, bytes, version) = sealed.ok_or_else(|| Error::WalletUnknown {
        wallet: id.to_string(),
    })?;
    let (engine, text) = (keys.clone(), path.clone());
    let xpub = blocking(move || {
        match engine
            .software()
            .open(&namespace, &id, &Sealed { bytes, version })?
            .signer(&text)?
        {
            Signer::Branch(node) => Ok(node.neuter().to_xpub()),
            Signer::Single(_) => Err(Error::SingleKey),
        }
    });
    let rows = vec![(id, path, xpub.await?, 0)];
    keys.write(&who.namespace, move |tx| {
        wallets::insert_branches(tx, &rows)
    })
    .await
}

impl Source {
    fn new(wallet: WalletId, chain: ChainId, path: Path, xpub: &str, next: i64) -> Result<Self> {
        let broken = store::Error::Column {
            column: 0,
            found: "something else",
            expected: "a public node",
        };
        let node = PublicNode::from_xpub(xpub).ok_or(broken)?;
        Ok(Self {
            wallet,
            chain,
            path,
            node,
            next: u32::try_from(next).unwrap_or(HARDENED),
        })
    }

    /// The address of a number; none for the one number in 2^127 that has none.
    fn address(&self, number: u32) -> Option<String> {
        address_of(&self.chain, self.node.child_key(number)?).ok()
    }

    /// The addresses from a number on, from those that are ready and a few derived now.
    fn range(
        &self,
        first: u32,
        count: u32,
        ready: &Ready,
    ) -> std::result::Result<Vec<Option<String>>, Setback> {
        let at_hand = |number: u32| {
            ready
                .addresses
                .get(usize::try_from(number.checked_sub(ready.first)?).ok()?)
        };
        let numbers = first..first + count;
        let lacking = numbers
            .clone()
            .filter(|number| at_hand(*number).is_none())
            .count();
        if lacking > DERIVED_INSIDE as usize {
            return Err(Setback::Overtaken(first));
        }
        Ok(numbers
            .map(|number| {
                at_hand(number)
                    .cloned()
                    .unwrap_or_else(|| self.address(number))
            })
            .collect())
    }
}

/// Derive ahead, on all processors, what is too much for the inside of a transaction. What is ready
/// from the attempt before is kept.
async fn derive(source: &Arc<Source>, ready: &Ready, first: u32, count: u32) -> Result<Ready> {
    if count <= DERIVED_INSIDE {
        return Ok(Ready::default());
    }
    let passed = usize::try_from(first.saturating_sub(ready.first)).unwrap_or(usize::MAX);
    let mut addresses = ready.addresses.get(passed..).unwrap_or_default().to_vec();
    let begin = first.saturating_add(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
    let numbers = begin..first.saturating_add(count).min(HARDENED);
    let source = source.clone();
    addresses.extend(spread(numbers.collect(), move |number| source.address(number)).await?);
    Ok(Ready { first, addresses })
}

/// Take the next numbers and write their addresses. Numbers whose address is somebody's already are
/// left out, and others taken instead.
fn hand_out(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    source: &Source,
    ready: &Ready,
    count: u32,
) -> std::result::Result<Vec<KeyAddress>, Setback> {
    let mut list = Vec::with_capacity(count as usize);
    for _ in 0..ROUNDS {
        let missing = count - u32::try_from(list.len()).unwrap_or(count);
        if missing == 0 {
            return Ok(list);
        }
        take(tx, who, source, ready, missing, &mut list)?;
    }
    Err(Setback::Failed(
        store::Error::Contended { attempts: ROUNDS }.into(),
    ))
}

fn take(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    source: &Source,
    ready: &Ready,
    count: u32,
    list: &mut Vec<KeyAddress>,
) -> std::result::Result<(), Setback> {
    let path = source.path.to_string();
    let end = wallets::advance(tx, &source.wallet, &path, count, i64::from(HARDENED))?;
    let end = end
        .and_then(|end| u32::try_from(end).ok())
        .ok_or_else(|| Error::Exhausted { path: path.clone() })?;
    let first = end - count;
    let addresses = source.range(first, count, ready)?;
    let derived = (first..end)
        .zip(&addresses)
        .filter_map(|(number, address)| Some((number, address.as_deref()?)));
    let family = family(&source.chain)?;
    let rows: Vec<_> = derived
        .map(|(number, address)| (family, address, source.wallet, path.as_str(), number))
        .collect();
    let fresh: HashSet<u32> = table::insert(tx, &rows)?.into_iter().collect();
    let fact = json!({ "wallet": source.wallet, "chain": source.chain, "path": path, "first": first, "count": count });
    tx.append(
        Fact::new("wallet.addresses", 1)
            .about(&format!("{}/{path}", source.wallet), u64::from(end))
            .by(who)
            .says(&fact),
    );
    list.extend(rows.iter().filter(|row| fresh.contains(&row.4)).map(
        |(_, address, _, path, number)| KeyAddress {
            index: *number,
            address: (*address).to_owned(),
            path: format!("{path}/{number}"),
        },
    ));
    Ok(())
}

/// The next address, inside a transaction of the caller's.
pub(crate) fn hand_out_one(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    source: &Source,
) -> Result<KeyAddress> {
    match hand_out(tx, who, source, &Ready::default(), 1) {
        Ok(mut list) => list.pop().ok_or(Error::Exhausted {
            path: source.path.to_string(),
        }),
        Err(Setback::Failed(error)) => Err(error),
        Err(Setback::Overtaken(_)) => unreachable!("a single address is always derived inside"),
    }
}

impl From<store::Error> for Setback {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
