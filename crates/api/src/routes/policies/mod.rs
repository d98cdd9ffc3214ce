//! Policies, their versions, and what they are attached to.

mod attachments;
mod decisions;
mod trial;
mod versions;
mod view;

use crate::access::May;
use crate::extract::{Body, Paging, Path, Query};
use crate::wire::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use types::PolicyId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::Policy;

permissions! {
    /// See policies and decisions.
    PolicyRead = "policy:read";
    /// Write and attach policies.
    PolicyWrite = "policy:write";
    /// Try documents on inputs and past decisions.
    PolicyTry = "policy:try";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(trial::dry_run))
        .routes(routes!(trial::replay))
        .routes(routes!(get, put, patch, delete))
        .merge(versions::routes())
        .merge(attachments::routes())
        .merge(decisions::routes())
}

/// A policy's name and description.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyInput {
    /// Its name; that of the path if it is left out.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

/// The policies of the namespace.
#[utoipa::path(get, path = "/policies", tag = "policies", params(Paging), responses((status = 200, body = Items<Policy>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<PolicyRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Policy>>> {
    let page = paging.page()?;
    let found = policy::list(&app.policy, &who, &page).await?;
    let next = super::cursor(
        &page,
        found.len(),
        found.last().map(|last| last.name.clone()),
    );
    Ok(Items::continued(found, next))
}

/// A policy by its name or id.
#[utoipa::path(get, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), responses((status = 200, body = Policy), Problem))]
async fn get(
    State(app): State<App>,
    who: May<PolicyRead>,
    Path(named): Path<String>,
) -> Result<Json<Policy>> {
    Ok(Json(policy::get(&app.policy, &who, &named).await?.into()))
}

/// By name: make a policy, or change the one that is there. By id: change it, its name too.
#[utoipa::path(put, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), request_body = PolicyInput,
    responses((status = 200, body = Policy), Problem))]
async fn put(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
    Body(input): Body<PolicyInput>,
) -> Result<Json<Policy>> {
    let description = input.description.as_deref().unwrap_or_default();
    let stored = if named.parse::<PolicyId>().is_ok() {
        policy::patch(
            &app.policy,
            &who,
            &named,
            input.name.as_deref(),
            Some(description),
        )
        .await?
    } else {
        super::same_name(&named, input.name.as_deref())?;
        policy::put(&app.policy, &who, &named, description).await?
    };
    Ok(Json(stored.into()))
}

/// Change what is given.
#[utoipa::path(patch, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), request_body = PolicyInput,
    responses((status = 200, body = Policy), Problem))]
async fn patch(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
    Body(input): Body<PolicyInput>,
) -> Result<Json<Policy>> {
    let (name, description) = (input.name.as_deref(), input.description.as_deref());
    Ok(Json(
        policy::patch(&app.policy, &who, &named, name, description)
            .await?
            .into(),
    ))
}

/// Delete a policy that is attached nowhere.
#[utoipa::path(delete, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
) -> Result<StatusCode> {
    policy::delete(&app.policy, &who, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}
