//! Tasks, their versions, and starting a run.

mod versions;
mod view;

use super::runs::{Run, RunCreate};
use crate::access::Authorized;
use crate::extract::{Body, IdempotencyKey, Path, Query, SkipPaging};
use crate::shapes::{Accepted, Items};
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use types::TaskId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::Task;
use workflow::{NewTask, Started};

permissions! {
    /// Read tasks and their versions.
    TaskRead = "task:read";
    /// Create, change and delete tasks.
    TaskWrite = "task:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(start))
        .merge(versions::routes())
}

/// A task to create or to change.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaskInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The variable set that the steps read as `variables`, by name or id.
    #[serde(default)]
    variable_set: Option<String>,
    // Read-only fields are accepted and ignored, so that a client can send back what it read.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: IgnoredAny,
    #[serde(default, rename = "currentVersion")]
    #[schema(ignore)]
    _current_version: IgnoredAny,
    #[serde(default, rename = "created")]
    #[schema(ignore)]
    _created: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
}

impl From<TaskInput> for NewTask {
    fn from(input: TaskInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            variable_set: input.variable_set,
        }
    }
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

/// List tasks.
///
/// Ordered by name.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(SkipPaging), responses((status = 200, body = Items<Task>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<TaskRead>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<Task>>> {
    Ok(Items::page(
        workflow::tasks(&app.workflow, &principal, &page.page()?).await?,
    ))
}

/// Retrieve a task by name or id.
#[utoipa::path(get, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), responses((status = 200, body = Task), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<TaskRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Task>> {
    Ok(Json(
        workflow::task(&app.workflow, &principal, &name_or_id)
            .await?
            .into(),
    ))
}

/// Create or replace a task.
///
/// Versions are not affected. With a name in the path, the task is created if it does not exist.
/// With an id, it must exist, and `name` renames it.
#[utoipa::path(put, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), request_body = TaskInput,
    responses((status = 200, body = Task), Problem))]
async fn put(
    State(app): State<App>,
    principal: Authorized<TaskWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<TaskInput>,
) -> Result<Json<Task>> {
    if name_or_id.parse::<TaskId>().is_err() {
        super::check_name(&name_or_id, input.name.as_deref())?;
    }
    let (task, _) =
        workflow::put_task(&app.workflow, &principal, &name_or_id, input.into()).await?;
    Ok(Json(task.into()))
}

/// Update a task.
///
/// Fields that are absent are not changed.
#[utoipa::path(patch, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), request_body = TaskInput,
    responses((status = 200, body = Task), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<TaskWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<TaskInput>,
) -> Result<Json<Task>> {
    Ok(Json(
        workflow::patch_task(&app.workflow, &principal, &name_or_id, input.into())
            .await?
            .into(),
    ))
}

/// Delete a task.
///
/// Deletes the task with its versions. Fails while runs of the task are open or listeners start it.
#[utoipa::path(delete, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<TaskWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_task(&app.workflow, &principal, &name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start a run of a task.
///
/// Returns immediately; `GET /runs/{id}` returns the progress. Idempotent with the
/// `Idempotency-Key` header.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "tasks", params(("task" = String, Path), IdempotencyKey), request_body = NewRun,
    responses((status = 202, body = Run), (status = 200, body = Run, description = "The run that was started earlier with this idempotency key."), Problem))]
async fn start(
    State(app): State<App>,
    principal: Authorized<RunCreate>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(task): Path<String>,
    Body(new): Body<NewRun>,
) -> Result<Accepted<Run>> {
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
        body: run.into(),
        replayed,
        created_status: StatusCode::ACCEPTED,
    })
}
