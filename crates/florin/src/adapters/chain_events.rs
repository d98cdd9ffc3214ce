//! `streams::Expand` over the index: a block, an advance of the final watermark or a reorganization
//! expands to one event per chain event, always with the same id.

use index::{ChainFact, StoredEvent};
use serde_json::json;
use store::{Db, StoredFact, UnscopedTx};
use streams::{Event, Expand, ExpandError, Expansion};
use types::{ChainId, Height, Json};

/// Limit of events per page.
const PAGE_EVENTS: usize = 500;
/// Limit of blocks read per page; most are empty.
const PAGE_BLOCKS: u64 = 2_000;

/// Expands chain facts to the events that subscribers receive.
pub(crate) struct ChainEvents {
    db: Db,
}

/// The blocks that a fact covers, in order.
enum Blocks {
    Named(Vec<String>),
    Between { first: Height, last: Height },
}

/// Start of a page: an index into the blocks of the fact, and the event after which to continue.
#[derive(Clone, Copy)]
struct PageStart {
    block: u64,
    after: i64,
}

impl PageStart {
    const FIRST: PageStart = PageStart {
        block: 0,
        after: -1,
    };

    fn parse(text: &str) -> Option<Self> {
        let (block, after) = text.split_once('/')?;
        Some(Self {
            block: block.parse().ok()?,
            after: after.parse().ok()?,
        })
    }
}

impl Blocks {
    fn count(&self) -> u64 {
        match self {
            Blocks::Named(hashes) => hashes.len() as u64,
            Blocks::Between { first, last } => (last.0 + 1).saturating_sub(first.0),
        }
    }

    fn hash(
        &self,
        tx: &mut UnscopedTx,
        chain: &ChainId,
        index: u64,
    ) -> store::Result<Option<String>> {
        match self {
            Blocks::Named(hashes) => Ok(usize::try_from(index)
                .ok()
                .and_then(|index| hashes.get(index))
                .cloned()),
            Blocks::Between { first, .. } => index::block_at(tx, chain, Height(first.0 + index)),
        }
    }
}

impl ChainEvents {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// One page of events, including those of blocks that were reverted since, and the start of the
    /// next page.
    async fn page(
        &self,
        chain: ChainId,
        blocks: Blocks,
        start: PageStart,
    ) -> store::Result<(Vec<StoredEvent>, Option<PageStart>)> {
        self.db
            .read_unscoped(move |tx| read_page(tx, &chain, &blocks, start))
            .await
    }
}

fn read_page(
    tx: &mut UnscopedTx,
    chain: &ChainId,
    blocks: &Blocks,
    start: PageStart,
) -> store::Result<(Vec<StoredEvent>, Option<PageStart>)> {
    let (mut events, mut position) = (Vec::new(), start);
    while position.block < blocks.count() {
        if events.len() >= PAGE_EVENTS || position.block - start.block >= PAGE_BLOCKS {
            return Ok((events, Some(position)));
        }
        let limit = u32::try_from(PAGE_EVENTS - events.len()).unwrap_or(u32::MAX);
        let page = match blocks.hash(tx, chain, position.block)? {
            Some(hash) => index::events_in_block(tx, chain, &hash, position.after, limit)?,
            None => Vec::new(),
        };
        position = match page.last() {
            Some(last) if page.len() == limit as usize => PageStart {
                after: i64::from(last.event.index),
                ..position
            },
            _ => PageStart {
                block: position.block + 1,
                after: -1,
            },
        };
        events.extend(page);
    }
    Ok((events, None))
}

/// The event type, the chain and the blocks that a chain fact expands to.
fn classify(fact: &StoredFact) -> Option<(&'static str, ChainId, Blocks)> {
    let payload = fact.payload.as_ref().map_or("", Json::as_str);
    match ChainFact::parse(&fact.kind, payload)? {
        ChainFact::Block { event_count: 0, .. } => None,
        ChainFact::Block { block, .. } => Some((
            "event.pending",
            block.chain,
            Blocks::Named(vec![block.hash]),
        )),
        ChainFact::Reorg { dropped } => {
            let chain = dropped.first()?.chain;
            let hashes = dropped.into_iter().map(|block| block.hash).collect();
            Some(("event.reverted", chain, Blocks::Named(hashes)))
        }
        ChainFact::Final(advance) => {
            let first = advance.above.map_or(Height(0), Height::next);
            Some((
                "event.final",
                advance.chain,
                Blocks::Between {
                    first,
                    last: advance.through,
                },
            ))
        }
    }
}

#[async_trait::async_trait]
impl Expand for ChainEvents {
    fn event_types(&self, fact_type: &str) -> Option<&'static [&'static str]> {
        match fact_type {
            "chain.block" => Some(&["event.pending"]),
            "chain.final" => Some(&["event.final"]),
            "chain.reorg" => Some(&["event.reverted"]),
            _ => None,
        }
    }

    async fn expand(
        &self,
        fact: &StoredFact,
        rest: Option<&str>,
    ) -> Result<Expansion, ExpandError> {
        let Some((kind, chain, blocks)) = classify(fact) else {
            return Ok(Expansion::default());
        };
        let start = match rest {
            None => PageStart::FIRST,
            Some(rest) => PageStart::parse(rest).ok_or_else(|| {
                ExpandError::Permanent(format!("{rest:?} is not a page position"))
            })?,
        };
        let (events, next) = self.page(chain, blocks, start).await.map_err(retry)?;
        let events = events
            .into_iter()
            .map(|event| to_event(fact, kind, event))
            .collect();
        Ok(Expansion {
            events,
            continuation: next.map(|position| format!("{}/{}", position.block, position.after)),
        })
    }
}

fn retry(error: store::Error) -> ExpandError {
    ExpandError::Temporary(error.to_string())
}

fn to_event(fact: &StoredFact, kind: &str, stored: StoredEvent) -> Event {
    let StoredEvent {
        chain,
        block_hash,
        height,
        block_time,
        event,
        ..
    } = stored;
    let body: serde_json::Value =
        serde_json::from_str(&event.body).unwrap_or(serde_json::Value::Null);
    let data = json!({
        "transaction": event.transaction, "path": event.path, "protocolId": event.protocol_id(height),
        "blockNumber": height.0.to_string(), "blockHash": block_hash, "blockTime": block_time, "body": body,
    });
    Event {
        id: event.id(&chain),
        kind: kind.to_owned(),
        time: fact.at,
        namespace: None,
        subject: Some(event.id(&chain)),
        subjects: Vec::new(),
        chain: Some(chain),
        source: Some(event.source),
        topic: Some(event.topic).filter(|topic| !topic.is_empty()),
        actor: None,
        causation: fact.causation.clone(),
        correlation: None,
        trace: None,
        data: Json::of(&data).ok(),
    }
}
