//! Whether a signature is allowed. Pure; evaluated before signing and again when recording.

use crate::{Error, Freeze, Result};
use std::collections::{HashMap, HashSet};
use types::{ChainId, Digest, PermitId, ReplayKey, Time};

/// The signature that is attempted, as decoded from the bytes and the permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SigningAttempt {
    pub(crate) permit: PermitId,
    pub(crate) supersedes: Option<PermitId>,
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) intent: Digest,
    pub(crate) is_cancel: bool,
    /// SHA-256 of the unsigned bytes: signing the same bytes again does not count as a use.
    pub(crate) bytes: Digest,
    /// Never empty; the first becomes the anchor if this signature starts a permit chain.
    pub(crate) replay_keys: Vec<ReplayKey>,
    /// How many different transactions the permit allows.
    pub(crate) limit: u32,
    pub(crate) not_after: Time,
}

/// What the first signature under a permit fixes.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
pub(crate) struct FirstUse {
    /// The first permit of the chain.
    pub(crate) root: PermitId,
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) intent: Digest,
    /// The replay key that every signature of the permit chain uses.
    pub(crate) anchor: ReplayKey,
    pub(crate) supersedes: Option<PermitId>,
    pub(crate) at: Time,
}

/// A used permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) first: FirstUse,
    pub(crate) superseded_by: Option<PermitId>,
    pub(crate) uses: u32,
}

/// The owner of a replay key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The permit chain with this root.
    Chain(PermitId),
    /// Another namespace that holds the same key.
    OtherNamespace,
}

/// A replay key, with its chain and account.
pub(crate) type Claim = (ChainId, String, ReplayKey);

/// The stored state of the permits involved, plus the changes of the attempts admitted so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct PermitState {
    pub(crate) uses: HashMap<PermitId, Use>,
    pub(crate) owners: HashMap<Claim, Owner>,
    pub(crate) revoked: HashSet<PermitId>,
    /// The hashes of bytes that were already signed or requested under a permit.
    pub(crate) known: HashSet<(PermitId, Digest)>,
    /// The permits under which something was signed.
    pub(crate) signed: HashSet<PermitId>,
    /// Permits, each with one that supersedes it once a waiting signature request is answered.
    pub(crate) pending: HashMap<PermitId, PermitId>,
}

/// What an admitted attempt leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A signature, which supersedes the earlier permit at once.
    Signature,
    /// A signature request, which supersedes it when its answer is recorded.
    Request,
}

/// What recording an admitted attempt writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The replay keys that had no owner.
    pub(crate) claimed: Vec<ReplayKey>,
    pub(crate) anchor: ReplayKey,
    /// Whether these bytes were signed under the permit before.
    pub(crate) repeated: bool,
    /// How often the permit is used then.
    pub(crate) uses: u32,
}

impl PermitState {
    /// Check one attempt, and apply it if it is allowed. `frozen` is the freeze that applies to its
    /// key.
    pub(crate) fn admit(
        &mut self,
        attempt: &SigningAttempt,
        stage: Stage,
        frozen: Option<&Freeze>,
        now: Time,
    ) -> Result<Admission> {
        if self.revoked.contains(&attempt.permit) {
            return Err(Error::PermitRevoked {
                permit: attempt.permit,
            });
        }
        let repeated = self.known.contains(&(attempt.permit, attempt.bytes));
        let position = self.position(attempt, repeated, now)?;
        check_freeze(attempt, frozen, &position)?;
        let claimed = self.unclaimed(attempt, position.root)?;
        let admission = self.apply(attempt, position, claimed, repeated, now);
        match stage {
            Stage::Signature => self.supersede(&attempt.permit),
            Stage::Request => self.pending.extend(
                self.earlier(&attempt.permit)
                    .map(|earlier| (earlier, attempt.permit)),
            ),
        }
        Ok(admission)
    }

    /// Check, before the back end is asked and when its signature is recorded, that a request is
    /// still the one that was admitted, and still allowed. Changes nothing.
    pub(crate) fn confirm(
        &self,
        attempt: &SigningAttempt,
        frozen: Option<&Freeze>,
        now: Time,
    ) -> Result<&Use> {
        let permit = attempt.permit;
        if self.revoked.contains(&permit) {
            return Err(Error::PermitRevoked { permit });
        }
        let mismatch = |what| Error::RequestMismatch { what };
        let used = self.uses.get(&permit);
        let used = used.ok_or(mismatch("its permit was not used for it"))?;
        if let Some(by) = used.superseded_by {
            return Err(Error::Superseded { permit, by });
        }
        let first = &used.first;
        if first.intent != attempt.intent
            || !first.is_by(attempt)
            || (attempt.supersedes.is_some() && attempt.supersedes != first.supersedes)
        {
            return Err(mismatch("its permit was used for something else"));
        }
        check_anchor(attempt, permit, &first.anchor)?;
        self.check_permits_before(attempt, first.supersedes, |_| None)?;
        if let Some(earlier) = first.supersedes {
            let earlier_use = self.uses.get(&earlier);
            let earlier_use = earlier_use.ok_or(mismatch("it supersedes an unused permit"))?;
            check_successor(attempt, earlier, &earlier_use.first)?;
        }
        if now > attempt.not_after && !self.outlives_expiry(attempt) {
            return Err(Error::PermitExpired { permit });
        }
        let known = self.known.iter().filter(|(other, _)| *other == permit);
        if used.uses > attempt.limit || known.count() > used.uses as usize {
            let limit = attempt.limit;
            return Err(Error::PermitSpent { permit, limit });
        }
        if !self.owns_all(attempt, first.root) {
            return Err(mismatch("its permit chain does not own its replay keys"));
        }
        match frozen.filter(|freeze| freeze.hard || !attempt.is_cancel) {
            Some(freeze) => Err(Error::Frozen {
                scope: freeze.scope.kind(),
            }),
            None => Ok(used),
        }
    }

