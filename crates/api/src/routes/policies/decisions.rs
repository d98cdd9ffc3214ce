//! The decision log.

use super::PolicyRead;
use crate::access::Authorized;
use crate::extract::{Path, Query};
use crate::shapes::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use policy::{Decision, DecisionFilter};
use serde::Deserialize;
use types::{DecisionId, Time};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
}

/// Filter and paging of decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DecisionQuery {
    /// Only decisions about this subject, such as a submission's id.
    subject: Option<String>,
    /// Only decisions that evaluated this policy, by name or id.
    policy: Option<String>,
    /// Only decisions with this result: `permit`, `denied` or `needs`.
    result: Option<String>,
    /// Only decisions about this signer.
    signer: Option<String>,
    /// Only decisions at or after this time.
    since: Option<Time>,
    /// Only decisions before this time.
    until: Option<Time>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    limit: Option<u32>,
    /// Return the items after this cursor, the `next` of the previous page.
    after: Option<String>,
}

/// List policy decisions.
///
/// Newest first.
#[utoipa::path(get, path = "/policy-decisions", tag = "policies", params(DecisionQuery), responses((status = 200, body = Items<Decision>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<PolicyRead>,
    Query(query): Query<DecisionQuery>,
) -> Result<Json<Items<Decision>>> {
    let page = crate::extract::page(query.limit, None, query.after)?;
    let DecisionQuery {
        subject,
        policy,
        result,
        signer,
        since,
        until,
        ..
    } = query;
    let filter = DecisionFilter {
        subject,
        policy,
        result,
        signer,
        since,
        until,
    };
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
