//! Variable sets: values that tasks see as `variables`, sealed at rest.

use crate::access::May;
use crate::extract::{Body, BySkip, Path, Query};
use crate::wire::Items;
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
    /// See variable sets; values of secret ones are never shown.
    VariablesRead = "variables:read";
    /// Write variable sets.
    VariablesWrite = "variables:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// A variable set.
#[derive(Serialize, ToSchema)]
struct VariableSet {
    id: VariableSetId,
    name: String,
    /// `secret` where the values are never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<String>,
    description: String,
    /// The values; absent where they are secret.
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

/// What is said of a variable set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariableSetInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    /// `secret` for values that are never to be shown.
    #[serde(default)]
    classification: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// The values, by name.
    #[serde(default, deserialize_with = "crate::exact::members")]
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
    // What Florin sets itself may be sent back.
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

/// Variable sets by name.
#[utoipa::path(get, path = "/variable-sets", tag = "tasks", params(BySkip), responses((status = 200, body = Items<VariableSet>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<VariablesRead>,
    Query(page): Query<BySkip>,
) -> Result<Json<Items<VariableSet>>> {
    Ok(Items::of(
        workflow::variable_sets(&app.workflow, &who, &page.page()?).await?,
    ))
}

/// A variable set by its name or id.
#[utoipa::path(get, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), responses((status = 200, body = VariableSet), Problem))]
async fn get(
    State(app): State<App>,
    who: May<VariablesRead>,
    Path(named): Path<String>,
) -> Result<Json<VariableSet>> {
    Ok(Json(
        workflow::variables(&app.workflow, &who, &named)
            .await?
            .into(),
    ))
}

/// By name: make a variable set, or replace it with all its values. By id: replace it, its name
/// too.
#[utoipa::path(put, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), request_body = VariableSetInput,
    responses((status = 200, body = VariableSet), Problem))]
async fn put(
    State(app): State<App>,
    who: May<VariablesWrite>,
    Path(named): Path<String>,
    Body(input): Body<VariableSetInput>,
) -> Result<Json<VariableSet>> {
    if named.parse::<VariableSetId>().is_err() {
        super::same_name(&named, input.name.as_deref())?;
    }
    let (set, _) = workflow::put_variables(&app.workflow, &who, &named, input.into()).await?;
    Ok(Json(set.into()))
}

/// Delete a variable set that no task names.
#[utoipa::path(delete, path = "/variable-sets/{set}", tag = "tasks", params(("set" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    who: May<VariablesWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    workflow::delete_variables(&app.workflow, &who, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}
