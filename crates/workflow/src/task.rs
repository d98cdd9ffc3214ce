//! Tasks: names, versions, what they run with.

use crate::definition::{Definition, Warning, parse};
use crate::table::task as table;
use crate::{Error, Format, Result, Workflow, named, table as tables};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Fact, Tx};
use types::{Digest, Page, Principal, TaskId, Time, VersionId};

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Its name, one of its own in the namespace.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The variable set that its steps see, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable_set: Option<String>,
    /// The id of the current version.
    #[serde(skip)]
    pub current_id: Option<VersionId>,
    /// The label of the current version; none before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
    /// Rises with each change.
    #[serde(skip)]
    pub version: u64,
}

/// What is said of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    /// Its name; where the path names it, that one.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The variable set that its steps see, by name or id.
    pub variable_set: Option<String>,
}

/// A version of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The task.
    pub task: TaskId,
    /// Its label: the day it was made, `2026.01.31`; `2026.01.31.2` for the second of a day.
    pub version: String,
    /// What it does, in words.
    pub description: String,
    /// SHA-256 of the document.
    pub hash: Digest,
    /// How many steps it has.
    pub steps: u32,
    /// What was kept although it looks like a mistake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// When it was made.
    pub created: Time,
    /// By whom.
    pub created_by: String,
}

/// Make a task of this name, or replace what is said of the one that is there; by id, replace only.
/// Whether it is new. Errors: `workflow.invalid`, `workflow.unknown`, `workflow.name_taken`,
/// `workflow.too_much`.
pub async fn put_task(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    new: NewTask,
) -> Result<(Task, bool)> {
    let (path, who, new, most) = (
        name_or_id.to_owned(),
        who.clone(),
        checked(new)?,
        workflow.settings().things,
    );
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| match table::find(tx, &path)? {
        Some(found) => {
            let name = new.name.clone().unwrap_or_else(|| found.name.clone());
            let description = new.description.clone().unwrap_or_default();
            let task = Task {
                name,
                description,
                variable_set: new.variable_set.clone(),
                ..found
            };
            Ok((change(tx, &who, task)?, false))
        }
        None if path.parse::<TaskId>().is_ok() => Err(Error::unknown("task", &path)),
        None => Ok((create(tx, &who, &path, &new, most)?, true)),
    };
    workflow.on().write(&namespace, write).await
}

/// Change what is given of a task. Errors: `workflow.invalid`, `workflow.unknown`,
/// `workflow.name_taken`.
pub async fn patch_task(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    given: NewTask,
) -> Result<Task> {
    let (path, who, given) = (name_or_id.to_owned(), who.clone(), checked(given)?);
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let found = table::require(tx, &path)?;
        let NewTask {
            name,
            description,
            variable_set,
        } = given.clone();
        let task = Task {
            name: name.unwrap_or(found.name),
            description: description.unwrap_or(found.description),
            variable_set: variable_set.or(found.variable_set),
            ..found
        };
        change(tx, &who, task)
    };
    workflow.on().write(&namespace, write).await
}

/// A task. Errors: `workflow.unknown`.
pub async fn task(workflow: &Workflow, who: &Principal, name_or_id: &str) -> Result<Task> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&who.namespace, move |tx| table::require(tx, &path))
        .await
}

/// Tasks by name.
pub async fn tasks(workflow: &Workflow, who: &Principal, page: &Page) -> Result<Vec<Task>> {
    let page = page.clone();
    workflow
        .db()
        .read(&who.namespace, move |tx| table::list(tx, &page))
        .await
}

