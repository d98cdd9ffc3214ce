//! Creates, reads and deletes listeners.

use super::config::{Config, StartEvent};
use super::{AFTER_LAST_EVENT, Listener, ListenerCursor, ListenerKind, ListenerSpec};
use crate::table::listener as table;
use crate::{Error, Result, Workflow, names, table as tables};
use regex::RegexBuilder;
use store::{Tx, UnscopedTx};
use types::{ChainId, Height, Json, ListenerId, Page, Principal};

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
#[derive(Clone)]
struct ValidatedListener {
    new: NewListener,
    kind: ListenerKind,
    chain: Option<ChainId>,
    start_event: StartEvent,
    sources: Vec<String>,
    topics: Vec<String>,
}

/// Creates a listener with this name or replaces the existing one; with an id, only replaces. An
/// existing listener keeps its cursor as long as it reads the same chain. Returns whether it is
/// new. Errors: `workflow.invalid`, `workflow.unknown_resource`, `workflow.name_taken`,
/// `workflow.limit_exceeded`.
pub async fn put_listener(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewListener,
) -> Result<(Listener, bool)> {
    let validated = validate(workflow, principal, new)?;
    let (path, principal, engine) = (name_or_id.to_owned(), principal.clone(), workflow.clone());
    let write = move |tx: &mut UnscopedTx<'_, '_>| {
        let start_cursor = start_cursor(tx, &validated)?;
        let mut tx = tx.scoped(&principal.namespace);
        put(
            &engine,
            &mut tx,
            &principal,
            &path,
            &validated,
            start_cursor,
        )
    };
    workflow.on().write_unscoped(write).await
}

/// Reads a listener. Errors: `workflow.unknown_resource`.
pub async fn listener(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<Listener> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&principal.namespace, move |tx| require(tx, kind, &path))
        .await
}

/// Lists the listeners of a kind by name.
pub async fn listeners(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    page: &Page,
) -> Result<Vec<Listener>> {
    let page = page.clone();
    workflow
        .db()
        .read(&principal.namespace, move |tx| table::list(tx, kind, &page))
        .await
}

