//! The second step of a signature: recording, in the caller's transaction. The permit is checked
//! again against the state that this transaction sees.

use crate::state::{Admission, Claim, Owner, PermitState, SigningAttempt, Use};
use crate::table::permit as table;
use crate::{Freeze, Result, Signed, freeze};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Fact, Tx};
use types::{ChainId, PermitId, Principal, ReplayKey, WalletId};

/// A recorded signature. It takes effect when the transaction commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The permit; together with `id` it identifies the bytes.
    pub permit: PermitId,
    /// The id of the transaction on the chain (its hash).
    pub id: String,
    /// The replay key that all signatures of the permit chain share.
    pub anchor: ReplayKey,
    /// Whether the same bytes were recorded before.
    pub already_recorded: bool,
}

/// Record signatures: the use of their permits, their replay keys, and their bytes. Everything that
/// may have changed since signing is checked again. A rejected signature does not affect the
/// others; an outer error comes from the database.
pub fn record(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    signed: &[&Signed],
) -> Result<Vec<Result<Recorded>>> {
    let attempts: Vec<(&SigningAttempt, WalletId)> = signed
        .iter()
        .map(|signature| (&signature.attempt, signature.wallet))
        .collect();
    let foreign = signed
        .iter()
        .find(|signature| signature.namespace != *tx.namespace());
    assert!(
        foreign.is_none(),
        "a signature is recorded in the namespace that it was made in"
    );
    let admissions = admit(tx, &attempts)?;
    let mut bytes = Vec::new();
    let mut results = Vec::with_capacity(signed.len());
    let now = tx.now();
    for (signature, admission) in signed.iter().zip(admissions) {
        results.push(admission.map(|(admission, uses)| {
            if !admission.repeated {
                let SigningAttempt {
                    permit,
                    chain,
                    signer,
                    bytes: hash,
                    ..
                } = signature.attempt.clone();
                let (id, raw) = (signature.signed.id.clone(), signature.signed.raw.clone());
                bytes.push((
                    permit,
                    id,
                    chain,
                    signer,
                    admission.anchor.clone(),
                    hash,
                    raw,
                    now,
                ));
                tx.append(fact(
                    "signature.recorded",
                    principal,
                    &signature.attempt,
                    uses,
                    Some(signature.id()),
                ));
            }
            Recorded {
                permit: signature.attempt.permit,
                id: signature.signed.id.clone(),
                anchor: admission.anchor,
                already_recorded: admission.repeated,
            }
        }));
    }
    table::insert_bytes(tx, &bytes)?;
    Ok(results)
}

/// The bytes of recorded signatures, in the order of the request; `None` where there is no such
/// record. They are what is broadcast and worth as much as a signature: pass them to the chain
/// only.
pub fn bytes(tx: &mut Tx<'_, '_>, recorded: &[(PermitId, &str)]) -> Result<Vec<Option<Vec<u8>>>> {
    let permits: BTreeSet<(PermitId,)> = recorded.iter().map(|(permit, _)| (*permit,)).collect();
    let permits: Vec<_> = permits.into_iter().collect();
    let stored: HashMap<(PermitId, String), Vec<u8>> = table::bytes(tx, &permits)?
        .into_iter()
        .map(|(permit, id, raw)| ((permit, id), raw))
        .collect();
    Ok(recorded
        .iter()
        .map(|(permit, id)| stored.get(&(*permit, (*id).to_owned())).cloned())
        .collect())
}

/// Release the replay keys that a permit chain holds and the chain has not used: coins of a
/// transaction that can never be mined, because a final block spent another of its coins, or all
/// that was signed for it, in another transaction. Only call this after seeing that final block.
pub fn release(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    chain: &ChainId,
    signer: &str,
    replay_keys: &[ReplayKey],
) -> Result<()> {
    let rows: Vec<_> = replay_keys
        .iter()
        .map(|replay_key| (*chain, signer.to_owned(), replay_key.clone()))
        .collect();
    if !rows.is_empty() && table::release(tx, &rows)? > 0 {
        let payload = json!({ "chain": chain, "signer": signer, "replay_keys": replay_keys });
        tx.append(
            Fact::new("replay_key.released", 1)
                .actor(principal)
                .payload(&payload),
        );
    }
    Ok(())
}

