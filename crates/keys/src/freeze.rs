//! Freezing: one call, and nothing is signed any more; and the revocation of single permits.

use crate::table::{freeze as table, permit};
use crate::wallet::found;
use crate::{Error, Keys, Result};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use store::{Fact, Tx};
use types::{Kind, Namespace, PermitId, Principal, Time, WalletId};

const NAMESPACE: &str = "namespace";
const INSTALLATION: &str = "installation";
const SOFT: u32 = 1;
const HARD: u32 = 2;
/// Facts and rows keep this much of a reason.
const MAX_REASON: usize = 1_000;

/// What is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One wallet.
    Wallet(WalletId),
    /// The namespace of the principal.
    Namespace,
    /// All namespaces. Only Florin's own principals (kind system, such as the command line's) may.
    Installation,
}

/// A freeze in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// What is frozen.
    pub scope: Scope,
    /// Whether cancels are stopped, too.
    pub hard: bool,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// Since when.
    pub since: Time,
}

/// Stop all signing of a scope. Once this has returned, no signature is recorded any more, by
/// whichever process; one that was under way is either recorded by then, or refused. Without
/// `hard`, cancels of what was signed before go on.
///
/// Errors: `keys.wallet_unknown`, `keys.forbidden`.
pub async fn freeze(
    keys: &Keys,
    who: &Principal,
    scope: Scope,
    hard: bool,
    reason: &str,
) -> Result<()> {
    let level = if hard { HARD } else { SOFT };
    set(keys, who, scope, level, reason).await?;
    tracing::warn!(scope = scope.kind(), hard, by = who.id, "signing is frozen");
    Ok(())
}

/// Allow signing again. Errors: those of [`freeze`].
pub async fn unfreeze(keys: &Keys, who: &Principal, scope: Scope, reason: &str) -> Result<()> {
    set(keys, who, scope, 0, reason).await?;
    tracing::warn!(scope = scope.kind(), by = who.id, "signing goes on");
    Ok(())
}

/// What is frozen in the namespace, and whether the installation is. At most 1,000.
pub async fn freezes(keys: &Keys, who: &Principal) -> Result<Vec<Freeze>> {
    let rows = keys.db().read(&who.namespace, table::all).await?;
    rows.into_iter().map(Freeze::from_row).collect()
}

/// Revoke a permit: it allows no signature any more, not even a later one of a transaction signed
/// before. False if it was revoked already.
pub async fn revoke(keys: &Keys, who: &Principal, permit: &PermitId, reason: &str) -> Result<bool> {
    let (actor, permit, reason) = (who.clone(), *permit, shortened(reason));
    keys.write(&who.namespace, move |tx| {
        let fresh = permit::revoke(tx, &permit, &reason, &actor.id)?;
        if fresh {
            let says = serde_json::json!({ "reason": reason });
            tx.append(
                Fact::new("permit.revoked", 1)
                    .about(&permit, 1)
                    .by(&actor)
                    .says(&says),
            );
        }
        Ok(fresh)
    })
    .await
}

async fn set(keys: &Keys, who: &Principal, scope: Scope, level: u32, reason: &str) -> Result<()> {
    if scope == Scope::Installation && who.kind != Kind::System {
        return Err(Error::Forbidden {
            permission: "installation:freeze",
        });
    }
    let namespace = if scope == Scope::Installation {
        Namespace::installation()
    } else {
        who.namespace.clone()
    };
    let (actor, reason) = (who.clone(), shortened(reason));
    keys.write(&namespace, move |tx| put(tx, &actor, scope, level, &reason))
        .await?;
    // From here on every transaction that begins sees it. Those that began before have shared the
    // guard, or will find it changed.
    keys.write(&namespace, move |tx| table::raise(tx, &scope.subject()))
        .await?;
    keys.software().forget();
    Ok(())
}

fn put(tx: &mut Tx<'_, '_>, who: &Principal, scope: Scope, level: u32, reason: &str) -> Result<()> {
    if let Scope::Wallet(wallet) = scope {
        found(tx, &wallet)?;
    }
    let subject = scope.subject();
    let version = table::put(tx, &subject, level, reason, &who.id)?;
    let kind = if level == 0 {
        "signing.unfrozen"
    } else {
        "signing.frozen"
    };
    let says =
        serde_json::json!({ "scope": scope.kind(), "hard": level == HARD, "reason": reason });
    let about = format!("freeze/{subject}");
    tx.append(
        Fact::new(kind, 1)
            .about(&about, version.max(0).cast_unsigned())
            .by(who)
            .says(&says),
    );
    Ok(())
}

