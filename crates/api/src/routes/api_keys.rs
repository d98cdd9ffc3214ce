//! API keys.

use crate::access::{self, ApiKey, IssuedApiKey, NewApiKey};
use crate::routes::prelude::*;
use types::{ApiKeyId, Role};

permissions! {
    /// Read API keys.
    ApiKeyRead = "apikey:read";
    /// Issue and revoke API keys.
    ApiKeyWrite = "apikey:write";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, issue))
        .routes(routes!(set_roles, revoke))
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

/// Changes of an API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyPatch {
    /// The roles that the key grants from now on.
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
}

/// Change the roles of an API key.
///
/// Requests with this key have the new roles from the next one on. What was submitted with it and is
/// not signed yet is decided again, with the roles that are left.
#[utoipa::path(patch, path = "/api-keys/{id}", tag = "access", params(("id" = String, Path)), request_body = ApiKeyPatch, responses((status = 200, body = ApiKey), Problem))]
async fn set_roles(
    State(app): State<App>,
    principal: Authorized<ApiKeyWrite>,
    Path(id): Path<ApiKeyId>,
    Body(patch): Body<ApiKeyPatch>,
) -> Result<Json<ApiKey>> {
    let key = access::set_api_key_roles(app.db(), &app.lease, &principal, id, patch.roles);
    Ok(Json(key.await?))
}

/// Revoke an API key.
///
/// Requests with this key are rejected from the next one on. What was submitted with it and is not
/// signed yet is denied, and its permits end. WebSocket connections opened with it
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