/// Delete a task and its versions. Runs that have ended stay readable.
/// Errors: `workflow.unknown`, `workflow.referred_to` while runs of it are open or listeners feed
/// it.
pub async fn delete_task(workflow: &Workflow, who: &Principal, name_or_id: &str) -> Result<()> {
    let (path, who) = (name_or_id.to_owned(), who.clone());
    let namespace = who.namespace.clone();
    let write = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let referred = |by: String| Error::ReferredTo {
            what: "task",
            name: path.clone(),
            by,
        };
        if let Some(listener) = tables::listener::of_task(tx, &task)? {
            return Err(referred(format!("listener {listener:?} feeds it")));
        }
        if let Some(run) = tables::run::open_of_task(tx, task.id)? {
            return Err(referred(format!("{run} has not ended")));
        }
        table::delete(tx, task.id)?;
        tx.append(fact("task.deleted", &who, &task));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

/// Post a version; it becomes the current one. The whole document is read and checked first, every
/// expression parsed. Errors: `workflow.definition`, `workflow.invalid`, `workflow.step_type`,
/// `workflow.expression`, each naming the field; `workflow.unknown`, `workflow.too_much`.
pub async fn post_version(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    document: &str,
    format: Format,
) -> Result<Version> {
    let source = document.to_owned();
    let (ready, warnings) = read(workflow, who, source.clone(), format).await?;
    let (path, who, most) = (
        name_or_id.to_owned(),
        who.clone(),
        workflow.settings().versions,
    );
    let (namespace, definition) = (who.namespace.clone(), ready.clone());
    let write = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let now = tx.now();
        let label = label(tx, task.id, now, most)?;
        let version = Version {
            id: VersionId::new(now, tx.entropy()),
            task: task.id,
            version: label,
            description: definition.description.clone().unwrap_or_default(),
            hash: Digest::of(source.as_bytes()),
            steps: u32::try_from(definition.steps.len()).unwrap_or(u32::MAX),
            warnings: warnings.clone(),
            created: now,
            created_by: who.id.clone(),
        };
        let stored = table::Stored {
            version: version.clone(),
            source: source.clone(),
            format,
        };
        table::insert_version(tx, &stored, now)?;
        let task = Task {
            current_id: Some(version.id),
            current_version: Some(version.version.clone()),
            ..task
        };
        change(tx, &who, task)?;
        Ok::<_, Error>(version)
    };
    let version = workflow.on().write(&namespace, write).await?;
    workflow.shelf().put(version.id, ready);
    Ok(version)
}

/// A version by its label or id, with its document as it was posted; the current one without a
/// label. Errors: `workflow.unknown`, `workflow.no_version`.
pub async fn version(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    label: Option<&str>,
) -> Result<(Version, String)> {
    let (path, label) = (name_or_id.to_owned(), label.map(str::to_owned));
    let read = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let stored = chosen(tx, &task, label.as_deref())?;
        Ok((stored.version, stored.source))
    };
    workflow.db().read(&who.namespace, read).await
}

/// Versions of a task, newest first. Errors: `workflow.unknown`.
pub async fn versions(
    workflow: &Workflow,
    who: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<Version>> {
    let (path, page) = (name_or_id.to_owned(), page.clone());
    let read = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        table::versions(tx, task.id, &page)
    };
    workflow.db().read(&who.namespace, read).await
}

/// The version that is meant: of a label, or the current one.
pub(crate) fn chosen(
    tx: &mut Tx<'_, '_>,
    task: &Task,
    label: Option<&str>,
) -> Result<table::Stored> {
    match (label, task.current_id) {
        (Some(label), _) => {
            let found = table::version_of(tx, task.id, label)?;
            found.ok_or_else(|| Error::unknown("version", format!("{} of {}", label, task.name)))
        }
        (None, Some(id)) => {
            table::version_by_id(tx, id)?.ok_or_else(|| Error::corrupt("version", id.to_string()))
        }
        (None, None) => Err(Error::NoVersion {
            task: task.name.clone(),
        }),
    }
}

