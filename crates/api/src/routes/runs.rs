//! Runs of tasks: progress, and how to cancel, retry, decide and dismiss them.

use crate::routes::prelude::*;
use types::RunId;
use workflow::{Decision, RunFilter, RunView};

permissions! {
    /// Read runs.
    RunRead = "run:read";
    /// Start runs.
    RunCreate = "run:create";
    /// Cancel, retry, decide and dismiss runs.
    RunControl = "run:control";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(decide))
        .routes(routes!(dismiss))
}

/// List runs.
///
/// Newest first, without their steps.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunFilter, SkipPaging), responses((status = 200, body = Items<RunView>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<RunRead>,
    Filtered(filter, page): Filtered<RunFilter, SkipPaging>,
) -> Result<Json<Items<RunView>>> {
    Ok(Items::page(
        workflow::runs(&app.workflow, &principal, filter, page.page()?).await?,
    ))
}

/// Retrieve a run.
///
/// Includes the input, output, timing and attempts of each step, and the reason why the run is
/// waiting.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = RunView), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<RunRead>,
    Path(id): Path<RunId>,
) -> Result<Json<RunView>> {
    Ok(Json(workflow::run(&app.workflow, &principal, id).await?))
}

/// Cancel a run.
///
/// No further step is started. Effects that are already in progress, such as a submission,
/// continue.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = RunView), Problem))]
async fn cancel(
    State(app): State<App>,
    principal: Authorized<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<RunView>> {
    Ok(Json(workflow::cancel(&app.workflow, &principal, id).await?))
}

/// Retry a failed run.
///
/// The run resumes at the step that failed.
#[utoipa::path(post, path = "/runs/{id}/retry", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = RunView), Problem))]
async fn retry(
    State(app): State<App>,
    principal: Authorized<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<RunView>> {
    Ok(Json(workflow::retry(&app.workflow, &principal, id).await?))
}

/// The outcome of a step whose result is unknown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunDecision {
    /// `resend`: the effect did not happen; send it again with the same idempotency key. `done`: it
    /// happened; continue. `fail`: it failed.
    decision: RunDecisionKind,
    /// The output of the step. Only with `done`.
    #[serde(default)]
    data: Option<types::Json>,
    /// Why the step failed. Required with `fail`.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RunDecisionKind {
    Resend,
    Done,
    Fail,
}

impl RunDecision {
    fn into_command(self) -> Result<Decision> {
        match (self.decision, self.data, self.reason) {
            (RunDecisionKind::Resend, None, None) => Ok(Decision::Resend),
            (RunDecisionKind::Done, data, None) => Ok(Decision::Done { data }),
            (RunDecisionKind::Fail, None, Some(reason)) => Ok(Decision::Fail { reason }),
            (RunDecisionKind::Fail, None, None) => {
                Err(Error::field("reason", "required with the decision fail"))
            }
            (RunDecisionKind::Resend | RunDecisionKind::Fail, Some(_), _) => {
                Err(Error::field("data", "only allowed with the decision done"))
            }
            (RunDecisionKind::Resend | RunDecisionKind::Done, _, Some(_)) => Err(Error::field(
                "reason",
                "only allowed with the decision fail",
            )),
        }
    }
}

/// Decide the outcome of a parked run.
///
/// A run is parked when a call to another system has an unknown result. The decision states what
/// happened, and the run resumes from there.
#[utoipa::path(post, path = "/runs/{id}/decide", tag = "runs", params(("id" = String, Path)), request_body = RunDecision,
    responses((status = 200, body = RunView), Problem))]
async fn decide(
    State(app): State<App>,
    principal: Authorized<RunControl>,
    Path(id): Path<RunId>,
    Body(decision): Body<RunDecision>,
) -> Result<Json<RunView>> {
    let decision = decision.into_command()?;
    Ok(Json(
        workflow::decide(&app.workflow, &principal, id, decision).await?,
    ))
}

/// Dismiss a failed run of a listener.
///
/// The run stays failed, and the runs queued behind it start.
#[utoipa::path(post, path = "/runs/{id}/dismiss", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = RunView), Problem))]
async fn dismiss(
    State(app): State<App>,
    principal: Authorized<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<RunView>> {
    Ok(Json(
        workflow::dismiss(&app.workflow, &principal, id).await?,
    ))
}
