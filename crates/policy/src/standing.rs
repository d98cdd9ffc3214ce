//! The standing set: everything whose change can withdraw what was permitted. A decision is stored
//! with its hash, and allows a first signature only while the hash is the same.
//!
//! It consists of the namespace's policies and what else they rely on (one revision, see
//! [`withdraw_standing`]), and of the API keys of the initiator and of those in its chain: whether
//! each is live, and its roles. Freezes are separate: `keys` checks them at each signature.

use crate::{KeyStanding, Lock, Policy, Result, table};
use std::collections::{BTreeMap, BTreeSet};
use store::Tx;
use types::{ApiKeyId, Canon, Digest, Principal, Role};

/// The state of a standing set in a transaction, for some principals.
pub(crate) struct StandingSet {
    revision: u64,
    keys: BTreeMap<ApiKeyId, KeyStanding>,
}

/// The hashes of the standing sets of these initiators now, in their order. Takes one statement,
/// and another if any initiator has an API key.
pub fn standing(
    policy: &Policy,
    tx: &mut Tx,
    initiators: &[&Principal],
    lock: Lock,
) -> Result<Vec<Digest>> {
    let set = StandingSet::load(policy, tx, initiators, lock)?;
    let hash = |initiator: &&Principal| set.hash(initiator);
    Ok(initiators.iter().map(hash).collect())
}

/// Withdraws all standing decisions of the namespace: what was permitted and not signed is decided
/// again. For every change to what policies decide on: policies, attachments, and what else a
/// controller maintains for them. In the transaction of the change.
pub fn withdraw_standing(tx: &mut Tx) -> store::Result<()> {
    table::revision::bump(tx).map(drop)
}

impl StandingSet {
    pub(crate) fn load(
        policy: &Policy,
        tx: &mut Tx,
        initiators: &[&Principal],
        lock: Lock,
    ) -> Result<Self> {
        let keys: BTreeSet<ApiKeyId> = initiators.iter().flat_map(|one| keys_of(one)).collect();
        let revision = match lock {
            Lock::None => table::revision::get(tx)?,
            Lock::Shared => table::revision::share(tx)?,
        };
        let keys = match keys.is_empty() {
            true => Vec::new(),
            false => {
                let keys: Vec<ApiKeyId> = keys.into_iter().collect();
                policy.api_keys().standing(tx, &keys, lock)?
            }
        };
        let keys = keys.into_iter().map(|key| (key.id, key)).collect();
        Ok(Self { revision, keys })
    }

    pub(crate) fn key(&self, id: &ApiKeyId) -> Option<&KeyStanding> {
        self.keys.get(id)
    }

    /// The hash for one initiator: domain `policy-standing`, version 1.
    pub(crate) fn hash(&self, initiator: &Principal) -> Digest {
        let keys: BTreeSet<ApiKeyId> = keys_of(initiator).collect();
        let keys: Vec<ApiKeyId> = keys.into_iter().collect();
        Canon::new("policy-standing", 1)
            .display(&initiator.namespace)
            .int(i64::try_from(self.revision).unwrap_or(i64::MAX))
            .list(&keys, |canon, key| {
                let now = self.keys.get(key);
                let mut roles: Vec<Role> = now.map_or(Vec::new(), |now| now.roles.clone());
                roles.sort_unstable();
                roles.dedup();
                canon
                    .display(key)
                    .int(i64::from(now.is_some_and(|now| now.is_live)))
                    .list(&roles, |canon, role| canon.text(role.as_str()))
            })
            .hash()
    }
}

/// The API keys of a principal and of its chain.
fn keys_of(principal: &Principal) -> impl Iterator<Item = ApiKeyId> {
    let chain = principal
        .chain_of
        .iter()
        .filter_map(|cause| cause.author.key);
    principal.key.into_iter().chain(chain)
}