/// The definition of a version that is stored.
pub(crate) async fn definition(
    workflow: &Workflow,
    who: &Principal,
    id: VersionId,
) -> Result<Arc<Definition>> {
    if let Some(definition) = workflow.shelf().get(id) {
        return Ok(definition);
    }
    let stored = workflow
        .db()
        .read(&who.namespace, move |tx| table::version_by_id(tx, id))
        .await?;
    let stored = stored.ok_or_else(|| Error::unknown("version", id))?;
    let (definition, _) = read(workflow, who, stored.source, stored.format).await?;
    workflow.shelf().put(id, definition.clone());
    Ok(definition)
}

type Checked = (Arc<Definition>, Vec<Warning>);

/// Read a document on a thread of its own: it may be large, and the parsers of others may have
/// mistakes.
async fn read(
    workflow: &Workflow,
    who: &Principal,
    source: String,
    format: Format,
) -> Result<Checked> {
    let work = move || catch_unwind(AssertUnwindSafe(|| parse(&source, format)));
    let broken = |why: String| Error::Definition { why };
    let read = workflow
        .threads()
        .run(&who.namespace, work)
        .await
        .map_err(broken)?;
    let (definition, warnings) = read.map_err(|_| broken("the parser broke off".to_owned()))??;
    Ok((Arc::new(definition), warnings))
}

fn checked(new: NewTask) -> Result<NewTask> {
    let name = new
        .name
        .map(|name| named::checked("name", &name))
        .transpose()?;
    let description = new
        .description
        .map(|text| named::described(&text))
        .transpose()?;
    let variable_set = new.variable_set.filter(|name| !name.is_empty());
    let variable_set = variable_set
        .map(|name| named::referred("variableSet", &name))
        .transpose()?;
    Ok(NewTask {
        name,
        description,
        variable_set,
    })
}

fn create(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    path: &str,
    new: &NewTask,
    most: usize,
) -> Result<Task> {
    let name = named::checked("name", path)?;
    if new.name.as_ref().is_some_and(|given| *given != name) {
        return Err(Error::invalid("name", format!("the path says {name:?}")));
    }
    if table::count(tx)? >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "tasks".to_owned(),
            of: "tasks in a namespace",
            limit: most,
        });
    }
    let now = tx.now();
    let task = Task {
        id: TaskId::new(now, tx.entropy()),
        name,
        description: new.description.clone().unwrap_or_default(),
        variable_set: new.variable_set.clone(),
        current_id: None,
        current_version: None,
        created: now,
        updated: now,
        version: 1,
    };
    if !table::insert(tx, &task)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    tx.append(fact("task.created", who, &task));
    Ok(task)
}

fn change(tx: &mut Tx<'_, '_>, who: &Principal, task: Task) -> Result<Task> {
    let other = table::find(tx, &task.name)?.filter(|other| other.id != task.id);
    if other.is_some() {
        return Err(Error::NameTaken {
            what: "task",
            name: task.name,
        });
    }
    let task = Task {
        updated: tx.now(),
        version: task.version + 1,
        ..task
    };
    if !table::update(tx, &task)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    tx.append(fact("task.updated", who, &task));
    Ok(task)
}

fn fact(kind: &'static str, who: &Principal, task: &Task) -> Fact {
    Fact::new(kind, 1)
        .about(&task.id, task.version)
        .by(who)
        .says(task)
}

/// The label of a new version: its day, and which of the day it is.
fn label(tx: &mut Tx<'_, '_>, task: TaskId, now: Time, most: usize) -> Result<String> {
    let day = now
        .to_string()
        .chars()
        .take(10)
        .collect::<String>()
        .replace('-', ".");
    let (all, of_day) = table::count_versions(tx, task, &day)?;
    if all >= i64::try_from(most).unwrap_or(i64::MAX) {
        return Err(Error::TooMuch {
            field: "versions".to_owned(),
            of: "versions of a task",
            limit: most,
        });
    }
    Ok(if of_day == 0 {
        day
    } else {
        format!("{day}.{}", of_day + 1)
    })
}
