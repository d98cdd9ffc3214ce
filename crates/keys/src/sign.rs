//! The first step of a signature: outside of any transaction. What comes of it stays closed until
//! it is recorded.

use crate::backend::{Backend, SOFTWARE, Sealed, Task};
use crate::keys::spread;
use crate::order::Checked;
use crate::settings::family;
use crate::state::{Ask, Book};
use crate::table::{address, wallet};
use crate::{Error, Freeze, Keys, Order, Result, freeze, record};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::Tx;
use types::{ChainId, Namespace, PermitId, Principal, Time, WalletId, Witness};

/// The most orders at a time.
pub const MAX_ORDERS: usize = 1_000;

/// A signature that nobody has seen yet. Its bytes come out by [`bytes`](crate::bytes), once
/// [`record`](crate::record) is committed.
#[derive(Clone)]
pub struct Signed {
    pub(crate) namespace: Namespace,
    pub(crate) ask: Ask,
    pub(crate) wallet: WalletId,
    pub(crate) signed: intent::Signed,
}

impl Signed {
    /// The id under which the chain will know it (its hash).
    pub fn id(&self) -> &str {
        &self.signed.id
    }

    /// The chain.
    pub fn chain(&self) -> &ChainId {
        &self.ask.chain
    }

    /// The account that signed.
    pub fn signer(&self) -> &str {
        &self.ask.signer
    }

    /// What it uses up.
    pub fn witnesses(&self) -> &[Witness] {
        &self.ask.witnesses
    }

    /// The permit under which it was made.
    pub fn permit(&self) -> &PermitId {
        &self.ask.permit
    }

    /// The permit that this one takes the place of.
    pub fn supersedes(&self) -> Option<&PermitId> {
        self.ask.supersedes.as_ref()
    }
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed")
            .field("permit", &self.ask.permit)
            .field("id", &self.signed.id)
            .finish_non_exhaustive()
    }
}

/// Sign, each order by itself: one that is refused stops no other. At most [`MAX_ORDERS`] at a
/// time.
///
/// A permit must be genuine, of this namespace, in time, neither revoked nor spent, and allow
/// exactly what the bytes do at what they may cost; the key must be here and not frozen; the
/// witness must be nobody else's. Errors: `intent.forged_permit`, `intent.undecodable`,
/// `keys.foreign_permit`, `keys.other_intent`, `keys.over_envelope`, `keys.permit_expired`,
/// `keys.permit_revoked`, `keys.permit_spent`, `keys.other_witness`, `keys.witness_used`,
/// `keys.superseded`, `keys.cannot_supersede`, `keys.frozen`, `keys.signer_unknown`,
/// `keys.backend`, `keys.keyring`.
pub async fn sign(keys: &Keys, who: &Principal, orders: Vec<Order>) -> Vec<Result<Signed>> {
    let count = orders.len();
    match sign_all(keys, &who.namespace, orders).await {
        Ok(results) => results,
        Err(error) => std::iter::repeat_with(|| Err(error.clone()))
            .take(count)
            .collect(),
    }
}

async fn sign_all(
    keys: &Keys,
    namespace: &Namespace,
    orders: Vec<Order>,
) -> Result<Vec<Result<Signed>>> {
    if orders.len() > MAX_ORDERS {
        return Err(Error::Limit {
            what: "orders",
            limit: MAX_ORDERS,
        });
    }
    let (engine, here) = (keys.clone(), namespace.clone());
    let checked = spread(orders, move |order: Order| {
        order.check(engine.policy_key(), &here)
    })
    .await?;
    let asks: Arc<Vec<Ask>> = Arc::new(
        checked
            .iter()
            .flatten()
            .map(|checked| checked.ask.clone())
            .collect(),
    );
    let desk = keys
        .db()
        .read(namespace, move |tx| Desk::load(tx, &asks))
        .await?;
    keys.software().observe(namespace, &desk.generations);
    let mut desk = desk;
    let now = keys.now();
    let ready: Vec<_> = checked
        .into_iter()
        .map(|checked| desk.admit(namespace, checked?, now))
        .collect();
    let (engine, here) = (keys.clone(), namespace.clone());
    spread(ready, move |ready| sign_one(&engine, &here, ready?)).await
}

