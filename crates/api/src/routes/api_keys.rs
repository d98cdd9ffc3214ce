//! API keys.

use crate::access::{self, ApiKey, IssuedApiKey, NewApiKey};
use crate::routes::prelude::*;
use types::ApiKeyId;

permissions! {
    /// Read API keys.
    ApiKeyRead = "apikey:read";
    /// Issue and revoke API keys.
    ApiKeyWrite = "apikey:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, issue))
        .routes(routes!(revoke))
}

/// List API keys.
///
/// Returns the API keys of the namespace without their secrets, oldest first. Revoked and expired
/// keys are included.
#[utoipa::path(get, path = "/api-keys", tag = "access", params(SkipPaging), responses((status = 200, body = Items<ApiKey>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<ApiKeyRead>,
    Query(paging): Query<SkipPaging>,
) -> Result<Json<Items<ApiKey>>> {
    Ok(Items::page(
        access::api_keys(app.db(), &principal, paging.page()?).await?,
    ))
}

/// Issue an API key.
///
/// The response contains the complete key in `secret`. It cannot be retrieved later.
#[utoipa::path(post, path = "/api-keys", tag = "access", request_body = NewApiKey, responses((status = 201, body = IssuedApiKey), Problem))]
async fn issue(
    State(app): State<App>,
    principal: Authorized<ApiKeyWrite>,
    Body(new): Body<NewApiKey>,
) -> Result<(StatusCode, Json<IssuedApiKey>)> {
    let issued = access::issue_api_key(app.db(), &app.lease, &principal, new).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Revoke an API key.
///
/// Requests with this key are rejected from the next one on. WebSocket connections opened with it
/// are closed within 20 seconds.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "access", params(("id" = String, Path)), responses((status = 204), Problem))]
async fn revoke(
    State(app): State<App>,
    principal: Authorized<ApiKeyWrite>,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode> {
    access::revoke_api_key(app.db(), &app.lease, &principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
