//! The keyring of the running process: learnt again when another process has rotated it, and sealed
//! anew under by whoever holds the lease.

use crate::config::Engine;
use crate::engines::Engines;
use crate::wire::{PolicyKeeper, StreamKeeper, TaskKeeper};
use crate::workers::wait_for_work;
use keys::{Keeper, Keys, Rotator};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Lease;

/// How often a process looks whether another has rotated; besides whenever it meets a secret that
/// it cannot open.
const REFRESH: Duration = Duration::from_secs(2);
/// Nothing is retired before every process has looked several times.
const SETTLE_MS: i64 = 10_000;
/// How often it is looked for secrets that a process sealed under an older key after all.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Learn of rotations, for as long as the process runs.
pub(crate) async fn refresh(keys: Keys) {
    loop {
        let _ = tokio::time::timeout(REFRESH, keys.missed()).await;
        if let Err(error) = keys::refresh(&keys).await {
            tracing::error!(%error, "another process has rotated the keyring, which cannot be unlocked again");
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
}

/// Seal anew what is under older data keys, while there is anything.
pub(crate) async fn rotate(engines: &Engines, engine: Engine, lease: Lease) {
    let keepers: Vec<Arc<dyn Keeper>> = vec![
        Arc::new(PolicyKeeper {
            db: engines.db.clone(),
            lease: lease.clone(),
            keyring: engines.keyring.clone(),
        }),
        Arc::new(StreamKeeper(engines.streams.clone())),
        Arc::new(TaskKeeper(engines.workflow.clone())),
    ];
    // A SQLite database belongs to this process alone, and it knows the key already.
    let settle_ms = if engine == Engine::Sqlite {
        0
    } else {
        SETTLE_MS
    };
    let rotator = Rotator::new(engines.keys.clone(), lease, keepers, settle_ms);
    let mut committed = engines.db.committed();
    let mut looked = Instant::now();
    loop {
        match rotator.turn().await {
            Ok(Some(_)) => {}
            Ok(None) => wait_for_work(&mut committed, AFTER_ERROR).await,
            Err(error) => {
                tracing::warn!(%error, "the rotation waits");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
        if looked.elapsed() > LOOK_AGAIN {
            looked = Instant::now();
            let _ = rotator
                .look_again()
                .await
                .inspect_err(|error| tracing::warn!(%error, "not looked again"));
        }
    }
}
