//! Making, reading and deleting listeners.

use super::config::{Config, First};
use super::{BEHIND_ALL, Given, Listener, ListenerKind, Place};
use crate::table::listener as table;
use crate::{Error, Result, Workflow, named, table as tables};
use regex::RegexBuilder;
use store::{Tx, Unbound};
use types::{ChainId, Height, Json, ListenerId, Page, Principal};

/// The longest configuration.
const MAX_CONFIG: usize = 256 << 10;
/// The longest expression on topics, and how large it may become.
const MAX_FILTER: usize = 1_024;
const MAX_REGEX: usize = 1 << 20;

/// What is said of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewListener {
    /// Its name; where the path names it, that one.
    pub name: Option<String>,
    /// Whether it takes up nothing new.
    pub disabled: bool,
    /// The rest, by its kind.
    pub given: Given,
}

/// What was checked outside the transaction.
#[derive(Clone)]
struct Checked {
    new: NewListener,
    kind: ListenerKind,
    chain: Option<ChainId>,
    first: First,
    sources: Vec<String>,
    topics: Vec<String>,
}

/// Make a listener of this name, or replace the one that is there; by id, replace only. The one
/// that is there keeps its cursor, as long as it reads the same chain. Whether it is new.
/// Errors: `workflow.invalid`, `workflow.unknown`, `workflow.name_taken`, `workflow.too_much`.
pub async fn put_listener(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    new: NewListener,
) -> Result<(Listener, bool)> {
    let checked = checked(workflow, who, new)?;
    let (path, who, this) = (name_or_id.to_owned(), who.clone(), workflow.clone());
    let write = move |tx: &mut Unbound<'_, '_>| {
        let start = start(tx, &checked)?;
        let mut tx = tx.bound(&who.namespace);
        put(&this, &mut tx, &who, &path, &checked, start)
    };
    workflow.on().write_unbound(write).await
}

/// A listener. Errors: `workflow.unknown`.
pub async fn listener(
    workflow: &Workflow,
    who: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<Listener> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&who.namespace, move |tx| require(tx, kind, &path))
        .await
}

/// Listeners of a kind, by name.
pub async fn listeners(
    workflow: &Workflow,
    who: &Principal,
    kind: ListenerKind,
    page: &Page,
) -> Result<Vec<Listener>> {
    let page = page.clone();
    workflow
        .db()
        .read(&who.namespace, move |tx| table::list(tx, kind, &page))
        .await
}

