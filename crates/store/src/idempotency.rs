//! Idempotency keys: a key is bound to the resource that its command created, in one namespace and
//! scope (`<noun>.<verb>`, such as `submission.enqueue`).

use crate::table::idempotency::{self as table, NewClaim, StoredClaim};
use crate::{Result, Tx};
use std::collections::{HashMap, HashSet};
use types::Digest;

/// The maximum length of a key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;

/// A command with its idempotency key.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Chosen by the caller, at most [`MAX_KEY_BYTES`] bytes.
    pub key: &'a str,
    /// The hash of the canonical parsed command; none for protocols that do not compare commands.
    pub command_hash: Option<Digest>,
    /// The resource that the command creates if the key is free.
    pub resource: String,
}

/// The outcome of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The key was free and is now bound to the command's resource.
    Fresh,
    /// The same command created this resource before. Respond with its current state.
    Replayed { resource: String },
    /// Another command used the key and created this resource.
    Conflict { resource: String },
}

/// Claim keys for the commands of a slice, in order. If a key occurs twice in the slice, the first
/// command gets it.
pub fn claim(tx: &mut Tx, scope: &str, claims: &[Claim<'_>]) -> Result<Vec<ClaimOutcome>> {
    let created_at = tx.now();
    let mut seen = HashSet::with_capacity(claims.len());
    let firsts = claims.iter().filter(|claim| seen.insert(claim.key));
    let firsts: Vec<NewClaim<'_>> = firsts
        .map(|first| {
            assert!(
                first.key.len() <= MAX_KEY_BYTES,
                "longer keys are rejected by the API"
            );
            NewClaim {
                scope,
                key: first.key,
                command_hash: first.command_hash,
                resource: &first.resource,
                created_at,
            }
        })
        .collect();
    let mut fresh: HashSet<String> = table::insert(tx, &firsts)?
        .into_iter()
        .map(|(key,)| key)
        .collect();
    let existing = if fresh.len() == claims.len() {
        HashMap::new()
    } else {
        existing(tx, scope, &firsts)?
    };
    Ok(claims
        .iter()
        .map(|claim| {
            if fresh.remove(claim.key) {
                ClaimOutcome::Fresh
            } else {
                compare(claim, &existing)
            }
        })
        .collect())
}

/// The earlier claims of these keys, by key.
type ExistingClaims = HashMap<String, StoredClaim>;

fn existing(tx: &mut Tx, scope: &str, firsts: &[NewClaim<'_>]) -> Result<ExistingClaims> {
    let keys: Vec<&str> = firsts.iter().map(|first| first.key).collect();
    let claims = table::of_keys(tx, scope, &keys)?;
    Ok(claims
        .into_iter()
        .map(|claim| (claim.key.clone(), claim))
        .collect())
}

/// Compare a claim with the existing one. A key that could not be claimed exists in the same
/// snapshot: PostgreSQL fails a transaction whose insert conflicts with a row that its snapshot
/// does not contain, and it is retried.
fn compare(claim: &Claim<'_>, existing: &ExistingClaims) -> ClaimOutcome {
    let stored = existing
        .get(claim.key)
        .expect("a key that could not be claimed exists");
    let resource = stored.resource.clone();
    match (stored.command_hash, claim.command_hash) {
        (Some(stored), Some(claimed)) if stored != claimed => ClaimOutcome::Conflict { resource },
        _ => ClaimOutcome::Replayed { resource },
    }
}

/// Release a key in the transaction that rejects its command for good: a rejection uses up no key.
pub fn release(tx: &mut Tx, scope: &str, key: &str) -> Result<()> {
    table::delete(tx, scope, key)
}
