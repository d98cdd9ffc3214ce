//! Permits: those that may still be used, and their revocation.

use crate::routes::prelude::*;
use crate::shapes::Reason;
use keys::PermitUsage;
use policy::IssuedPermit;
use types::PermitId;

permissions! {
    /// Read permits.
    PermitRead = "policy:read";
    /// Revoke permits.
    PermitRevoke = "wallet:freeze";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(revoke))
}

/// A permit, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Permit)]
struct PermitView {
    #[serde(flatten)]
    #[schema(inline)]
    permit: IssuedPermit,
    /// How many different transactions were signed or requested under it.
    signatures: u32,
    /// Whether it was revoked.
    revoked: bool,
}

impl PermitView {
    fn new(permit: IssuedPermit, usage: &[PermitUsage]) -> Self {
        let usage = usage.iter().find(|usage| usage.permit == permit.id);
        Self {
            signatures: usage.map_or(0, |usage| usage.uses),
            revoked: usage.is_some_and(|usage| usage.revoked_at.is_some()),
            permit,
        }
    }
}

/// List permits.
///
/// Returns the permits whose time for the first signature is not over, those that end first, first.
#[utoipa::path(get, path = "/permits", tag = "policies", params(SkipPaging), responses((status = 200, body = Items<PermitView>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PermitRead>,
    Query(paging): Query<SkipPaging>,
) -> Result<Json<Items<PermitView>>> {
    let permits = policy::open_permits(&app.policy, &principal, &paging.page()?).await?;
    let ids = permits.iter().map(|permit| permit.id).collect();
    let usage = keys::permit_usage(&app.keys, &principal, ids).await?;
    let view = |permit| PermitView::new(permit, &usage);
    Ok(Items::page(permits.into_iter().map(view)))
}

/// The result of revoking a permit.
#[derive(Serialize, ToSchema)]
struct RevokedPermit {
    /// False if the permit was revoked already.
    revoked: bool,
}

/// Revoke a permit.
///
/// A revoked permit allows no further signature. What is signed already stays, and can be cancelled.
#[utoipa::path(post, path = "/permits/{id}/revoke", tag = "wallets", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = RevokedPermit), Problem))]
async fn revoke(
    State(app): State<App>,
    principal: Authorized<PermitRevoke>,
    Path(id): Path<PermitId>,
    Body(body): Body<Reason>,
) -> Result<Json<RevokedPermit>> {
    // Used permits of earlier releases are known to `keys` alone.
    let usage = keys::permit_usage(&app.keys, &principal, vec![id]).await?;
    if usage.is_empty() {
        policy::permit(&app.policy, &principal, id).await?;
    }
    Ok(Json(RevokedPermit {
        revoked: keys::revoke(&app.keys, &principal, &id, &body.reason).await?,
    }))
}