/// Delete a listener. Runs that it began go on; those that wait for their turn are set free one
/// after the other as before. Errors: `workflow.unknown`.
pub async fn delete_listener(
    workflow: &Workflow,
    who: &Principal,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<()> {
    let (path, who) = (name_or_id.to_owned(), who.clone());
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let listener = require(tx, kind, &path)?;
        table::delete(tx, listener.id)?;
        tx.append(listener.fact("listener.deleted").by(&who));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

fn require(tx: &mut Tx<'_, '_>, kind: ListenerKind, name_or_id: &str) -> Result<Listener> {
    table::find(tx, kind, name_or_id)?.ok_or_else(|| Error::unknown("listener", name_or_id))
}

fn checked(workflow: &Workflow, who: &Principal, new: NewListener) -> Result<Checked> {
    let new = NewListener {
        name: new
            .name
            .map(|name| named::checked("name", &name))
            .transpose()?,
        ..new
    };
    match new.given.clone() {
        Given::Chain { config: json } => {
            if json.as_str().len() > MAX_CONFIG {
                return Err(Error::TooMuch {
                    field: "config".to_owned(),
                    of: "bytes",
                    limit: MAX_CONFIG,
                });
            }
            let config = Config::read(&json)?;
            let chain = config
                .chain
                .clone()
                .unwrap_or_else(|| workflow.home(&who.namespace));
            let (sources, topics) = (config.sources(&chain)?, config.topics(&chain)?);
            let first = config.first()?;
            Ok(Checked {
                new,
                kind: ListenerKind::Firefly,
                chain: Some(chain),
                first,
                sources,
                topics,
            })
        }
        Given::Model {
            topic_filter,
            task_id,
        } => {
            filter(&topic_filter)?;
            named::referred("taskId", &task_id)?;
            let (sources, topics) = (Vec::new(), Vec::new());
            Ok(Checked {
                new,
                kind: ListenerKind::DataModel,
                chain: None,
                first: First::Newest,
                sources,
                topics,
            })
        }
    }
}

/// The expression on topics.
pub(super) fn filter(text: &str) -> Result<regex::Regex> {
    if text.len() > MAX_FILTER {
        return Err(Error::TooMuch {
            field: "topicFilter".to_owned(),
            of: "bytes",
            limit: MAX_FILTER,
        });
    }
    let regex = RegexBuilder::new(text).size_limit(MAX_REGEX).build();
    regex.map_err(|error| Error::invalid("topicFilter", error.to_string()))
}

/// Where a new listener stands: a place on its chain, or behind all facts there are.
enum Start {
    Place(Place),
    Facts(Vec<store::Cursor>),
}

fn start(tx: &mut Unbound<'_, '_>, checked: &Checked) -> Result<Start> {
    let Some(chain) = &checked.chain else {
        return Ok(Start::Facts(store::partitions(tx)?));
    };
    let status = index::status(tx, chain)?;
    let head = status.as_ref().and_then(|status| status.head.as_ref());
    let place = match (checked.first, head) {
        (First::Newest, Some(head)) => Place {
            height: head.height,
            index: BEHIND_ALL,
            hash: Some(head.hash.clone()),
        },
        (First::Newest | First::Oldest, _) => Place {
            height: Height(0),
            index: -1,
            hash: None,
        },
        (First::Height(height), _) => Place {
            height: Height(height),
            index: -1,
            hash: None,
        },
    };
    Ok(Start::Place(place))
}

fn put(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    path: &str,
    checked: &Checked,
    start: Start,
) -> Result<(Listener, bool)> {
    let before = table::find(tx, checked.kind, path)?;
    let listener = next(workflow, tx, path, before.as_ref(), checked, &start)?;
    if !table::put(tx, &listener, &listener.task()?)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    if let Some(chain) = &checked.chain {
        // All events of the contracts that are named; of no named one, these events of all.
        let topics = if checked.sources.is_empty() {
            checked.topics.as_slice()
        } else {
            &[]
        };
        index::watch_events(tx, chain, &checked.sources, topics)?;
    }
    if let (Start::Facts(cursors), None) = (&start, &before) {
        table::put_cursors(tx, listener.id, cursors)?;
    }
    let kind = if before.is_some() {
        "listener.updated"
    } else {
        "listener.created"
    };
    tx.append(listener.fact(kind).by(who));
    Ok((listener, before.is_none()))
}

fn next(
    workflow: &Workflow,
    tx: &mut Tx<'_, '_>,
    path: &str,
    before: Option<&Listener>,
    checked: &Checked,
    start: &Start,
) -> Result<Listener> {
    let now = tx.now();
    let (id, old_name) = match before {
        Some(listener) => (listener.id, listener.name.clone()),
        None if path.parse::<ListenerId>().is_ok() => return Err(Error::unknown("listener", path)),
        None => (ListenerId::new(now, tx.entropy()), path.to_owned()),
    };
    let name = named::checked("name", checked.new.name.as_deref().unwrap_or(&old_name))?;
    let most = workflow.settings().things;
    if before.is_none() && table::count(tx)? >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "listeners".to_owned(),
            of: "listeners in a namespace",
            limit: most,
        });
    }
    if table::find(tx, checked.kind, &name)?.is_some_and(|other| other.id != id) {
        return Err(Error::NameTaken {
            what: "listener",
            name,
        });
    }
    check_task(tx, checked)?;
    let place = match start {
        Start::Place(place) => Some(place.clone()),
        Start::Facts(_) => None,
    };
    let same_chain = before.filter(|listener| listener.chain == checked.chain);
    Ok(Listener {
        id,
        kind: checked.kind,
        name,
        disabled: checked.new.disabled,
        given: checked.new.given.clone(),
        chain: checked.chain.clone(),
        cursor: same_chain.map_or(place, |listener| listener.cursor.clone()),
        problem: None,
        created: before.map_or(now, |listener| listener.created),
        updated: now,
        shard: workflow.shard_of(&id.to_string()),
        next_place: before.map_or(1, |listener| listener.next_place),
        next_at: now,
        version: before.map_or(1, |listener| listener.version + 1),
    })
}

/// The tasks that it names have to be there, though they need no version yet.
fn check_task(tx: &mut Tx<'_, '_>, checked: &Checked) -> Result<()> {
    let (field, task) = match &checked.new.given {
        Given::Chain { config } => ("config.taskName", Config::read(config)?.task_name),
        Given::Model { task_id, .. } => ("taskId", task_id.clone()),
    };
    match tables::task::find(tx, &task)? {
        Some(_) => Ok(()),
        None => Err(Error::invalid(field, format!("there is no task {task:?}"))),
    }
}

impl Given {
    /// Of chain events.
    pub fn chain(config: Json) -> Self {
        Self::Chain { config }
    }
}
