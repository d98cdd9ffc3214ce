//! The worker of one chain. Each turn loads the cursor, queries the node, and records the result.

use crate::finality::{self, TagAnswer};
use crate::read::Status;
use crate::state::{self, Continuity, NextStep, Tip};
use crate::{DecodedBlock, Error, Projection, Result, commit, fetch, table, watch};
use chain::{BlockRef, Connector, Watch};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Db, Lease, UnscopedTx};
use types::Height;

/// Each block takes a few statements, and the number of statements per transaction is limited.
const MAX_BLOCKS_PER_TURN: u64 = 500;

/// Where the index of a chain starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the head of the chain when it is indexed for the first time.
    Latest,
    /// At this height.
    Height(u64),
}

/// Settings of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub start: Start,
    /// Whether every event is stored, or only those of watched sources and topics.
    pub store_all_events: bool,
    /// The largest number of blocks fetched and committed per turn. Limited to 500.
    pub blocks_per_turn: u64,
}

/// The result of one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing new.
    Idle,
    /// Blocks were appended, or the watermark moved. `to` is the head.
    Extended { to: Height },
    /// Blocks were removed. `to` is the new head.
    Rewound { to: Height },
    /// The node's responses did not fit together, for example during a reorganisation. Retry
    /// immediately.
    Again,
    /// The chain is halted until an operator resumes it.
    Halted,
}

/// Indexes one chain. Holds the lease of `chain/<id>`.
#[derive(Clone)]
pub struct Worker {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) chain: Arc<dyn Connector>,
    pub(crate) projections: Arc<[Arc<dyn Projection>]>,
    pub(crate) settings: Settings,
}

impl Worker {
    /// Creates the worker of a chain. `lease` must be the lease of `chain/<id>`.
    pub fn new(
        db: Db,
        lease: Lease,
        chain: Arc<dyn Connector>,
        projections: Vec<Arc<dyn Projection>>,
        settings: Settings,
    ) -> Self {
        let blocks_per_turn = settings.blocks_per_turn.clamp(1, MAX_BLOCKS_PER_TURN);
        let settings = Settings {
            blocks_per_turn,
            ..settings
        };
        Self {
            db,
            lease,
            chain,
            projections: projections.into(),
            settings,
        }
    }

    /// One turn. The running worker calls this in a loop.
    pub async fn turn(&self) -> Result<Progress> {
        let status = self.status().await?;
        if status
            .as_ref()
            .is_some_and(|status| status.halted.is_some())
        {
            return Ok(Progress::Halted);
        }
        let head = self.chain.head().await?;
        let status = match status {
            Some(status) => status,
            None => self.initial_status(&head),
        };
        match state::next_step(
            status.head.as_ref(),
            status.first,
            &head,
            self.settings.blocks_per_turn,
        ) {
            NextStep::Idle => self.finalize(status).await,
            NextStep::Compare { head } => self.compare(status, head).await,
            NextStep::Extend { from, to } => self.extend(status, from, to).await,
        }
    }

    async fn status(&self) -> Result<Option<Status>> {
        let chain = *self.chain.chain();
        Ok(self
            .db
            .read_unscoped(move |tx| table::cursor::get(tx, &chain))
            .await?)
    }

    /// The cursor before the first block.
    fn initial_status(&self, head: &BlockRef) -> Status {
        let first = match self.settings.start {
            Start::Latest => head.height,
            Start::Height(height) => Height(height),
        };
        Status {
            chain: *self.chain.chain(),
            head: None,
            finalized: None,
            first,
            halted: None,
            rewind_to: None,
            version: 0,
        }
    }

    /// There is no new block, but the watermark may still move.
    async fn finalize(&self, status: Status) -> Result<Progress> {
        let Some(tip) = status.head.clone() else {
            return Ok(Progress::Idle);
        };
        let answer = finality::query_tag(self.chain.as_ref()).await;
        let candidate = finality::candidate(self.chain.finality(), answer, tip.height);
        if commit::next_watermark(&status, &candidate).is_none() {
            return Ok(Progress::Idle);
        }
        let before = status.finalized.clone();
        let after = self
            .write(status, move |tx, status| {
                commit::finalize(tx, status, &candidate)
            })
            .await?;
        Ok(if after.finalized == before {
            Progress::Idle
        } else {
            Progress::Extended { to: tip.height }
        })
    }

