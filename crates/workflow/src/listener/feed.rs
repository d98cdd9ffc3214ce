//! Feeds listeners: reads new events of each and starts runs together with its cursor. A listener
//! that fails blocks only itself.

use super::outcome::ReadMark;
use super::{Listener, ListenerSpec, chain, model};
use crate::table::listener as table;
use crate::{Error, Result, Workflow};
use std::collections::{HashMap, HashSet};
use store::named;
use store::{InNamespace, Lease, Tx, UnscopedTx};
use types::{ListenerId, Namespace, Time};

/// Listeners read in one turn.
const MAX_LISTENERS: u32 = 5_000;
/// Pause before a listener with a problem is tried again.
const RETRY_MS: i64 = 5_000;

/// What the worker remembers of listeners, so that idle ones cost no reads.
#[derive(Default)]
pub(crate) struct Feeder {
    marks: HashMap<ListenerId, ReadMark>,
}

impl Feeder {
    /// Feeds the listeners of a shard. Returns the number of delivered events.
    pub(crate) async fn feed(
        &mut self,
        workflow: &Workflow,
        shard: i64,
        lease: &Lease,
    ) -> Result<usize> {
        let now = workflow.now();
        let due = workflow
            .db()
            .read_unscoped(move |tx| table::due(tx, shard, now, MAX_LISTENERS))
            .await?;
        let ids: HashSet<ListenerId> = due.iter().map(|due| due.row.id).collect();
        self.marks.retain(|id, _| ids.contains(id));
        let mut delivered = 0;
        for InNamespace { namespace, row } in due {
            delivered += self
                .feed_listener(workflow, lease, &namespace, &row)
                .await?;
        }
        Ok(delivered)
    }

    async fn feed_listener(
        &mut self,
        workflow: &Workflow,
        lease: &Lease,
        namespace: &Namespace,
        listener: &Listener,
    ) -> Result<usize> {
        let last = self.marks.get(&listener.id);
        let fed = match &listener.spec {
            ListenerSpec::Chain { .. } => {
                chain::feed(workflow, lease, namespace, listener, last).await
            }
            ListenerSpec::Model { .. } => {
                model::feed(workflow, lease, namespace, listener, last).await
            }
        };
        match fed {
            Ok(fed) => {
                match fed.mark {
                    Some(mark) => self.marks.insert(listener.id, mark),
                    None => self.marks.remove(&listener.id),
                };
                Ok(fed.delivered)
            }
            Err(Error::VersionConflict) => Ok(0),
            Err(Error::Store(error)) if error.ends_worker() => Err(error.into()),
            Err(error) => block(workflow, lease, namespace, listener, &error)
                .await
                .map(|()| 0),
        }
    }
}

/// When a listener with a problem is tried again.
pub(crate) async fn next_due(workflow: &Workflow, shard: i64) -> Result<Option<Time>> {
    workflow
        .db()
        .read_unscoped(move |tx: &mut UnscopedTx| table::next_due(tx, shard))
        .await
}

async fn block(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    listener: &Listener,
    error: &Error,
) -> Result<()> {
    tracing::warn!(event = "listener.blocked", listener = %listener.id, %error, "listener is blocked");
    let args = (listener.clone(), error.to_string());
    let write = |tx: &mut Tx, (listener, reason): &(Listener, String)| {
        let next_at = tx.now().plus_millis(RETRY_MS);
        let changed = listener.problem.as_ref() != Some(reason);
        let version = listener.version + u64::from(changed);
        let blocked = Listener {
            problem: Some(reason.clone()),
            next_at,
            version,
            ..listener.clone()
        };
        if changed {
            let fact = named::fact(tx, "listener.blocked", &blocked)?;
            tx.append(fact);
        }
        table::update_progress(tx, &blocked, listener.version)
    };
    match workflow
        .db()
        .on(lease)
        .write_with(namespace, args, write)
        .await
    {
        Err(Error::VersionConflict) => Ok(()),
        other => other,
    }
}
