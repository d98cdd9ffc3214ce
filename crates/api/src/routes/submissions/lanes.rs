//! Lanes: the ordered queue of a signer's submissions on a chain.

use super::{SubmissionControl, SubmissionRead};
use crate::routes::prelude::*;
use crate::shapes::Reason;
use submit::LaneStatus;
use types::ChainId;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lane))
        .routes(routes!(resume))
}

/// Retrieve a lane.
///
/// A lane is the ordered queue of one signer's submissions on one chain. A signer that never
/// submitted anything has an empty lane.
#[utoipa::path(get, path = "/lanes/{chain}/{signer}", tag = "submissions", params(("chain" = String, Path), ("signer" = String, Path)),
    responses((status = 200, body = LaneStatus), Problem))]
async fn lane(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Path2(chain, signer): Path2<ChainId, String>,
) -> Result<Json<LaneStatus>> {
    let lane = submit::lane_status(&app.submit, &principal, &chain, &signer).await?;
    Ok(Json(lane))
}

/// Resume a paused lane.
///
/// The reason is recorded in the audit trail.
#[utoipa::path(post, path = "/lanes/{chain}/{signer}/resume", tag = "submissions", params(("chain" = String, Path), ("signer" = String, Path)),
    request_body = Reason, responses((status = 204), Problem))]
async fn resume(
    State(app): State<App>,
    principal: Authorized<SubmissionControl>,
    Path2(chain, signer): Path2<ChainId, String>,
    Body(body): Body<Reason>,
) -> Result<StatusCode> {
    submit::resume_lane(&app.submit, &principal, &chain, &signer, &body.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
