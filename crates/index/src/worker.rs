//! The follower of one chain: load, ask, record.

use crate::finality::{self, Word};
use crate::read::Status;
use crate::state::{self, Join, Next, Tip};
use crate::{Error, Projection, Result, Work, commit, fetch, table, watch};
use chain::{BlockRef, Connector, Watch};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Db, Lease, Unbound};
use types::Height;

/// Each block takes a few statements, and a transaction has its share of them.
const MOST_BLOCKS_PER_TURN: u64 = 500;

/// Where the index of a chain begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the head that the chain has when it is first followed.
    Latest,
    /// At this height.
    Height(u64),
}

/// How a chain is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Where to begin.
    pub start: Start,
    /// Whether every event is kept, or only those of watched sources and topics.
    pub keep_all: bool,
    /// Blocks that are fetched and committed at a time, at most; no more than 500.
    pub blocks_per_turn: u64,
}

/// What a turn did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing new.
    Idle,
    /// Blocks were appended, or the watermark moved.
    Extended {
        /// The new head.
        to: Height,
    },
    /// Blocks were taken away.
    Rewound {
        /// The new head.
        to: Height,
    },
    /// The node changed its mind while it was asked; try again at once.
    Again,
    /// The chain is halted until an operator resumes it.
    Halted,
}

/// Follows one chain. Holds the lease of `chain/<id>`.
#[derive(Clone)]
pub struct Follower {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) chain: Arc<dyn Connector>,
    pub(crate) projections: Arc<[Arc<dyn Projection>]>,
    pub(crate) settings: Settings,
}

