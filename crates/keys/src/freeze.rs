//! Freezing, which stops all signing of a scope with one call, and revocation of single permits.

use crate::scope::{Freeze, INSTALLATION, NAMESPACE, Scope};
use crate::table::freeze::{self as table, FreezeRow};
use crate::table::permit::{self, PermitUsage};
use crate::table::wallet as wallets;
use crate::{Error, Keys, Result};
use std::collections::{BTreeSet, HashMap};
use store::{Fact, Tx};
use types::{Namespace, PermitId, Principal, PrincipalKind, WalletId};

const NONE: u32 = 0;
const SOFT: u32 = 1;
const HARD: u32 = 2;
/// The stored length of a reason, in characters.
const MAX_REASON: usize = 1_000;

/// Stop all signing of a scope. Once this has returned, no process records a signature any more;
/// one in progress was either recorded before or is rejected. Without `hard`, cancels of earlier
/// signatures stay possible.
///
/// Errors: `keys.unknown_wallet`, `keys.forbidden`.
pub async fn freeze(
    keys: &Keys,
    principal: &Principal,
    scope: Scope,
    hard: bool,
    reason: &str,
) -> Result<()> {
    let level = if hard { HARD } else { SOFT };
    let reason = truncated(reason);
    set(
        keys,
        principal,
        NewLevel {
            scope,
            level,
            reason,
        },
    )
    .await?;
    tracing::warn!(
        event = "signing.frozen",
        scope = scope.kind(),
        hard,
        by = principal.id,
        "signing is frozen"
    );
    Ok(())
}

/// Allow signing again. Errors: those of [`freeze`].
pub async fn unfreeze(
    keys: &Keys,
    principal: &Principal,
    scope: Scope,
    reason: &str,
) -> Result<()> {
    let (level, reason) = (NONE, truncated(reason));
    set(
        keys,
        principal,
        NewLevel {
            scope,
            level,
            reason,
        },
    )
    .await?;
    tracing::warn!(
        event = "signing.unfrozen",
        scope = scope.kind(),
        by = principal.id,
        "signing is allowed again"
    );
    Ok(())
}

/// The active freezes of the namespace and of the installation. At most 1,000.
pub async fn freezes(keys: &Keys, principal: &Principal) -> Result<Vec<Freeze>> {
    let rows = keys
        .db()
        .read_with(&principal.namespace, (), |tx, ()| table::all(tx))
        .await?;
    rows.into_iter().map(freeze_of).collect()
}

/// Revoke a permit: it allows no further signature, not even one that replaces an earlier signed
/// transaction. Returns false if it was already revoked.
pub async fn revoke(
    keys: &Keys,
    principal: &Principal,
    permit: &PermitId,
    reason: &str,
) -> Result<bool> {
    let args = (*permit, truncated(reason));
    keys.on()
        .write_as(principal, args, |tx, principal, (permit, reason)| {
            revoke_in(tx, principal, permit, reason)
        })
        .await
}

/// What became of permits: those of them that were used or revoked.
pub async fn permit_usage(
    keys: &Keys,
    principal: &Principal,
    permits: Vec<PermitId>,
) -> Result<Vec<PermitUsage>> {
    keys.db()
        .read_with(&principal.namespace, permits, |tx, permits| {
            permit::usage(tx, permits)
        })
        .await
}

/// Revoke a permit in a transaction of the caller. Returns false if it was already revoked.
pub fn revoke_in(
    tx: &mut Tx,
    principal: &Principal,
    permit: &PermitId,
    reason: &str,
) -> Result<bool> {
    let now = tx.now();
    let revocation = permit::Revocation {
        permit: *permit,
        uses: 0,
        last_at: now,
        revoked_at: now,
        revoked_by: &principal.id,
        reason,
    };
    let fresh = permit::revoke(tx, revocation)?;
    if fresh {
        let payload = serde_json::json!({ "reason": reason });
        let fact = Fact::new("permit.revoked", 1).subject(permit, 1);
        tx.append(fact.actor(principal).payload(&payload));
    }
    Ok(fresh)
}

/// The level to set for a scope.
struct NewLevel {
    scope: Scope,
    level: u32,
    reason: String,
}

async fn set(keys: &Keys, principal: &Principal, new: NewLevel) -> Result<()> {
    let scope = new.scope;
    if scope == Scope::Installation && principal.kind != PrincipalKind::System {
        return Err(Error::Forbidden {
            permission: "installation:freeze",
        });
    }
    let mut principal = principal.clone();
    if scope == Scope::Installation {
        principal.namespace = Namespace::installation();
    }
    keys.on().write_as(&principal, new, store_level).await?;
    // Every transaction that begins after this point sees the freeze. Those that began earlier have
    // either shared the guard, which makes the next write wait, or fail because it changed.
    let subject = scope.subject();
    keys.on()
        .write_as(&principal, subject, |tx, _, subject| {
            table::bump(tx, subject)
        })
        .await?;
    keys.wallet_secrets().evict_all();
    Ok(())
}

