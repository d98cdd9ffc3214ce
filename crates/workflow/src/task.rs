//! Tasks and their versions.

use crate::definition::{Definition, Warning, parse};
use crate::named::{self, FactKinds, Meta, Resource};
use crate::table::named::named;
use crate::table::{listener as listeners, run as runs, task as table};
use crate::{Error, Format, Result, Workflow, names};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Fact, Tx};
use types::{Digest, Entropy, Page, Principal, TaskId, Time, VersionId};

/// A named task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "task")]
#[serde(rename_all = "camelCase")]
pub struct Task {
    #[record(key)]
    pub id: TaskId,
    /// Unique in the namespace.
    #[record(update)]
    pub name: String,
    #[record(update)]
    pub description: String,
    /// The variable set its steps see, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update)]
    pub variable_set: Option<String>,
    /// The id of the current version.
    #[serde(skip)]
    #[record(update, column = "current_version")]
    pub current_id: Option<VersionId>,
    /// The label of the current version; `None` before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[record(update, column = "current_label")]
    pub current_version: Option<String>,
    #[record(column = "created_at")]
    pub created: Time,
    #[record(update, column = "updated_at")]
    pub updated: Time,
    /// Incremented by each change.
    #[serde(skip)]
    #[record(next_version)]
    pub version: u64,
}

named!(Task, TaskId, within(), "task");

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, store::Record)]
#[record(table = "task_version")]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub id: VersionId,
    pub task: TaskId,
    /// The label: the day of creation, `2026.01.31`; `2026.01.31.2` for the second of a day.
    #[record(column = "label")]
    pub version: String,
    pub description: String,
    /// SHA-256 of the document.
    pub hash: Digest,
    /// Number of steps.
    pub steps: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[record(json)]
    pub warnings: Vec<Warning>,
    #[record(column = "created_at")]
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
    named::put(workflow, principal, name_or_id, validate(new)?).await
}

/// Changes the given members of a task. Errors: `workflow.invalid`, `workflow.unknown_resource`,
/// `workflow.name_taken`.
pub async fn patch_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    changes: NewTask,
) -> Result<Task> {
    let args = (name_or_id.to_owned(), validate(changes)?);
    let write =
        move |tx: &mut Tx<'_, '_>, actor: &Principal, (path, changes): &(String, NewTask)| {
            let task = table::require(tx, path)?;
            let changes = changes.clone();
            let task = Task {
                name: changes.name.unwrap_or(task.name),
                description: changes.description.unwrap_or(task.description),
                variable_set: changes.variable_set.or(task.variable_set),
                ..task
            };
            change(tx, actor, task)
        };
    workflow.write(principal, args, write).await
}

/// Reads a task. Errors: `workflow.unknown_resource`.
pub async fn task(workflow: &Workflow, principal: &Principal, name_or_id: &str) -> Result<Task> {
    named::get(workflow, principal, (), name_or_id).await
}

/// Lists tasks by name.
pub async fn tasks(workflow: &Workflow, principal: &Principal, page: &Page) -> Result<Vec<Task>> {
    named::list(workflow, principal, (), page).await
}

/// Deletes a task and its versions. Runs that have ended stay readable. Errors:
/// `workflow.unknown_resource`, `workflow.referenced` while it has open runs or a listener feeds
/// it.
pub async fn delete_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<Task>(workflow, principal, (), name_or_id).await
}

impl Resource for Task {
    type New = NewTask;
    const FACTS: FactKinds = FactKinds {
        created: "task.created",
        updated: "task.updated",
        deleted: "task.deleted",
    };
    const FIELD: &'static str = "tasks";
    const UNIT: &'static str = "tasks in a namespace";

    fn new_id(now: Time, entropy: &dyn Entropy) -> TaskId {
        TaskId::new(now, entropy)
    }

    fn choose_name<'n>(new: &'n NewTask, current: &'n str, is_new: bool) -> Result<&'n str> {
        match &new.name {
            Some(name) if is_new && name != current => Err(Error::invalid(
                "name",
                format!("differs from the name {current:?} in the path"),
            )),
            name => Ok(name.as_deref().unwrap_or(current)),
        }
    }

    fn build(
        _: &mut Tx<'_, '_>,
        meta: Meta<TaskId>,
        new: &NewTask,
        before: Option<&Self>,
    ) -> Result<Self> {
        Ok(Self {
            id: meta.id,
            name: meta.name,
            description: new.description.clone().unwrap_or_default(),
            variable_set: new.variable_set.clone(),
            current_id: before.and_then(|task| task.current_id),
            current_version: before.and_then(|task| task.current_version.clone()),
            created: meta.created,
            updated: meta.updated,
            version: meta.version,
        })
    }

    fn fact(&self, kind: &'static str) -> Fact {
        Fact::new(kind, 1)
            .subject(&self.id, self.version)
            .payload(self)
    }

