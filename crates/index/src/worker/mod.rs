//! The worker of one chain. Each turn loads the cursor, queries the node, and records the result.

mod backfill;
mod extend;
mod rewind;

use crate::state::{self, NextStep};
use crate::table::cursor::Status;
use crate::{BLOCKS_PER_TURN, Projection, Result, Settings, Start, commit, finality, table};
use chain::{BlockRef, Connector};
use std::sync::Arc;
use store::{Db, Lease, UnscopedTx};
use types::Height;

/// The result of one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing new.
    Idle,
    /// Blocks were appended, or the watermark moved. `to` is the head.
    Extended { to: Height },
    /// Blocks were removed. `to` is the new head.
    Rewound { to: Height },
    /// The node's responses did not fit together, for example during a reorganization. Retry
    /// immediately.
    Again,
    /// The chain is halted until an operator resumes it.
    Halted,
}

/// What the worker of a chain works with.
#[derive(Clone)]
pub struct WorkerParts {
    pub db: Db,
    /// The lease of `chain/<id>`.
    pub lease: Lease,
    pub chain: Arc<dyn Connector>,
    pub projections: Vec<Arc<dyn Projection>>,
}

/// Indexes one chain.
#[derive(Clone)]
pub struct Worker {
    parts: WorkerParts,
    settings: Settings,
}

impl Worker {
    /// The worker of a chain. The lease must be that of the chain's partition. Panics unless the
    /// settings are in their bounds.
    pub fn new(parts: WorkerParts, settings: Settings) -> Self {
        let blocks = settings.blocks_per_turn;
        assert!(
            BLOCKS_PER_TURN.contains(&blocks),
            "{blocks} blocks per turn are not in {BLOCKS_PER_TURN:?}"
        );
        Self { parts, settings }
    }

    fn db(&self) -> &Db {
        &self.parts.db
    }

    fn chain(&self) -> &dyn Connector {
        self.parts.chain.as_ref()
    }

    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        self.parts.projections.clone()
    }

    /// One turn. The running worker calls this in a loop.
    pub async fn turn(&self) -> Result<Progress> {
        let chain = *self.chain().chain();
        let stored = self.db().read_unscoped_with(chain, table::cursor::status);
        let stored: Option<Status> = stored.await?;
        if stored
            .as_ref()
            .is_some_and(|status| status.halted.is_some())
        {
            return Ok(Progress::Halted);
        }
        let head = self.chain().head().await?;
        let status = stored.unwrap_or_else(|| self.initial_status(&head));
        let (tip, max_blocks) = (status.head.as_ref(), self.settings.blocks_per_turn);
        match state::next_step(tip, status.first, &head, max_blocks) {
            NextStep::Idle => self.finalize(status).await,
            NextStep::Compare { head } => rewind::compare(self, status, head).await,
            NextStep::Extend { from, to } => extend::extend(self, status, from, to).await,
        }
    }

    /// One turn for every scope of the chain that is not caught up. Returns the number of blocks
    /// read. A scope whose projection fails is quarantined and does not affect the others. Nothing
    /// is projected while the chain is halted.
    pub async fn backfill(&self) -> Result<u64> {
        backfill::turn(self).await
    }

    /// The cursor before the first block.
    fn initial_status(&self, head: &BlockRef) -> Status {
        let first = match self.settings.start {
            Start::Latest => head.height,
            Start::Height(height) => Height(height),
        };
        Status {
            chain: *self.chain().chain(),
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
        let Some(to) = status.head_height() else {
            return Ok(Progress::Idle);
        };
        let answer = finality::query_tag(self.chain()).await;
        let candidate = finality::candidate(self.chain().finality(), &answer, to);
        if commit::next_watermark(&status, &candidate).is_none() {
            return Ok(Progress::Idle);
        }
        let finalized = self.write((status, candidate), |tx, (status, candidate)| {
            let after = commit::finalize(tx, status.clone(), candidate)?;
            Ok(after.finalized != status.finalized)
        });
        Ok(if finalized.await? {
            Progress::Extended { to }
        } else {
            Progress::Idle
        })
    }

    /// Writes to the chain's partition. The closure may run more than once.
    async fn write<A, T>(
        &self,
        args: A,
        write: impl Fn(&mut UnscopedTx, &A) -> store::Result<T> + Send + 'static,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let leased = self.db().on(&self.parts.lease);
        Ok(leased.write_unscoped_with(args, write).await?)
    }
}
