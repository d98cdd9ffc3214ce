//! Tasks and their versions.

use crate::definition::{Definition, Warning, parse};
use crate::table::task as table;
use crate::{Error, Format, Result, Workflow, names, table as tables};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Fact, Tx};
use types::{Digest, Page, Principal, TaskId, Time, VersionId};

/// A named task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub id: TaskId,
    /// Unique in the namespace.
    pub name: String,
    pub description: String,
    /// The variable set its steps see, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable_set: Option<String>,
    /// The id of the current version.
    #[serde(skip)]
    pub current_id: Option<VersionId>,
    /// The label of the current version; `None` before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<String>,
    pub created: Time,
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    pub version: u64,
}

/// The request to create or change a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    /// A new name for an existing task; a new one takes its name from the path.
    pub name: Option<String>,
    pub description: Option<String>,
    /// The variable set its steps see, by name or id.
    pub variable_set: Option<String>,
}

/// A version of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub id: VersionId,
    pub task: TaskId,
    /// The label: the day of creation, `2026.01.31`; `2026.01.31.2` for the second of a day.
    pub version: String,
    pub description: String,
    /// SHA-256 of the document.
    pub hash: Digest,
    /// Number of steps.
    pub steps: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    pub created: Time,
    pub created_by: String,
}

/// Creates a task with this name or replaces the existing one; with an id, only replaces. Returns
/// whether it is new. Errors: `workflow.invalid`, `workflow.unknown_resource`,
/// `workflow.name_taken`, `workflow.limit_exceeded`.
pub async fn put_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewTask,
) -> Result<(Task, bool)> {
    let (path, principal, new, limit) = (
        name_or_id.to_owned(),
        principal.clone(),
        validate(new)?,
        workflow.settings().named_objects_per_namespace,
    );
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| match table::find(tx, &path)? {
        Some(existing) => {
            let name = new.name.clone().unwrap_or_else(|| existing.name.clone());
            let description = new.description.clone().unwrap_or_default();
            let task = Task {
                name,
                description,
                variable_set: new.variable_set.clone(),
                ..existing
            };
            Ok((change(tx, &principal, task)?, false))
        }
        None if path.parse::<TaskId>().is_ok() => Err(Error::unknown("task", &path)),
        None => Ok((create(tx, &principal, &path, &new, limit)?, true)),
    };
    workflow.on().write(&namespace, write).await
}

/// Changes the given members of a task. Errors: `workflow.invalid`, `workflow.unknown_resource`,
/// `workflow.name_taken`.
pub async fn patch_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    changes: NewTask,
) -> Result<Task> {
    let (path, principal, changes) = (name_or_id.to_owned(), principal.clone(), validate(changes)?);
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let existing = table::require(tx, &path)?;
        let NewTask {
            name,
            description,
            variable_set,
        } = changes.clone();
        let task = Task {
            name: name.unwrap_or(existing.name),
            description: description.unwrap_or(existing.description),
            variable_set: variable_set.or(existing.variable_set),
            ..existing
        };
        change(tx, &principal, task)
    };
    workflow.on().write(&namespace, write).await
}

/// Reads a task. Errors: `workflow.unknown_resource`.
pub async fn task(workflow: &Workflow, principal: &Principal, name_or_id: &str) -> Result<Task> {
    let path = name_or_id.to_owned();
    workflow
        .db()
        .read(&principal.namespace, move |tx| table::require(tx, &path))
        .await
}

/// Lists tasks by name.
pub async fn tasks(workflow: &Workflow, principal: &Principal, page: &Page) -> Result<Vec<Task>> {
    let page = page.clone();
    workflow
        .db()
        .read(&principal.namespace, move |tx| table::list(tx, &page))
        .await
}

/// Deletes a task and its versions. Runs that have ended stay readable. Errors:
/// `workflow.unknown_resource`, `workflow.referenced` while it has open runs or a listener feeds
/// it.
pub async fn delete_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    let (path, principal) = (name_or_id.to_owned(), principal.clone());
    let namespace = principal.namespace;
    let write = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let referenced = |referrer: String| Error::Referenced {
            noun: "task",
            name: path.clone(),
            referrer,
        };
        if let Some(listener) = tables::listener::of_task(tx, &task)? {
            return Err(referenced(format!("listener {listener:?} feeds it")));
        }
        if let Some(run) = tables::run::open_of_task(tx, task.id)? {
            return Err(referenced(format!("{run} has not ended")));
        }
        table::delete(tx, task.id)?;
        tx.append(fact("task.deleted", &principal, &task));
        Ok(())
    };
    workflow.on().write(&namespace, write).await
}

/// Posts a version and makes it the current one. The whole document is validated first, including
/// every expression. Errors: `workflow.invalid_definition`, `workflow.invalid`,
/// `workflow.unknown_step_type`, `workflow.expression_error`, each with the field;
/// `workflow.unknown_resource`, `workflow.limit_exceeded`.
pub async fn post_version(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    document: &str,
    format: Format,
) -> Result<Version> {
    let source = document.to_owned();
    let (parsed, warnings) = parse_version(workflow, principal, source.clone(), format).await?;
    let (path, principal, limit) = (
        name_or_id.to_owned(),
        principal.clone(),
        workflow.settings().versions_per_task,
    );
    let (namespace, definition) = (principal.namespace, parsed.clone());
    let write = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let now = tx.now();
        let label = label(tx, task.id, now, limit)?;
        let version = Version {
            id: VersionId::new(now, tx.entropy()),
            task: task.id,
            version: label,
            description: definition.description.clone().unwrap_or_default(),
            hash: Digest::of(source.as_bytes()),
            steps: u32::try_from(definition.steps.len()).unwrap_or(u32::MAX),
            warnings: warnings.clone(),
            created: now,
            created_by: principal.id.clone(),
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
        change(tx, &principal, task)?;
        Ok::<_, Error>(version)
    };
    let version = workflow.on().write(&namespace, write).await?;
    workflow.definition_cache().put(version.id, parsed);
    Ok(version)
}

