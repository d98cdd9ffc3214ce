//! The versions of a task.

use super::{Task, Version};
use crate::definition::{Definition, Warning, parse};
use crate::table::task as table;
use crate::{Error, Format, Result, Workflow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::Tx;
use store::named::{self, Named as _, Resource as _};
use types::{Author, Digest, Page, Principal, TaskId, Time, VersionId};

/// Posts a version and makes it the current one. The whole document is validated first, including
/// every expression. Errors: `workflow.invalid_definition`, `workflow.invalid_field`,
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
    let write = move |tx: &mut Tx, actor: &Principal, (path, parsed): &(String, ParsedVersion)| {
        insert_version(tx, actor, path, parsed, limit)
    };
    let version = workflow.on().write_as(principal, args, write).await?;
    workflow.definitions().insert(version.id, definition);
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
    tx: &mut Tx,
    principal: &Principal,
    task: &str,
    parsed: &ParsedVersion,
    limit: usize,
) -> Result<Version> {
    let task = Task::require(tx, (), task)?;
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
        author: Some(Author::from(principal)),
    };
    let task = Task {
        current_id: Some(version.id),
        current_version: Some(version.version.clone()),
        ..task
    };
    named::change(tx, principal, Task::UPDATED, task)?;
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
    let read = |tx: &mut Tx, (path, label): &(String, Option<String>)| {
        let task = Task::require(tx, (), path)?;
        let stored = select_version(tx, &task, label.as_deref())?;
        Ok((stored.version, stored.source))
    };
    workflow
        .db()
        .read_with(&principal.namespace, args, read)
        .await
}

/// Lists the versions of a task, newest first. Errors: `workflow.unknown_resource`.
pub async fn versions(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    page: &Page,
) -> Result<Vec<Version>> {
    let args = (name_or_id.to_owned(), page.clone());
    let read = |tx: &mut Tx, (path, page): &(String, Page)| {
        let task = Task::require(tx, (), path)?;
        table::versions(tx, task.id, page)
    };
    workflow
        .db()
        .read_with(&principal.namespace, args, read)
        .await
}

/// Selects the version with this label, or the current one.
pub(crate) fn select_version(
    tx: &mut Tx,
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
    if let Some(definition) = workflow.definitions().get(&id) {
        return Ok(definition);
    }
    let read = |tx: &mut Tx, id: &VersionId| table::version_by_id(tx, *id);
    let stored = workflow
        .db()
        .read_with(&principal.namespace, id, read)
        .await?;
    let stored = stored.ok_or_else(|| Error::unknown("version", id))?;
    let (definition, _) =
        parse_version(workflow, principal, stored.source.into(), stored.format).await?;
    Ok(workflow.definitions().insert(id, definition))
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

/// The label of a new version: its day, and a counter from the second version of the day.
fn label(tx: &mut Tx, task: TaskId, now: Time, limit: usize) -> Result<String> {
    let day = now.to_string()[.."2026-01-31".len()].replace('-', ".");
    if table::count_versions(tx, task)? >= limit as u64 {
        return Err(Error::limit("versions", "versions of a task", limit));
    }
    Ok(match table::count_versions_of_day(tx, task, &day)? {
        0 => day,
        before => format!("{day}.{}", before + 1),
    })
}
