//! The decision log.

use super::PolicyRead;
use crate::routes::prelude::*;
use policy::{Decision, DecisionFilter};
use types::DecisionId;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
}

/// List policy decisions.
///
/// Newest first.
#[utoipa::path(get, path = "/policy-decisions", tag = "policies", params(DecisionFilter, CursorPaging), responses((status = 200, body = Items<Decision>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Filtered(filter, paging): Filtered<DecisionFilter, CursorPaging>,
) -> Result<Json<Items<Decision>>> {
    let page = paging.page()?;
    let decisions = policy::decisions(&app.policy, &principal, &filter, &page).await?;
    Ok(Items::with_next(decisions.items, decisions.next))
}

/// Retrieve a policy decision.
///
/// Includes the exact input, the evaluated documents, the lookups with their results, and the
/// outcome.
#[utoipa::path(get, path = "/policy-decisions/{id}", tag = "policies", params(("id" = String, Path)), responses((status = 200, body = Decision), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Path(id): Path<DecisionId>,
) -> Result<Json<Decision>> {
    Ok(Json(policy::decision(&app.policy, &principal, id).await?))
}
