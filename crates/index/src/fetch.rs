//! Fetching blocks in parallel, in order, with what their events mean. What cannot be right is
//! refused before anything is stored.

use crate::{Error, Result, Work};
use chain::{BlockRef, Connector, Watch};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;
use types::{Block, Height, hostile_text};

/// Requests for blocks under way at a time, for one chain.
const PARALLEL: usize = 4;
/// Rows that one transaction stores before the blocks behind wait for the next one: memory and the
/// transaction stay bounded, whatever the chain holds. One block may go beyond.
const ROWS_AT_A_TIME: usize = 20_000;

/// The names of the node's blocks in a range; shorter if its head is lower by now.
pub(crate) async fn names(
    chain: &dyn Connector,
    from: Height,
    to: Height,
) -> Result<Vec<BlockRef>> {
    // Futures are made before the stream: a closure in it would keep the whole from moving between
    // threads.
    let asked: Vec<_> = (from.0..=to.0)
        .map(|height| chain.block_at(Height(height)))
        .collect();
    let found: Vec<Option<BlockRef>> = stream::iter(asked).buffered(PARALLEL).try_collect().await?;
    let asked = found.into_iter().zip(from.0..);
    Ok(asked
        .map_while(|(block, height)| block.filter(|block| block.height.0 == height))
        .collect())
}

/// The blocks of these names, in order, as many of the first as are stored at a time; none if the
/// node does not have one of them any more.
pub(crate) async fn blocks(
    chain: &dyn Connector,
    names: &[BlockRef],
    watch: &Watch,
) -> Result<Option<Vec<Work>>> {
    let asked: Vec<_> = names
        .iter()
        .map(|name| chain.block(&name.hash, watch))
        .collect();
    let mut found = stream::iter(names)
        .zip(stream::iter(asked).buffered(PARALLEL))
        .map(|(name, block)| Ok::<_, Error>((name, block?)));
    let (mut work, mut rows) = (Vec::new(), 0);
    while let Some((name, block)) = found.try_next().await? {
        let Some(block) = block else { return Ok(None) };
        check(chain, name, &block)?;
        let one = understood(chain, block);
        // One event may tell thousands of transfers.
        rows += one.block.events.len().max(one.transfers.len()) + one.block.included.len();
        work.push(one);
        if rows >= ROWS_AT_A_TIME {
            break;
        }
    }
    Ok(Some(work))
}

/// A block with the movements of value that its events tell.
fn understood(chain: &dyn Connector, mut block: Block) -> Work {
    for event in &mut block.events {
        for text in [&mut event.source, &mut event.topic, &mut event.body] {
            if text.contains('\0') {
                *text = hostile_text(text.as_bytes()); // no database takes it, and no event may stop the chain
            }
        }
    }
    let transfers = block
        .events
        .iter()
        .flat_map(|event| chain.transfers(block.height, event))
        .collect();
    Work { block, transfers }
}

/// Whether a block is the one that was asked for, and does not contradict itself.
fn check(chain: &dyn Connector, name: &BlockRef, block: &Block) -> Result<()> {
    let wrong = |why: &str| {
        let why = format!("{why} ({} at {})", name.hash, name.height);
        Err(Error::Contradiction {
            chain: chain.chain().clone(),
            why,
        })
    };
    if block.chain != *chain.chain()
        || (&block.hash, &block.parent, block.height) != (&name.hash, &name.parent, name.height)
    {
        return wrong("it gave another block than was asked for");
    }
    if block
        .events
        .windows(2)
        .any(|pair| pair[0].index >= pair[1].index)
    {
        return wrong("the events of a block are out of order");
    }
    let identities: BTreeSet<_> = block
        .events
        .iter()
        .map(|event| (&event.transaction, &event.path))
        .collect();
    if identities.len() != block.events.len() {
        return wrong("two events of a block have one identity");
    }
    let witnesses: Vec<_> = block
        .included
        .iter()
        .flat_map(|one| &one.witnesses)
        .collect();
    if witnesses.iter().collect::<BTreeSet<_>>().len() != witnesses.len() {
        return wrong("a block uses one thing up twice");
    }
    Ok(())
}
