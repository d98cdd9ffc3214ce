//! Watched signers, sources and topics of a chain. They decide what is stored of each block.

use crate::table::scope::Scope;
use crate::table::watch::{WatchKind, Watched};
use crate::{Result, table};
use chain::Watch;
use store::{Db, Tx, UnscopedTx};
use types::ChainId;

/// Watched values read in one transaction.
const PAGE: u32 = 20_000;

/// Stores transactions of these signers from the next block on. Call it in the transaction that
/// commits to sign for them, so that none of their transactions is mined unseen.
pub fn watch_signers(tx: &mut Tx, chain: &ChainId, signers: &[String]) -> store::Result<()> {
    table::watch::insert(tx, chain, WatchKind::Signer, signers).map(drop)
}

/// Stores the events of these sources, and those of these topics from any source, from the next
/// block on.
pub fn watch_events(
    tx: &mut Tx,
    chain: &ChainId,
    sources: &[String],
    topics: &[String],
) -> store::Result<()> {
    table::watch::insert(tx, chain, WatchKind::Source, sources)?;
    table::watch::insert(tx, chain, WatchKind::Topic, topics).map(drop)
}

/// Everything that is watched on a chain, over all namespaces. Read page by page, since there may
/// be millions of signers. Contains whatever was watched before the call.
pub(crate) async fn of_chain(db: &Db, chain: &ChainId, everything: bool) -> Result<Watch> {
    let mut watch = Watch {
        everything,
        ..Watch::default()
    };
    let mut last = None;
    loop {
        let args = (*chain, last.take());
        let page = db.read_unscoped_with(args, |tx: &mut UnscopedTx, (chain, last)| {
            table::watch::of_chain(tx, chain, last.as_ref(), PAGE)
        });
        let page: Vec<Watched> = page.await?;
        if page.len() == PAGE as usize {
            last = page.last().cloned();
        }
        page.into_iter()
            .for_each(|watched| add(&mut watch, watched));
        if last.is_none() {
            break;
        }
    }
    let scopes: Vec<Scope> = db
        .read_unscoped_with(*chain, table::scope::of_chain)
        .await?;
    for scope in scopes.iter().filter(|scope| scope.quarantined.is_none()) {
        let scope_watch = scope.watch();
        watch.everything |= scope_watch.everything;
        watch.sources.extend(scope_watch.sources);
    }
    Ok(watch)
}

fn add(watch: &mut Watch, Watched { kind, value }: Watched) {
    let values = match kind {
        WatchKind::Signer => &mut watch.signers,
        WatchKind::Source => &mut watch.sources,
        WatchKind::Topic => &mut watch.topics,
    };
    values.insert(value);
}