    /// Record in the state that something was signed under a permit: all permits before it in its
    /// chain are superseded, also those under which nothing was signed.
    pub(crate) fn supersede(&mut self, permit: &PermitId) {
        self.signed.insert(*permit);
        let mut later = *permit;
        while let Some(earlier) = self.earlier(&later) {
            let Some(used) = self.uses.get_mut(&earlier) else {
                break;
            };
            if used.superseded_by.is_some() {
                break;
            }
            used.superseded_by = Some(later);
            later = earlier;
        }
    }

    /// The permit that this one supersedes.
    pub(crate) fn earlier(&self, permit: &PermitId) -> Option<PermitId> {
        self.uses.get(permit)?.first.supersedes
    }

    /// A cancel may still be signed after the expiry of its permit, if one was before.
    fn outlives_expiry(&self, attempt: &SigningAttempt) -> bool {
        attempt.is_cancel && self.signed.contains(&attempt.permit)
    }

    fn owns_all(&self, attempt: &SigningAttempt, root: PermitId) -> bool {
        attempt.replay_keys.iter().all(|replay_key| {
            let claim = (attempt.chain, attempt.signer.clone(), replay_key.clone());
            self.owners.get(&claim) == Some(&Owner::Chain(root))
        })
    }

    /// An error if a permit before the attempt's is superseded by another than the next. Permits
    /// under which nothing was signed may have several successors; the first to be signed excludes
    /// the others.
    fn check_permits_before(
        &self,
        attempt: &SigningAttempt,
        earlier: Option<PermitId>,
        pending: impl Fn(&PermitId) -> Option<PermitId>,
    ) -> Result<()> {
        let (mut later, mut next) = (attempt.permit, earlier);
        while let Some(earlier) = next {
            let used = self.uses.get(&earlier);
            let by = used.and_then(|used| used.superseded_by);
            if by
                .or_else(|| pending(&earlier))
                .is_some_and(|by| by != later)
            {
                return Err(cannot_supersede(
                    attempt,
                    earlier,
                    "another permit already supersedes it",
                ));
            }
            if by.is_some() {
                break; // all before it are superseded in the same chain
            }
            (later, next) = (earlier, self.earlier(&earlier));
        }
        Ok(())
    }

    fn pending_successor(&self, permit: &PermitId) -> Option<PermitId> {
        self.pending.get(permit).copied()
    }

    /// The position of the attempt in its permit chain.
    fn position(&self, attempt: &SigningAttempt, repeated: bool, now: Time) -> Result<Position> {
        match self.uses.get(&attempt.permit) {
            Some(used) => self.check_repeat(attempt, used, repeated, now),
            None => self.check_first(attempt, now),
        }
    }

    /// A repeated signature under a permit: same permit chain, same anchor, within the signature
    /// limit. After expiry, cancels only.
    fn check_repeat(
        &self,
        attempt: &SigningAttempt,
        used: &Use,
        repeated: bool,
        now: Time,
    ) -> Result<Position> {
        let permit = attempt.permit;
        let by = used.superseded_by.or(self.pending_successor(&permit));
        if let Some(by) = by {
            return Err(Error::Superseded { permit, by });
        }
        let first = &used.first;
        if let Some(earlier) = attempt.supersedes
            && attempt.supersedes != first.supersedes
        {
            return Err(cannot_supersede(
                attempt,
                earlier,
                "it was used in another permit chain",
            ));
        }
        if first.intent != attempt.intent || !first.is_by(attempt) {
            return Err(Error::IntentMismatch { permit });
        }
        check_anchor(attempt, permit, &first.anchor)?;
        self.check_permits_before(attempt, first.supersedes, |earlier| {
            self.pending_successor(earlier)
        })?;
        if now > attempt.not_after && !self.outlives_expiry(attempt) {
            return Err(Error::PermitExpired { permit });
        }
        if used.uses >= attempt.limit && !repeated {
            return Err(Error::PermitSpent {
                permit,
                limit: attempt.limit,
            });
        }
        Ok(Position {
            root: first.root,
            anchor: first.anchor.clone(),
            replay_key_was_used: true,
        })
    }

