//! Versions of a task.

use super::view::TaskVersion;
use super::{TaskRead, TaskWrite};
use crate::access::May;
use crate::extract::{BySkip, Path, Path2, Query, Text};
use crate::wire::Items;
use crate::{App, Error, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workflow::Format;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get))
}

/// YAML, as the clients of the field send it, unless it can only be JSON. JSON is read as such for
/// the sake of its long numbers.
fn format(body: &Text) -> Format {
    if !body.is_yaml && body.text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::Yaml
    }
}

/// Versions of a task, newest first.
#[utoipa::path(get, path = "/tasks/{task}/versions", tag = "tasks", params(("task" = String, Path), BySkip),
    responses((status = 200, body = Items<TaskVersion>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<TaskRead>,
    Path(named): Path<String>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<TaskVersion>>> {
    Ok(Items::of(
        workflow::versions(&app.workflow, &who, &named, &page.page()?).await?,
    ))
}

/// Post a version, in YAML or JSON: `description`, `steps`, `policies`. It becomes the current one.
/// All of it is checked first, each expression parsed.
#[utoipa::path(post, path = "/tasks/{task}/versions", tag = "tasks", params(("task" = String, Path)),
    request_body(content((String = "application/yaml"), (serde_json::Value = "application/json"))),
    responses((status = 201, body = TaskVersion), Problem))]
async fn post(
    State(app): State<App>,
    who: May<TaskWrite>,
    Path(named): Path<String>,
    body: Text,
) -> Result<(StatusCode, Json<TaskVersion>)> {
    let posted =
        workflow::post_version(&app.workflow, &who, &named, &body.text, format(&body)).await;
    let version = posted.map_err(Error::of_body)?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// A version by its label, with its document.
#[utoipa::path(get, path = "/tasks/{task}/versions/{label}", tag = "tasks", params(("task" = String, Path), ("label" = String, Path)),
    responses((status = 200, body = TaskVersion), Problem))]
async fn get(
    State(app): State<App>,
    who: May<TaskRead>,
    Path2(named, label): Path2<String, String>,
) -> Result<Json<TaskVersion>> {
    Ok(Json(TaskVersion::whole(
        workflow::version(&app.workflow, &who, &named, Some(&label)).await?,
    )))
}
