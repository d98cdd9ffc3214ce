//! The second step of a signature: recording, in the caller's transaction. The permit is checked
//! again against the state that this transaction sees.

use crate::state::{Admission, Claim, Owner, PermitState, SigningAttempt, Stage, Use};
use crate::table::{permit as table, request};
use crate::{Result, Signed, freeze};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Fact, Tx};
use types::{ChainId, PermitId, Principal, ReplayKey, Time, WalletId};

/// A recorded signature. It takes effect when the transaction commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedSignature {
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
    tx: &mut Tx,
    principal: &Principal,
    signed: &[&Signed],
) -> Result<Vec<Result<RecordedSignature>>> {
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
    let mut results = Vec::with_capacity(signed.len());
    for (signature, admission) in signed.iter().zip(admit(tx, &attempts, Stage::Signature)?) {
        let attempt = &signature.attempt;
        results.push(admission.map(|admission| {
            if !admission.repeated {
                let id = Some(signature.id());
                let uses = admission.uses;
                tx.append(fact("signature.recorded", principal, attempt, uses, id));
            }
            RecordedSignature {
                permit: attempt.permit,
                id: signature.signed.id.clone(),
                anchor: admission.anchor,
                already_recorded: admission.repeated,
            }
        }));
    }
    let now = tx.now();
    let mut bytes = Vec::with_capacity(signed.len());
    for (signature, result) in signed.iter().zip(&results) {
        if let Ok(recorded) = result
            && !recorded.already_recorded
        {
            let (attempt, signed) = (&signature.attempt, &signature.signed);
            bytes.push(new_bytes(attempt, signed, &recorded.anchor, now));
        }
    }
    table::insert_bytes(tx, &bytes)?;
    Ok(results)
}

/// The bytes of recorded signatures, in the order of the request; `None` where there is no such
/// record. They are what is broadcast and worth as much as a signature: pass them to the chain
/// only, and those of a statement to a caller who may have it signed.
pub fn bytes(tx: &mut Tx, recorded: &[(PermitId, &str)]) -> Result<Vec<Option<Vec<u8>>>> {
    let permits: BTreeSet<PermitId> = recorded.iter().map(|(permit, _)| *permit).collect();
    let permits: Vec<PermitId> = permits.into_iter().collect();
    let stored = table::bytes(tx, &permits)?.into_iter();
    let stored: HashMap<(PermitId, String), Vec<u8>> = stored
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
    tx: &mut Tx,
    principal: &Principal,
    chain: &ChainId,
    signer: &str,
    replay_keys: &[ReplayKey],
) -> Result<()> {
    if table::release(tx, chain, signer, replay_keys)? > 0 {
        let payload = json!({ "chain": chain, "signer": signer, "replay_keys": replay_keys });
        tx.append(
            Fact::new("replay_key.released", 1)
                .actor(principal)
                .payload(&payload),
        );
    }
    Ok(())
}

/// Attempts checked against the state that a transaction sees.
pub(crate) struct CheckedAttempts {
    state: PermitState,
    pub(crate) admissions: Vec<Result<Admission>>,
}

/// Check attempts in this transaction, without writing anything.
pub(crate) fn check(
    tx: &mut Tx,
    attempts: &[(&SigningAttempt, WalletId)],
    stage: Stage,
) -> Result<CheckedAttempts> {
    let now = tx.now();
    let rows: Vec<&SigningAttempt> = attempts.iter().map(|(attempt, _)| *attempt).collect();
    let mut state = load(tx, &rows)?;
    let freezes = freeze::in_force(tx, attempts.iter().map(|(_, wallet)| *wallet))?;
    let mut admissions = Vec::with_capacity(attempts.len());
    for (attempt, wallet) in attempts {
        let frozen = freezes.iter().find(|freeze| freeze.applies_to(wallet));
        admissions.push(state.admit(attempt, stage, frozen, now));
    }
    Ok(CheckedAttempts { state, admissions })
}

/// Check the attempts in this transaction, and write uses and replay keys of the allowed ones.
///
/// Freezes are read first, and only allowed attempts share the signing guards: a freeze then waits
/// only for transactions that began before it.
pub(crate) fn admit(
    tx: &mut Tx,
    attempts: &[(&SigningAttempt, WalletId)],
    stage: Stage,
) -> Result<Vec<Result<Admission>>> {
    let CheckedAttempts { state, admissions } = check(tx, attempts, stage)?;
    let allowed = attempts
        .iter()
        .zip(&admissions)
        .filter(|(_, admission)| admission.is_ok())
        .map(|((_, wallet), _)| *wallet);
    freeze::share_guards(tx, allowed)?;
    let rows: Vec<&SigningAttempt> = attempts.iter().map(|(attempt, _)| *attempt).collect();
    write(tx, &rows, &admissions, &state)?;
    Ok(admissions)
}

fn write(
    tx: &mut Tx,
    attempts: &[&SigningAttempt],
    admissions: &[Result<Admission>],
    state: &PermitState,
) -> Result<()> {
    let (mut touched, mut claims) = (BTreeSet::new(), Vec::new());
    for (attempt, admission) in attempts.iter().zip(admissions) {
        let Ok(admission) = admission else {
            continue;
        };
        if admission.repeated {
            continue;
        }
        let permit = attempt.permit;
        touched.extend(permits_up_to(state, permit));
        let root = state
            .uses
            .get(&permit)
            .map_or(permit, |used| used.first.root);
        claims.extend(admission.claimed.iter().map(|replay_key| table::NewClaim {
            chain: attempt.chain,
            signer: &attempt.signer,
            replay_key,
            root,
            permit,
        }));
    }
    put(tx, state, touched)?;
    let claimed = table::claim(tx, &claims)?;
    assert_eq!(
        claimed,
        claims.len() as u64,
        "an unclaimed replay key is claimed in the same transaction"
    );
    Ok(())
}

