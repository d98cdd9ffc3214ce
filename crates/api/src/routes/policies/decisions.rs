//! The log of decisions.

use super::PolicyRead;
use super::view::Decision;
use crate::access::May;
use crate::extract::{Path, Query};
use crate::wire::Items;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
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

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those of one subject, such as a submission's id.
    subject: Option<String>,
    /// Those that asked a policy, by its name or id.
    policy: Option<String>,
    /// `permit`, `denied` or `needs`.
    result: Option<String>,
    /// Those about one signer.
    signer: Option<String>,
    /// Not before this moment.
    since: Option<Time>,
    /// Before this moment.
    until: Option<Time>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    limit: Option<u32>,
    /// Continue behind this cursor.
    after: Option<String>,
}

/// Decisions, newest first.
#[utoipa::path(get, path = "/policy-decisions", tag = "policies", params(Which), responses((status = 200, body = Items<Decision>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<PolicyRead>,
    Query(which): Query<Which>,
) -> Result<Json<Items<Decision>>> {
    let page = crate::extract::page(which.limit, None, which.after)?;
    let Which {
        subject,
        policy,
        result,
        signer,
        since,
        until,
        ..
    } = which;
    let filter = policy::Filter {
        subject,
        policy,
        result,
        signer,
        since,
        until,
    };
    let found = policy::decisions(&app.policy, &who, &filter, &page).await?;
    Ok(Items::continued(found.items, found.next))
}

/// A decision: exactly what was asked, of which documents, with which answers, and what came of it.
#[utoipa::path(get, path = "/policy-decisions/{id}", tag = "policies", params(("id" = String, Path)), responses((status = 200, body = Decision), Problem))]
async fn get(
    State(app): State<App>,
    who: May<PolicyRead>,
    Path(id): Path<DecisionId>,
) -> Result<Json<Decision>> {
    Ok(Json(policy::decision(&app.policy, &who, id).await?.into()))
}
