//! One door for the stories: a database, a chain, a follower, and what is stored.

use crate::ledger::{self, Ledger};
use crate::tree::Tree;
use chain::Connector;
use index::{Follower, Index, Progress, Projection, Resume, Settings, Start, Status, Wanted};
use std::sync::Arc;
use store::{Lease, StoredFact};
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
    keep_all: true,
    blocks_per_turn: 5,
};

/// A user of a namespace.
pub(crate) fn user(name: &str) -> Principal {
    Principal::system("test", namespace(name))
}

impl<C: Connector + 'static> World<C> {
    pub(crate) async fn new(test: TestDb, chain: Arc<C>, settings: Settings) -> Self {
        let lease = test.lease(&format!("chain/{}", chain.chain())).await;
        let api = test.lease("api/0").await;
        ledger::make_table(&test.db, &lease).await;
        Self {
            test,
            chain,
            settings,
            lease,
            api,
        }
    }

    pub(crate) fn id(&self) -> ChainId {
        self.chain.chain().clone()
    }

    pub(crate) fn follower(&self) -> Follower {
        let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Ledger)];
        Follower::new(
            self.test.db.clone(),
            self.lease.clone(),
            self.chain.clone(),
            projections,
            self.settings,
        )
    }

    pub(crate) fn index(&self) -> Index {
        Index::new(self.test.db.clone(), self.api.clone())
    }

    pub(crate) async fn turn(&self) -> Progress {
        self.follower().turn().await.unwrap()
    }

    pub(crate) async fn backfill(&self) -> u64 {
        self.follower().backfill().await.unwrap()
    }

    /// An operator lets the chain go on.
    pub(crate) async fn resume(&self, rewind_to: Option<u64>, reason: &str) -> index::Result<()> {
        let resume = Resume {
            rewind_to: rewind_to.map(Height),
            reason: reason.to_owned(),
        };
        index::resume(&self.index(), &user("ns-a"), &self.id(), resume).await
    }

    /// Step until nothing is due, or the chain is halted.
    pub(crate) async fn settle(&self) -> Progress {
        for _ in 0..1_000 {
            let progress = self.turn().await;
            let caught_up = self.backfill().await;
            match progress {
                Progress::Idle | Progress::Halted if caught_up == 0 => return progress,
                _ => {}
            }
        }
        panic!("it never settles");
    }

    /// The process dies and another begins.
    pub(crate) async fn crash(self) -> Self {
        let Self {
            test,
            chain,
            settings,
            ..
        } = self;
        let test = test.reopen().await;
        let lease = test.lease(&format!("chain/{}", chain.chain())).await;
        let api = test.lease("api/0").await;
        Self {
            test,
            chain,
            settings,
            lease,
            api,
        }
    }

    /// Another owner takes the chain over; the follower that does not know it yet.
    pub(crate) async fn take_over(&mut self) -> Follower {
        let late = self.follower();
        self.test.clock.advance_millis(LEASE_MS as i64 + 1);
        self.lease = self
            .test
            .lease(&format!("chain/{}", self.chain.chain()))
            .await;
        self.api = self.test.lease("api/0").await;
        late
    }

    pub(crate) async fn track(&self, who: &str, source: &str, from: u64) -> bool {
        index::track(
            &self.index(),
            &user(who),
            &self.wanted(source),
            Height(from),
        )
        .await
        .unwrap()
    }

    pub(crate) fn wanted(&self, source: &str) -> Wanted {
        Wanted {
            projection: ledger::NAME.to_owned(),
            chain: self.id(),
            source: source.to_owned(),
        }
    }

    pub(crate) async fn watch_signers(&self, who: &str, signers: Vec<String>) {
        let chain = self.id();
        let write = self
            .test
            .db
            .on(&self.api)
            .write(&namespace(who), move |tx| {
                index::watch_signers(tx, &chain, &signers)
            });
        write.await.unwrap();
    }

    pub(crate) async fn watch_events(&self, who: &str, sources: Vec<String>, topics: Vec<String>) {
        let chain = self.id();
        let watch =
            move |tx: &mut store::Tx<'_, '_>| index::watch_events(tx, &chain, &sources, &topics);
        self.test
            .db
            .on(&self.api)
            .write(&namespace(who), watch)
            .await
            .unwrap();
    }

    pub(crate) async fn status(&self) -> Option<Status> {
        let chain = self.id();
        self.test
            .db
            .read_unbound(move |tx| index::status(tx, &chain))
            .await
            .unwrap()
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
            .read_unbound(move |tx| tx.rows(sql, ()))
            .await
            .map_err(|error: store::Error| error)
            .unwrap()
    }

    pub(crate) async fn facts(&self) -> Vec<StoredFact> {
        self.facts_of(&format!("chain/{}", self.chain.chain()))
            .await
    }

    pub(crate) async fn facts_of(&self, partition: &str) -> Vec<StoredFact> {
        let cursor = store::Cursor {
            partition: partition.to_owned(),
            seq: 0,
        };
        self.test
            .db
            .read_unbound(move |tx| store::facts_after(tx, &cursor, 100_000))
            .await
            .unwrap()
    }

    /// The canonical blocks as they are stored: height and hash.
    pub(crate) async fn canonical(&self) -> Vec<(i64, String)> {
        self.rows("SELECT height, hash FROM block WHERE canonical = 1 ORDER BY height")
            .await
    }

    /// The events that count: transaction, path, block, index, source.
    pub(crate) async fn events(&self) -> Vec<EventRow> {
        self.rows(
            "SELECT tx_id, path, block_hash, event_index, source, body FROM chain_event WHERE reverted = 0
              ORDER BY height, event_index",
        )
        .await
    }

    /// The transactions of watched signers that count: witness, block, transaction.
    pub(crate) async fn included(&self) -> Vec<(String, String, String)> {
        self.rows(
            "SELECT witness, block_hash, tx_id FROM chain_included WHERE reverted = 0 ORDER BY height, tx_index, witness",
        )
        .await
    }
}

pub(crate) type EventRow = (String, String, String, i64, String, String);

/// What should be stored of blocks: their names, events and included transactions.
pub(crate) fn names(blocks: &[Block]) -> Vec<(i64, String)> {
    blocks
        .iter()
        .map(|block| (block.height.0 as i64, block.hash.clone()))
        .collect()
}

pub(crate) fn events_of(blocks: &[Block]) -> Vec<EventRow> {
    let row = |block: &Block, event: &types::ChainEvent| {
        let (index, source) = (i64::from(event.index), event.source.clone());
        (
            event.transaction.clone(),
            event.path.clone(),
            block.hash.clone(),
            index,
            source,
            event.body.clone(),
        )
    };
    blocks
        .iter()
        .flat_map(|block| block.events.iter().map(move |event| row(block, event)))
        .collect()
}

pub(crate) fn included_of(blocks: &[Block]) -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for block in blocks {
        for one in &block.included {
            let row = |witness: &types::Witness| {
                (
                    witness.as_str().to_owned(),
                    block.hash.clone(),
                    one.transaction.clone(),
                )
            };
            rows.extend(one.witnesses.iter().map(row));
        }
    }
    rows
}
