//! Submissions: chain transactions that Florin signs, sends and tracks until they are final.

mod lanes;
mod new;

use crate::access::Authorized;
use crate::extract::{Body, IdempotencyKey, Path, Query};
use crate::shapes::{Accepted, Items};
use crate::{App, Problem, Result, access, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use new::NewSubmission;
use serde::Deserialize;
use submit::{Explanation, Outcome, Submission, SubmissionTransaction};
use types::{ChainId, SubmissionId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use new::{account, interface};

permissions! {
    /// Read submissions and lanes.
    SubmissionRead = "submission:read";
    /// Create submissions.
    SubmissionCreate = "submission:create";
    /// Cancel submissions, resume lanes.
    SubmissionControl = "submission:control";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(transactions))
        .routes(routes!(cancel))
        .routes(routes!(explain_submission))
        .merge(lanes::routes())
}

/// Filter and paging of submissions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SubmissionQuery {
    /// Only submissions in this state.
    #[param(value_type = Option<String>)]
    state: Option<submit::State>,
    /// Only submissions of this signer.
    signer: Option<String>,
    /// Only submissions on this chain.
    chain: Option<ChainId>,
    /// The maximum number of items to return, 1 to 1000. Defaults to 25.
    limit: Option<u32>,
    /// The number of items to skip, at most 10,000.
    skip: Option<u32>,
    /// Return the items after this cursor, the `next` of the previous page.
    after: Option<String>,
}

/// List submissions.
///
/// Newest first.
#[utoipa::path(get, path = "/submissions", tag = "submissions", params(SubmissionQuery), responses((status = 200, body = Items<Submission>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Query(query): Query<SubmissionQuery>,
) -> Result<Json<Items<Submission>>> {
    let page = crate::extract::page(query.limit, query.skip, query.after)?;
    let page = crate::extract::check_cursor::<types::SubmissionId>(page)?;
    let filter = submit::Filter {
        state: query.state,
        signer: query.signer,
        chain: query.chain,
    };
    let submissions = submit::list(&app.submit, &principal, filter, page.clone()).await?;
    let next = super::next_cursor(
        &page,
        submissions.len(),
        submissions.last().map(|last| last.id),
    );
    Ok(Items::with_next(submissions, next))
}

/// Create a submission.
///
/// Queues a transaction for policy evaluation, signing and sending, and returns immediately.
/// Idempotent with the `Idempotency-Key` header.
#[utoipa::path(post, path = "/submissions", tag = "submissions", request_body = NewSubmission, params(IdempotencyKey),
    responses((status = 202, body = Submission), (status = 200, body = Submission, description = "The submission that was created earlier with this idempotency key."), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<SubmissionCreate>,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSubmission>,
) -> Result<Accepted<Submission>> {
    let chain = access::chain_or_default(app.db(), &principal, new.chain).await?;
    let outcome = submit::enqueue(&app.submit, &principal, new.into_command(chain, key)?).await?;
    let replayed = matches!(outcome, Outcome::Replayed(_));
    let (Outcome::Created(body) | Outcome::Replayed(body)) = outcome;
    Ok(Accepted {
        body,
        replayed,
        created_status: StatusCode::ACCEPTED,
    })
}

/// Retrieve a submission.
#[utoipa::path(get, path = "/submissions/{id}", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Submission), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Submission>> {
    Ok(Json(submit::get(&app.submit, &principal, id).await?))
}

/// List the signed transactions of a submission.
///
/// Includes replacements with higher fees.
#[utoipa::path(get, path = "/submissions/{id}/transactions", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Items<SubmissionTransaction>), Problem))]
async fn transactions(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Items<SubmissionTransaction>>> {
    submit::get(&app.submit, &principal, id).await?;
    Ok(Items::page(
        submit::transactions(&app.submit, &principal, id).await?,
    ))
}

/// Cancel a submission.
///
/// A submission that is not signed yet ends immediately and is returned. After that, Florin creates
/// a cancel transaction that uses the same nonce or inputs, and returns its submission; either of
/// the two can still be included.
#[utoipa::path(post, path = "/submissions/{id}/cancel", tag = "submissions", params(("id" = String, Path)), responses((status = 202, body = Submission), Problem))]
async fn cancel(
    State(app): State<App>,
    principal: Authorized<SubmissionControl>,
    Path(id): Path<SubmissionId>,
) -> Result<(StatusCode, Json<Submission>)> {
    let submission = submit::cancel(&app.submit, &principal, id).await?;
    Ok((StatusCode::ACCEPTED, Json(submission)))
}

/// Explain a submission.
///
/// Returns what happened so far, why the submission is blocked, what happens next, and what can be
/// done.
#[utoipa::path(get, path = "/submissions/{id}/explain", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Explanation), Problem))]
async fn explain_submission(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Explanation>> {
    Ok(Json(submit::explain(&app.submit, &principal, id).await?))
}
