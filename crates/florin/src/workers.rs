//! Workers that run: each holds a lease, is renewed while it lives, and is a loop around a turn.

use std::future::Future;
use std::time::Duration;
use store::{Db, Error, Lease};
use tokio::sync::watch;

/// Says when to stop; cheap to clone.
pub(crate) type Stop = watch::Receiver<bool>;

/// Wait until it is time to stop.
pub(crate) async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Hold a lease as long as this process can, and run the worker while it is held. When the lease is
/// lost the worker is dropped where it stands (its next commit would be refused anyway) and the
/// lease is asked for again. When it is time to stop the worker is dropped too, as by a crash, and
/// the lease is given back, so that a successor need not wait until it has run out.
pub(crate) async fn hold<W, F>(db: Db, name: String, ttl_ms: u64, mut stop: Stop, work: W)
where
    W: Fn(Lease) -> F + Send,
    F: Future<Output = ()> + Send,
{
    loop {
        hold_once(&db, &name, ttl_ms, &mut stop, &work).await;
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(Duration::from_millis(ttl_ms / 5)) => {}
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
            tracing::info!(partition = name, epoch = lease.partition().epoch(), "holds");
            tokio::select! {
                () = keep(db, &lease) => {
                    tracing::warn!(partition = name, "lost its lease");
                    return;
                }
                () = work(lease.clone()) => {}
                () = stopped(stop) => {}
            }
            let _ = db.release(&lease).await;
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(partition = name, %error, "no lease"),
    }
}

/// Renew a lease until it is lost.
pub(crate) async fn keep(db: &Db, lease: &Lease) {
    let pause = Duration::from_millis((lease.ttl_ms() / 4).max(1));
    loop {
        tokio::time::sleep(pause).await;
        match db.renew(lease).await {
            Ok(()) => {}
            Err(Error::Fenced { .. } | Error::Closed) => return,
            Err(error) => {
                tracing::warn!(partition = lease.partition().name(), %error, "not renewed")
            }
        }
    }
}

/// Wait for a commit of this process, but no longer than this: other processes do not wake us.
pub(crate) async fn wait_for_work(committed: &mut watch::Receiver<u64>, at_most: Duration) {
    let _ = tokio::time::timeout(at_most, committed.changed()).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use testkit::{LEASE_MS, on_each_engine};
    use tokio::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_is_told_to_stop_gives_its_lease_back() {
        on_each_engine(|test| async move {
            let (begun, mut began) = mpsc::unbounded_channel();
            let (stop, stopping) = watch::channel(false);
            let work = move |lease: Lease| {
                begun.send(lease.partition().epoch()).unwrap();
                std::future::pending()
            };
            let held = tokio::spawn(hold(
                test.db.clone(),
                "lanes/0".to_owned(),
                LEASE_MS,
                stopping,
                work,
            ));
            let epoch = began.recv().await.unwrap();
            assert!(
                test.db.lease("lanes/0", LEASE_MS).await.unwrap().is_none(),
                "it is held"
            );
            stop.send(true).unwrap();
            held.await.unwrap();
            let next = test
                .db
                .lease("lanes/0", LEASE_MS)
                .await
                .unwrap()
                .expect("free at once, with no time gone by");
            assert!(next.partition().epoch() > epoch);
        })
        .await;
    }
}
