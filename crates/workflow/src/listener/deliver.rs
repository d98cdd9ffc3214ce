//! Delivering chain events: the runs, the cursor and what is remembered of events that may be taken
//! back, in one transaction.

use super::config::{Config, OnError, OnRevert};
use super::{Listener, Place};
use crate::run::start::{Begun, HEARD, Order, begin};
use crate::run::{Lane, NewRun, Origin};
use crate::table::listener::{self as table, Delivered};
use crate::table::run as runs;
use crate::{Error, Result, Workflow};
use store::{Lease, Tx, idempotency};
use types::{Digest, Height, Json, Namespace, Principal, RunId};

/// A run to be begun for an event.
pub(super) struct Item {
    pub(super) event: String,
    pub(super) block_hash: String,
    pub(super) height: Height,
    pub(super) input: Json,
    /// Whether the event was taken back.
    pub(super) reverted: bool,
}

/// What is the same for all events of one delivery.
#[derive(Clone)]
pub(super) struct Delivery {
    workflow: Workflow,
    namespace: Namespace,
    config: Config,
    finalized: Height,
}

/// Which task a run is of.
struct Which<'w> {
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
            namespace: namespace.clone(),
            config: config.clone(),
            finalized,
        }
    }

    /// Begin the runs and move the cursor. [`Error::Stale`] if somebody else changed the listener
    /// meanwhile.
    pub(super) async fn commit(
        self,
        lease: &Lease,
        listener: &Listener,
        items: Vec<Item>,
        cursor: Option<Place>,
    ) -> Result<()> {
        let (db, namespace, listener) = (
            self.workflow.db().clone(),
            self.namespace.clone(),
            listener.clone(),
        );
        let write = move |tx: &mut Tx<'_, '_>| {
            let mut next = Listener {
                cursor: cursor.clone(),
                problem: None,
                ..listener.clone()
            };
            for item in &items {
                self.deliver(tx, &mut next, item)?;
            }
            table::forget(tx, next.id, self.finalized)?;
            next.version += 1;
            if !table::note(tx, &next, listener.version)? {
                return Err(Error::Stale);
            }
            let now = tx.now();
            runs::release_lane(tx, next.id, now)
        };
        db.on(lease).write(&namespace, write).await
    }

    fn deliver(&self, tx: &mut Tx<'_, '_>, next: &mut Listener, item: &Item) -> Result<()> {
        if item.reverted {
            table::take_back(tx, next.id, &item.event, &item.block_hash)?;
            return self
                .compensation()
                .map_or(Ok(()), |which| self.start(tx, next, item, &which));
        }
        if item.height > self.finalized {
            let (event, block_hash, input) = (
                item.event.clone(),
                item.block_hash.clone(),
                item.input.clone(),
            );
            table::remember(
                tx,
                next.id,
                &Delivered {
                    event,
                    block_hash,
                    height: item.height,
                    input,
                },
            )?;
        }
        let which = Which {
            task: &self.config.task_name,
            version: self.config.task_version.as_ref(),
        };
        self.start(tx, next, item, &which)
    }

    /// The task that makes up for an event that was taken back, if one does.
    fn compensation(&self) -> Option<Which<'_>> {
        match &self.config.on_revert {
            Some(OnRevert::Compensate {
                task_name,
                task_version,
            }) => Some(Which {
                task: task_name,
                version: task_version.as_ref(),
            }),
            Some(OnRevert::Word(_)) | None => None,
        }
    }

    fn start(
        &self,
        tx: &mut Tx<'_, '_>,
        next: &mut Listener,
        item: &Item,
        which: &Which<'_>,
    ) -> Result<()> {
        let now = tx.now();
        let input = if item.reverted {
            marked(&item.input)?
        } else {
            item.input.clone()
        };
        let lane = Lane {
            listener: next.id,
            place: next.next_place,
            holds: self.config.on_error == OnError::Hold,
        };
        let (task, version) = (which.task.to_owned(), which.version.cloned());
        let order = Order {
            id: RunId::new(now, tx.entropy()),
            new: NewRun {
                task,
                version,
                input,
                idempotency_key: None,
                activity: None,
            },
            sealed: None,
            who: Principal::system(&format!("listener/{}", next.name), self.namespace.clone()),
            origin: Origin::Listener {
                listener: next.id,
                event: item.event.clone(),
                reverted: item.reverted,
            },
            lane: Some(lane),
            released: false,
            key: Some((HEARD, self.key(next, item))),
            command: None,
        };
        if let Begun::Fresh(_) = begin(&self.workflow, tx, &order)? {
            next.next_place += 1;
        }
        Ok(())
    }

    /// A run is unique by listener and event. Where events that are taken back are made up for, the
    /// same event in another block is another occasion.
    fn key(&self, listener: &Listener, item: &Item) -> String {
        let mut key = format!("{}/{}", listener.id, item.event);
        if self.compensation().is_some() {
            key.push_str(&format!("/{}", item.block_hash));
        }
        if item.reverted {
            key.push_str("/reverted");
        }
        if key.len() > idempotency::MAX_KEY {
            Digest::of(key.as_bytes()).to_string()
        } else {
            key
        }
    }
}

fn marked(input: &Json) -> Result<Json> {
    let mut value = input.to_value();
    value["reverted"] = true.into();
    Json::of(&value).map_err(|error| Error::corrupt("event", error.to_string()))
}
