//! Creates, reads and deletes listeners.

use super::config::{Config, StartEvent};
use super::registered;
use super::{Listener, ListenerCursor, ListenerKind, ListenerSpec};
use crate::table::listener as table;
use crate::{Error, Result, Task, Workflow, names};
use regex::RegexBuilder;
use std::sync::Arc;
use store::named::{self, Meta, Named as _, Resource};
use store::{Tx, UnscopedTx};
use types::{Author, ChainId, Height, ListenerId, Page, Principal};

const MAX_CONFIG: usize = 256 << 10;
/// Maximum length of a topic filter and of its compiled form, in bytes.
const MAX_FILTER: usize = 1_024;
const MAX_REGEX: usize = 1 << 20;

/// The request to create or replace a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewListener {
    /// A new name for an existing listener; a new one takes its name from the path.
    pub name: Option<String>,
    /// Whether it starts no runs.
    pub disabled: bool,
    /// The configuration of its kind.
    pub spec: ListenerSpec,
}

/// A request validated outside the transaction.
struct ValidatedListener {
    workflow: Workflow,
    new: NewListener,
    kind: ListenerKind,
    /// By name or id, and the field that names it.
    task: String,
    task_field: &'static str,
    chain: Option<ChainId>,
    start_event: StartEvent,
    sources: Vec<String>,
    topics: Vec<String>,
    author: Author,
}

/// Creates a listener with this name or replaces the existing one; with an id, only replaces. An
/// existing listener keeps its cursor as long as it reads the same chain. A listener of chain events
/// that names none takes those of the interfaces that are registered for its contracts. Errors:
/// `workflow.invalid_field`, `workflow.unknown_resource`, `workflow.name_taken`,
/// `workflow.limit_exceeded`.
pub async fn put_listener(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewListener,
) -> Result<Listener> {
    let spec = registered::with_events(workflow, principal, new.spec).await?;
    let new = NewListener { spec, ..new };
    let request = validate(workflow, principal, new)?;
    let limit = workflow.settings().named_objects_per_namespace;
    let args = (principal.clone(), name_or_id.to_owned(), Arc::new(request));
    let write = move |tx: &mut UnscopedTx, (principal, path, request): &PutArgs| {
        let start = start_cursor(tx, request)?;
        let mut tx = tx.scoped(&principal.namespace);
        put(&mut tx, principal, path, request, start, limit)
    };
    workflow.on().write_unscoped_with(args, write).await
}

type PutArgs = (Principal, String, Arc<ValidatedListener>);

