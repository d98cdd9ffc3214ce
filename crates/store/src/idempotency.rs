//! One primitive for repeats: a key, scoped by namespace and verb, names the resource that its command made.

use crate::{Result, Tx, table};
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

/// Claim keys for the commands of a slice, in their order. Within the slice the first of a key wins.
pub fn claim(tx: &mut Tx<'_, '_>, verb: &str, claims: &[Claim<'_>]) -> Result<Vec<Claimed>> {
    let now = tx.now();
    let mut firsts: Vec<&Claim<'_>> = Vec::with_capacity(claims.len());
    let mut seen = std::collections::HashMap::with_capacity(claims.len());
    for claim in claims {
        assert!(claim.key.len() <= MAX_KEY, "the edge refuses longer keys");
        seen.entry(claim.key).or_insert_with(|| firsts.push(claim));
    }
    let rows: Vec<_> =
        firsts.iter().map(|first| (verb, first.key, first.command, first.resource.as_str(), now)).collect();
    let fresh: std::collections::HashSet<String> =
        table::claim_keys(tx, &rows)?.into_iter().map(|(key,)| key).collect();
    claims.iter().map(|claim| judge(tx, verb, claim, &firsts, &fresh)).collect()
}

fn judge(
    tx: &mut Tx<'_, '_>,
    verb: &str,
    claim: &Claim<'_>,
    firsts: &[&Claim<'_>],
    fresh: &std::collections::HashSet<String>,
) -> Result<Claimed> {
    if fresh.contains(claim.key) && firsts.iter().any(|first| std::ptr::eq(*first, claim)) {
        return Ok(Claimed::Fresh);
    }
    let (command, resource) = table::claimed(tx, verb, claim.key)?
        .expect("a key that could not be claimed is there, in the same transaction");
    let same = command.is_none() || claim.command.is_none() || command == claim.command;
    Ok(if same { Claimed::Replayed { resource } } else { Claimed::Conflict { resource } })
}

/// Free a key in the transaction that refuses its command for good: a refusal burns no key.
pub fn free(tx: &mut Tx<'_, '_>, verb: &str, key: &str) -> Result<()> {
    table::free_key(tx, verb, key)
}
