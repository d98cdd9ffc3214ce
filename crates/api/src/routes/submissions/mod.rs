//! Submissions: chain transactions in our care.

mod explain;
mod lanes;
mod new;
mod view;

use crate::access::May;
use crate::extract::{Body, IdempotencyKey, Path, Query};
use crate::wire::{Accepted, Items};
use crate::{App, Problem, Result, access, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use explain::Explanation;
use new::NewSubmission;
use serde::Deserialize;
use types::{ChainId, SubmissionId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::{Sent, Submission};

pub(super) use new::{account, interface};

permissions! {
    /// See submissions and lanes.
    SubmissionRead = "submission:read";
    /// Submit.
    SubmissionCreate = "submission:create";
    /// Cancel a submission, let a lane go on.
    SubmissionControl = "submission:control";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(transactions))
        .routes(routes!(cancel))
        .routes(routes!(explanation))
        .merge(lanes::routes())
}

/// Which submissions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only in this state.
    #[param(value_type = Option<String>)]
    state: Option<submit::State>,
    /// Only by this signer.
    signer: Option<String>,
    /// Only on this chain.
    chain: Option<ChainId>,
    /// How many at most, 1 to 1000; 25 if nothing is said.
    limit: Option<u32>,
    /// How many to leave out, at most 10,000.
    skip: Option<u32>,
    /// Continue behind this cursor.
    after: Option<String>,
}

/// Submissions, newest first.
#[utoipa::path(get, path = "/submissions", tag = "submissions", params(Which), responses((status = 200, body = Items<Submission>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<SubmissionRead>,
    Query(which): Query<Which>,
) -> Result<Json<Items<Submission>>> {
    let page = crate::extract::page(which.limit, which.skip, which.after)?;
    let page = crate::extract::behind::<types::SubmissionId>(page)?;
    let filter = submit::Filter {
        state: which.state,
        signer: which.signer,
        chain: which.chain,
    };
    let found = submit::list(&app.submit, &who, filter, page.clone()).await?;
    let next = super::cursor(&page, found.len(), found.last().map(|last| last.id));
    Ok(Items::continued(found, next))
}

/// Queue a submission. Idempotent by the `Idempotency-Key` header.
#[utoipa::path(post, path = "/submissions", tag = "submissions", request_body = NewSubmission, params(IdempotencyKey),
    responses((status = 202, body = Submission), (status = 200, body = Submission, description = "Its key had made it before."), Problem))]
async fn create(
    State(app): State<App>,
    who: May<SubmissionCreate>,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSubmission>,
) -> Result<Accepted<Submission>> {
    let chain = access::chain_or_default(app.db(), &who, new.chain.clone()).await?;
    let outcome = submit::enqueue(&app.submit, &who, new.into_command(chain, key)?).await?;
    let replayed = matches!(outcome, submit::Outcome::Replayed(_));
    Ok(Accepted {
        body: outcome.submission().clone().into(),
        replayed,
        fresh: StatusCode::ACCEPTED,
    })
}

/// A submission as it stands.
#[utoipa::path(get, path = "/submissions/{id}", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Submission), Problem))]
async fn get(
    State(app): State<App>,
    who: May<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Submission>> {
    Ok(Json(submit::get(&app.submit, &who, id).await?.into()))
}

/// Every transaction that was signed for a submission.
#[utoipa::path(get, path = "/submissions/{id}/transactions", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Items<Sent>), Problem))]
async fn transactions(
    State(app): State<App>,
    who: May<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Items<Sent>>> {
    submit::get(&app.submit, &who, id).await?;
    Ok(Items::of(submit::sent(&app.submit, &who, id).await?))
}

/// Cancel a submission. Before it is signed it simply ends; after that a cancel of its own takes
/// its place on the chain. Gives whichever of the two there is to follow.
#[utoipa::path(post, path = "/submissions/{id}/cancel", tag = "submissions", params(("id" = String, Path)), responses((status = 202, body = Submission), Problem))]
async fn cancel(
    State(app): State<App>,
    who: May<SubmissionControl>,
    Path(id): Path<SubmissionId>,
) -> Result<(StatusCode, Json<Submission>)> {
    let submission = submit::cancel(&app.submit, &who, id).await?;
    Ok((StatusCode::ACCEPTED, Json(submission.into())))
}

/// What happened to a submission, why it waits, what happens next, and what can be done.
#[utoipa::path(get, path = "/submissions/{id}/explain", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Explanation), Problem))]
async fn explanation(
    State(app): State<App>,
    who: May<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Explanation>> {
    let one = submit::get(&app.submit, &who, id).await?;
    let lane = submit::lane_status(&app.submit, &who, &one.chain, &one.signer).await?;
    let chain = one.chain.clone();
    let status = app
        .db()
        .read_unbound(move |tx| index::status(tx, &chain))
        .await?;
    Ok(Json(explain::explain(
        &one,
        lane.as_ref(),
        status.as_ref(),
        app.db().clock().now(),
    )))
}
