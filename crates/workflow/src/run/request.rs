//! Requests for new runs.

use super::{Origin, RunQueue};
use crate::Listener;
use store::Tx;
use types::{Author, Digest, Json, Principal, RunId, Via};

/// The scopes of idempotency keys, as `<noun>.<verb>`: API requests, `invoke_task` steps,
/// listeners.
pub(crate) const REQUEST_SCOPE: &str = "run.start";
pub(crate) const INVOKE_SCOPE: &str = "run.invoke";
const LISTENER_SCOPE: &str = "run.listen";

/// A request to start a run.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// By name or id.
    pub task: String,
    /// The label of a version; defaults to the current one.
    pub version: Option<String>,
    /// What its steps see as `input`.
    pub input: Json,
    /// A repeat with the same key starts nothing.
    pub idempotency_key: Option<String>,
    /// The activity the run belongs to.
    pub activity: Option<String>,
}

/// A validated request for a new run.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest {
    pub(crate) id: RunId,
    pub(crate) new: NewRun,
    pub(crate) encrypted_input: Option<Vec<u8>>,
    pub(crate) principal: Principal,
    pub(crate) origin: Origin,
    pub(crate) queue: Option<RunQueue>,
    /// Whether it may start now. Otherwise the end of the previous run in its queue releases it.
    pub(crate) released: bool,
    /// The scope and value of the idempotency key.
    pub(crate) key: Option<(&'static str, String)>,
    /// What two commands with the same key must share; `None` if the key alone identifies the
    /// command.
    pub(crate) command: Option<Digest>,
}

impl RunRequest {
    /// The request of a listener for an event, in the name of its author. `key` is unique for the
    /// run.
    pub(crate) fn by_listener(
        tx: &mut Tx,
        listener: &Listener,
        (event, reverted): (&str, bool),
        new: NewRun,
        holds: bool,
        key: String,
    ) -> Self {
        let unrecorded = || Author::unrecorded(format!("listener/{}", listener.name));
        let author = listener.author.clone().unwrap_or_else(unrecorded);
        Self {
            id: RunId::new(tx.now(), tx.entropy()),
            new,
            encrypted_input: None,
            principal: Principal::author(author, *tx.namespace(), Via::Listener),
            origin: Origin::Listener {
                listener: listener.id,
                event: event.to_owned(),
                reverted,
            },
            queue: Some(RunQueue {
                listener: listener.id,
                index: listener.next_queue_index,
                holds,
            }),
            released: false,
            key: Some((LISTENER_SCOPE, key)),
            command: None,
        }
    }
}
