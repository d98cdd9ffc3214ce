//! Watched signers, sources and topics of a chain. They decide what is stored of each block.

use crate::{Result, table};
use chain::Watch;
use store::{Db, Tx, UnscopedTx};
use types::ChainId;

const SIGNER: &str = "signer";
const SOURCE: &str = "source";
const TOPIC: &str = "topic";
/// Watched values read in one transaction.
const PAGE: u32 = 20_000;

/// Stores transactions of these signers from the next block on. Call it in the transaction that
/// commits to sign for them, so that none of their transactions is mined unseen.
pub fn watch_signers(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    signers: &[String],
) -> store::Result<()> {
    table::watch::insert(tx, chain, SIGNER, signers).map(drop)
}

/// Stores the events of these sources, and those of these topics from any source, from the next
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

/// Everything that is watched on a chain, over all namespaces. Read page by page, since there may
/// be millions of signers. Contains whatever was watched before the call.
pub(crate) async fn of_chain(db: &Db, chain: &ChainId, everything: bool) -> Result<Watch> {
    let mut watch = Watch {
        everything,
        ..Watch::default()
    };
    let mut last = (String::new(), String::new());
    loop {
        let (chain, after) = (*chain, last.clone());
        let page = move |tx: &mut UnscopedTx<'_, '_>| {
            table::watch::of_chain(tx, &chain, (&after.0, &after.1), PAGE)
        };
        let page = db.read_unscoped(page).await?;
        let is_last_page = page.len() < PAGE as usize;
        last = page.last().cloned().unwrap_or_default();
        page.into_iter()
            .for_each(|(kind, value)| add(&mut watch, &kind, value));
        if is_last_page {
            break;
        }
    }
    let chain = *chain;
    let scopes = db
        .read_unscoped(move |tx| table::scope::of_chain(tx, &chain))
        .await?;
    for scope in scopes.iter().filter(|scope| scope.quarantined.is_none()) {
        let scope_watch = scope.watch();
        watch.everything |= scope_watch.everything;
        watch.sources.extend(scope_watch.sources);
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
