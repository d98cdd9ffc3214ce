//! The test environment: a database, a chain, an index worker, and access to the stored rows.

use crate::counting_projection::{self, CountingProjection};
use crate::tree::Tree;
use chain::Connector;
use contracts::Contracts;
use index::{
    Index, NewScope, Parts, Progress, Projection, ResumeRequest, Settings, Start, Status, Worker,
    WorkerParts,
};
use std::sync::Arc;
use store::{Lease, Record as _, StoredFact};
use testkit::{LEASE_MS, TestDb, namespace};
use types::{Block, ChainId, Height, Principal};

pub(crate) struct World<C: Connector = Tree> {
    pub(crate) test: TestDb,
    pub(crate) chain: Arc<C>,
    pub(crate) settings: Settings,
    pub(crate) lease: Lease,
    pub(crate) api: Lease,
}

pub(crate) const EVERYTHING: Settings = Settings {
    start: Start::Height(0),
    store_all_events: true,
    blocks_per_turn: 5,
};

pub(crate) fn user(name: &str) -> Principal {
    Principal::system("test", namespace(name))
}

impl<C: Connector + 'static> World<C> {
    pub(crate) async fn new(test: TestDb, chain: Arc<C>, settings: Settings) -> Self {
        let lease = test.lease(&index::partition(chain.chain())).await;
        let api = test.lease("api/0").await;
        counting_projection::create_table(&test.db, &lease).await;
        Self {
            test,
            chain,
            settings,
            lease,
            api,
        }
    }

    pub(crate) fn id(&self) -> ChainId {
        *self.chain.chain()
    }

    pub(crate) fn worker(&self) -> Worker {
        self.worker_with(Arc::new(CountingProjection), self.settings)
    }

    /// The worker of the chain with another projection.
    pub(crate) fn worker_with(
        &self,
        projection: Arc<dyn Projection>,
        settings: Settings,
    ) -> Worker {
        let parts = WorkerParts {
            db: self.test.db.clone(),
            lease: self.lease.clone(),
            chain: self.chain.clone(),
            projections: vec![projection],
        };
        Worker::new(parts, settings)
    }

    pub(crate) fn index(&self) -> Index {
        Index::new(Parts {
            db: self.test.db.clone(),
            lease: self.api.clone(),
            contracts: self.contracts(),
        })
    }

    pub(crate) fn contracts(&self) -> Contracts {
        let parts = contracts::Parts {
            db: self.test.db.clone(),
            lease: self.api.clone(),
            chains: Vec::new(),
            references: Arc::new(contracts::NoReferences),
        };
        Contracts::new(parts, contracts::Settings::default())
    }

    pub(crate) async fn turn(&self) -> Progress {
        self.worker().turn().await.unwrap()
    }

    pub(crate) async fn backfill(&self) -> u64 {
        self.worker().backfill().await.unwrap()
    }

    /// Resumes the halted chain as an operator.
    pub(crate) async fn resume(&self, rewind_to: Option<u64>, reason: &str) -> index::Result<()> {
        let request = ResumeRequest {
            rewind_to: rewind_to.map(Height),
            reason: reason.to_owned(),
        };
        index::resume(&self.index(), &user("ns-a"), &self.id(), request).await
    }

    /// Steps until nothing is due, or the chain is halted.
    pub(crate) async fn run_until_idle(&self) -> Progress {
        for _ in 0..1_000 {
            let progress = self.turn().await;
            let blocks_read = self.backfill().await;
            match progress {
                Progress::Idle | Progress::Halted if blocks_read == 0 => return progress,
                _ => {}
            }
        }
        panic!("the worker never becomes idle");
    }

    /// The process crashes and restarts.
    pub(crate) async fn crash(self) -> Self {
        let Self {
            test,
            chain,
            settings,
            ..
        } = self;
        let test = test.reopen().await;
        let lease = test.lease(&index::partition(chain.chain())).await;
        let api = test.lease("api/0").await;
        Self {
            test,
            chain,
            settings,
            lease,
            api,
        }
    }

    /// Another owner takes over the lease of the chain. Returns the worker that still has the old
    /// lease.
    pub(crate) async fn take_over(&mut self) -> Worker {
        let stale = self.worker();
        self.test.clock.advance_millis(LEASE_MS as i64 + 1);
        self.lease = self.test.lease(&index::partition(self.chain.chain())).await;
        self.api = self.test.lease("api/0").await;
        stale
    }

    pub(crate) async fn track(&self, ns: &str, source: &str, from: u64) -> bool {
        let scope = self.scope(source);
        index::track(&self.index(), &user(ns), &scope, Some(Height(from)))
            .await
            .unwrap()
    }

    pub(crate) async fn untrack(&self, ns: &str, source: &str) -> bool {
        index::untrack(&self.index(), &user(ns), &self.scope(source))
            .await
            .unwrap()
    }

    pub(crate) fn scope(&self, source: &str) -> NewScope {
        NewScope {
            projection: counting_projection::NAME.to_owned(),
            chain: self.id(),
            source: source.to_owned(),
        }
    }

    pub(crate) async fn watch_signers(&self, ns: &str, signers: Vec<String>) {
        let chain = self.id();
        let write = self.test.db.on(&self.api).write(&namespace(ns), move |tx| {
            index::watch_signers(tx, &chain, &signers)
        });
        write.await.unwrap();
    }

    pub(crate) async fn watch_events(&self, ns: &str, sources: Vec<String>, topics: Vec<String>) {
        let chain = self.id();
        let watch = move |tx: &mut store::Tx| index::watch_events(tx, &chain, &sources, &topics);
        self.test
            .db
            .on(&self.api)
            .write(&namespace(ns), watch)
            .await
            .unwrap();
    }

    pub(crate) async fn status(&self) -> Option<Status> {
        index::status_of(&self.index(), &self.id()).await.unwrap()
    }

    pub(crate) async fn final_height(&self) -> Option<u64> {
        self.status()
            .await
            .and_then(|status| status.finalized)
            .map(|tip| tip.height.0)
    }

    pub(crate) async fn head(&self) -> Option<String> {
        self.status()
            .await
            .and_then(|status| status.head)
            .map(|tip| tip.hash)
    }

    pub(crate) async fn rows<T: store::FromRow + Send + 'static>(
        &self,
        sql: &'static str,
    ) -> Vec<T> {
        self.test
            .db
            .read_unscoped(move |tx| tx.rows(sql, ()))
            .await
            .map_err(|error: store::Error| error)
            .unwrap()
    }

    /// Changes stored rows as no code of the index would.
    pub(crate) async fn damage(&self, sql: &'static str) {
        let write = (self.test.db.on(&self.api)).write_unscoped(move |tx| tx.execute(sql, ()));
        let changed: store::Result<u64> = write.await;
        assert!(changed.unwrap() > 0, "{sql}");
    }

    pub(crate) async fn facts(&self) -> Vec<StoredFact> {
        self.facts_of(&index::partition(self.chain.chain())).await
    }

    pub(crate) async fn facts_of(&self, partition: &str) -> Vec<StoredFact> {
        let cursor = store::Cursor {
            partition: partition.to_owned(),
            seq: 0,
        };
        self.test
            .db
            .read_unscoped(move |tx| store::facts_after(tx, &cursor, 100_000))
            .await
            .unwrap()
    }

    /// The stored canonical blocks: height and hash.
    pub(crate) async fn canonical(&self) -> Vec<(i64, String)> {
        self.rows("SELECT height, hash FROM block WHERE canonical = 1 ORDER BY height")
            .await
    }

    /// The canonical events.
    pub(crate) async fn events(&self) -> Vec<EventRow> {
        let sql = EventRow::select("WHERE reverted = 0 ORDER BY height, event_index");
        let read = self.test.db.read_unscoped(move |tx| tx.rows(&sql, ()));
        read.await.map_err(|error: store::Error| error).unwrap()
    }

    /// The canonical transactions of watched signers: replay key, block, transaction.
    pub(crate) async fn inclusions(&self) -> Vec<(String, String, String)> {
        self.rows(
            "SELECT replay_key, block_hash, tx_id FROM chain_inclusion WHERE reverted = 0 ORDER BY height, tx_index, replay_key",
        )
        .await
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "chain_event", read)]
pub(crate) struct EventRow {
    #[record(column = "tx_id")]
    pub(crate) transaction: String,
    pub(crate) path: String,
    pub(crate) block_hash: String,
    #[record(column = "event_index")]
    pub(crate) index: u32,
    pub(crate) source: String,
    pub(crate) body: String,
}

/// The expected rows of [`World::canonical`].
pub(crate) fn blocks_of(blocks: &[Block]) -> Vec<(i64, String)> {
    blocks
        .iter()
        .map(|block| (block.height.0 as i64, block.hash.clone()))
        .collect()
}

/// The expected rows of [`World::events`].
pub(crate) fn events_of(blocks: &[Block]) -> Vec<EventRow> {
    let row = |block: &Block, event: &types::ChainEvent| EventRow {
        transaction: event.transaction.clone(),
        path: event.path.clone(),
        block_hash: block.hash.clone(),
        index: event.index,
        source: event.source.clone(),
        body: event.body.clone(),
    };
    blocks
        .iter()
        .flat_map(|block| block.events.iter().map(move |event| row(block, event)))
        .collect()
}

/// The expected rows of [`World::inclusions`].
pub(crate) fn inclusions_of(blocks: &[Block]) -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for block in blocks {
        for inclusion in &block.inclusions {
            let row = |replay_key: &types::ReplayKey| {
                (
                    replay_key.as_str().to_owned(),
                    block.hash.clone(),
                    inclusion.transaction.clone(),
                )
            };
            rows.extend(inclusion.replay_keys.iter().map(row));
        }
    }
    rows
}
