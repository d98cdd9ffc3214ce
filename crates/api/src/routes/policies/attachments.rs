//! Attachments: the targets that a policy applies to.

use super::{PolicyRead, PolicyWrite};
use crate::routes::prelude::*;
use policy::{Attachment, Target};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, attach))
        .routes(routes!(detach))
        .routes(routes!(list_all))
}

/// The target to attach a policy to, or to detach it from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AttachmentTarget {
    /// `{"kind": "namespace"}`, `wallet` or `key` with `id`, `account` or `contract` with `chain`
    /// and `account`, `asset` or `task` with `name`.
    #[schema(value_type = Object)]
    target: Target,
}

/// List all policy attachments of the namespace.
#[utoipa::path(get, path = "/policy-attachments", tag = "policies", params(SkipPaging), responses((status = 200, body = Items<Attachment>), Problem))]
async fn list_all(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Query(paging): Query<SkipPaging>,
) -> Result<Json<Items<Attachment>>> {
    Ok(Items::page(
        policy::attachments(&app.policy, &principal, None, &paging.page()?).await?,
    ))
}

/// List the attachments of a policy.
#[utoipa::path(get, path = "/policies/{policy}/attachments", tag = "policies", params(("policy" = String, Path), SkipPaging),
    responses((status = 200, body = Items<Attachment>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Path(name_or_id): Path<String>,
    Query(paging): Query<SkipPaging>,
) -> Result<Json<Items<Attachment>>> {
    Ok(Items::page(
        policy::attachments(&app.policy, &principal, Some(&name_or_id), &paging.page()?).await?,
    ))
}

/// Attach a policy to a target.
///
/// From then on, every submission that affects the target is evaluated against the policy, which
/// must allow it.
#[utoipa::path(post, path = "/policies/{policy}/attachments", tag = "policies", params(("policy" = String, Path)), request_body = AttachmentTarget,
    responses((status = 201, body = Attachment), Problem))]
async fn attach(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(body): Body<AttachmentTarget>,
) -> Result<(StatusCode, Json<Attachment>)> {
    let attached = policy::attach(&app.policy, &principal, &name_or_id, body.target).await?;
    Ok((StatusCode::CREATED, Json(attached)))
}

/// Detach a policy from a target.
///
/// A submission to which no policy applies is denied.
#[utoipa::path(post, path = "/policies/{policy}/detach", tag = "policies", params(("policy" = String, Path)), request_body = AttachmentTarget,
    responses((status = 204), Problem))]
async fn detach(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(body): Body<AttachmentTarget>,
) -> Result<StatusCode> {
    policy::detach(&app.policy, &principal, &name_or_id, body.target).await?;
    Ok(StatusCode::NO_CONTENT)
}