/// A permit and those before it, as far as they are loaded: all that something signed under it
/// supersedes.
pub(crate) fn permits_up_to(
    state: &PermitState,
    permit: PermitId,
) -> impl Iterator<Item = PermitId> {
    std::iter::successors(Some(permit), |later| state.earlier(later))
}

/// Write uses. Each signature writes the uses that it supersedes, so that it conflicts with any
/// other that supersedes them, and with their revocation.
pub(crate) fn put(
    tx: &mut Tx,
    state: &PermitState,
    permits: impl IntoIterator<Item = PermitId>,
) -> Result<()> {
    let now = tx.now();
    let used = |permit| Some(permit_use(permit, state.uses.get(&permit)?, now));
    let uses: Vec<_> = permits.into_iter().filter_map(used).collect();
    table::put_uses(tx, &uses)
}

/// The row of a use. Its revocation, if any, stays as it is stored.
fn permit_use(permit: PermitId, used: &Use, now: Time) -> table::PermitUse {
    table::PermitUse {
        permit,
        first: Some(used.first.clone()),
        superseded_by: used.superseded_by,
        uses: used.uses,
        last_at: now,
        revoked_at: None,
    }
}

/// The row of the bytes that an attempt has signed.
pub(crate) fn new_bytes<'a>(
    attempt: &'a SigningAttempt,
    signed: &'a intent::Signed,
    anchor: &'a ReplayKey,
    now: Time,
) -> table::NewBytes<'a> {
    table::NewBytes {
        permit: attempt.permit,
        id: &signed.id,
        chain: attempt.chain,
        signer: &attempt.signer,
        replay_key: anchor,
        unsigned_hash: attempt.bytes,
        raw: &signed.raw,
        signed_at: now,
    }
}

/// The stored state of the permits and replay keys of these attempts.
pub(crate) fn load(tx: &mut Tx, attempts: &[&SigningAttempt]) -> Result<PermitState> {
    let permits: BTreeSet<PermitId> = attempts
        .iter()
        .flat_map(|attempt| [Some(attempt.permit), attempt.supersedes])
        .flatten()
        .collect();
    let permits: Vec<PermitId> = permits.into_iter().collect();
    let mut state = PermitState {
        owners: owners(tx, attempts)?,
        ..PermitState::default()
    };
    for row in table::known(tx, &permits)? {
        state.known.insert((row.permit, row.unsigned_hash));
        state.signed.extend(row.signed_at.map(|_| row.permit));
    }
    load_permit_chains(tx, &mut state, permits)?;
    let used: Vec<PermitId> = state.uses.keys().copied().collect();
    if !used.is_empty() {
        state.pending = request::pending_successors(tx, &used)?
            .into_iter()
            .collect();
    }
    Ok(state)
}

/// The uses of permits and, as far as they are not superseded, of those before them. Most permits
/// begin their chain, so that one statement reads all.
fn load_permit_chains(tx: &mut Tx, state: &mut PermitState, permits: Vec<PermitId>) -> Result<()> {
    let mut seen: BTreeSet<PermitId> = permits.iter().copied().collect();
    let (mut next, mut is_first) = (permits, true);
    while !next.is_empty() {
        let mut earlier = Vec::new();
        for row in table::uses(tx, &next)? {
            if is_first {
                state.revoked.extend(row.revoked_at.map(|_| row.permit));
            }
            let Some(first) = row.first else { continue };
            if is_first || row.superseded_by.is_none() {
                earlier.extend(first.supersedes.filter(|permit| seen.insert(*permit)));
            }
            let (superseded_by, uses) = (row.superseded_by, row.uses);
            let used = Use {
                first,
                superseded_by,
                uses,
            };
            state.uses.insert(row.permit, used);
        }
        (next, is_first) = (earlier, false);
    }
    Ok(())
}

/// The owners of the replay keys of these attempts: one statement per chain, of which there are
/// few.
fn owners(tx: &mut Tx, attempts: &[&SigningAttempt]) -> Result<HashMap<Claim, Owner>> {
    let mut by_chain: BTreeMap<ChainId, BTreeSet<&ReplayKey>> = BTreeMap::new();
    for attempt in attempts {
        let replay_keys = by_chain.entry(attempt.chain).or_default();
        replay_keys.extend(&attempt.replay_keys);
    }
    let mut owners = HashMap::new();
    for (chain, replay_keys) in by_chain {
        let replay_keys: Vec<&ReplayKey> = replay_keys.into_iter().collect();
        for row in table::owners(tx, &chain, &replay_keys)? {
            let owner = row.root.map_or(Owner::OtherNamespace, Owner::Chain);
            owners.insert((chain, row.signer, row.replay_key), owner);
        }
    }
    Ok(owners)
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

impl RecordedSignature {
    /// The arguments under which [`bytes`] finds it.
    pub fn key(&self) -> (PermitId, &str) {
        (self.permit, &self.id)
    }
}
