//! Running workers: each holds a lease that is renewed while the worker runs.

use std::future::Future;
use std::time::Duration;
use store::{Db, Lease};
use tokio::sync::watch;

/// The stop signal.
pub(crate) type Stop = watch::Receiver<bool>;

/// Wait for the stop signal.
pub(crate) async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Acquire a lease and run the worker while it is held. When the lease is lost the worker is
/// dropped at its current await point (its next commit would be rejected anyway), and the lease is
/// requested again. On the stop signal the worker is dropped too, as in a crash, and the lease is
/// released so that a successor does not have to wait for its expiry.
pub(crate) async fn hold<W, F>(db: Db, name: String, ttl_ms: u64, mut stop: Stop, work: W)
where
    W: Fn(Lease) -> F + Send,
    F: Future<Output = ()> + Send,
{
    loop {
        hold_once(&db, &name, ttl_ms, &mut stop, &work).await;
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = crate::clock::sleep(Duration::from_millis(ttl_ms / 5)) => {}
        }
    }
}

async fn hold_once<W, F>(db: &Db, name: &str, ttl_ms: u64, stop: &mut Stop, work: &W)
where
    W: Fn(Lease) -> F + Send,
    F: Future<Output = ()> + Send,
{
    match db.lease(name, ttl_ms).await {
        Ok(Some(lease)) => {
            tracing::info!(
                event = "lease.acquired",
                partition = name,
                epoch = lease.partition().epoch(),
                "lease acquired"
            );
            tokio::select! {
                () = renew_until_lost(db, &lease) => {
                    tracing::warn!(event = "lease.lost", partition = name, "lease lost");
                    return;
                }
                () = work(lease.clone()) => {}
                () = stopped(stop) => {}
            }
            let _ = db.release(&lease).await;
        }
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(event = "lease.acquire_failed", partition = name, %error, "a lease cannot be acquired")
        }
    }
}

/// Renew a lease until it is lost.
pub(crate) async fn renew_until_lost(db: &Db, lease: &Lease) {
    let interval = Duration::from_millis((lease.ttl_ms() / 4).max(1));
    loop {
        crate::clock::sleep(interval).await;
        match db.renew(lease).await {
            Ok(()) => {}
            Err(error) if error.ends_worker() => return,
            Err(error) => {
                tracing::warn!(event = "lease.renew_failed", partition = lease.partition().name(), %error, "a lease cannot be renewed")
            }
        }
    }
}

/// Wait for a commit of this process, at most `max_wait`: commits of other processes are not
/// signaled.
pub(crate) async fn wait_for_work(committed: &mut watch::Receiver<u64>, max_wait: Duration) {
    let _ = tokio::time::timeout(max_wait, committed.changed()).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use testkit::{LEASE_MS, on_each_engine};
    use tokio::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stopped_worker_releases_its_lease() {
        on_each_engine(|test| async move {
            let (started_sender, mut started) = mpsc::unbounded_channel();
            let (stop, stopping) = watch::channel(false);
            let work = move |lease: Lease| {
                started_sender.send(lease.partition().epoch()).unwrap();
                std::future::pending()
            };
            let task = tokio::spawn(hold(
                test.db.clone(),
                "lanes/0".to_owned(),
                LEASE_MS,
                stopping,
                work,
            ));
            let epoch = started.recv().await.unwrap();
            assert!(
                test.db.lease("lanes/0", LEASE_MS).await.unwrap().is_none(),
                "the lease is held"
            );
            stop.send(true).unwrap();
            task.await.unwrap();
            let successor = test
                .db
                .lease("lanes/0", LEASE_MS)
                .await
                .unwrap()
                .expect("the lease is free before its expiry");
            assert!(successor.partition().epoch() > epoch);
        })
        .await;
    }
}
