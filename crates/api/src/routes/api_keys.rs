//! API keys of the namespace.

use crate::access::{self, ApiKey, Issued, May, NewApiKey};
use crate::extract::{Body, BySkip, Path, Query};
use crate::wire::Items;
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use types::ApiKeyId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// See API keys.
    ApiKeyRead = "apikey:read";
    /// Issue and revoke API keys.
    ApiKeyWrite = "apikey:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, issue))
        .routes(routes!(revoke))
}

/// The API keys of the namespace.
#[utoipa::path(get, path = "/api-keys", tag = "access", params(BySkip), responses((status = 200, body = Items<ApiKey>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<ApiKeyRead>,
    Query(paging): Query<BySkip>,
) -> Result<Json<Items<ApiKey>>> {
    Ok(Items::of(
        access::keys(app.db(), &who, paging.page()?).await?,
    ))
}

/// Issue an API key. Its secret is shown once, in this answer.
#[utoipa::path(post, path = "/api-keys", tag = "access", request_body = NewApiKey, responses((status = 201, body = Issued), Problem))]
async fn issue(
    State(app): State<App>,
    who: May<ApiKeyWrite>,
    Body(new): Body<NewApiKey>,
) -> Result<(StatusCode, Json<Issued>)> {
    let issued = access::issue(app.db(), &app.lease, &who, new).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Revoke an API key: it is refused from the next request on.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "access", params(("id" = String, Path)), responses((status = 204), Problem))]
async fn revoke(
    State(app): State<App>,
    who: May<ApiKeyWrite>,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode> {
    access::revoke(app.db(), &app.lease, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
