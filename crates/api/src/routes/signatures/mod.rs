//! Signatures of messages, typed data and authorizations, which are not sent by Florin.

mod new;
mod view;

use crate::access::{self, RequiresPermission as _};
use crate::routes::prelude::*;
use new::NewSignature;
use submit::{StatementFilter, StatementOutcome};
use types::StatementId;
use view::Signature;

permissions! {
    /// Read signatures, without their bytes.
    SignatureRead = "signature:read";
    /// Request signatures, and read their bytes.
    SignatureCreate = "signature:create";
    /// Cancel requests for signatures.
    SignatureControl = "signature:control";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(cancel))
}

/// List signatures.
///
/// Newest first, without the bytes of the signatures.
#[utoipa::path(get, path = "/signatures", tag = "signatures", params(StatementFilter, Paging), responses((status = 200, body = Items<Signature>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SignatureRead>,
    Filtered(filter, paging): Filtered<StatementFilter, Paging>,
) -> Result<Json<Items<Signature>>> {
    let page = paging.page_after_id::<StatementId>()?;
    let statements = submit::statements(&app.submit, &principal, filter, page.clone()).await?;
    Ok(Items::after(&page, statements, |statement| statement.id))
}

/// Request a signature.
///
/// Queues a message, typed data or an authorization for policy evaluation and signing, and returns
/// immediately. Idempotent with the `Idempotency-Key` header.
#[utoipa::path(post, path = "/signatures", tag = "signatures", request_body = NewSignature, params(IdempotencyKey),
    responses((status = 202, body = Signature), (status = 200, body = Signature, description = "The signature that was requested earlier with this idempotency key."), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<SignatureCreate>,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSignature>,
) -> Result<Accepted<Signature>> {
    let chain = access::chain_or_default(app.db(), &principal, new.chain).await?;
    let command = new.into_command(chain, key)?;
    let outcome = submit::request_statement(&app.submit, &principal, command).await?;
    let replayed = matches!(outcome, StatementOutcome::Replayed(_));
    let id = outcome.statement().id;
    let current = submit::statement(&app.submit, &principal, id).await?;
    Ok(Accepted {
        body: current.into(),
        replayed,
        created_status: StatusCode::ACCEPTED,
    })
}

/// Retrieve a signature.
///
/// The bytes of the signature are shown to those who may request signatures.
#[utoipa::path(get, path = "/signatures/{id}", tag = "signatures", params(("id" = String, Path)), responses((status = 200, body = Signature), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<SignatureRead>,
    Path(id): Path<StatementId>,
) -> Result<Json<Signature>> {
    let mut statement = submit::statement(&app.submit, &principal, id).await?;
    if !principal.may(SignatureCreate::PERMISSION) {
        statement.signature = None;
    }
    Ok(Json(statement.into()))
}

/// Cancel a request for a signature.
///
/// What is not signed yet ends immediately. A signature that was made cannot be cancelled.
#[utoipa::path(post, path = "/signatures/{id}/cancel", tag = "signatures", params(("id" = String, Path)), responses((status = 200, body = Signature), Problem))]
async fn cancel(
    State(app): State<App>,
    principal: Authorized<SignatureControl>,
    Path(id): Path<StatementId>,
) -> Result<Json<Signature>> {
    let statement = submit::withdraw_statement(&app.submit, &principal, id).await?;
    Ok(Json(statement.into()))
}
