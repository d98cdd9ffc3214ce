//! What a policy is asked about.

use super::view::Attachment;
use super::{PolicyRead, PolicyWrite};
use crate::access::May;
use crate::extract::{Body, BySkip, Path, Query};
use crate::wire::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use policy::Target;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, attach))
        .routes(routes!(detach))
        .routes(routes!(all))
}

/// What a policy is attached to, or no longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Attach {
    /// `{"kind": "namespace"}`, `wallet` or `key` with `id`, `account` or `contract` with `chain`
    /// and `account`, `asset` or `task` with `name`.
    #[schema(value_type = Object)]
    target: Target,
}

/// Attachments of the namespace.
#[utoipa::path(get, path = "/policy-attachments", tag = "policies", params(BySkip), responses((status = 200, body = Items<Attachment>), Problem))]
async fn all(
    State(app): State<App>,
    who: May<PolicyRead>,
    Query(paging): Query<BySkip>,
) -> Result<Json<Items<Attachment>>> {
    Ok(Items::of(
        policy::attachments(&app.policy, &who, None, &paging.page()?).await?,
    ))
}

/// What a policy is attached to.
#[utoipa::path(get, path = "/policies/{policy}/attachments", tag = "policies", params(("policy" = String, Path), BySkip),
    responses((status = 200, body = Items<Attachment>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<PolicyRead>,
    Path(named): Path<String>,
    Query(paging): Query<BySkip>,
) -> Result<Json<Items<Attachment>>> {
    Ok(Items::of(
        policy::attachments(&app.policy, &who, Some(&named), &paging.page()?).await?,
    ))
}

/// Attach a policy: from now on it is asked about what touches the target, and has to allow.
#[utoipa::path(post, path = "/policies/{policy}/attachments", tag = "policies", params(("policy" = String, Path)), request_body = Attach,
    responses((status = 201, body = Attachment), Problem))]
async fn attach(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
    Body(to): Body<Attach>,
) -> Result<(StatusCode, Json<Attachment>)> {
    let attached = policy::attach(&app.policy, &who, &named, to.target).await?;
    Ok((StatusCode::CREATED, Json(attached.into())))
}

/// Detach a policy. Where no other is attached, nothing is allowed any more.
#[utoipa::path(post, path = "/policies/{policy}/detach", tag = "policies", params(("policy" = String, Path)), request_body = Attach,
    responses((status = 204), Problem))]
async fn detach(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
    Body(from): Body<Attach>,
) -> Result<StatusCode> {
    policy::detach(&app.policy, &who, &named, from.target).await?;
    Ok(StatusCode::NO_CONTENT)
}