/// What is frozen of these wallets, their namespace and the installation. Hard freezes first.
pub(crate) fn in_force(
    tx: &mut Tx<'_, '_>,
    wallets: impl Iterator<Item = WalletId>,
) -> Result<Vec<Freeze>> {
    let mut subjects = subjects(wallets);
    subjects.push((INSTALLATION.to_owned(),));
    let rows = table::in_force(tx, &subjects)?;
    let mut freezes = rows
        .into_iter()
        .map(Freeze::from_row)
        .collect::<Result<Vec<_>>>()?;
    freezes.sort_by_key(|freeze| !freeze.hard);
    Ok(freezes)
}

/// Hold off whoever freezes these wallets, their namespace or the installation, until this
/// transaction has ended.
pub(crate) fn share_guards(
    tx: &mut Tx<'_, '_>,
    wallets: impl Iterator<Item = WalletId>,
) -> Result<()> {
    let mut wallets = wallets.peekable();
    if wallets.peek().is_none() {
        return Ok(());
    }
    table::share_installation(tx)?;
    table::share(tx, &subjects(wallets))?;
    Ok(())
}

/// The guards to be made with a wallet.
pub(crate) fn insert_guards(tx: &mut Tx<'_, '_>, wallet: &WalletId) -> Result<()> {
    table::insert_guards(tx, &[(NAMESPACE, 0), (wallet.to_string().as_str(), 0)])
}

/// How often each of these wallets was frozen, or its namespace, or the installation, or the
/// keyring changed: one number, that only grows.
pub(crate) fn generations(
    tx: &mut Tx<'_, '_>,
    wallets: &[(WalletId,)],
) -> Result<HashMap<WalletId, i64>> {
    let rows: HashMap<String, i64> =
        table::generations(tx, &subjects(wallets.iter().map(|(wallet,)| *wallet)))?
            .into_iter()
            .collect();
    let installation: i64 = table::installation_generations(tx)?
        .into_iter()
        .map(|(generation,)| generation)
        .sum();
    let shared = installation + rows.get(NAMESPACE).unwrap_or(&0);
    let of = |wallet: &WalletId| shared + rows.get(&wallet.to_string()).unwrap_or(&0);
    Ok(wallets
        .iter()
        .map(|(wallet,)| (*wallet, of(wallet)))
        .collect())
}

/// The subjects of wallets and of their namespace, each once.
fn subjects(wallets: impl Iterator<Item = WalletId>) -> Vec<(String,)> {
    let distinct: BTreeSet<WalletId> = wallets.collect();
    let wallets = distinct.into_iter().map(|wallet| (wallet.to_string(),));
    wallets.chain([(NAMESPACE.to_owned(),)]).collect()
}

impl Freeze {
    fn from_row((namespace, subject, level, reason, by, since, _): table::Row) -> Result<Self> {
        let scope = match subject.as_str() {
            INSTALLATION if namespace == Namespace::installation() => Scope::Installation,
            NAMESPACE => Scope::Namespace,
            wallet => {
                let broken = store::Error::Column {
                    column: 1,
                    found: "something else",
                    expected: "a scope",
                };
                Scope::Wallet(wallet.parse().map_err(|_| broken)?)
            }
        };
        Ok(Self {
            scope,
            hard: level >= HARD,
            reason,
            by,
            since,
        })
    }

    /// Whether it holds for the keys of a wallet.
    pub(crate) fn holds_for(&self, wallet: &WalletId) -> bool {
        !matches!(self.scope, Scope::Wallet(frozen) if frozen != *wallet)
    }
}

impl Scope {
    /// As people are told: `wallet`, `namespace`, `installation`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wallet(_) => "wallet",
            Self::Namespace => NAMESPACE,
            Self::Installation => INSTALLATION,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Wallet(wallet) => wallet.to_string(),
            other => other.kind().to_owned(),
        }
    }
}

fn shortened(reason: &str) -> String {
    reason
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_REASON)
        .collect()
}
