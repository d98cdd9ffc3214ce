//! The workers of each role: each holds a lease, and repeats its turn.

use crate::adapters::TokenProjection;
use crate::config::{self, Config};
use crate::engines::Engines;
use crate::tree_head_file::TreeHeadFile;
use crate::workers::{Stop, hold, wait_for_work};
use crate::{key_files, keyring};
use anyhow::{Error, Result};
use chain::Connector as _;
use chain::evm::Evm;
use index::{Progress, Worker, WorkerParts};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Lease, TreeHeadSigner};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest sleep of a worker, and so the delay until it sees work committed by another process.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Delay before a retry after an error.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Start the workers of the roles of this process.
pub(crate) fn spawn(
    config: &Config,
    engines: &Arc<Engines>,
    stop: &Stop,
    tasks: &mut JoinSet<()>,
) -> Result<()> {
    let ttl = config.store.lease_ms;
    let mut start = |name: String, work: Work| {
        let (db, engines) = (engines.db.clone(), engines.clone());
        let work = move |lease| work(&engines, lease);
        tasks.spawn(hold(db, name, ttl, stop.clone(), work));
    };
    if config.roles.index {
        for (chain, evm) in &engines.chains {
            let (chain, evm) = (chain.clone(), evm.clone());
            start(
                index::partition(evm.chain()),
                Box::new(move |engines, lease| run_indexer(engines, &chain, &evm, lease)),
            );
        }
    }
    if config.roles.submit {
        for shard in 0..config.submit.shards {
            start(
                submit::shard_partition(shard),
                Box::new(move |engines, lease| run_lanes(engines, shard, lease)),
            );
        }
    }
    if config.roles.signer {
        start(keys::Worker::PARTITION.to_owned(), Box::new(run_signer));
    }
    if config.roles.workflow {
        for shard in 0..config.workflow.shards {
            start(
                workflow::shard_partition(shard),
                Box::new(move |engines, lease| run_workflows(engines, shard, lease)),
            );
        }
    }
    if config.roles.streams {
        for shard in 0..streams::SHARDS {
            start(
                streams::shard_partition(shard),
                Box::new(move |engines, lease| run_deliveries(engines, shard, lease)),
            );
        }
    }
    start(
        "keyring".to_owned(),
        Box::new(move |engines, lease| {
            let engines = engines.clone();
            Box::pin(async move { keyring::rotate(&engines, lease).await })
        }),
    );
    if config.tree_head.enabled {
        let key = key_files::key(&config.tree_head.key_file).map_err(Error::msg)?;
        let settings = config.tree_head.clone();
        start(
            "tree-head".to_owned(),
            Box::new(move |engines, lease| run_tree_heads(engines, &settings, *key, lease)),
        );
    }
    Ok(())
}

/// Starts a worker that holds a lease.
type Work = Box<dyn Fn(&Arc<Engines>, Lease) -> WorkerFuture + Send + Sync>;
type WorkerFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Index one chain, and backfill scopes that were added later.
fn run_indexer(
    engines: &Engines,
    chain: &config::Chain,
    evm: &Arc<Evm>,
    lease: Lease,
) -> WorkerFuture {
    let parts = WorkerParts {
        db: engines.db.clone(),
        lease,
        chain: evm.clone(),
        projections: vec![Arc::new(TokenProjection)],
    };
    let follower = Worker::new(parts, chain.index);
    let poll = Duration::from_millis(evm.config().poll_interval_ms);
    Box::pin(async move {
        let backfiller = follower.clone();
        tokio::join!(index_chain(follower, poll), backfill(backfiller));
    })
}

async fn index_chain(follower: Worker, poll: Duration) {
    loop {
        let pause = match follower.turn().await {
            Ok(Progress::Extended { .. } | Progress::Rewound { .. }) => continue,
            Ok(Progress::Again) => Duration::from_millis(50),
            Ok(Progress::Idle) => poll,
            Ok(Progress::Halted) => RETRY_DELAY,
            Err(error) => {
                tracing::warn!(event = "chain.index_failed", %error, "the chain cannot be indexed, will retry");
                RETRY_DELAY
            }
        };
        crate::clock::sleep(pause).await;
    }
}

