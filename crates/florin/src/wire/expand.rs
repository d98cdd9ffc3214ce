//! `streams::Expand` over the index: a block, a move of the watermark or a reorganisation becomes
//! one event for each chain event, always under the same id.

use index::{ChainFact, StoredEvent};
use serde_json::json;
use store::{Db, StoredFact, Unbound};
use streams::{Event, Expand, Expansion, Unexpanded};
use types::{ChainId, Height, Json};

/// Events of one part.
const PAGE: usize = 500;
/// Blocks looked into for one part, most of them empty.
const BLOCKS: u64 = 2_000;

/// Chain events, as subscribers see them.
pub(crate) struct ChainEvents {
    db: Db,
}

/// The blocks that a fact speaks of, in order.
enum Blocks {
    Named(Vec<String>),
    Between { first: Height, last: Height },
}

/// Where a part begins: at this block of the fact's, behind this event.
#[derive(Clone, Copy)]
struct Mark {
    block: u64,
    after: i64,
}

impl Mark {
    const BEGIN: Mark = Mark {
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
        tx: &mut Unbound<'_, '_>,
        chain: &ChainId,
        place: u64,
    ) -> store::Result<Option<String>> {
        match self {
            Blocks::Named(hashes) => Ok(usize::try_from(place)
                .ok()
                .and_then(|place| hashes.get(place))
                .cloned()),
            Blocks::Between { first, .. } => index::block_at(tx, chain, Height(first.0 + place)),
        }
    }
}

impl ChainEvents {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The events of blocks from a mark on, also of blocks that were reverted since; and where the
    /// next part begins.
    async fn part(
        &self,
        chain: ChainId,
        blocks: Blocks,
        from: Mark,
    ) -> store::Result<(Vec<StoredEvent>, Option<Mark>)> {
        self.db
            .read_unbound(move |tx| read_part(tx, &chain, &blocks, from))
            .await
    }
}

fn read_part(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    blocks: &Blocks,
    from: Mark,
) -> store::Result<(Vec<StoredEvent>, Option<Mark>)> {
    let (mut events, mut at) = (Vec::new(), from);
    while at.block < blocks.count() {
        if events.len() >= PAGE || at.block - from.block >= BLOCKS {
            return Ok((events, Some(at)));
        }
        let room = u32::try_from(PAGE - events.len()).unwrap_or(u32::MAX);
        let page = match blocks.hash(tx, chain, at.block)? {
            Some(hash) => index::events_in(tx, chain, &hash, at.after, room)?,
            None => Vec::new(),
        };
        at = match page.last() {
            Some(last) if page.len() == room as usize => Mark {
                after: i64::from(last.event.index),
                ..at
            },
            _ => Mark {
                block: at.block + 1,
                after: -1,
            },
        };
        events.extend(page);
    }
    Ok((events, None))
}

/// What a fact of a chain becomes: the kind of event, the chain, and the blocks whose events it is
/// about.
fn meaning(fact: &StoredFact) -> Option<(&'static str, ChainId, Blocks)> {
    let payload = fact.payload.as_ref().map_or("", Json::as_str);
    match ChainFact::read(&fact.kind, payload)? {
        ChainFact::Block { event_count: 0, .. } => None,
        ChainFact::Block { block, .. } => Some((
            "event.pending",
            block.chain,
            Blocks::Named(vec![block.hash]),
        )),
        ChainFact::Reorg { dropped } => {
            let chain = dropped.first()?.chain.clone();
            let hashes = dropped.into_iter().map(|block| block.hash).collect();
            Some(("event.reverted", chain, Blocks::Named(hashes)))
        }
        ChainFact::Final(moved) => {
            let first = moved.above.map_or(Height(0), Height::next);
            Some((
                "event.final",
                moved.chain,
                Blocks::Between {
                    first,
                    last: moved.through,
                },
            ))
        }
    }
}

#[async_trait::async_trait]
impl Expand for ChainEvents {
    fn becomes(&self, fact_type: &str) -> Option<&'static [&'static str]> {
        match fact_type {
            "chain.block" => Some(&["event.pending"]),
            "chain.final" => Some(&["event.final"]),
            "chain.reorg" => Some(&["event.reverted"]),
            _ => None,
        }
    }

    async fn expand(&self, fact: &StoredFact, rest: Option<&str>) -> Result<Expansion, Unexpanded> {
        let Some((kind, chain, blocks)) = meaning(fact) else {
            return Ok(Expansion::default());
        };
        let from = match rest {
            None => Mark::BEGIN,
            Some(rest) => Mark::parse(rest)
                .ok_or_else(|| Unexpanded::Never(format!("{rest:?} is no mark")))?,
        };
        let (events, next) = self.part(chain, blocks, from).await.map_err(later)?;
        let events = events
            .into_iter()
            .map(|event| told(fact, kind, event))
            .collect();
        Ok(Expansion {
            events,
            rest: next.map(|mark| format!("{}/{}", mark.block, mark.after)),
        })
    }
}

fn later(error: store::Error) -> Unexpanded {
    Unexpanded::Later(error.to_string())
}

fn told(fact: &StoredFact, kind: &str, stored: StoredEvent) -> Event {
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
        data: Json::of(&data).ok(),
    }
}