    /// The first signature under a permit: before its expiry, and either the start of a permit
    /// chain or a valid successor in one.
    fn check_first(&self, attempt: &SigningAttempt, now: Time) -> Result<Position> {
        let permit = attempt.permit;
        if now > attempt.not_after {
            return Err(Error::PermitExpired { permit });
        }
        if attempt.limit == 0 {
            return Err(Error::PermitSpent { permit, limit: 0 });
        }
        let Some(earlier) = attempt.supersedes else {
            let anchor = attempt
                .replay_keys
                .first()
                .ok_or(Error::IntentMismatch { permit })?
                .clone();
            return Ok(Position {
                root: permit,
                anchor,
                replay_key_was_used: false,
            });
        };
        let earlier_use = self.uses.get(&earlier).ok_or_else(|| {
            cannot_supersede(attempt, earlier, "the permit to supersede was never used")
        })?;
        self.check_permits_before(attempt, Some(earlier), |earlier| {
            self.pending_successor(earlier)
        })?;
        check_successor(attempt, earlier, &earlier_use.first)?;
        Ok(Position {
            root: earlier_use.first.root,
            anchor: earlier_use.first.anchor.clone(),
            replay_key_was_used: true,
        })
    }

    /// The replay keys without an owner; an error if another permit chain owns one.
    fn unclaimed(&self, attempt: &SigningAttempt, root: PermitId) -> Result<Vec<ReplayKey>> {
        let mut free = Vec::new();
        for replay_key in &attempt.replay_keys {
            match self
                .owners
                .get(&(attempt.chain, attempt.signer.clone(), replay_key.clone()))
            {
                None => free.push(replay_key.clone()),
                Some(Owner::Chain(owner)) if *owner == root => {}
                Some(_) => {
                    return Err(Error::ReplayKeyUsed {
                        chain: attempt.chain,
                        replay_key: replay_key.clone(),
                    });
                }
            }
        }
        Ok(free)
    }

    fn apply(
        &mut self,
        attempt: &SigningAttempt,
        position: Position,
        claimed: Vec<ReplayKey>,
        repeated: bool,
        now: Time,
    ) -> Admission {
        for replay_key in &claimed {
            let claim = (attempt.chain, attempt.signer.clone(), replay_key.clone());
            self.owners.insert(claim, Owner::Chain(position.root));
        }
        self.known.insert((attempt.permit, attempt.bytes));
        let used = self
            .uses
            .entry(attempt.permit)
            .or_insert_with(|| Use::new(attempt, &position, now));
        used.uses += u32::from(!repeated);
        Admission {
            claimed,
            anchor: position.anchor,
            repeated,
            uses: used.uses,
        }
    }
}

/// The position of an attempt in its permit chain.
struct Position {
    root: PermitId,
    anchor: ReplayKey,
    /// Whether an earlier signature uses the anchor.
    replay_key_was_used: bool,
}

impl Use {
    fn new(attempt: &SigningAttempt, position: &Position, now: Time) -> Self {
        let first = FirstUse {
            root: position.root,
            chain: attempt.chain,
            signer: attempt.signer.clone(),
            intent: attempt.intent,
            anchor: position.anchor.clone(),
            supersedes: attempt.supersedes,
            at: now,
        };
        Self {
            first,
            superseded_by: None,
            uses: 0,
        }
    }
}

impl FirstUse {
    /// Whether the attempt is for the same account.
    fn is_by(&self, attempt: &SigningAttempt) -> bool {
        self.chain == attempt.chain && self.signer == attempt.signer
    }
}

/// A soft freeze still allows cancels of earlier signatures, so that stuck transactions can be
/// replaced. A hard freeze allows nothing.
fn check_freeze(
    attempt: &SigningAttempt,
    frozen: Option<&Freeze>,
    position: &Position,
) -> Result<()> {
    match frozen {
        Some(freeze) if freeze.hard || !(attempt.is_cancel && position.replay_key_was_used) => {
            Err(Error::Frozen {
                scope: freeze.scope.kind(),
            })
        }
        _ => Ok(()),
    }
}

fn check_anchor(attempt: &SigningAttempt, permit: PermitId, anchor: &ReplayKey) -> Result<()> {
    if attempt.replay_keys.contains(anchor) {
        Ok(())
    } else {
        Err(Error::ReplayKeyMismatch {
            permit,
            anchor: anchor.clone(),
        })
    }
}

/// A permit may supersede another on the same replay key only, for a cancel or for the same intent
/// with a new envelope.
fn check_successor(attempt: &SigningAttempt, earlier: PermitId, first: &FirstUse) -> Result<()> {
    if !first.is_by(attempt) {
        return Err(cannot_supersede(
            attempt,
            earlier,
            "it is for another account",
        ));
    }
    if !attempt.is_cancel && first.intent != attempt.intent {
        return Err(cannot_supersede(
            attempt,
            earlier,
            "it is neither a cancel nor for the same intent",
        ));
    }
    check_anchor(attempt, earlier, &first.anchor)
}

fn cannot_supersede(attempt: &SigningAttempt, earlier: PermitId, why: &'static str) -> Error {
    Error::CannotSupersede {
        permit: attempt.permit,
        earlier,
        why,
    }
}

#[cfg(test)]
mod tests;
