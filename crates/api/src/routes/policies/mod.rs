//! Policies, their versions, attachments and decisions.

mod attachments;
mod decisions;
mod simulation;
mod versions;
mod view;

use super::named::check_name;
use crate::routes::prelude::*;
use policy::StoredPolicy;
use types::PolicyId;

permissions! {
    /// Read policies and decisions.
    PolicyRead = "policy:read";
    /// Create, change, attach and delete policies.
    PolicyWrite = "policy:write";
    /// Evaluate documents against inputs and past decisions.
    PolicySimulate = "policy:try";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(simulation::dry_run))
        .routes(routes!(simulation::replay))
        .routes(routes!(get, put, patch, delete))
        .merge(versions::routes())
        .merge(attachments::routes())
        .merge(decisions::routes())
}

/// A policy to create or to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyInput {
    /// The name. Defaults to the name in the path.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

/// List policies.
///
/// Ordered by name.
#[utoipa::path(get, path = "/policies", tag = "policies", params(Paging), responses((status = 200, body = Items<StoredPolicy>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<StoredPolicy>>> {
    let page = paging.page()?;
    let policies = policy::list(&app.policy, &principal, &page).await?;
    Ok(Items::after(&page, policies, |policy| policy.name.clone()))
}

/// Retrieve a policy by name or id.
#[utoipa::path(get, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), responses((status = 200, body = StoredPolicy), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<StoredPolicy>> {
    Ok(Json(
        policy::get(&app.policy, &principal, &name_or_id).await?,
    ))
}

/// Create or replace a policy.
///
/// Versions and attachments are not affected. With a name in the path, the policy is created if it
/// does not exist. With an id, it must exist, and `name` renames it.
#[utoipa::path(put, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), request_body = PolicyInput,
    responses((status = 200, body = StoredPolicy), Problem))]
async fn put(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<PolicyInput>,
) -> Result<Json<StoredPolicy>> {
    let description = input.description.as_deref().unwrap_or_default();
    let stored = if name_or_id.parse::<PolicyId>().is_ok() {
        policy::patch(
            &app.policy,
            &principal,
            &name_or_id,
            input.name.as_deref(),
            Some(description),
        )
        .await?
    } else {
        check_name::<PolicyId>(&name_or_id, input.name.as_deref())?;
        policy::put(&app.policy, &principal, &name_or_id, description).await?
    };
    Ok(Json(stored))
}

/// Update a policy.
///
/// Fields that are absent are not changed.
#[utoipa::path(patch, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), request_body = PolicyInput,
    responses((status = 200, body = StoredPolicy), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(input): Body<PolicyInput>,
) -> Result<Json<StoredPolicy>> {
    let (name, description) = (input.name.as_deref(), input.description.as_deref());
    Ok(Json(
        policy::patch(&app.policy, &principal, &name_or_id, name, description).await?,
    ))
}

/// Delete a policy.
///
/// Fails while the policy is attached.
#[utoipa::path(delete, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
) -> Result<StatusCode> {
    policy::delete(&app.policy, &principal, &name_or_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