    /// The node's head is not above the tip: the node lags behind on the stored chain, or it is on
    /// another branch.
    async fn compare(&self, status: Status, head: BlockRef) -> Result<Progress> {
        let (chain, hash) = (status.chain, head.hash.clone());
        let stored = self
            .db
            .read_unscoped(move |tx| table::block::canonical_height(tx, &chain, &hash))
            .await?;
        match stored {
            Some(_) => Ok(Progress::Idle),
            None => self.rewind(status, head).await,
        }
    }

    async fn extend(&self, status: Status, from: Height, to: Height) -> Result<Progress> {
        let answer = finality::query_tag(self.chain.as_ref()).await;
        let refs = fetch::refs(self.chain.as_ref(), from, to).await?;
        match state::continuity(status.head.as_ref(), &refs) {
            Continuity::Broken => return Ok(Progress::Again),
            Continuity::Forks => return self.rewind(status, refs[0].clone()).await,
            Continuity::Extends => {}
        }
        // Loaded after the block references: a signer with a transaction in one of these blocks was
        // watched before the transaction was sent, so it is in this watch.
        let watch = self.watch().await?;
        let Some(blocks) = fetch::blocks(self.chain.as_ref(), &refs, &watch).await? else {
            return Ok(Progress::Again);
        };
        self.append(status, blocks, watch, answer).await
    }

    async fn watch(&self) -> Result<Watch> {
        watch::of_chain(&self.db, self.chain.chain(), self.settings.store_all_events).await
    }

    /// Commits fetched blocks. Halves their number while they exceed the budget of one transaction:
    /// the cost depends on how many namespaces track them.
    async fn append(
        &self,
        status: Status,
        blocks: Vec<DecodedBlock>,
        watch: Watch,
        answer: TagAnswer,
    ) -> Result<Progress> {
        let (blocks, watch) = (Arc::new(blocks), Arc::new(watch));
        fail::point("index.fetched")
            .await
            .map_err(store::Error::from)?;
        let mut count = blocks.len();
        loop {
            match self
                .append_first(count, status.clone(), &blocks, &watch, answer.clone())
                .await
            {
                Err(error) if error.exceeds_budget() && count > 1 => count /= 2,
                outcome => return outcome,
            }
        }
    }

    async fn append_first(
        &self,
        count: usize,
        status: Status,
        blocks: &Arc<Vec<DecodedBlock>>,
        watch: &Arc<Watch>,
        answer: TagAnswer,
    ) -> Result<Progress> {
        let Some(to) = blocks[..count].last().map(|last| last.block.height) else {
            return Ok(Progress::Idle);
        };
        let candidate = finality::candidate(self.chain.finality(), answer, to);
        let (projections, blocks, watch) =
            (self.projections.clone(), blocks.clone(), watch.clone());
        let extend = move |tx: &mut UnscopedTx<'_, '_>, status| {
            let blocks = &blocks[..count];
            commit::extend(tx, &projections, status, blocks, &watch, &candidate)
        };
        if self.write(status, extend).await?.is_none() {
            return Ok(Progress::Again);
        }
        fail::point("index.committed")
            .await
            .map_err(store::Error::from)?;
        tracing::debug!(
            event = "chain.extended",
            chain = %self.chain.chain(),
            height = %to,
            "blocks were appended"
        );
        Ok(Progress::Extended { to })
    }

    /// The node is on another branch: rewinds to the common ancestor, or halts the chain.
    async fn rewind(&self, status: Status, branch: BlockRef) -> Result<Progress> {
        match self.ancestor(&status, branch).await? {
            Ancestor::Unknown => Ok(Progress::Again),
            Ancestor::Common(common) => self.rewind_to(status, Some(common)).await,
            Ancestor::None => self.rewind_to(status, None).await,
            Ancestor::BelowFinal(block) => self.halt(status, &block).await,
        }
    }

