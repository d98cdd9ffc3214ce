//! Create, change, read and delete tasks.

use super::{NewTask, Task};
use crate::table::{listener as listeners, run as runs, task as table};
use crate::{Error, Result, Workflow, names};
use store::Tx;
use store::named::{self, Meta, Named as _, Resource};
use types::{Page, Principal, TaskId};

/// Creates a task with this name or replaces the existing one; with an id, only replaces. Errors:
/// `workflow.invalid_field`, `workflow.unknown_resource`, `workflow.name_taken`,
/// `workflow.limit_exceeded`.
pub async fn put_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewTask,
) -> Result<Task> {
    let limit = workflow.settings().named_objects_per_namespace;
    let new = validate(new)?;
    named::put(workflow.on(), principal, name_or_id, new, limit).await
}

/// Changes the given members of a task. Errors: `workflow.invalid_field`,
/// `workflow.unknown_resource`, `workflow.name_taken`.
pub async fn patch_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    changes: NewTask,
) -> Result<Task> {
    let args = (name_or_id.to_owned(), validate(changes)?);
    let write = move |tx: &mut Tx, actor: &Principal, (path, changes): &(String, NewTask)| {
        let task = Task::require(tx, (), path)?;
        let changes = changes.clone();
        let task = Task {
            name: changes.name.unwrap_or(task.name),
            description: changes.description.unwrap_or(task.description),
            variable_set: changes.variable_set.or(task.variable_set),
            ..task
        };
        named::change(tx, actor, Task::UPDATED, task)
    };
    workflow.on().write_as(principal, args, write).await
}

/// Reads a task. Errors: `workflow.unknown_resource`.
pub async fn task(workflow: &Workflow, principal: &Principal, name_or_id: &str) -> Result<Task> {
    named::get(workflow.db(), principal, (), name_or_id).await
}

/// Lists tasks by name.
pub async fn tasks(workflow: &Workflow, principal: &Principal, page: &Page) -> Result<Vec<Task>> {
    named::list(workflow.db(), principal, (), page).await
}

/// Deletes a task and its versions. Runs that have ended stay readable. Errors:
/// `workflow.unknown_resource`, `workflow.referenced` while it has open runs or a listener feeds
/// it.
pub async fn delete_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
) -> Result<()> {
    named::delete::<Task>(workflow.on(), principal, (), name_or_id).await
}

impl Resource for Task {
    type New = NewTask;
    const CREATED: &'static str = "task.created";
    const UPDATED: &'static str = "task.updated";
    const DELETED: &'static str = "task.deleted";

    fn new_name(new: &NewTask) -> Option<&str> {
        new.name.as_deref()
    }

    fn build(_: &mut Tx, meta: Meta<TaskId>, new: &NewTask, before: Option<&Self>) -> Result<Self> {
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

    fn too_many(limit: usize) -> Error {
        Error::limit("tasks", "tasks in a namespace", limit)
    }

    fn delete_parts(&self, tx: &mut Tx) -> Result<()> {
        if let Some(listener) = listeners::of_task(tx, self)? {
            return Err(Error::referenced(
                self,
                format!("listener {listener:?} feeds it"),
            ));
        }
        if let Some(run) = runs::open_of_task(tx, self.id)? {
            return Err(Error::referenced(self, format!("{run} has not ended")));
        }
        table::delete_versions(tx, self.id)
    }
}

fn validate(new: NewTask) -> Result<NewTask> {
    let description = (new.description.as_deref().map(names::validate_description)).transpose()?;
    let variable_set = new.variable_set.filter(|name| !name.is_empty());
    let variable_set = variable_set
        .map(|name| names::validate_reference("variableSet", &name))
        .transpose()?;
    Ok(NewTask {
        description,
        variable_set,
        ..new
    })
}
