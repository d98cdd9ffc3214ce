//! Lanes: the order in which a signer's transactions go out on a chain.

use super::view::Lane;
use super::{SubmissionControl, SubmissionRead};
use crate::access::May;
use crate::extract::{Body, Path2};
use crate::wire::Reason;
use crate::{App, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use types::ChainId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lane))
        .routes(routes!(resume))
}

/// The lane of a signer. One that never sent anything is empty.
#[utoipa::path(get, path = "/lanes/{chain}/{signer}", tag = "submissions", params(("chain" = String, Path), ("signer" = String, Path)),
    responses((status = 200, body = Lane), Problem))]
async fn lane(
    State(app): State<App>,
    who: May<SubmissionRead>,
    Path2(chain, signer): Path2<ChainId, String>,
) -> Result<Json<Lane>> {
    let found = submit::lane_status(&app.submit, &who, &chain, &signer).await?;
    Ok(Json(
        found.map_or_else(|| Lane::empty(chain, signer), Lane::from),
    ))
}

/// Let a paused lane go on. The reason is recorded.
#[utoipa::path(post, path = "/lanes/{chain}/{signer}/resume", tag = "submissions", params(("chain" = String, Path), ("signer" = String, Path)),
    request_body = Reason, responses((status = 204), Problem))]
async fn resume(
    State(app): State<App>,
    who: May<SubmissionControl>,
    Path2(chain, signer): Path2<ChainId, String>,
    Body(why): Body<Reason>,
) -> Result<StatusCode> {
    submit::resume_lane(&app.submit, &who, &chain, &signer, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
