//! One primitive for repeats: a key, scoped by namespace and verb, names the resource that its
//! command made.

use crate::{Result, Tx, table};
use std::collections::{HashMap, HashSet};
use types::Digest;

/// The longest key.
pub const MAX_KEY: usize = 256;

/// A command that carries a key.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The caller's key, at most [`MAX_KEY`] bytes.
    pub key: &'a str,
    /// The hash of the canonical parsed command; none for protocols that do not compare.
    pub command: Option<Digest>,
    /// The resource that the command makes, if the key is free.
    pub resource: String,
}

/// What a key says of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The key was free: it names the command's resource from now on.
    Fresh,
    /// The same command made this resource before. Answer with its current state.
    Replayed {
        /// The resource.
        resource: String,
    },
    /// Another command used the key.
    Conflict {
        /// The resource of that one.
        resource: String,
    },
}

/// Claim keys for the commands of a slice, in their order. Within the slice the first of a key
/// wins.
pub fn claim(tx: &mut Tx<'_, '_>, verb: &str, claims: &[Claim<'_>]) -> Result<Vec<Claimed>> {
    let now = tx.now();
    let mut firsts: Vec<&Claim<'_>> = Vec::with_capacity(claims.len());
    let mut seen = HashSet::with_capacity(claims.len());
    for claim in claims {
        assert!(claim.key.len() <= MAX_KEY, "the edge refuses longer keys");
        if seen.insert(claim.key) {
            firsts.push(claim);
        }
    }
    let rows: Vec<_> = firsts
        .iter()
        .map(|first| (verb, first.key, first.command, first.resource.as_str(), now))
        .collect();
    let mut fresh: HashSet<String> = table::claim_keys(tx, &rows)?
        .into_iter()
        .map(|(key,)| key)
        .collect();
    let taken = if fresh.len() == claims.len() {
        HashMap::new()
    } else {
        taken(tx, verb, &firsts)?
    };
    Ok(claims
        .iter()
        .map(|claim| {
            if fresh.remove(claim.key) {
                Claimed::Fresh
            } else {
                judge(claim, &taken)
            }
        })
        .collect())
}

/// What each key stands for, by the key.
type Taken = HashMap<String, (Option<Digest>, String)>;

fn taken(tx: &mut Tx<'_, '_>, verb: &str, firsts: &[&Claim<'_>]) -> Result<Taken> {
    let keys: Vec<(&str,)> = firsts.iter().map(|first| (first.key,)).collect();
    let rows = table::claimed(tx, verb, &keys)?;
    Ok(rows
        .into_iter()
        .map(|(key, command, resource)| (key, (command, resource)))
        .collect())
}

/// A key that could not be claimed is there, in the same transaction: PostgreSQL runs a transaction
/// again rather than let it run into a row that its snapshot does not show.
fn judge(claim: &Claim<'_>, taken: &Taken) -> Claimed {
    let (command, resource) = taken
        .get(claim.key)
        .expect("a key that could not be claimed is there");
    let resource = resource.clone();
    let same = command.is_none() || claim.command.is_none() || *command == claim.command;
    if same {
        Claimed::Replayed { resource }
    } else {
        Claimed::Conflict { resource }
    }
}

/// Free a key in the transaction that refuses its command for good: a refusal burns no key.
pub fn free(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<()> {
    table::free_key(tx, verb, key)
}
