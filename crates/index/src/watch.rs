//! Who and what is watched on a chain: what of each block is kept.

use crate::{Result, table};
use chain::Watch;
use store::{Tx, Unbound};
use types::ChainId;

const SIGNER: &str = "signer";
const SOURCE: &str = "source";
const TOPIC: &str = "topic";

/// Report transactions of these signers from the next block on. In the caller's transaction: whoever is to sign is watched before.
pub fn watch_signers(tx: &mut Tx<'_, '_>, chain: &ChainId, signers: &[String]) -> store::Result<()> {
    table::watch::insert(tx, chain, SIGNER, signers).map(drop)
}

/// Keep the events of these sources, and those of these topics from whatever source, from the next block on.
pub fn watch_events(tx: &mut Tx<'_, '_>, chain: &ChainId, sources: &[String], topics: &[String]) -> store::Result<()> {
    table::watch::insert(tx, chain, SOURCE, sources)?;
    table::watch::insert(tx, chain, TOPIC, topics).map(drop)
}

/// Everything that is asked for on a chain, by whomever.
pub(crate) fn of_chain(tx: &mut Unbound<'_, '_>, chain: &ChainId, everything: bool) -> Result<Watch> {
    let mut watch = Watch { everything, ..Watch::default() };
    for (kind, value) in table::watch::of_chain(tx, chain)? {
        match kind.as_str() {
            SIGNER => watch.signers.insert(value),
            SOURCE => watch.sources.insert(value),
            TOPIC => watch.topics.insert(value),
            _ => false,
        };
    }
    for scope in table::scope::of_chain(tx, chain)?.iter().filter(|scope| scope.quarantined.is_none()) {
        let wanted = scope.watch();
        watch.everything |= wanted.everything;
        watch.sources.extend(wanted.sources);
    }
    Ok(watch)
}
