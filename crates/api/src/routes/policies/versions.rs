//! Versions of a policy.

use super::view::Version;
use super::{PolicyRead, PolicyWrite};
use crate::access::May;
use crate::extract::{Body, BySkip, Path, Path2, Query};
use crate::wire::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get))
}

/// A version that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewVersion {
    /// What is new, in words.
    #[serde(default)]
    description: String,
    /// The Rego text.
    document: String,
    /// An input that the document can be tried on, as JSON text.
    #[serde(default)]
    example_input: Option<String>,
}

/// Versions of a policy, newest first.
#[utoipa::path(get, path = "/policies/{policy}/versions", tag = "policies", params(("policy" = String, Path), BySkip),
    responses((status = 200, body = Items<Version>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<PolicyRead>,
    Path(named): Path<String>,
    Query(paging): Query<BySkip>,
) -> Result<Json<Items<Version>>> {
    Ok(Items::of(
        policy::versions(&app.policy, &who, &named, &paging.page()?).await?,
    ))
}

/// Make a version; it becomes the current one. A document that does not compile is refused.
#[utoipa::path(post, path = "/policies/{policy}/versions", tag = "policies", params(("policy" = String, Path)), request_body = NewVersion,
    responses((status = 201, body = Version), Problem))]
async fn add(
    State(app): State<App>,
    who: May<PolicyWrite>,
    Path(named): Path<String>,
    Body(new): Body<NewVersion>,
) -> Result<(StatusCode, Json<Version>)> {
    let NewVersion {
        description,
        document,
        example_input,
    } = new;
    let new = policy::NewVersion {
        description,
        document,
        example_input,
    };
    let version = policy::add_version(&app.policy, &who, &named, new).await?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// A version by its label.
#[utoipa::path(get, path = "/policies/{policy}/versions/{label}", tag = "policies", params(("policy" = String, Path), ("label" = String, Path)),
    responses((status = 200, body = Version), Problem))]
async fn get(
    State(app): State<App>,
    who: May<PolicyRead>,
    Path2(named, label): Path2<String, String>,
) -> Result<Json<Version>> {
    Ok(Json(
        policy::version(&app.policy, &who, &named, Some(&label))
            .await?
            .into(),
    ))
}