fn store_level(tx: &mut Tx, principal: &Principal, new: &NewLevel) -> Result<()> {
    let NewLevel {
        scope,
        level,
        ref reason,
    } = *new;
    if let Scope::Wallet(wallet) = scope {
        wallets::require(tx, &wallet)?;
    }
    let subject = scope.subject();
    let row = FreezeRow {
        namespace: *tx.namespace(),
        subject: subject.clone(),
        level,
        reason: reason.clone(),
        changed_by: principal.id.clone(),
        changed_at: tx.now(),
        version: 1,
    };
    let version = table::put(tx, row)?;
    let kind = if level == NONE {
        "signing.unfrozen"
    } else {
        "signing.frozen"
    };
    let payload =
        serde_json::json!({ "scope": scope.kind(), "hard": level == HARD, "reason": reason });
    let about = format!("freeze/{subject}");
    tx.append(
        Fact::new(kind, 1)
            .subject(&about, version)
            .actor(principal)
            .payload(&payload),
    );
    Ok(())
}

/// The active freezes of these wallets, their namespace and the installation, hard freezes first.
pub(crate) fn in_force(
    tx: &mut Tx,
    wallets: impl Iterator<Item = WalletId>,
) -> Result<Vec<Freeze>> {
    let mut subjects = subjects(wallets);
    subjects.push(INSTALLATION.to_owned());
    let rows = table::in_force(tx, &subjects)?;
    let mut freezes = rows
        .into_iter()
        .map(freeze_of)
        .collect::<Result<Vec<_>>>()?;
    freezes.sort_by_key(|freeze| !freeze.hard);
    Ok(freezes)
}

/// Block freezes of these wallets, their namespace and the installation until this transaction
/// ends.
pub(crate) fn share_guards(tx: &mut Tx, wallets: impl Iterator<Item = WalletId>) -> Result<()> {
    let mut wallets = wallets.peekable();
    if wallets.peek().is_none() {
        return Ok(());
    }
    table::share_installation(tx)?;
    table::share(tx, &subjects(wallets))?;
    Ok(())
}

/// Create the signing guards of a new wallet.
pub(crate) fn insert_guards(tx: &mut Tx, wallet: &WalletId) -> Result<()> {
    let guard = |subject| table::Guard {
        subject,
        generation: 0,
    };
    table::insert_guards(tx, &[NAMESPACE.to_owned(), wallet.to_string()].map(guard))
}

/// A number for each wallet that grows with every freeze of the wallet, its namespace or the
/// installation, and with every keyring change.
pub(crate) fn generations(tx: &mut Tx, wallets: &[WalletId]) -> Result<HashMap<WalletId, i64>> {
    let guards = table::guards(tx, &subjects(wallets.iter().copied()))?;
    let guards: HashMap<String, i64> = guards
        .into_iter()
        .map(|guard| (guard.subject, guard.generation))
        .collect();
    let installation = table::installation_generation(tx)? + secrets::generation(tx)?;
    let shared = installation + guards.get(NAMESPACE).unwrap_or(&0);
    let generation_of = |wallet: &WalletId| shared + guards.get(&wallet.to_string()).unwrap_or(&0);
    Ok(wallets
        .iter()
        .map(|wallet| (*wallet, generation_of(wallet)))
        .collect())
}

/// The distinct subjects of wallets and of their namespace.
fn subjects(wallets: impl Iterator<Item = WalletId>) -> Vec<String> {
    let distinct: BTreeSet<WalletId> = wallets.collect();
    let wallets = distinct.iter().map(WalletId::to_string);
    wallets.chain([NAMESPACE.to_owned()]).collect()
}

fn freeze_of(row: FreezeRow) -> Result<Freeze> {
    let scope = match row.subject.as_str() {
        INSTALLATION if row.namespace == Namespace::installation() => Scope::Installation,
        NAMESPACE => Scope::Namespace,
        wallet => {
            let broken = store::Error::UnexpectedValue {
                column: "subject",
                found: "an unknown text",
                expected: "a scope",
            };
            Scope::Wallet(wallet.parse().map_err(|_| broken)?)
        }
    };
    Ok(Freeze {
        scope,
        hard: row.level >= HARD,
        reason: row.reason,
        by: row.changed_by,
        since: row.changed_at,
    })
}

/// A reason as it is stored.
pub(crate) fn truncated(reason: &str) -> String {
    reason
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_REASON)
        .collect()
}
