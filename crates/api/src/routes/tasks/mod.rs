//! Tasks, their versions, and starting a run.

mod versions;

use super::named::named_routes;
use super::runs::RunCreate;
use crate::resent::{Input, Resent};
use crate::routes::prelude::*;
use types::TaskId;
use workflow::{NewTask, RunView, Started, Task};

permissions! {
    /// Read tasks and their versions.
    TaskRead = "task:read";
    /// Create, change and delete tasks.
    TaskWrite = "task:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    named::routes()
        .routes(routes!(patch))
        .routes(routes!(start))
        .merge(versions::routes())
}

impl Input for NewTask {
    const READ_ONLY: &'static [&'static str] = &["id", "currentVersion", "created", "updated"];
}

named_routes! {
    mod named at "/tasks/{task}" by "task", tag "tasks";
    engine workflow, permissions TaskRead, TaskWrite;
    /// Retrieve a task by name or id.
    get(Task) = workflow::task;
    /// Create or replace a task.
    ///
    /// Versions are not affected. With a name in the path, the task is created if it does not
    /// exist. With an id, it must exist, and `name` renames it.
    put(NewTask, TaskId) = workflow::put_task;
    /// Delete a task.
    ///
    /// Deletes the task with its versions. Fails while runs of the task are open or listeners start
    /// it.
    delete = workflow::delete_task;
    /// List tasks.
    ///
    /// Ordered by name.
    list(Task) at "/tasks" = workflow::tasks;
}

/// Update a task.
///
/// Fields that are absent are not changed.
#[utoipa::path(patch, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), request_body = NewTask,
    responses((status = 200, body = Task), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<TaskWrite>,
    Path(name_or_id): Path<String>,
    Resent(changes): Resent<NewTask>,
) -> Result<Json<Task>> {
    let task = workflow::patch_task(&app.workflow, &principal, &name_or_id, changes).await?;
    Ok(Json(task))
}

/// A run to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRun {
    /// The data that the steps read as `input`. Defaults to an empty object.
    #[serde(default)]
    input: Option<types::Json>,
    /// The label of the version to run. Defaults to the current version.
    #[serde(default)]
    version: Option<String>,
    /// The activity that the run belongs to.
    #[serde(default)]
    activity: Option<String>,
}

/// Start a run of a task.
///
/// Returns immediately; `GET /runs/{id}` returns the progress. Idempotent with the
/// `Idempotency-Key` header.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "tasks", params(("task" = String, Path), IdempotencyKey), request_body = NewRun,
    responses((status = 202, body = RunView), (status = 200, body = RunView, description = "The run that was started earlier with this idempotency key."), Problem))]
async fn start(
    State(app): State<App>,
    principal: Authorized<RunCreate>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(task): Path<String>,
    Body(new): Body<NewRun>,
) -> Result<Accepted<RunView>> {
    let NewRun {
        input,
        version,
        activity,
    } = new;
    let input = input.unwrap_or_else(|| crate::shapes::to_json(&serde_json::json!({})));
    let new = workflow::NewRun {
        task,
        version,
        input,
        idempotency_key,
        activity,
    };
    let started = workflow::start(&app.workflow, &principal, new).await?;
    let replayed = matches!(started, Started::Replayed(_));
    let (Started::Created(run) | Started::Replayed(run)) = started;
    Ok(Accepted {
        body: run,
        replayed,
        created_status: StatusCode::ACCEPTED,
    })
}
