//! Versions of a policy.

use super::view::Version;
use super::{PolicyRead, PolicyWrite};
use crate::routes::prelude::*;
use policy::NewVersion;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
}

/// List the versions of a policy.
///
/// Newest first.
#[utoipa::path(get, path = "/policies/{policy}/versions", tag = "policies", params(("policy" = String, Path), SkipPaging),
    responses((status = 200, body = Items<Version>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Path(name_or_id): Path<String>,
    Query(paging): Query<SkipPaging>,
) -> Result<Json<Items<Version>>> {
    Ok(Items::page(
        policy::versions(&app.policy, &principal, &name_or_id, &paging.page()?).await?,
    ))
}

/// Create a version of a policy.
///
/// The version becomes the current one. A document that does not compile is rejected.
#[utoipa::path(post, path = "/policies/{policy}/versions", tag = "policies", params(("policy" = String, Path)), request_body = NewVersion,
    responses((status = 201, body = Version), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(new): Body<NewVersion>,
) -> Result<(StatusCode, Json<Version>)> {
    let version = policy::add_version(&app.policy, &principal, &name_or_id, new).await?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// Retrieve a version of a policy by its label.
#[utoipa::path(get, path = "/policies/{policy}/versions/{label}", tag = "policies", params(("policy" = String, Path), ("label" = String, Path)),
    responses((status = 200, body = Version), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Path2(name_or_id, label): Path2<String, String>,
) -> Result<Json<Version>> {
    Ok(Json(
        policy::version(&app.policy, &principal, &name_or_id, Some(&label))
            .await?
            .into(),
    ))
}