    fn referrer(&self, tx: &mut Tx<'_, '_>) -> Result<Option<String>> {
        if let Some(listener) = listeners::of_task(tx, self)? {
            return Ok(Some(format!("listener {listener:?} feeds it")));
        }
        let run = runs::open_of_task(tx, self.id)?;
        Ok(run.map(|run| format!("{run} has not ended")))
    }

    fn delete_parts(&self, tx: &mut Tx<'_, '_>) -> Result<()> {
        table::delete_versions(tx, self.id)
    }
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
    let source: Arc<str> = document.into();
    let (definition, warnings) =
        parse_version(workflow, principal, Arc::clone(&source), format).await?;
    let limit = workflow.settings().versions_per_task;
    let parsed = ParsedVersion {
        description: definition.description.clone().unwrap_or_default(),
        steps: u32::try_from(definition.steps.len()).unwrap_or(u32::MAX),
        warnings,
        source,
        format,
    };
    let args = (name_or_id.to_owned(), parsed);
    let write =
        move |tx: &mut Tx<'_, '_>, actor: &Principal, (path, parsed): &(String, ParsedVersion)| {
            insert_version(tx, actor, path, parsed, limit)
        };
    let version = workflow.write(principal, args, write).await?;
    workflow.definition_cache().put(version.id, definition);
    Ok(version)
}

/// A version to store.
struct ParsedVersion {
    source: Arc<str>,
    format: Format,
    description: String,
    steps: u32,
    warnings: Vec<Warning>,
}

/// Stores a version and makes it the current one.
fn insert_version(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    task: &str,
    parsed: &ParsedVersion,
    limit: usize,
) -> Result<Version> {
    let task = table::require(tx, task)?;
    let now = tx.now();
    let version = Version {
        version: label(tx, task.id, now, limit)?,
        id: VersionId::new(now, tx.entropy()),
        task: task.id,
        description: parsed.description.clone(),
        hash: Digest::of(parsed.source.as_bytes()),
        steps: parsed.steps,
        warnings: parsed.warnings.clone(),
        created: now,
        created_by: principal.id.clone(),
    };
    let task = Task {
        current_id: Some(version.id),
        current_version: Some(version.version.clone()),
        ..task
    };
    change(tx, principal, task)?;
    table::insert_version(tx, version, &parsed.source, parsed.format)
}

/// Reads a version by its label or id, with its document as posted; without a label, the current
/// one. Errors: `workflow.unknown_resource`, `workflow.no_version`.
pub async fn version(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    label: Option<&str>,
) -> Result<(Version, String)> {
    let args = (name_or_id.to_owned(), label.map(str::to_owned));
    let read = |tx: &mut Tx<'_, '_>, (path, label): &(String, Option<String>)| {
        let task = table::require(tx, path)?;
        let stored = select_version(tx, &task, label.as_deref())?;
        Ok((stored.version, stored.source))
    };
    workflow.read(principal, args, read).await
}

/// Lists the versions of a task, newest first. Errors: `workflow.unknown_resource`.
pub async fn versions(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<Version>> {
    let args = (name_or_id.to_owned(), page.clone());
    let read = |tx: &mut Tx<'_, '_>, (path, page): &(String, Page)| {
        let task = table::require(tx, path)?;
        table::versions(tx, task.id, page)
    };
    workflow.read(principal, args, read).await
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
    let read = |tx: &mut Tx<'_, '_>, id: &VersionId| table::version_by_id(tx, *id);
    let stored = workflow.read(principal, id, read).await?;
    let stored = stored.ok_or_else(|| Error::unknown("version", id))?;
    let (definition, _) =
        parse_version(workflow, principal, stored.source.into(), stored.format).await?;
    workflow.definition_cache().put(id, Arc::clone(&definition));
    Ok(definition)
}

/// Parses on a separate thread: the document may be large, and a parser may panic.
async fn parse_version(
    workflow: &Workflow,
    principal: &Principal,
    source: Arc<str>,
    format: Format,
) -> Result<(Arc<Definition>, Vec<Warning>)> {
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

fn change(tx: &mut Tx<'_, '_>, principal: &Principal, task: Task) -> Result<Task> {
    let task = Task {
        updated: tx.now(),
        version: task.version + 1,
        ..task
    };
    named::store(tx, principal, (), Task::FACTS.updated, task)
}

/// The label of a new version: its day, and a counter from the second version of the day.
fn label(tx: &mut Tx<'_, '_>, task: TaskId, now: Time, limit: usize) -> Result<String> {
    let day = now
        .to_string()
        .chars()
        .take(10)
        .collect::<String>()
        .replace('-', ".");
    if table::count_versions(tx, task)? >= limit as u64 {
        return Err(Error::LimitExceeded {
            field: "versions".to_owned(),
            unit: "versions of a task",
            limit,
        });
    }
    Ok(match table::count_versions_of_day(tx, task, &day)? {
        0 => day,
        before => format!("{day}.{}", before + 1),
    })
}
