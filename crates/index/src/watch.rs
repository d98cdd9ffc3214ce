//! Who and what is watched on a chain: what of each block is kept.

use crate::{Result, table};
use chain::Watch;
use store::{Db, Tx, Unbound};
use types::ChainId;

const SIGNER: &str = "signer";
const SOURCE: &str = "source";
const TOPIC: &str = "topic";
/// Watched values that are read in one transaction.
const PAGE: u32 = 20_000;

/// Report transactions of these signers from the next block on. In the caller's transaction:
/// whoever is to sign is watched before.
pub fn watch_signers(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    signers: &[String],
) -> store::Result<()> {
    table::watch::insert(tx, chain, SIGNER, signers).map(drop)
}

/// Keep the events of these sources, and those of these topics from whatever source, from the next
/// block on.
pub fn watch_events(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    sources: &[String],
    topics: &[String],
) -> store::Result<()> {
    table::watch::insert(tx, chain, SOURCE, sources)?;
    table::watch::insert(tx, chain, TOPIC, topics).map(drop)
}

/// Everything that is asked for on a chain, by whomever: a page a transaction, for there may be
/// millions of signers. Who was watched before this is called is in it.
pub(crate) async fn of_chain(db: &Db, chain: &ChainId, everything: bool) -> Result<Watch> {
    let mut watch = Watch {
        everything,
        ..Watch::default()
    };
    let mut last = (String::new(), String::new());
    loop {
        let (on, after) = (chain.clone(), last.clone());
        let page = move |tx: &mut Unbound<'_, '_>| {
            table::watch::of_chain(tx, &on, (&after.0, &after.1), PAGE)
        };
        let page = db.read_unbound(page).await?;
        let whole = page.len() < PAGE as usize;
        last = page.last().cloned().unwrap_or_default();
        page.into_iter()
            .for_each(|(kind, value)| add(&mut watch, &kind, value));
        if whole {
            break;
        }
    }
    let on = chain.clone();
    let scopes = db
        .read_unbound(move |tx| table::scope::of_chain(tx, &on))
        .await?;
    for scope in scopes.iter().filter(|scope| scope.quarantined.is_none()) {
        let wanted = scope.watch();
        watch.everything |= wanted.everything;
        watch.sources.extend(wanted.sources);
    }
    Ok(watch)
}

fn add(watch: &mut Watch, kind: &str, value: String) {
    match kind {
        SIGNER => watch.signers.insert(value),
        SOURCE => watch.sources.insert(value),
        TOPIC => watch.topics.insert(value),
        _ => false,
    };
}