/// Reads a listener. Errors: `workflow.unknown_resource`.
pub async fn listener(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<Listener> {
    named::get(workflow.db(), principal, kind, name_or_id).await
}

/// Lists the listeners of a kind by name.
pub async fn listeners(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    page: &Page,
) -> Result<Vec<Listener>> {
    named::list(workflow.db(), principal, kind, page).await
}

/// Deletes a listener. Its runs continue, and queued ones are still released one at a time. Errors:
/// `workflow.unknown_resource`.
pub async fn delete_listener(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<Listener>(workflow.on(), principal, kind, name_or_id).await
}

fn validate(
    workflow: &Workflow,
    principal: &Principal,
    new: NewListener,
) -> Result<ValidatedListener> {
    let (field, task) = match &new.spec {
        ListenerSpec::Chain { config } if config.as_str().len() > MAX_CONFIG => {
            return Err(Error::limit("config", "bytes", MAX_CONFIG));
        }
        spec => spec.task()?,
    };
    let mut validated = ValidatedListener {
        workflow: workflow.clone(),
        kind: ListenerKind::DataModel,
        task,
        task_field: field,
        chain: None,
        start_event: StartEvent::Newest,
        sources: Vec::new(),
        topics: Vec::new(),
        author: Author::from(principal),
        new,
    };
    match &validated.new.spec {
        ListenerSpec::Chain { config } => {
            let config = Config::read(config)?;
            let chain = config
                .chain
                .unwrap_or_else(|| workflow.default_chain(&principal.namespace));
            validated.kind = ListenerKind::Firefly;
            validated.chain = Some(chain);
            validated.sources = config.sources(&chain)?;
            validated.topics = config.topics(&chain)?;
            validated.start_event = config.start_event()?;
        }
        ListenerSpec::Model {
            topic_filter,
            task_id,
        } => {
            compile_filter(topic_filter)?;
            names::validate_reference("taskId", task_id)?;
        }
    }
    Ok(validated)
}

/// Compiles a topic filter.
pub(super) fn compile_filter(text: &str) -> Result<regex::Regex> {
    Error::check_bytes("topicFilter", text.len(), MAX_FILTER)?;
    let regex = RegexBuilder::new(text).size_limit(MAX_REGEX).build();
    regex.map_err(|error| Error::invalid("topicFilter", error))
}

/// The start of a new listener: a position on its chain, or after all existing facts.
enum StartCursor {
    Chain(ListenerCursor),
    Facts(Vec<store::Cursor>),
}

fn start_cursor(tx: &mut UnscopedTx, validated: &ValidatedListener) -> Result<StartCursor> {
    let Some(chain) = &validated.chain else {
        return Ok(StartCursor::Facts(store::partitions(tx)?));
    };
    let status = index::status(tx, chain)?;
    let head = status.as_ref().and_then(|status| status.head.as_ref());
    Ok(StartCursor::Chain(match (validated.start_event, head) {
        (StartEvent::Newest, Some(head)) => ListenerCursor {
            hash: Some(head.hash.clone()),
            ..ListenerCursor::after(head.height)
        },
        (StartEvent::Newest | StartEvent::Oldest, _) => ListenerCursor::before(Height(0)),
        (StartEvent::Height(height), _) => ListenerCursor::before(Height(height)),
    }))
}

fn put(
    tx: &mut Tx,
    principal: &Principal,
    path: &str,
    request: &Arc<ValidatedListener>,
    start: StartCursor,
    limit: usize,
) -> Result<Listener> {
    let (cursor, read) = match start {
        StartCursor::Chain(cursor) => (Some(cursor), Vec::new()),
        StartCursor::Facts(read) => (None, read),
    };
    let new = PlacedListener {
        request: Arc::clone(request),
        cursor,
    };
    let listener = named::put_in::<Listener>(tx, principal, request.kind, path, &new, limit)?;
    if let Some(chain) = &request.chain {
        // Watches all events of the named contracts; without contracts, the named events of all
        // contracts.
        let topics = if request.sources.is_empty() {
            request.topics.as_slice()
        } else {
            &[]
        };
        index::watch_events(tx, chain, &request.sources, topics)?;
    }
    if listener.version == 1 {
        table::put_cursors(tx, listener.id, &read)?;
    }
    Ok(listener)
}

/// A request, and where a new listener starts on its chain.
pub struct PlacedListener {
    request: Arc<ValidatedListener>,
    cursor: Option<ListenerCursor>,
}

impl Resource for Listener {
    type New = PlacedListener;
    const CREATED: &'static str = "listener.created";
    const UPDATED: &'static str = "listener.updated";
    const DELETED: &'static str = "listener.deleted";

    fn new_name(new: &PlacedListener) -> Option<&str> {
        new.request.new.name.as_deref()
    }

    fn build(
        tx: &mut Tx,
        meta: Meta<ListenerId>,
        new: &PlacedListener,
        before: Option<&Self>,
    ) -> Result<Self> {
        let request = &*new.request;
        check_task(tx, request)?;
        let same_chain = before.filter(|listener| listener.chain == request.chain);
        Ok(Listener {
            id: meta.id,
            kind: request.kind,
            name: meta.name,
            disabled: request.new.disabled,
            spec: request.new.spec.clone(),
            chain: request.chain,
            cursor: same_chain
                .map_or(&new.cursor, |listener| &listener.cursor)
                .clone(),
            problem: None,
            author: Some(request.author.clone()),
            created: meta.created,
            updated: meta.updated,
            shard: request.workflow.shard_of(&meta.id.to_string()),
            task: request.task.clone(),
            next_queue_index: before.map_or(1, |listener| listener.next_queue_index),
            next_at: meta.updated,
            version: meta.version,
        })
    }

    fn too_many(limit: usize) -> Error {
        Error::limit("listeners", "listeners in a namespace", limit)
    }

    fn delete_parts(&self, tx: &mut Tx) -> Result<()> {
        table::delete_parts(tx, self.id)
    }
}

/// The named task must exist; it needs no version yet.
fn check_task(tx: &mut Tx, request: &ValidatedListener) -> Result<()> {
    match Task::find(tx, (), &request.task)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(
            request.task_field,
            format!("there is no task {:?} in this namespace", request.task),
        )),
    }
}