/// The ids of all transactions signed under a permit, in the order of signing.
pub fn signed_ids(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<Vec<String>> {
    Ok(table::ids(tx, permit)?
        .into_iter()
        .map(|(id,)| id)
        .collect())
}

/// Check the attempts in this transaction, and write uses and replay keys of the allowed ones.
/// Returns each admission with the number of uses of its permit.
///
/// Freezes are read first, and only allowed attempts share the signing guards: a freeze then waits
/// only for transactions that began before it.
pub(crate) fn admit(
    tx: &mut Tx<'_, '_>,
    attempts: &[(&SigningAttempt, WalletId)],
) -> Result<Vec<Result<(Admission, u32)>>> {
    let now = tx.now();
    let rows: Vec<&SigningAttempt> = attempts.iter().map(|(attempt, _)| *attempt).collect();
    let mut state = load(tx, &rows)?;
    let freezes = freeze::in_force(tx, attempts.iter().map(|(_, wallet)| *wallet))?;
    let mut admissions = Vec::with_capacity(attempts.len());
    for (attempt, wallet) in attempts {
        let frozen = freezes
            .iter()
            .find(|freeze: &&Freeze| freeze.applies_to(wallet));
        let admission = state.admit(attempt, frozen, now);
        admissions.push(admission.map(|admission| {
            (
                admission,
                state.uses.get(&attempt.permit).map_or(0, |used| used.uses),
            )
        }));
    }
    let allowed = attempts
        .iter()
        .zip(&admissions)
        .filter(|(_, admission)| admission.is_ok())
        .map(|((_, wallet), _)| *wallet);
    freeze::share_guards(tx, allowed)?;
    write(tx, &rows, &admissions, &state)?;
    Ok(admissions)
}

fn write(
    tx: &mut Tx<'_, '_>,
    attempts: &[&SigningAttempt],
    admissions: &[Result<(Admission, u32)>],
    state: &PermitState,
) -> Result<()> {
    let now = tx.now();
    let mut touched = BTreeSet::new();
    let mut claims = Vec::new();
    for (attempt, admission) in attempts.iter().zip(admissions) {
        let Ok((admission, _)) = admission else {
            continue;
        };
        if admission.repeated {
            continue;
        }
        touched.extend(
            [Some(attempt.permit), attempt.supersedes]
                .into_iter()
                .flatten(),
        );
        let root = state
            .uses
            .get(&attempt.permit)
            .map_or(attempt.permit, |used| used.root);
        let claim = |replay_key: &ReplayKey| {
            (
                attempt.chain,
                attempt.signer.clone(),
                replay_key.clone(),
                root,
                attempt.permit,
            )
        };
        claims.extend(admission.claimed.iter().map(claim));
    }
    let uses: Vec<table::UseRow> = touched
        .into_iter()
        .filter_map(|permit| {
            let Use {
                root,
                chain,
                signer,
                intent,
                anchor,
                supersedes,
                superseded_by,
                uses,
                first_at,
            } = state.uses.get(&permit)?.clone();
            Some((
                permit,
                root,
                chain,
                signer,
                intent,
                anchor,
                supersedes,
                superseded_by,
                uses,
                first_at,
                now,
            ))
        })
        .collect();
    table::put_uses(tx, &uses)?;
    let claimed = table::claim(tx, &claims)?;
    assert_eq!(
        claimed,
        claims.len() as u64,
        "an unclaimed replay key is claimed in the same transaction"
    );
    Ok(())
}

/// The stored state of the permits and replay keys of these attempts.
pub(crate) fn load(tx: &mut Tx<'_, '_>, attempts: &[&SigningAttempt]) -> Result<PermitState> {
    let permits: BTreeSet<PermitId> = attempts
        .iter()
        .flat_map(|attempt| [Some(attempt.permit), attempt.supersedes])
        .flatten()
        .collect();
    let permits: Vec<(PermitId,)> = permits.into_iter().map(|permit| (permit,)).collect();
    let mut state = PermitState::default();
    for row in table::uses(tx, &permits)? {
        state.revoked.extend(row.10.map(|_| row.0));
        state.uses.extend(used(row));
    }
    state.owners = owners(tx, attempts)?;
    state.known.extend(table::known(tx, &permits)?);
    Ok(state)
}

/// The owners of the replay keys of these attempts: one statement per chain, of which there are
/// few.
fn owners(tx: &mut Tx<'_, '_>, attempts: &[&SigningAttempt]) -> Result<HashMap<Claim, Owner>> {
    let mut by_chain: BTreeMap<&ChainId, BTreeSet<(&ReplayKey,)>> = BTreeMap::new();
    for attempt in attempts {
        by_chain
            .entry(&attempt.chain)
            .or_default()
            .extend(attempt.replay_keys.iter().map(|replay_key| (replay_key,)));
    }
    let mut owners = HashMap::new();
    for (chain, replay_keys) in by_chain {
        let replay_keys: Vec<_> = replay_keys.into_iter().collect();
        owners.extend(table::owners(tx, chain, &replay_keys)?.into_iter().map(
            |(signer, replay_key, root)| {
                (
                    (*chain, signer, replay_key),
                    root.map_or(Owner::OtherNamespace, Owner::Chain),
                )
            },
        ));
    }
    Ok(owners)
}

/// The use in a stored row; `None` for a permit that was revoked unused.
fn used(row: table::StoredUse) -> Option<(PermitId, Use)> {
    let (permit, root, chain, signer, intent, anchor, supersedes, superseded_by, uses, first_at, _) =
        row;
    let (root, chain, signer, intent) = (root?, chain?, signer?, intent?);
    let (anchor, first_at) = (anchor?, first_at?);
    Some((
        permit,
        Use {
            root,
            chain,
            signer,
            intent,
            anchor,
            supersedes,
            superseded_by,
            uses,
            first_at,
        },
    ))
}

pub(crate) fn fact(
    kind: &'static str,
    principal: &Principal,
    attempt: &SigningAttempt,
    uses: u32,
    id: Option<&str>,
) -> Fact {
    let payload = json!({
        "chain": attempt.chain, "signer": attempt.signer, "id": id, "replay_keys": attempt.replay_keys, "supersedes": attempt.supersedes,
    });
    Fact::new(kind, 1)
        .subject(&attempt.permit, u64::from(uses))
        .actor(principal)
        .payload(&payload)
}

impl Recorded {
    /// The arguments under which [`bytes`] finds it.
    pub fn key(&self) -> (PermitId, &str) {
        (self.permit, &self.id)
    }
}