    /// Rewinds to the common ancestor. Goes only part of the way if that exceeds the budget of one
    /// transaction; the next turn continues.
    async fn rewind_to(&self, status: Status, common: Option<Tip>) -> Result<Progress> {
        let to = common.as_ref().map_or(status.first, |common| common.height);
        tracing::warn!(
            event = "chain.reorganised",
            chain = %status.chain,
            to = %to,
            "the chain was reorganised and is rewound"
        );
        let mut max_blocks = status
            .head
            .as_ref()
            .map_or(1, |head| head.height.0.saturating_sub(to.0) + 1);
        loop {
            let (projections, common) = (self.projections.clone(), common.clone());
            let rewind = move |tx: &mut UnscopedTx<'_, '_>, status| {
                commit::rewind(tx, &projections, status, common.clone(), max_blocks)
            };
            match self.write(status.clone(), rewind).await {
                Ok(after) => {
                    return Ok(Progress::Rewound {
                        to: after.head.map_or(to, |head| head.height),
                    });
                }
                Err(error) if error.exceeds_budget() && max_blocks > 1 => max_blocks /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    async fn halt(&self, status: Status, block: &BlockRef) -> Result<Progress> {
        let watermark = status
            .finalized
            .as_ref()
            .map_or(status.first, |finalized| finalized.height);
        let reason = format!(
            "the node is on a branch that forks at or below the final block {watermark} \
             (its block: {} at {})",
            block.hash, block.height
        );
        tracing::error!(
            event = "chain.halted",
            chain = %status.chain,
            reason,
            "the chain is halted until an operator resumes it"
        );
        self.write(status, move |tx, status| commit::halt(tx, status, &reason))
            .await?;
        Ok(Progress::Halted)
    }

    /// Walks back by parent hash, never by height, to a block that is canonical here.
    async fn ancestor(&self, status: &Status, branch: BlockRef) -> Result<Ancestor> {
        let finalized = status.finalized.as_ref().map(|finalized| finalized.height);
        let floor = status.rewind_to.into_iter().chain(finalized).min();
        let mut block = branch;
        loop {
            let (chain, parent) = (status.chain, block.parent.clone());
            let parent_height: Option<Height> = self
                .db
                .read_unscoped(move |tx| table::block::canonical_height(tx, &chain, &parent))
                .await?;
            match parent_height {
                Some(height) if height.next() != block.height => {
                    return Err(self.wrong_height(&block));
                }
                Some(height) if floor.is_some_and(|floor| height < floor) => {
                    return Ok(Ancestor::BelowFinal(block));
                }
                Some(height) => {
                    return Ok(Ancestor::Common(Tip {
                        height,
                        hash: block.parent,
                    }));
                }
                None if floor.is_some_and(|floor| block.height <= floor) => {
                    return Ok(Ancestor::BelowFinal(block));
                }
                None if block.height <= status.first => return Ok(Ancestor::None),
                None => {}
            }
            match self.chain.header(&block.parent).await? {
                Some(parent) if parent.height.next() == block.height => block = parent,
                _ => return Ok(Ancestor::Unknown),
            }
        }
    }

    fn wrong_height(&self, block: &BlockRef) -> Error {
        let reason = format!(
            "{} is not one above its parent ({})",
            block.hash, block.height
        );
        Error::InconsistentBlock {
            chain: *self.chain.chain(),
            reason,
        }
    }

    async fn write<T, F>(&self, status: Status, write: F) -> Result<T>
    where
        F: Fn(&mut UnscopedTx<'_, '_>, Status) -> store::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        Ok(self
            .db
            .on(&self.lease)
            .write_unscoped(move |tx| write(tx, status.clone()))
            .await?)
    }
}

/// Where another branch forks from the stored chain.
enum Ancestor {
    /// After this stored block.
    Common(Tip),
    /// Below the lowest height that may be undone. The block is the lowest one seen of the branch.
    BelowFinal(BlockRef),
    /// Below the first block of the index, while nothing is final.
    None,
    /// The node no longer has the branch.
    Unknown,
}
