//! Delivers chain events: the runs, the cursor and the record of events that may be reverted commit
//! in one transaction.

use super::config::{Config, OnError, OnRevert};
use super::{Listener, ListenerCursor};
use crate::error::to_stored;
use crate::run::NewRun;
use crate::run::request::RunRequest;
use crate::run::start::{StartOutcome, start_in_tx};
use crate::table::listener::{self as table, Delivered};
use crate::table::run as runs;
use crate::{Result, Workflow};
use store::{Lease, Tx, idempotency};
use types::{Digest, Height, Json, Namespace};

/// An event that a run is started for.
pub(super) struct EventDelivery {
    pub(super) event: Delivered,
    pub(super) reverted: bool,
}

/// What all events of one delivery share.
#[derive(Clone)]
pub(super) struct Delivery {
    workflow: Workflow,
    namespace: Namespace,
    config: Config,
    finalized: Height,
}

/// The task and version a run executes.
struct TaskVersionRef<'w> {
    task: &'w str,
    version: Option<&'w String>,
}

impl Delivery {
    pub(super) fn new(
        workflow: &Workflow,
        namespace: &Namespace,
        config: &Config,
        finalized: Height,
    ) -> Self {
        Self {
            workflow: workflow.clone(),
            namespace: *namespace,
            config: config.clone(),
            finalized,
        }
    }

    /// Starts the runs and moves the cursor. Fails with [`Error::VersionConflict`] if the listener
    /// changed concurrently.
    pub(super) async fn commit(
        self,
        lease: &Lease,
        listener: &Listener,
        events: Vec<EventDelivery>,
        cursor: ListenerCursor,
    ) -> Result<()> {
        let (db, namespace, listener) =
            (self.workflow.db().clone(), self.namespace, listener.clone());
        let write = move |tx: &mut Tx| {
            let mut next = Listener {
                cursor: Some(cursor.clone()),
                problem: None,
                ..listener.clone()
            };
            for event in &events {
                self.deliver(tx, &mut next, event)?;
            }
            table::delete_final_deliveries(tx, next.id, self.finalized)?;
            next.version += 1;
            table::update_progress(tx, &next, listener.version)?;
            runs::release_next(tx, next.id)
        };
        db.on(lease).write(&namespace, write).await
    }

    fn deliver(&self, tx: &mut Tx, next: &mut Listener, delivery: &EventDelivery) -> Result<()> {
        let event = &delivery.event;
        if delivery.reverted {
            table::delete_delivery(tx, next.id, &event.event, &event.block_hash)?;
            return self
                .compensation()
                .map_or(Ok(()), |target| self.start_run(tx, next, delivery, &target));
        }
        if event.height > self.finalized {
            table::insert_delivery(tx, event.clone())?;
        }
        let target = TaskVersionRef {
            task: &self.config.task_name,
            version: self.config.task_version.as_ref(),
        };
        self.start_run(tx, next, delivery, &target)
    }

    /// The task that compensates for a reverted event, if configured.
    fn compensation(&self) -> Option<TaskVersionRef<'_>> {
        match &self.config.on_revert {
            Some(OnRevert::Compensate {
                task_name,
                task_version,
            }) => Some(TaskVersionRef {
                task: task_name,
                version: task_version.as_ref(),
            }),
            Some(OnRevert::Keyword(_)) | None => None,
        }
    }

    fn start_run(
        &self,
        tx: &mut Tx,
        next: &mut Listener,
        delivery: &EventDelivery,
        target: &TaskVersionRef<'_>,
    ) -> Result<()> {
        let EventDelivery { event, reverted } = delivery;
        let input = if *reverted {
            with_reverted_flag(&event.input)?
        } else {
            event.input.clone()
        };
        let new = NewRun {
            task: target.task.to_owned(),
            version: target.version.cloned(),
            input,
            idempotency_key: None,
            activity: None,
        };
        let origin = (event.event.as_str(), *reverted);
        let holds = self.config.on_error == OnError::Hold;
        let key = self.key(delivery);
        let request = RunRequest::by_listener(tx, next, origin, new, holds, key);
        if let StartOutcome::Created(_) = start_in_tx(&self.workflow, tx, &request)? {
            next.next_queue_index += 1;
        }
        Ok(())
    }

    /// A run is unique by listener and event. If the listener compensates for reverts, the same
    /// event in another block starts another run.
    fn key(&self, EventDelivery { event, reverted }: &EventDelivery) -> String {
        let mut key = format!("{}/{}", event.listener, event.event);
        if self.compensation().is_some() {
            key.push_str(&format!("/{}", event.block_hash));
        }
        if *reverted {
            key.push_str("/reverted");
        }
        if key.len() > idempotency::MAX_KEY_BYTES {
            Digest::of(key.as_bytes()).to_string()
        } else {
            key
        }
    }
}

fn with_reverted_flag(input: &Json) -> Result<Json> {
    let mut value = input.to_value();
    value["reverted"] = true.into();
    to_stored("event", &value)
}