/// Reads a version by its label or id, with its document as posted; without a label, the current
/// one. Errors: `workflow.unknown_resource`, `workflow.no_version`.
pub async fn version(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    label: Option<&str>,
) -> Result<(Version, String)> {
    let (path, label) = (name_or_id.to_owned(), label.map(str::to_owned));
    let reader = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        let stored = select_version(tx, &task, label.as_deref())?;
        Ok((stored.version, stored.source))
    };
    workflow.db().read(&principal.namespace, reader).await
}

/// Lists the versions of a task, newest first. Errors: `workflow.unknown_resource`.
pub async fn versions(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<Version>> {
    let (path, page) = (name_or_id.to_owned(), page.clone());
    let reader = move |tx: &mut Tx<'_, '_>| {
        let task = table::require(tx, &path)?;
        table::versions(tx, task.id, &page)
    };
    workflow.db().read(&principal.namespace, reader).await
}

/// Selects the version with this label, or the current one.
pub(crate) fn select_version(
    tx: &mut Tx<'_, '_>,
    task: &Task,
    label: Option<&str>,
) -> Result<table::Stored> {
    match (label, task.current_id) {
        (Some(label), _) => {
            let existing = table::version_of(tx, task.id, label)?;
            existing.ok_or_else(|| Error::unknown("version", format!("{} of {}", label, task.name)))
        }
        (None, Some(id)) => {
            table::version_by_id(tx, id)?.ok_or_else(|| Error::corrupt("version", id.to_string()))
        }
        (None, None) => Err(Error::NoVersion {
            task: task.name.clone(),
        }),
    }
}

/// The parsed definition of a stored version.
pub(crate) async fn definition(
    workflow: &Workflow,
    principal: &Principal,
    id: VersionId,
) -> Result<Arc<Definition>> {
    if let Some(definition) = workflow.definition_cache().get(id) {
        return Ok(definition);
    }
    let stored = workflow
        .db()
        .read(&principal.namespace, move |tx| table::version_by_id(tx, id))
        .await?;
    let stored = stored.ok_or_else(|| Error::unknown("version", id))?;
    let (definition, _) = parse_version(workflow, principal, stored.source, stored.format).await?;
    workflow.definition_cache().put(id, definition.clone());
    Ok(definition)
}

type ParsedVersion = (Arc<Definition>, Vec<Warning>);

/// Parses on a separate thread: the document may be large, and a parser may panic.
async fn parse_version(
    workflow: &Workflow,
    principal: &Principal,
    source: String,
    format: Format,
) -> Result<ParsedVersion> {
    let work = move || catch_unwind(AssertUnwindSafe(|| parse(&source, format)));
    let invalid = |reason: String| Error::InvalidDefinition { reason };
    let parsed = workflow
        .evaluation_pool()
        .run(&principal.namespace, work)
        .await
        .map_err(invalid)?;
    let (definition, warnings) =
        parsed.map_err(|_| invalid("the parser panicked".to_owned()))??;
    Ok((Arc::new(definition), warnings))
}

fn validate(new: NewTask) -> Result<NewTask> {
    let name = new
        .name
        .map(|name| names::validate_name("name", &name))
        .transpose()?;
    let description = new
        .description
        .map(|text| names::validate_description(&text))
        .transpose()?;
    let variable_set = new.variable_set.filter(|name| !name.is_empty());
    let variable_set = variable_set
        .map(|name| names::validate_reference("variableSet", &name))
        .transpose()?;
    Ok(NewTask {
        name,
        description,
        variable_set,
    })
}

fn create(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    path: &str,
    new: &NewTask,
    limit: usize,
) -> Result<Task> {
    let name = names::validate_name("name", path)?;
    if new.name.as_ref().is_some_and(|changes| *changes != name) {
        return Err(Error::invalid(
            "name",
            format!("differs from the name {name:?} in the path"),
        ));
    }
    if table::count(tx)? >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded {
            field: "tasks".to_owned(),
            unit: "tasks in a namespace",
            limit,
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
    tx.append(fact("task.created", principal, &task));
    Ok(task)
}

fn change(tx: &mut Tx<'_, '_>, principal: &Principal, task: Task) -> Result<Task> {
    let other = table::find(tx, &task.name)?.filter(|other| other.id != task.id);
    if other.is_some() {
        return Err(Error::NameTaken {
            noun: "task",
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
    tx.append(fact("task.updated", principal, &task));
    Ok(task)
}

fn fact(kind: &'static str, principal: &Principal, task: &Task) -> Fact {
    Fact::new(kind, 1)
        .subject(&task.id, task.version)
        .actor(principal)
        .payload(task)
}

/// The label of a new version: its day, and a counter from the second version of the day.
fn label(tx: &mut Tx<'_, '_>, task: TaskId, now: Time, limit: usize) -> Result<String> {
    let day = now
        .to_string()
        .chars()
        .take(10)
        .collect::<String>()
        .replace('-', ".");
    let (all, of_day) = table::count_versions(tx, task, &day)?;
    if all >= i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(Error::LimitExceeded {
            field: "versions".to_owned(),
            unit: "versions of a task",
            limit,
        });
    }
    Ok(if of_day == 0 {
        day
    } else {
        format!("{day}.{}", of_day + 1)
    })
}