/// Deletes a listener. Its runs continue, and queued ones are still released one at a time. Errors:
/// `workflow.unknown_resource`.
pub async fn delete_listener(
    workflow: &Workflow,
    principal: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<()> {
    let (path, principal) = (name_or_id.to_owned(), principal.clone());
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let listener = require(tx, kind, &path)?;
        table::delete(tx, listener.id)?;
        tx.append(listener.fact("listener.deleted").actor(&principal));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

fn require(tx: &mut Tx<'_, '_>, kind: ListenerKind, name_or_id: &str) -> Result<Listener> {
    table::find(tx, kind, name_or_id)?.ok_or_else(|| Error::unknown("listener", name_or_id))
}

fn validate(
    workflow: &Workflow,
    principal: &Principal,
    new: NewListener,
) -> Result<ValidatedListener> {
    let new = NewListener {
        name: new
            .name
            .map(|name| names::validate_name("name", &name))
            .transpose()?,
        ..new
    };
    match new.spec.clone() {
        ListenerSpec::Chain { config: json } => {
            if json.as_str().len() > MAX_CONFIG {
                return Err(Error::LimitExceeded {
                    field: "config".to_owned(),
                    unit: "bytes",
                    limit: MAX_CONFIG,
                });
            }
            let config = Config::read(&json)?;
            let chain = config
                .chain
                .unwrap_or_else(|| workflow.default_chain(&principal.namespace));
            let (sources, topics) = (config.sources(&chain)?, config.topics(&chain)?);
            let start_event = config.start_event()?;
            Ok(ValidatedListener {
                new,
                kind: ListenerKind::Firefly,
                chain: Some(chain),
                start_event,
                sources,
                topics,
            })
        }
        ListenerSpec::Model {
            topic_filter,
            task_id,
        } => {
            compile_filter(&topic_filter)?;
            names::validate_reference("taskId", &task_id)?;
            let (sources, topics) = (Vec::new(), Vec::new());
            Ok(ValidatedListener {
                new,
                kind: ListenerKind::DataModel,
                chain: None,
                start_event: StartEvent::Newest,
                sources,
                topics,
            })
        }
    }
}

/// Compiles a topic filter.
pub(super) fn compile_filter(text: &str) -> Result<regex::Regex> {
    if text.len() > MAX_FILTER {
        return Err(Error::LimitExceeded {
            field: "topicFilter".to_owned(),
            unit: "bytes",
            limit: MAX_FILTER,
        });
    }
    let regex = RegexBuilder::new(text).size_limit(MAX_REGEX).build();
    regex.map_err(|error| Error::invalid("topicFilter", error.to_string()))
}

/// The start of a new listener: a position on its chain, or after all existing facts.
enum StartCursor {
    Chain(ListenerCursor),
    Facts(Vec<store::Cursor>),
}

fn start_cursor(tx: &mut UnscopedTx<'_, '_>, validated: &ValidatedListener) -> Result<StartCursor> {
    let Some(chain) = &validated.chain else {
        return Ok(StartCursor::Facts(store::partitions(tx)?));
    };
    let status = index::status(tx, chain)?;
    let head = status.as_ref().and_then(|status| status.head.as_ref());
    let cursor = match (validated.start_event, head) {
        (StartEvent::Newest, Some(head)) => ListenerCursor {
            height: head.height,
            index: AFTER_LAST_EVENT,
            hash: Some(head.hash.clone()),
        },
        (StartEvent::Newest | StartEvent::Oldest, _) => ListenerCursor {
            height: Height(0),
            index: -1,
            hash: None,
        },
        (StartEvent::Height(height), _) => ListenerCursor {
            height: Height(height),
            index: -1,
            hash: None,
        },
    };
    Ok(StartCursor::Chain(cursor))
}

fn put(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    path: &str,
    validated: &ValidatedListener,
    start_cursor: StartCursor,
) -> Result<(Listener, bool)> {
    let existing = table::find(tx, validated.kind, path)?;
    let listener = next(
        workflow,
        tx,
        path,
        existing.as_ref(),
        validated,
        &start_cursor,
    )?;
    if !table::put(tx, &listener, &listener.task()?)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    if let Some(chain) = &validated.chain {
        // Watches all events of the named contracts; without contracts, the named events of all
        // contracts.
        let topics = if validated.sources.is_empty() {
            validated.topics.as_slice()
        } else {
            &[]
        };
        index::watch_events(tx, chain, &validated.sources, topics)?;
    }
    if let (StartCursor::Facts(cursors), None) = (&start_cursor, &existing) {
        table::put_cursors(tx, listener.id, cursors)?;
    }
    let kind = if existing.is_some() {
        "listener.updated"
    } else {
        "listener.created"
    };
    tx.append(listener.fact(kind).actor(principal));
    Ok((listener, existing.is_none()))
}

fn next(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    path: &str,
    existing: Option<&Listener>,
    validated: &ValidatedListener,
    start_cursor: &StartCursor,
) -> Result<Listener> {
    let now = tx.now();
    let (id, old_name) = match existing {
        Some(listener) => (listener.id, listener.name.clone()),
        None if path.parse::<ListenerId>().is_ok() => return Err(Error::unknown("listener", path)),
        None => (ListenerId::new(now, tx.entropy()), path.to_owned()),
    };
    let name = names::validate_name("name", validated.new.name.as_deref().unwrap_or(&old_name))?;
    let limit = workflow.settings().named_objects_per_namespace;
    if existing.is_none() && table::count(tx)? >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded {
            field: "listeners".to_owned(),
            unit: "listeners in a namespace",
            limit,
        });
    }
    if table::find(tx, validated.kind, &name)?.is_some_and(|other| other.id != id) {
        return Err(Error::NameTaken {
            noun: "listener",
            name,
        });
    }
    check_task(tx, validated)?;
    let cursor = match start_cursor {
        StartCursor::Chain(cursor) => Some(cursor.clone()),
        StartCursor::Facts(_) => None,
    };
    let same_chain = existing.filter(|listener| listener.chain == validated.chain);
    Ok(Listener {
        id,
        kind: validated.kind,
        name,
        disabled: validated.new.disabled,
        spec: validated.new.spec.clone(),
        chain: validated.chain,
        cursor: same_chain.map_or(cursor, |listener| listener.cursor.clone()),
        problem: None,
        created: existing.map_or(now, |listener| listener.created),
        updated: now,
        shard: workflow.shard_of(&id.to_string()),
        next_lane_index: existing.map_or(1, |listener| listener.next_lane_index),
        next_at: now,
        version: existing.map_or(1, |listener| listener.version + 1),
    })
}

/// The named task must exist; it needs no version yet.
fn check_task(tx: &mut Tx<'_, '_>, validated: &ValidatedListener) -> Result<()> {
    let (field, task) = match &validated.new.spec {
        ListenerSpec::Chain { config } => ("config.taskName", Config::read(config)?.task_name),
        ListenerSpec::Model { task_id, .. } => ("taskId", task_id.clone()),
    };
    match tables::task::find(tx, &task)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(
            field,
            format!("there is no task {task:?} in this namespace"),
        )),
    }
}

impl ListenerSpec {
    /// The configuration of a chain event listener.
    pub fn chain(config: Json) -> Self {
        Self::Chain { config }
    }
}