async fn backfill(follower: Worker) {
    loop {
        let pause = match follower.backfill().await {
            Ok(0) => RETRY_DELAY / 2,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(event = "scope.backfill_failed", %error, "a scope cannot be backfilled, will retry");
                RETRY_DELAY
            }
        };
        crate::clock::sleep(pause).await;
    }
}

/// Repeat a turn, which returns whether it changed anything. After one that did not, wait for a
/// commit; after one that failed, which it has logged, for a while.
async fn repeat<E>(
    mut committed: watch::Receiver<u64>,
    mut turn: impl AsyncFnMut() -> Result<bool, E>,
) {
    loop {
        match turn().await {
            Ok(true) => {}
            Ok(false) => wait_for_work(&mut committed, POLL_INTERVAL).await,
            Err(_) => crate::clock::sleep(RETRY_DELAY).await,
        }
    }
}

/// Advance the submissions of a shard.
fn run_lanes(engines: &Engines, shard: u32, lease: Lease) -> WorkerFuture {
    let worker = submit::Worker::new(engines.submit.clone(), shard, lease);
    let turn = async move || {
        let turned = worker.turn().await;
        let turned = turned.inspect_err(|error| {
            tracing::warn!(event = "submission.turn_failed", %error, "submissions are delayed");
        });
        turned.map(|progress| progress.changed > 0)
    };
    Box::pin(repeat(engines.db.commit_counter(), turn))
}

/// Process the signature requests of back ends that answer later.
fn run_signer(engines: &Arc<Engines>, lease: Lease) -> WorkerFuture {
    let mut worker = keys::Worker::new(engines.keys.clone(), lease);
    let turn = async move || {
        let turned = worker.turn().await;
        let turned = turned.inspect_err(|error| {
            tracing::warn!(event = "signer.turn_failed", %error, "signature requests are delayed");
        });
        turned.map(|progress| progress.closed > 0)
    };
    Box::pin(repeat(engines.db.commit_counter(), turn))
}

/// Advance the runs of a shard and feed its listeners.
fn run_workflows(engines: &Engines, shard: u32, lease: Lease) -> WorkerFuture {
    let mut worker = workflow::Worker::new(engines.workflow.clone(), shard, lease);
    let turn = async move || {
        let turned = worker.turn().await;
        let turned = turned.inspect_err(|error| {
            tracing::warn!(event = "run.turn_failed", %error, "runs are delayed");
        });
        turned.map(|progress| progress.advanced + progress.delivered > 0)
    };
    Box::pin(repeat(engines.db.commit_counter(), turn))
}

/// Deliver the events of a shard.
fn run_deliveries(engines: &Engines, number: u32, lease: Lease) -> WorkerFuture {
    let mut shard = streams::Worker::new(engines.streams.clone(), number, lease);
    Box::pin(async move {
        loop {
            match shard.turn().await {
                Ok(progress) if progress.more => {}
                Ok(_) => shard.idle(POLL_INTERVAL).await,
                Err(error) => {
                    tracing::warn!(event = "delivery.turn_failed", %error, "deliveries are delayed");
                    crate::clock::sleep(RETRY_DELAY).await;
                }
            }
        }
    })
}

/// Sign a tree head whenever facts were appended, and export it.
fn run_tree_heads(
    engines: &Engines,
    settings: &config::TreeHead,
    key: [u8; 32],
    lease: Lease,
) -> WorkerFuture {
    let (db, path) = (engines.db.clone(), settings.export.clone());
    let pause = Duration::from_millis(settings.interval_ms.max(10));
    Box::pin(async move {
        let file = match TreeHeadFile::open(path) {
            Ok(file) => file,
            Err(error) => {
                return tracing::error!(event = "tree_head.export_failed", %error, "the export file of tree heads cannot be opened");
            }
        };
        let mut signer = match TreeHeadSigner::new(db, lease, key, Box::new(file)).await {
            Ok(signer) => signer,
            Err(error) => {
                return tracing::error!(event = "tree_head.signer_failed", %error, "the tree head signer cannot start");
            }
        };
        loop {
            if let Err(error) = signer.turn().await {
                tracing::warn!(event = "tree_head.failed", %error, "no tree head was signed, will retry");
            }
            crate::clock::sleep(pause).await;
        }
    })
}
