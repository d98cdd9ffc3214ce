//! Policies, their versions, attachments and decisions.

mod attachments;
mod decisions;
mod simulation;
mod versions;
mod view;

use super::named::named_routes;
use crate::resent::Input;
use crate::routes::prelude::*;
use policy::{NewPolicy, StoredPolicy};
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
        .routes(routes!(patch))
        .merge(named::routes())
        .merge(versions::routes())
        .merge(attachments::routes())
        .merge(decisions::routes())
}

impl Input for NewPolicy {
    const READ_ONLY: &'static [&'static str] = &[];
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
    let policies = policy::policies(&app.policy, &principal, &page).await?;
    Ok(Items::after(&page, policies, |policy| policy.name.clone()))
}

named_routes! {
    mod named at "/policies/{policy}" by "policy", tag "policies";
    engine policy, permissions PolicyRead, PolicyWrite;
    /// Retrieve a policy by name or id.
    get(StoredPolicy) = policy::policy;
    /// Create or replace a policy.
    ///
    /// Versions and attachments are not affected. With a name in the path, the policy is created if it
    /// does not exist. With an id, it must exist, and `name` renames it.
    put(NewPolicy, PolicyId) = policy::put_policy;
    /// Delete a policy.
    ///
    /// Fails while the policy is attached.
    delete = policy::delete_policy;
}

/// Update a policy.
///
/// Fields that are absent are not changed.
#[utoipa::path(patch, path = "/policies/{policy}", tag = "policies", params(("policy" = String, Path)), request_body = NewPolicy,
    responses((status = 200, body = StoredPolicy), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<PolicyWrite>,
    Path(name_or_id): Path<String>,
    Body(changes): Body<NewPolicy>,
) -> Result<Json<StoredPolicy>> {
    let policy = policy::patch_policy(&app.policy, &principal, &name_or_id, changes).await?;
    Ok(Json(policy))
}
