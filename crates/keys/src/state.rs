//! Whether a signature may be: pure, and the same question at the signature and at its record.

use crate::{Error, Freeze, Result};
use std::collections::{HashMap, HashSet};
use types::{ChainId, Digest, PermitId, Time, Witness};

/// What is asked for, read from the bytes and from the permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) permit: PermitId,
    pub(crate) supersedes: Option<PermitId>,
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) intent: Digest,
    pub(crate) is_cancel: bool,
    /// SHA-256 of the unsigned bytes: the same bytes again are no further signature.
    pub(crate) bytes: Digest,
    /// Never empty; the first is the anchor, should this be the first signature of its line.
    pub(crate) witnesses: Vec<Witness>,
    /// How many different transactions the permit allows.
    pub(crate) limit: u32,
    pub(crate) not_after: Time,
}

/// A permit that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// The first permit of its line.
    pub(crate) root: PermitId,
    pub(crate) chain: ChainId,
    pub(crate) signer: String,
    pub(crate) intent: Digest,
    /// The witness that every signature of the line uses up.
    pub(crate) anchor: Witness,
    pub(crate) supersedes: Option<PermitId>,
    pub(crate) superseded_by: Option<PermitId>,
    pub(crate) uses: u32,
    pub(crate) first_at: Time,
}

/// Whose a witness is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The line of this permit.
    Line(PermitId),
    /// Somebody's in another namespace that holds the same key.
    Foreign,
}

/// A witness in full: on which chain, whose account.
pub(crate) type Claim = (ChainId, String, Witness);

/// What is known of the permits that are asked about, and what the answers so far have added to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    pub(crate) uses: HashMap<PermitId, Use>,
    pub(crate) owners: HashMap<Claim, Owner>,
    pub(crate) revoked: HashSet<PermitId>,
    /// Bytes that were signed under a permit already.
    pub(crate) known: HashSet<(PermitId, Digest)>,
}

/// What recording an answer writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The witnesses that were nobody's before.
    pub(crate) claimed: Vec<Witness>,
    /// The anchor of the line.
    pub(crate) anchor: Witness,
    /// Whether these very bytes were signed under the permit before.
    pub(crate) again: bool,
}

impl Book {
    /// Judge one signature, and take it down if it may be. `frozen` is what holds for its key.
    pub(crate) fn enter(&mut self, ask: &Ask, frozen: Option<&Freeze>, now: Time) -> Result<Entry> {
        if self.revoked.contains(&ask.permit) {
            return Err(Error::PermitRevoked { permit: ask.permit });
        }
        let again = self.known.contains(&(ask.permit, ask.bytes));
        let place = self.place(ask, again, now)?;
        refuse_frozen(ask, frozen, &place)?;
        let claimed = self.unclaimed(ask, place.root)?;
        Ok(self.take_down(ask, place, claimed, again, now))
    }

    /// Where in which line the signature stands.
    fn place(&self, ask: &Ask, again: bool, now: Time) -> Result<Place> {
        match self.uses.get(&ask.permit) {
            Some(used) => self.later(ask, used, again, now),
            None => self.first(ask, now),
        }
    }

    /// A later signature under a permit: the same line, the same anchor, while there are signatures
    /// left. Once expired, a cancel only.
    fn later(&self, ask: &Ask, used: &Use, again: bool, now: Time) -> Result<Place> {
        let permit = ask.permit;
        if let Some(by) = used.superseded_by {
            return Err(Error::Superseded { permit, by });
        }
        if ask.supersedes.is_some() && ask.supersedes != used.supersedes {
            return Err(cannot(ask, "it was used in another line"));
        }
        if used.intent != ask.intent || (&used.chain, &used.signer) != (&ask.chain, &ask.signer) {
            return Err(Error::OtherIntent { permit });
        }
        share_anchor(ask, permit, &used.anchor)?;
        if now > ask.not_after && !ask.is_cancel {
            return Err(Error::PermitExpired { permit });
        }
        if used.uses >= ask.limit && !again {
            return Err(Error::PermitSpent {
                permit,
                limit: ask.limit,
            });
        }
        Ok(Place {
            root: used.root,
            anchor: used.anchor.clone(),
            is_first: false,
            witness_was_used: true,
        })
    }

