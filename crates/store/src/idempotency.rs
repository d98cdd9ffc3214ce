//! Idempotency keys: a key, scoped by namespace and verb, is bound to the resource that its command
//! created.

use crate::{Result, Tx, table};
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
pub fn claim(tx: &mut Tx<'_, '_>, verb: &str, claims: &[Claim<'_>]) -> Result<Vec<ClaimOutcome>> {
    let now = tx.now();
    let mut firsts: Vec<&Claim<'_>> = Vec::with_capacity(claims.len());
    let mut seen = HashSet::with_capacity(claims.len());
    for claim in claims {
        assert!(
            claim.key.len() <= MAX_KEY_BYTES,
            "longer keys are rejected by the API"
        );
        if seen.insert(claim.key) {
            firsts.push(claim);
        }
    }
    let rows: Vec<_> = firsts
        .iter()
        .map(|first| {
            (
                verb,
                first.key,
                first.command_hash,
                first.resource.as_str(),
                now,
            )
        })
        .collect();
    let mut fresh: HashSet<String> = table::claim_keys(tx, &rows)?
        .into_iter()
        .map(|(key,)| key)
        .collect();
    let existing = if fresh.len() == claims.len() {
        HashMap::new()
    } else {
        existing(tx, verb, &firsts)?
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

/// The command hash and resource of each key that was claimed before.
type ExistingClaims = HashMap<String, (Option<Digest>, String)>;

fn existing(tx: &mut Tx<'_, '_>, verb: &str, firsts: &[&Claim<'_>]) -> Result<ExistingClaims> {
    let keys: Vec<(&str,)> = firsts.iter().map(|first| (first.key,)).collect();
    let rows = table::existing_claims(tx, verb, &keys)?;
    Ok(rows
        .into_iter()
        .map(|(key, command, resource)| (key, (command, resource)))
        .collect())
}

/// Compare a claim with the existing one. A key that could not be claimed exists in the same
/// snapshot: PostgreSQL fails a transaction whose insert conflicts with a row that its snapshot
/// does not contain, and it is retried.
fn compare(claim: &Claim<'_>, existing: &ExistingClaims) -> ClaimOutcome {
    let (command, resource) = existing
        .get(claim.key)
        .expect("a key that could not be claimed exists");
    let resource = resource.clone();
    let same = command.is_none() || claim.command_hash.is_none() || *command == claim.command_hash;
    if same {
        ClaimOutcome::Replayed { resource }
    } else {
        ClaimOutcome::Conflict { resource }
    }
}

/// Release a key in the transaction that rejects its command for good: a rejection uses up no key.
pub fn release(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<()> {
    table::free_key(tx, verb, key)
}