impl Follower {
    /// A follower of a chain, with what is made of it.
    pub fn new(
        db: Db,
        lease: Lease,
        chain: Arc<dyn Connector>,
        projections: Vec<Arc<dyn Projection>>,
        settings: Settings,
    ) -> Self {
        let blocks_per_turn = settings.blocks_per_turn.clamp(1, MOST_BLOCKS_PER_TURN);
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

    /// One turn. The running worker is a loop around it.
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
            None => self.begin(&head),
        };
        match state::next(
            status.head.as_ref(),
            status.first,
            &head,
            self.settings.blocks_per_turn,
        ) {
            Next::Idle => self.settle(status).await,
            Next::Compare { head } => self.compare(status, head).await,
            Next::Extend { from, to } => self.extend(status, from, to).await,
        }
    }

    async fn status(&self) -> Result<Option<Status>> {
        let chain = self.chain.chain().clone();
        Ok(self
            .db
            .read_unbound(move |tx| table::cursor::get(tx, &chain))
            .await?)
    }

    /// A cursor before the first block.
    fn begin(&self, head: &BlockRef) -> Status {
        let first = match self.settings.start {
            Start::Latest => head.height,
            Start::Height(height) => Height(height),
        };
        Status {
            chain: self.chain.chain().clone(),
            head: None,
            finalized: None,
            first,
            halted: None,
            rewind_to: None,
            version: 0,
        }
    }

    /// Nothing new at the head: what is final may still have moved.
    async fn settle(&self, status: Status) -> Result<Progress> {
        let Some(tip) = status.head.clone() else {
            return Ok(Progress::Idle);
        };
        let word = finality::ask(self.chain.as_ref()).await;
        let candidate = finality::candidate(self.chain.finality(), word, tip.height);
        if commit::movable(&status, &candidate).is_none() {
            return Ok(Progress::Idle);
        }
        let before = status.finalized.clone();
        let after = self
            .write(status, move |tx, status| {
                commit::settle(tx, status, &candidate)
            })
            .await?;
        Ok(if after.finalized == before {
            Progress::Idle
        } else {
            Progress::Extended { to: tip.height }
        })
    }

    /// The node's head is not above ours: it lags on our own chain, or it is on another.
    async fn compare(&self, status: Status, head: BlockRef) -> Result<Progress> {
        let (chain, hash) = (status.chain.clone(), head.hash.clone());
        let ours = self
            .db
            .read_unbound(move |tx| table::block::canonical_height(tx, &chain, &hash))
            .await?;
        match ours {
            Some(_) => Ok(Progress::Idle),
            None => self.rewind(status, head).await,
        }
    }

    async fn extend(&self, status: Status, from: Height, to: Height) -> Result<Progress> {
        let word = finality::ask(self.chain.as_ref()).await;
        let names = fetch::names(self.chain.as_ref(), from, to).await?;
        match state::join(status.head.as_ref(), &names) {
            Join::Torn => return Ok(Progress::Again),
            Join::Forks => return self.rewind(status, names[0].clone()).await,
            Join::Builds => {}
        }
        // Asked behind the names: whoever is in one of these blocks was watched before it was sent.
        let watch = self.watch().await?;
        let Some(work) = fetch::blocks(self.chain.as_ref(), &names, &watch).await? else {
            return Ok(Progress::Again);
        };
        self.append(status, work, watch, word).await
    }

    async fn watch(&self) -> Result<Watch> {
        watch::of_chain(&self.db, self.chain.chain(), self.settings.keep_all).await
    }

    /// Commit what was fetched; fewer blocks at a time where that is more than one transaction may
    /// do, for how much it is depends on how many namespaces want it.
    async fn append(
        &self,
        status: Status,
        work: Vec<Work>,
        watch: Watch,
        word: Word,
    ) -> Result<Progress> {
        let (work, watch) = (Arc::new(work), Arc::new(watch));
        fail::point("index.fetched")
            .await
            .map_err(store::Error::from)?;
        let mut count = work.len();
        loop {
            match self
                .append_first(count, status.clone(), &work, &watch, word.clone())
                .await
            {
                Err(error) if error.is_too_much() && count > 1 => count /= 2,
                outcome => return outcome,
            }
        }
    }

    async fn append_first(
        &self,
        count: usize,
        status: Status,
        work: &Arc<Vec<Work>>,
        watch: &Arc<Watch>,
        word: Word,
    ) -> Result<Progress> {
        let Some(to) = work[..count].last().map(|last| last.block.height) else {
            return Ok(Progress::Idle);
        };
        let candidate = finality::candidate(self.chain.finality(), word, to);
        let (projections, work, watch) = (self.projections.clone(), work.clone(), watch.clone());
        let extend = move |tx: &mut Unbound<'_, '_>, status| {
            commit::extend(tx, &projections, status, &work[..count], &watch, &candidate)
        };
        if self.write(status, extend).await?.is_none() {
            return Ok(Progress::Again);
        }
        fail::point("index.committed")
            .await
            .map_err(store::Error::from)?;
        tracing::debug!(chain = %self.chain.chain(), height = %to, "extended");
        Ok(Progress::Extended { to })
    }

    /// The node is on another chain since some block: find it and go back to it.
    async fn rewind(&self, status: Status, branch: BlockRef) -> Result<Progress> {
        match self.ancestor(&status, branch).await? {
            Ancestor::Unknown => Ok(Progress::Again),
            Ancestor::Common(common) => self.rewind_to(status, Some(common)).await,
            Ancestor::None => self.rewind_to(status, None).await,
            Ancestor::BelowFloor(seen) => self.halt(status, &seen).await,
        }
    }

    /// Go back to the common block; only part of the way where that is more than one transaction
    /// may do: the next turn goes on from there.
    async fn rewind_to(&self, status: Status, common: Option<Tip>) -> Result<Progress> {
        let to = common.as_ref().map_or(status.first, |common| common.height);
        tracing::warn!(chain = %status.chain, to = %to, "reorganised");
        let mut most = status
            .head
            .as_ref()
            .map_or(1, |head| head.height.0.saturating_sub(to.0) + 1);
        loop {
            let (projections, common) = (self.projections.clone(), common.clone());
            let rewind = move |tx: &mut Unbound<'_, '_>, status| {
                commit::rewind(tx, &projections, status, common.clone(), most)
            };
            match self.write(status.clone(), rewind).await {
                Ok(after) => {
                    return Ok(Progress::Rewound {
                        to: after.head.map_or(to, |head| head.height),
                    });
                }
                Err(error) if error.is_too_much() && most > 1 => most /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    async fn halt(&self, status: Status, seen: &BlockRef) -> Result<Progress> {
        let through = status
            .finalized
            .as_ref()
            .map_or(status.first, |finalized| finalized.height);
        let reason = format!(
            "the node is on a chain that leaves ours at or below the final block {through} (seen: {} at {})",
            seen.hash, seen.height
        );
        tracing::error!(chain = %status.chain, reason, "halted");
        self.write(status, move |tx, status| commit::halt(tx, status, &reason))
            .await?;
        Ok(Progress::Halted)
    }

    /// Walk back by parents, never by number, to a block that is canonical here.
    async fn ancestor(&self, status: &Status, branch: BlockRef) -> Result<Ancestor> {
        let finalized = status.finalized.as_ref().map(|finalized| finalized.height);
        let floor = status.rewind_to.into_iter().chain(finalized).min();
        let mut block = branch;
        loop {
            let (chain, parent) = (status.chain.clone(), block.parent.clone());
            let known: Option<Height> = self
                .db
                .read_unbound(move |tx| table::block::canonical_height(tx, &chain, &parent))
                .await?;
            match known {
                Some(height) if height.next() != block.height => {
                    return Err(self.contradicts(&block));
                }
                Some(height) if floor.is_some_and(|floor| height < floor) => {
                    return Ok(Ancestor::BelowFloor(block));
                }
                Some(height) => {
                    return Ok(Ancestor::Common(Tip {
                        height,
                        hash: block.parent,
                    }));
                }
                None if floor.is_some_and(|floor| block.height <= floor) => {
                    return Ok(Ancestor::BelowFloor(block));
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

    fn contradicts(&self, block: &BlockRef) -> Error {
        let why = format!(
            "{} does not stand above its parent ({})",
            block.hash, block.height
        );
        Error::Contradiction {
            chain: self.chain.chain().clone(),
            why,
        }
    }

    async fn write<T, F>(&self, status: Status, act: F) -> Result<T>
    where
        F: Fn(&mut Unbound<'_, '_>, Status) -> store::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        Ok(self
            .db
            .on(&self.lease)
            .write_unbound(move |tx| act(tx, status.clone()))
            .await?)
    }
}

/// Where another branch leaves ours.
enum Ancestor {
    /// Behind this block, above everything final.
    Common(Tip),
    /// At or below what is final: this block of the branch is not ours.
    BelowFloor(BlockRef),
    /// Below the first block of the index, while nothing is final.
    None,
    /// The node does not have the branch any more.
    Unknown,
}