    /// The first signature under a permit: in time, and the begin of a line or the rightful next of
    /// one.
    fn first(&self, ask: &Ask, now: Time) -> Result<Place> {
        let permit = ask.permit;
        if now > ask.not_after {
            return Err(Error::PermitExpired { permit });
        }
        if ask.limit == 0 {
            return Err(Error::PermitSpent { permit, limit: 0 });
        }
        let Some(earlier) = ask.supersedes else {
            let anchor = ask
                .witnesses
                .first()
                .ok_or(Error::OtherIntent { permit })?
                .clone();
            return Ok(Place {
                root: permit,
                anchor,
                is_first: true,
                witness_was_used: false,
            });
        };
        let before = self
            .uses
            .get(&earlier)
            .ok_or_else(|| cannot(ask, "that one was never used"))?;
        self.succeeds(ask, earlier, before)?;
        Ok(Place {
            root: before.root,
            anchor: before.anchor.clone(),
            is_first: true,
            witness_was_used: true,
        })
    }

    /// A permit supersedes another on the same witness only: a cancel, or the same intent with a
    /// new envelope.
    fn succeeds(&self, ask: &Ask, earlier: PermitId, before: &Use) -> Result<()> {
        if before.superseded_by.is_some() {
            return Err(cannot(ask, "another one has done so"));
        }
        if (&before.chain, &before.signer) != (&ask.chain, &ask.signer) {
            return Err(cannot(ask, "it is for another account"));
        }
        if !ask.is_cancel && before.intent != ask.intent {
            return Err(cannot(
                ask,
                "it is neither a cancel nor for the same intent",
            ));
        }
        share_anchor(ask, earlier, &before.anchor)
    }

    /// The witnesses that are nobody's yet; an error if one is another line's.
    fn unclaimed(&self, ask: &Ask, root: PermitId) -> Result<Vec<Witness>> {
        let mut free = Vec::new();
        for witness in &ask.witnesses {
            match self
                .owners
                .get(&(ask.chain.clone(), ask.signer.clone(), witness.clone()))
            {
                None => free.push(witness.clone()),
                Some(Owner::Line(owner)) if *owner == root => {}
                Some(_) => {
                    return Err(Error::WitnessUsed {
                        chain: ask.chain.clone(),
                        witness: witness.clone(),
                    });
                }
            }
        }
        Ok(free)
    }

    fn take_down(
        &mut self,
        ask: &Ask,
        place: Place,
        claimed: Vec<Witness>,
        again: bool,
        now: Time,
    ) -> Entry {
        for witness in &claimed {
            let claim = (ask.chain.clone(), ask.signer.clone(), witness.clone());
            self.owners.insert(claim, Owner::Line(place.root));
        }
        if let Some(before) = ask
            .supersedes
            .filter(|_| place.is_first)
            .and_then(|id| self.uses.get_mut(&id))
        {
            before.superseded_by = Some(ask.permit);
        }
        self.known.insert((ask.permit, ask.bytes));
        let used = self
            .uses
            .entry(ask.permit)
            .or_insert_with(|| Use::begin(ask, &place, now));
        used.uses += u32::from(!again);
        Entry {
            claimed,
            anchor: place.anchor,
            again,
        }
    }
}

/// Where a signature stands.
struct Place {
    root: PermitId,
    anchor: Witness,
    /// Whether it is the first under its permit.
    is_first: bool,
    /// Whether an earlier signature uses up the anchor.
    witness_was_used: bool,
}

impl Use {
    fn begin(ask: &Ask, place: &Place, now: Time) -> Self {
        Self {
            root: place.root,
            chain: ask.chain.clone(),
            signer: ask.signer.clone(),
            intent: ask.intent,
            anchor: place.anchor.clone(),
            supersedes: ask.supersedes,
            superseded_by: None,
            uses: 0,
            first_at: now,
        }
    }
}

/// Under a soft freeze a cancel of something signed before is still possible, so that it stays
/// replaceable; under a hard one nothing is.
fn refuse_frozen(ask: &Ask, frozen: Option<&Freeze>, place: &Place) -> Result<()> {
    match frozen {
        Some(freeze) if freeze.hard || !(ask.is_cancel && place.witness_was_used) => {
            Err(Error::Frozen {
                scope: freeze.scope.kind(),
            })
        }
        _ => Ok(()),
    }
}

fn share_anchor(ask: &Ask, permit: PermitId, anchor: &Witness) -> Result<()> {
    if ask.witnesses.contains(anchor) {
        Ok(())
    } else {
        Err(Error::OtherWitness {
            permit,
            anchor: anchor.clone(),
        })
    }
}

fn cannot(ask: &Ask, why: &'static str) -> Error {
    Error::CannotSupersede {
        permit: ask.permit,
        earlier: ask.supersedes.unwrap_or(ask.permit),
        why,
    }
}

#[cfg(test)]
mod tests;
