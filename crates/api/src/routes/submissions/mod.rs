//! Submissions: chain transactions that Florin signs, sends and tracks until they are final.

mod lanes;
mod new;

use crate::access;
use crate::routes::prelude::*;
use new::NewSubmission;
use submit::{Explanation, Filter, Outcome, Submission, SubmissionTransaction};
use types::{ChainId, Principal, SubmissionId};

pub(super) use new::{account, bytes, interface, no_interface};

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

/// List submissions.
///
/// Newest first.
#[utoipa::path(get, path = "/submissions", tag = "submissions", params(Filter, Paging), responses((status = 200, body = Items<Submission>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Filtered(filter, paging): Filtered<Filter, Paging>,
) -> Result<Json<Items<Submission>>> {
    let page = paging.page_after_id::<SubmissionId>()?;
    let submissions = submit::submissions(&app.submit, &principal, filter, page.clone()).await?;
    Ok(Items::after(&page, submissions, |submission| submission.id))
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
    let registered = match new.unencoded() {
        Some(to) => registered_interface(&app, &principal, &chain, to).await?,
        None => None,
    };
    let command = new.into_command(chain, registered.as_ref(), key)?;
    let outcome = submit::enqueue(&app.submit, &principal, command).await?;
    let replayed = matches!(outcome, Outcome::Replayed(_));
    let (Outcome::Created(body) | Outcome::Replayed(body)) = outcome;
    Ok(Accepted {
        body,
        replayed,
        created_status: StatusCode::ACCEPTED,
    })
}

/// The interface that is registered for the contract to call.
pub(super) async fn registered_interface(
    app: &App,
    principal: &Principal,
    chain: &ChainId,
    to: &str,
) -> Result<Option<types::Json>> {
    let to = account(chain, "to", to)?;
    let registered =
        contracts::registered_interface(&app.contracts, &principal.namespace, chain, &to);
    Ok(registered.await?)
}

/// Retrieve a submission.
#[utoipa::path(get, path = "/submissions/{id}", tag = "submissions", params(("id" = String, Path)), responses((status = 200, body = Submission), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<SubmissionRead>,
    Path(id): Path<SubmissionId>,
) -> Result<Json<Submission>> {
    Ok(Json(submit::submission(&app.submit, &principal, id).await?))
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
    submit::submission(&app.submit, &principal, id).await?;
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
