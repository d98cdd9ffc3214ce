//! The worker of the back ends that answer later: asks them for the signatures of waiting requests,
//! verifies their answers, and records them.
//!
//! A row is evidence of nothing. Before a back end is asked, and again when its signature is
//! recorded, the permit is verified under the policy key, the bytes are compared with it, and the
//! recorded use of the permit with both. A row that fails is closed as refused.

mod answer;
mod call;
mod due;
mod verify;

use crate::table::request as table;
use crate::{Keys, Result};
use answer::{is_fatal, record};
use call::Calls;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use store::{Lease, UnscopedTx};
use types::Namespace;

/// Namespaces served per turn; the next turn begins after the last of them.
const NAMESPACES_PER_TURN: u32 = 64;
/// Namespaces served concurrently, so that slow calls of one do not delay the others.
const NAMESPACES_AT_ONCE: usize = 8;

/// Serves the signature requests of all namespaces. Holds the lease of [`Worker::PARTITION`].
pub struct Worker {
    keys: Keys,
    lease: Lease,
    /// The namespace served last.
    last: String,
    calls: Calls,
}

/// The result of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Requests answered or refused.
    pub closed: usize,
}

impl Worker {
    /// The partition whose lease the worker holds.
    pub const PARTITION: &'static str = "signer";

    /// Create the worker. `lease` must be the lease of [`Worker::PARTITION`].
    pub fn new(keys: Keys, lease: Lease) -> Self {
        Self {
            calls: Calls::new(keys.clone()),
            keys,
            lease,
            last: String::new(),
        }
    }

    /// One turn: a bounded number of due requests of each of the next namespaces. A request that
    /// cannot be answered keeps waiting, with growing pauses, and affects no other.
    pub async fn turn(&mut self) -> Result<Progress> {
        let namespaces = self.next_namespaces().await?;
        let Some(last) = namespaces.last() else {
            return Ok(Progress::default());
        };
        self.last = last.to_string();
        let serve = |namespace| serve_isolated(self, namespace);
        let turns: Vec<_> = namespaces.into_iter().map(serve).collect();
        let turns = stream::iter(turns).buffer_unordered(NAMESPACES_AT_ONCE);
        let closed: Vec<Result<usize>> = turns.collect().await;
        let closed = closed.into_iter().sum::<Result<usize>>()?;
        Ok(Progress { closed })
    }

    async fn next_namespaces(&mut self) -> Result<Vec<Namespace>> {
        let next = self.namespaces_after(self.last.clone()).await?;
        if !next.is_empty() || self.last.is_empty() {
            return Ok(next);
        }
        self.last.clear();
        self.namespaces_after(String::new()).await
    }

    async fn namespaces_after(&self, last: String) -> Result<Vec<Namespace>> {
        let now = self.keys.now();
        let read =
            move |tx: &mut UnscopedTx| table::due_namespaces(tx, &last, now, NAMESPACES_PER_TURN);
        self.keys.db().read_unscoped(read).await
    }

    /// Whether the lease is still valid, so that this worker may ask a back end.
    fn may_act(&self) -> bool {
        let now = self.keys.db().clock().monotonic_ms();
        self.lease.may_act(now)
    }
}

/// Serve a namespace. A failure delays only its own requests, except the loss of lease or database.
async fn serve_isolated(worker: &Worker, namespace: Namespace) -> Result<usize> {
    match serve(worker, namespace).await {
        Err(error) if !is_fatal(&error) => {
            tracing::warn!(event = "signer.namespace_failed", %namespace, %error, "the signature requests of a namespace are delayed");
            Ok(0)
        }
        closed => closed,
    }
}

async fn serve(worker: &Worker, namespace: Namespace) -> Result<usize> {
    let due = due::load(&worker.keys, namespace).await?;
    if !worker.may_act() {
        return Ok(0);
    }
    fail::point("keys.claimed").await?;
    let outcomes = worker.calls.ask_all(namespace, due.requests).await;
    fail::point("keys.answered").await?;
    answer::postpone_unreadable(worker, namespace, due.unreadable).await?;
    let records = outcomes
        .into_iter()
        .map(|(row, outcome)| record(worker, namespace, row, outcome));
    join_all(records).await.into_iter().sum()
}
