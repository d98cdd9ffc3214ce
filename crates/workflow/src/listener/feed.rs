//! Feeding listeners: look at each that has something to read, and begin runs with its cursor. One
//! that cannot be fed stands still alone.

use super::{Given, Listener, chain, model};
use crate::table::listener as table;
use crate::{Error, Result, Workflow};
use std::collections::HashMap;
use store::{Lease, Unbound};
use types::{ListenerId, Namespace, Time};

/// Listeners that one turn looks at.
const MOST: u32 = 5_000;
/// A listener with a problem is looked at again after this.
const REST_MS: i64 = 5_000;

/// What a worker remembers of listeners: what each had read when it last had nothing to do.
#[derive(Default)]
pub(crate) struct Feeder {
    seen: HashMap<ListenerId, Seen>,
}

/// How far there was to read, in words that change when there is more.
pub(super) type Seen = (u64, String);

/// What came of feeding one.
pub(super) struct Fed {
    /// Events that were taken up.
    pub(super) heard: usize,
    /// What it had read, if nothing is left to do.
    pub(super) seen: Option<Seen>,
}

impl Feeder {
    /// Feed the listeners of a shard; how many events were taken up.
    pub(crate) async fn feed(
        &mut self,
        workflow: &Workflow,
        shard: i64,
        lease: &Lease,
    ) -> Result<usize> {
        let now = workflow.db().clock().now();
        let due = workflow
            .db()
            .read_unbound(move |tx| table::due(tx, shard, now, MOST))
            .await?;
        let ids: std::collections::HashSet<ListenerId> =
            due.iter().map(|(_, listener)| listener.id).collect();
        self.seen.retain(|id, _| ids.contains(id));
        let mut heard = 0;
        for (namespace, listener) in due {
            heard += self
                .feed_one(workflow, lease, &namespace, &listener)
                .await?;
        }
        Ok(heard)
    }

    async fn feed_one(
        &mut self,
        workflow: &Workflow,
        lease: &Lease,
        namespace: &Namespace,
        listener: &Listener,
    ) -> Result<usize> {
        let seen = self.seen.get(&listener.id);
        let fed = match &listener.given {
            Given::Chain { .. } => chain::feed(workflow, lease, namespace, listener, seen).await,
            Given::Model { .. } => model::feed(workflow, lease, namespace, listener, seen).await,
        };
        match fed {
            Ok(fed) => {
                match fed.seen {
                    Some(seen) => self.seen.insert(listener.id, seen),
                    None => self.seen.remove(&listener.id),
                };
                Ok(fed.heard)
            }
            Err(Error::Stale) => Ok(0),
            Err(Error::Store(error @ (store::Error::Fenced { .. } | store::Error::Closed))) => {
                Err(error.into())
            }
            Err(error) => stand_still(workflow, lease, namespace, listener, &error)
                .await
                .map(|()| 0),
        }
    }
}

/// When a listener that has a problem is looked at again.
pub(crate) async fn next_due(workflow: &Workflow, shard: i64) -> Result<Option<Time>> {
    workflow
        .db()
        .read_unbound(move |tx: &mut Unbound<'_, '_>| table::next_due(tx, shard))
        .await
}

async fn stand_still(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    error: &Error,
) -> Result<()> {
    tracing::warn!(listener = %listener.id, %error, "a listener stands still");
    let (listener, why) = (listener.clone(), error.to_string());
    let write = move |tx: &mut store::Tx<'_, '_>| {
        let next_at = tx.now().plus_millis(REST_MS);
        let changed = listener.problem.as_deref() != Some(why.as_str());
        let version = listener.version + u64::from(changed);
        let stands = Listener {
            problem: Some(why.clone()),
            next_at,
            version,
            ..listener.clone()
        };
        if changed {
            tx.append(stands.fact("listener.stands_still"));
        }
        if table::note(tx, &stands, listener.version)? {
            Ok(())
        } else {
            Err(Error::Stale)
        }
    };
    match workflow.db().on(lease).write(namespace, write).await {
        Err(Error::Stale) => Ok(()),
        other => other,
    }
}