/// What a batch of orders is judged by.
struct Desk {
    book: Book,
    freezes: Vec<Freeze>,
    signers: HashMap<(&'static str, String), address::Signer>,
    secrets: HashMap<WalletId, Arc<Sealed>>,
    generations: HashMap<WalletId, i64>,
}

/// An order that may be signed, and all it takes.
struct Ready {
    checked: Checked,
    task: Task,
}

impl Desk {
    fn load(tx: &mut Tx<'_, '_>, asks: &[Ask]) -> Result<Self> {
        let signers = signers(tx, asks)?;
        let mut wallets: Vec<(WalletId,)> = signers.values().map(|signer| (signer.1,)).collect();
        wallets.sort();
        wallets.dedup();
        let sealed = |(id, bytes, version)| (id, Arc::new(Sealed { bytes, version }));
        let rows: Vec<&Ask> = asks.iter().collect();
        Ok(Self {
            book: record::load(tx, &rows)?,
            freezes: freeze::in_force(tx, wallets.iter().map(|(wallet,)| *wallet))?,
            secrets: wallet::secrets(tx, &wallets)?
                .into_iter()
                .map(sealed)
                .collect(),
            generations: freeze::generations(tx, &wallets)?,
            signers,
        })
    }

    fn admit(&mut self, namespace: &Namespace, checked: Checked, now: Time) -> Result<Ready> {
        let ask = &checked.ask;
        let unknown = || Error::SignerUnknown {
            chain: ask.chain.clone(),
            signer: ask.signer.clone(),
        };
        let key = (family(&ask.chain)?, ask.signer.clone());
        let (_, wallet, path, position, backend) = self.signers.get(&key).ok_or_else(unknown)?;
        let sealed = self.secrets.get(wallet).ok_or_else(unknown)?.clone();
        if backend != SOFTWARE {
            let why = "it answers later: ask by a request";
            return Err(Error::Backend {
                signer: ask.signer.clone(),
                backend: backend.clone(),
                why,
            });
        }
        let frozen = self.freezes.iter().find(|freeze| freeze.holds_for(wallet));
        self.book.enter(ask, frozen, now)?;
        let task = Task {
            namespace: namespace.clone(),
            wallet: *wallet,
            path: path.clone(),
            position: *position,
            sealed,
            requests: checked.requests.clone(),
        };
        Ok(Ready { checked, task })
    }
}

/// Who signs for the accounts that are asked for.
pub(crate) fn signers(
    tx: &mut Tx<'_, '_>,
    asks: &[Ask],
) -> Result<HashMap<(&'static str, String), address::Signer>> {
    let mut wanted: BTreeMap<&'static str, Vec<(&str,)>> = BTreeMap::new();
    for ask in asks {
        wanted
            .entry(family(&ask.chain)?)
            .or_default()
            .push((ask.signer.as_str(),));
    }
    let mut found = HashMap::new();
    for (family, mut addresses) in wanted {
        addresses.sort_unstable();
        addresses.dedup();
        let rows = address::signers(tx, family, &addresses)?;
        found.extend(rows.into_iter().map(|row| ((family, row.0.clone()), row)));
    }
    Ok(found)
}

/// [`intent::assemble`] compares each signature with the account: a key that is not the signer's
/// gives nothing.
fn sign_one(keys: &Keys, namespace: &Namespace, Ready { checked, task }: Ready) -> Result<Signed> {
    let signatures = keys.software().sign(&task)?;
    let signed = intent::assemble(&checked.unsigned, &signatures)?;
    Ok(Signed {
        namespace: namespace.clone(),
        ask: checked.ask,
        wallet: task.wallet,
        signed,
    })
}
