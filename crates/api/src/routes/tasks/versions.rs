//! Versions of a task.

use super::{TaskRead, TaskWrite};
use crate::routes::prelude::*;
use workflow::{Format, Version};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
}

/// A version of a task.
#[derive(Serialize, ToSchema)]
struct TaskVersion {
    #[serde(flatten)]
    #[schema(inline)]
    version: Version,
    /// The document as it was sent. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

impl From<Version> for TaskVersion {
    fn from(version: Version) -> Self {
        let document = None;
        Self { version, document }
    }
}

/// The format of a version: YAML, unless the body starts as a JSON object and does not claim to be
/// YAML. Existing clients send YAML with any content type. JSON is parsed as JSON to keep long
/// numbers.
fn format(body: &Text) -> Format {
    if !body.is_yaml && body.text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::Yaml
    }
}

/// List the versions of a task.
///
/// Newest first, without their documents.
#[utoipa::path(get, path = "/tasks/{task}/versions", tag = "tasks", params(("task" = String, Path), SkipPaging),
    responses((status = 200, body = Items<TaskVersion>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<TaskRead>,
    Path(name_or_id): Path<String>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<TaskVersion>>> {
    Ok(Items::page(
        workflow::versions(&app.workflow, &principal, &name_or_id, &page.page()?).await?,
    ))
}

/// Create a version of a task.
///
/// The document is YAML or JSON with `description`, `steps` and `policies`. It is validated
/// completely, including every expression, and becomes the current version.
#[utoipa::path(post, path = "/tasks/{task}/versions", tag = "tasks", params(("task" = String, Path)),
    request_body(content((String = "application/yaml"), (serde_json::Value = "application/json"))),
    responses((status = 201, body = TaskVersion), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<TaskWrite>,
    Path(name_or_id): Path<String>,
    body: Text,
) -> Result<(StatusCode, Json<TaskVersion>)> {
    let created = workflow::post_version(
        &app.workflow,
        &principal,
        &name_or_id,
        &body.text,
        format(&body),
    )
    .await;
    let version = created.map_err(Error::in_body)?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// Retrieve a version of a task by its label.
///
/// Includes the document.
#[utoipa::path(get, path = "/tasks/{task}/versions/{label}", tag = "tasks", params(("task" = String, Path), ("label" = String, Path)),
    responses((status = 200, body = TaskVersion), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<TaskRead>,
    Path2(name_or_id, label): Path2<String, String>,
) -> Result<Json<TaskVersion>> {
    let (version, document) =
        workflow::version(&app.workflow, &principal, &name_or_id, Some(&label)).await?;
    let document = Some(document);
    Ok(Json(TaskVersion { version, document }))
}
