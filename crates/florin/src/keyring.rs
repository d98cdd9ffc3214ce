//! The keyring of the running process: reloads it after a rotation by another process, and
//! re-encrypts secrets after a rotation if this process holds the lease.

use crate::adapters::{PolicyTarget, StreamsTarget, WorkflowTarget};
use crate::engines::Engines;
use crate::workers::wait_for_work;
use keys::WalletTarget;
use secrets::{RotationTarget, Secrets, Worker};
use std::sync::Arc;
use std::time::Duration;
use store::Lease;

/// Interval between two checks for a rotation by another process. A secret under an unknown data
/// key triggers a check at once.
const REFRESH: Duration = Duration::from_secs(2);
/// Interval between two scans for secrets that a process encrypted under an old data key late.
const SCAN_INTERVAL: Duration = Duration::from_secs(600);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Reload the keyring after rotations until the process stops.
pub(crate) async fn refresh(secrets: Secrets) {
    loop {
        let _ = tokio::time::timeout(REFRESH, secrets.wait_for_unknown_key()).await;
        if let Err(error) = secrets::refresh(&secrets).await {
            tracing::error!(event = "keyring.unlock_failed", %error, "the keyring rotated by another process cannot be unlocked");
            crate::clock::sleep(RETRY_DELAY).await;
        }
    }
}

/// Re-encrypt secrets that are under old data keys, whenever a rotation is in progress.
pub(crate) async fn rotate(engines: &Engines, lease: Lease) {
    let targets: Vec<Arc<dyn RotationTarget>> = vec![
        Arc::new(WalletTarget {
            keys: engines.keys.clone(),
            lease: lease.clone(),
        }),
        Arc::new(PolicyTarget {
            db: engines.db.clone(),
            lease: lease.clone(),
            keyring: engines.keyring.clone(),
        }),
        Arc::new(StreamsTarget(engines.streams.clone())),
        Arc::new(WorkflowTarget(engines.workflow.clone())),
    ];
    let worker = Worker::new(engines.secrets.clone(), lease, targets);
    let mut committed = engines.db.commit_counter();
    let mut last_scan = crate::clock::moment();
    loop {
        match worker.turn().await {
            Ok(Some(_)) => {}
            Ok(None) => wait_for_work(&mut committed, RETRY_DELAY).await,
            Err(error) => {
                tracing::warn!(event = "rotation.failed", %error, "key rotation failed, will retry");
                crate::clock::sleep(RETRY_DELAY).await;
            }
        }
        if last_scan.elapsed() > SCAN_INTERVAL {
            last_scan = crate::clock::moment();
            let _ = worker
                .recheck()
                .await
                .inspect_err(|error| {
                    tracing::warn!(event = "rotation.scan_failed", %error, "the scan for secrets under old data keys failed")
                });
        }
    }
}
