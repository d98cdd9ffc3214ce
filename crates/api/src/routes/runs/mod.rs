//! Runs of tasks: what they did, why they wait, and what a person can do with them.

mod view;

use crate::access::May;
use crate::extract::{Body, Path, Query};
use crate::wire::Items;
use crate::{App, Error, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use types::{ListenerId, RunId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workflow::{Decision, RunFilter};

pub(super) use view::Run;

permissions! {
    /// See runs.
    RunRead = "run:read";
    /// Begin runs.
    RunCreate = "run:create";
    /// End, retry and decide runs.
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

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichRuns {
    /// Only in this state: `queued`, `running`, `waiting`, `succeeded`, `failed`, `parked`,
    /// `cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<workflow::state::State>,
    /// Only of this task, by its id or by the name it had.
    task: Option<String>,
    /// Only those that this listener began.
    listener: Option<ListenerId>,
    /// Only those of this history.
    activity: Option<String>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    limit: Option<u32>,
    /// How many to leave out, at most 10,000.
    skip: Option<u32>,
}

/// Runs, newest first, without their steps.
#[utoipa::path(get, path = "/runs", tag = "runs", params(WhichRuns), responses((status = 200, body = Items<Run>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<RunRead>,
    Query(which): Query<WhichRuns>,
) -> Result<Json<Items<Run>>> {
    let page = crate::extract::page(which.limit, which.skip, None)?;
    let WhichRuns {
        state,
        task,
        listener,
        activity,
        ..
    } = which;
    let filter = RunFilter {
        state,
        task,
        listener,
        activity,
    };
    Ok(Items::of(
        workflow::runs(&app.workflow, &who, filter, page).await?,
    ))
}

/// A run with its steps: input, output, timing, attempts, and why it waits.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = Run), Problem))]
async fn get(
    State(app): State<App>,
    who: May<RunRead>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>> {
    Ok(Json(workflow::run(&app.workflow, &who, id).await?.into()))
}

/// End a run. What it has handed on, such as a submission, goes its own way.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = Run), Problem))]
async fn cancel(
    State(app): State<App>,
    who: May<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>> {
    Ok(Json(
        workflow::cancel(&app.workflow, &who, id).await?.into(),
    ))
}

/// Have a failed run go on from the step that failed.
#[utoipa::path(post, path = "/runs/{id}/retry", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = Run), Problem))]
async fn retry(
    State(app): State<App>,
    who: May<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>> {
    Ok(Json(workflow::retry(&app.workflow, &who, id).await?.into()))
}

/// What became of an effect that nobody knows of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunDecision {
    /// `resend`: it did not happen, send it again under the same key. `done`: it happened, go on.
    /// `fail`: it failed.
    decision: Word,
    /// The step's data, where it is `done`.
    #[serde(default)]
    data: Option<types::Json>,
    /// Why, where it is `fail`.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DecisionWord)]
enum Word {
    Resend,
    Done,
    Fail,
}

impl RunDecision {
    fn into_command(self) -> Result<Decision> {
        match (self.decision, self.data, self.reason) {
            (Word::Resend, None, None) => Ok(Decision::Resend),
            (Word::Done, data, None) => Ok(Decision::Done { data }),
            (Word::Fail, None, Some(reason)) => Ok(Decision::Fail { reason }),
            (Word::Fail, None, None) => Err(Error::field("reason", "say why it failed")),
            (Word::Resend | Word::Fail, Some(_), _) => {
                Err(Error::field("data", "data goes with done"))
            }
            (Word::Resend | Word::Done, _, Some(_)) => {
                Err(Error::field("reason", "a reason goes with fail"))
            }
        }
    }
}

/// Say what became of an effect that nobody knows of. The run goes on from there.
#[utoipa::path(post, path = "/runs/{id}/decide", tag = "runs", params(("id" = String, Path)), request_body = RunDecision,
    responses((status = 200, body = Run), Problem))]
async fn decide(
    State(app): State<App>,
    who: May<RunControl>,
    Path(id): Path<RunId>,
    Body(decision): Body<RunDecision>,
) -> Result<Json<Run>> {
    Ok(Json(
        workflow::decide(&app.workflow, &who, id, decision.into_command()?)
            .await?
            .into(),
    ))
}

/// Let a failed run of a listener be, so that those behind it go on.
#[utoipa::path(post, path = "/runs/{id}/dismiss", tag = "runs", params(("id" = String, Path)), responses((status = 200, body = Run), Problem))]
async fn dismiss(
    State(app): State<App>,
    who: May<RunControl>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>> {
    Ok(Json(
        workflow::dismiss(&app.workflow, &who, id).await?.into(),
    ))
}
