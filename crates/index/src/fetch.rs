//! Fetches blocks in parallel, in order, and decodes their transfers. Inconsistent blocks are
//! rejected before anything is stored.

use crate::{DecodedBlock, Error, Result};
use chain::{BlockRef, Connector, Watch};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;
use types::{Block, Height, sanitize_text};

/// Concurrent block requests per chain.
const PARALLEL: usize = 4;
/// Once the fetched blocks have this many rows, the rest waits for the next transaction. Bounds
/// memory and the size of the transaction; a single block may exceed it.
const ROWS_PER_TRANSACTION: usize = 20_000;

/// References to the node's blocks in a range. Shorter than the range if the node's head has
/// dropped below its end.
pub(crate) async fn refs(chain: &dyn Connector, from: Height, to: Height) -> Result<Vec<BlockRef>> {
    // The futures are collected before streaming: with a closure inside the stream this future
    // would not be `Send`.
    let requests: Vec<_> = (from.0..=to.0)
        .map(|height| chain.block_at(Height(height)))
        .collect();
    let blocks: Vec<Option<BlockRef>> = stream::iter(requests)
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    Ok(blocks
        .into_iter()
        .zip(from.0..)
        .map_while(|(block, height)| block.filter(|block| block.height.0 == height))
        .collect())
}

/// The referenced blocks in order, as many of the first ones as fit one transaction. None if the
/// node no longer has one of them.
pub(crate) async fn blocks(
    chain: &dyn Connector,
    refs: &[BlockRef],
    watch: &Watch,
) -> Result<Option<Vec<DecodedBlock>>> {
    let requests: Vec<_> = refs
        .iter()
        .map(|block_ref| chain.block(&block_ref.hash, watch))
        .collect();
    let mut responses = stream::iter(refs)
        .zip(stream::iter(requests).buffered(PARALLEL))
        .map(|(block_ref, block)| Ok::<_, Error>((block_ref, block?)));
    let (mut blocks, mut rows) = (Vec::new(), 0);
    while let Some((block_ref, block)) = responses.try_next().await? {
        let Some(block) = block else { return Ok(None) };
        check(chain, block_ref, &block)?;
        let decoded = decode(chain, block);
        // One event may contain thousands of transfers.
        rows += decoded.block.events.len().max(decoded.transfers.len())
            + decoded.block.inclusions.len();
        blocks.push(decoded);
        if rows >= ROWS_PER_TRANSACTION {
            break;
        }
    }
    Ok(Some(blocks))
}

/// Decodes the transfers of a block's events.
fn decode(chain: &dyn Connector, mut block: Block) -> DecodedBlock {
    for event in &mut block.events {
        for text in [&mut event.source, &mut event.topic, &mut event.body] {
            // PostgreSQL rejects NUL in text, and no event may stop the chain.
            if text.contains('\0') {
                *text = sanitize_text(text.as_bytes());
            }
        }
    }
    let transfers = block
        .events
        .iter()
        .flat_map(|event| chain.transfers(block.height, event))
        .collect();
    DecodedBlock { block, transfers }
}

/// Checks that a block is the requested one and is consistent in itself.
fn check(chain: &dyn Connector, requested: &BlockRef, block: &Block) -> Result<()> {
    let inconsistent = |reason: &str| {
        let reason = format!("{reason} ({} at {})", requested.hash, requested.height);
        Err(Error::InconsistentBlock {
            chain: *chain.chain(),
            reason,
        })
    };
    if block.chain != *chain.chain()
        || (&block.hash, &block.parent, block.height)
            != (&requested.hash, &requested.parent, requested.height)
    {
        return inconsistent("it is not the requested block");
    }
    if block
        .events
        .windows(2)
        .any(|pair| pair[0].index >= pair[1].index)
    {
        return inconsistent("its events are out of order");
    }
    let identities: BTreeSet<_> = block
        .events
        .iter()
        .map(|event| (&event.transaction, &event.path))
        .collect();
    if identities.len() != block.events.len() {
        return inconsistent("two of its events have the same identity");
    }
    let replay_keys: Vec<_> = block
        .inclusions
        .iter()
        .flat_map(|inclusion| &inclusion.replay_keys)
        .collect();
    if replay_keys.iter().collect::<BTreeSet<_>>().len() != replay_keys.len() {
        return inconsistent("it uses the same replay key twice");
    }
    Ok(())
}
