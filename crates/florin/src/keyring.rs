//! The keyring of the running process: reloads it after a rotation by another process, and
//! re-encrypts secrets after a rotation if this process holds the lease.

use crate::adapters::{PolicyTarget, StreamsTarget, WorkflowTarget};
use crate::config::Engine;
use crate::engines::Engines;
use crate::workers::wait_for_work;
use keys::{Keys, RotationTarget, RotationWorker};
use std::sync::Arc;
use std::time::Duration;
use store::Lease;

/// Interval between two checks for a rotation by another process. A secret under an unknown data
/// key triggers a check at once.
const REFRESH: Duration = Duration::from_secs(2);
/// Delay before a data key is retired: long enough for every process to check several times.
const RETIRE_DELAY_MS: i64 = 10_000;
/// Interval between two scans for secrets that a process encrypted under an old data key late.
const SCAN_INTERVAL: Duration = Duration::from_secs(600);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Reload the keyring after rotations until the process stops.
pub(crate) async fn refresh(keys: Keys) {
    loop {
        let _ = tokio::time::timeout(REFRESH, keys.wait_for_unknown_key()).await;
        if let Err(error) = keys::refresh(&keys).await {
            tracing::error!(event = "keyring.unlock_failed", %error, "the keyring rotated by another process cannot be unlocked");
            crate::clock::sleep(RETRY_DELAY).await;
        }
    }
}

/// Re-encrypt secrets that are under old data keys, whenever a rotation is in progress.
pub(crate) async fn rotate(engines: &Engines, engine: Engine, lease: Lease) {
    let targets: Vec<Arc<dyn RotationTarget>> = vec![
        Arc::new(PolicyTarget {
            db: engines.db.clone(),
            lease: lease.clone(),
            keyring: engines.keyring.clone(),
        }),
        Arc::new(StreamsTarget(engines.streams.clone())),
        Arc::new(WorkflowTarget(engines.workflow.clone())),
    ];
    // SQLite has a single process, which already has the new data key.
    let retire_delay_ms = if engine == Engine::Sqlite {
        0
    } else {
        RETIRE_DELAY_MS
    };
    let rotator = RotationWorker::new(engines.keys.clone(), lease, targets, retire_delay_ms);
    let mut committed = engines.db.commit_counter();
    let mut last_scan = crate::clock::moment();
    loop {
        match rotator.turn().await {
            Ok(Some(_)) => {}
            Ok(None) => wait_for_work(&mut committed, RETRY_DELAY).await,
            Err(error) => {
                tracing::warn!(event = "rotation.failed", %error, "key rotation failed, will retry");
                crate::clock::sleep(RETRY_DELAY).await;
            }
        }
        if last_scan.elapsed() > SCAN_INTERVAL {
            last_scan = crate::clock::moment();
            let _ = rotator
                .recheck()
                .await
                .inspect_err(|error| {
                    tracing::warn!(event = "rotation.scan_failed", %error, "the scan for secrets under old data keys failed")
                });
        }
    }
}
