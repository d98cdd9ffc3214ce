//! Variable sets: values that tasks read as `variables`, encrypted at rest.

use crate::access::Authorized;
use crate::extract::{Body, Path, Query, SkipPaging};
use crate::shapes::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use types::{Time, VariableSetId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// Read variable sets, except the values of secret ones.
    VariablesRead = "variables:read";
    /// Create, replace and delete variable sets.
    VariablesWrite = "variables:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// A set of values that tasks read as `variables`.
#[derive(Serialize, ToSchema)]
struct VariableSet {
    id: VariableSetId,
    name: String,
    /// `secret` if the values are never returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<String>,
    description: String,
    /// The values by name. Absent if they are secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<types::Json>,
    created: Time,
    updated: Time,
}

impl From<workflow::VariableSet> for VariableSet {
    fn from(set: workflow::VariableSet) -> Self {
        let workflow::VariableSet {
            id,
            name,
            classification,
            description,
            variables,
            created,
            updated,
            ..
        } = set;
        Self {
            id,
            name,
            classification,
            description,
            variables,
            created,
            updated,
        }
    }
}

/// A variable set to create, or to replace an existing one with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariableSetInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    /// `secret` if the values must never be returned.
    #[serde(default)]
    classification: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The values by name.
    #[serde(default, deserialize_with = "crate::exact::members")]
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
    // Read-only fields are accepted and ignored, so that a client can send back what it read.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: IgnoredAny,
    #[serde(default, rename = "created")]
    #[schema(ignore)]
    _created: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
}

impl From<VariableSetInput> for workflow::NewVariables {
    fn from(input: VariableSetInput) -> Self {
        let VariableSetInput {
            name,
            classification,
            description,
            variables,
            ..
        } = input;
        Self {
            name,
            classification,
            description,
            variables,
        }
    }
}

/// List variable sets.
///
/// Ordered by name. Secret values are not returned.
#[utoipa::path(get, path = "/variable-sets", tag = "tasks", params(SkipPaging), responses((status = 200, body = Items<VariableSet>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<VariablesRead>,
    Query(page): Query<SkipPaging>,
) -> Result<Json<Items<VariableSet>>> {
    Ok(Items::page(
        workflow::variable_sets(&app.workflow, &principal, &page.page()?).await?,
    ))
}

/// Retrieve a variable set by name or id.
#[utoipa::path(get, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), responses((status = 200, body = VariableSet), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<VariablesRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<VariableSet>> {
    Ok(Json(
        workflow::variables(&app.workflow, &principal, &name_or_id)
            .await?
            .into(),
    ))
}

/// Create or replace a variable set.
///
/// The values replace all previous values. With a name in the path, the set is created if it does
/// not exist. With an id, it must exist, and `name` renames it.
#[utoipa::path(put, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), request_body = VariableSetInput,
    responses((status = 200, body = VariableSet), Problem))]
async fn put(
    State(app): State<App>,
    principal: Authorized<VariablesWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<VariableSetInput>,
) -> Result<Json<VariableSet>> {
    if name_or_id.parse::<VariableSetId>().is_err() {
        super::check_name(&name_or_id, input.name.as_deref())?;
    }
    let (set, _) =
        workflow::put_variables(&app.workflow, &principal, &name_or_id, input.into()).await?;
    Ok(Json(set.into()))
}

/// Delete a variable set.
///
/// Fails while a task uses the set.
#[utoipa::path(delete, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<VariablesWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_variables(&app.workflow, &principal, &name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
