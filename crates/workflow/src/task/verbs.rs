//! Create, change, read and delete tasks.

use super::{NewTask, Task};
use crate::named::{self, FactKinds, Meta, Resource};
use crate::table::{listener as listeners, run as runs, task as table};
use crate::{Error, Result, Workflow, names};
use store::{Fact, Tx};
use types::{Entropy, Page, Principal, TaskId, Time};

/// Creates a task with this name or replaces the existing one; with an id, only replaces. Returns
/// whether it is new. Errors: `workflow.invalid_field`, `workflow.unknown_resource`,
/// `workflow.name_taken`, `workflow.limit_exceeded`.
pub async fn put_task(
    workflow: &Workflow,
    principal: &Principal,
    name_or_id: &str,
    new: NewTask,
) -> Result<(Task, bool)> {
    named::put(workflow, principal, name_or_id, validate(new)?).await
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

    fn fact(&self, kind: &'static str) -> Fact {
        Fact::new(kind, 1)
            .subject(&self.id, self.version)
            .payload(self)
    }

    fn referrer(&self, tx: &mut Tx) -> Result<Option<String>> {
        if let Some(listener) = listeners::of_task(tx, self)? {
            return Ok(Some(format!("listener {listener:?} feeds it")));
        }
        let run = runs::open_of_task(tx, self.id)?;
        Ok(run.map(|run| format!("{run} has not ended")))
    }

    fn delete_parts(&self, tx: &mut Tx) -> Result<()> {
        table::delete_versions(tx, self.id)
    }
}

/// Stores a changed task.
pub(super) fn change(tx: &mut Tx, principal: &Principal, task: Task) -> Result<Task> {
    let task = Task {
        updated: tx.now(),
        version: task.version + 1,
        ..task
    };
    named::store(tx, principal, (), Task::FACTS.updated, task)
}

fn validate(new: NewTask) -> Result<NewTask> {
    let name = names::validate_new_name(new.name)?;
    let description = (new.description.as_deref().map(names::validate_description)).transpose()?;
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
