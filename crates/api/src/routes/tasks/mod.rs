//! Tasks: names, versions, and beginning a run of one.

mod versions;
mod view;

use super::runs::{Run, RunCreate};
use crate::access::May;
use crate::extract::{Body, BySkip, IdempotencyKey, Path, Query};
use crate::wire::{Accepted, Items};
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
    /// See tasks and their versions.
    TaskRead = "task:read";
    /// Write tasks.
    TaskWrite = "task:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(start))
        .merge(versions::routes())
}

/// What is said of a task.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaskInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The variable set that its steps see, by name or id.
    #[serde(default)]
    variable_set: Option<String>,
    // What Florin sets itself may be sent back.
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

/// A run that is to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRun {
    /// What the steps see as `input`; an empty object if it is left out.
    #[serde(default)]
    input: Option<types::Json>,
    /// The label of a version; the current one if it is left out.
    #[serde(default)]
    version: Option<String>,
    /// The history it belongs to.
    #[serde(default)]
    activity: Option<String>,
}

/// Tasks by name.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(BySkip), responses((status = 200, body = Items<Task>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<TaskRead>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<Task>>> {
    Ok(Items::of(
        workflow::tasks(&app.workflow, &who, &page.page()?).await?,
    ))
}

/// A task by its name or id.
#[utoipa::path(get, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), responses((status = 200, body = Task), Problem))]
async fn get(
    State(app): State<App>,
    who: May<TaskRead>,
    Path(named): Path<String>,
) -> Result<Json<Task>> {
    Ok(Json(
        workflow::task(&app.workflow, &who, &named).await?.into(),
    ))
}

/// By name: make a task, or replace what is said of it. By id: replace what is said of it, its name
/// too.
#[utoipa::path(put, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), request_body = TaskInput,
    responses((status = 200, body = Task), Problem))]
async fn put(
    State(app): State<App>,
    who: May<TaskWrite>,
    Path(named): Path<String>,
    Body(input): Body<TaskInput>,
) -> Result<Json<Task>> {
    if named.parse::<TaskId>().is_err() {
        super::same_name(&named, input.name.as_deref())?;
    }
    let (task, _) = workflow::put_task(&app.workflow, &who, &named, input.into()).await?;
    Ok(Json(task.into()))
}

/// Change what is given.
#[utoipa::path(patch, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), request_body = TaskInput,
    responses((status = 200, body = Task), Problem))]
async fn patch(
    State(app): State<App>,
    who: May<TaskWrite>,
    Path(named): Path<String>,
    Body(input): Body<TaskInput>,
) -> Result<Json<Task>> {
    Ok(Json(
        workflow::patch_task(&app.workflow, &who, &named, input.into())
            .await?
            .into(),
    ))
}

/// Delete a task with its versions. Not while runs of it are open, or listeners feed it.
#[utoipa::path(delete, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    who: May<TaskWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_task(&app.workflow, &who, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin a run. Idempotent by the `Idempotency-Key` header.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "tasks", params(("task" = String, Path), IdempotencyKey), request_body = NewRun,
    responses((status = 202, body = Run), (status = 200, body = Run, description = "Its key had begun it before."), Problem))]
async fn start(
    State(app): State<App>,
    who: May<RunCreate>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(task): Path<String>,
    Body(new): Body<NewRun>,
) -> Result<Accepted<Run>> {
    let NewRun {
        input,
        version,
        activity,
    } = new;
    let input = input.unwrap_or_else(|| crate::wire::shown(&serde_json::json!({})));
    let new = workflow::NewRun {
        task,
        version,
        input,
        idempotency_key,
        activity,
    };
    let started = workflow::start(&app.workflow, &who, new).await?;
    let replayed = matches!(started, Started::Replayed(_));
    let (Started::Created(run) | Started::Replayed(run)) = started;
    Ok(Accepted {
        body: run.into(),
        replayed,
        fresh: StatusCode::ACCEPTED,
    })
}
