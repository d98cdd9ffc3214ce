//! Named keys of a wallet.

use super::new::NewKey;
use super::{KeyExport, WalletRead, WalletWrite, find_wallet};
use crate::access;
use crate::routes::prelude::*;
use keys::{Exported, NamedKey, Patch};
use types::KeyId;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch))
        .routes(routes!(export))
}

/// List the named keys of a wallet.
#[utoipa::path(get, path = "/wallets/{wallet}/keys", tag = "wallets", params(("wallet" = String, Path), Paging),
    responses((status = 200, body = Items<NamedKey>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<WalletRead>,
    Path(wallet): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<NamedKey>>> {
    let page = paging.page_after_id::<KeyId>()?;
    let wallet = find_wallet(&app, &principal, &wallet).await?;
    let keys = keys::named_keys(&app.keys, &principal, &wallet.id, &page).await?;
    Ok(Items::after(&page, keys, |key| key.id))
}

/// Create a named key.
///
/// Derives the next key of the wallet.
#[utoipa::path(post, path = "/wallets/{wallet}/keys", tag = "wallets", params(("wallet" = String, Path)), request_body = NewKey,
    responses((status = 201, body = NamedKey), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<WalletWrite>,
    Path(wallet): Path<String>,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<NamedKey>)> {
    let chain = access::chain_or_default(app.db(), &principal, new.chain).await?;
    let wallet = find_wallet(&app, &principal, &wallet).await?;
    let key = keys::create_key(&app.keys, &principal, &wallet.id, new.into_command(chain)).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// Retrieve a key by id or name.
#[utoipa::path(get, path = "/wallets/{wallet}/keys/{key}", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = NamedKey), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<WalletRead>,
    Path2(wallet, key): Path2<String, String>,
) -> Result<Json<NamedKey>> {
    let wallet = find_wallet(&app, &principal, &wallet).await?;
    let key = keys::named_key(&app.keys, &principal, &wallet.id, &key).await?;
    Ok(Json(key))
}

/// Update a key.
///
/// Changes its name or metadata. Fields that are absent are not changed.
#[utoipa::path(patch, path = "/wallets/{wallet}/keys/{key}", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    request_body = Patch, responses((status = 200, body = NamedKey), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<WalletWrite>,
    Path2(wallet, key): Path2<String, String>,
    Body(patch): Body<Patch>,
) -> Result<Json<NamedKey>> {
    let wallet = find_wallet(&app, &principal, &wallet).await?;
    let patched = keys::patch_key(&app.keys, &principal, &wallet.id, &key, patch).await?;
    Ok(Json(patched))
}

/// Export the private key of a key.
///
/// Only an imported private key can be exported. A derived key cannot: together with the extended
/// public key, it reveals every other key of the account.
#[utoipa::path(post, path = "/wallets/{wallet}/keys/{key}/export", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Exported), Problem))]
async fn export(
    State(app): State<App>,
    principal: Authorized<KeyExport>,
    Path2(wallet, key): Path2<String, String>,
) -> Result<Json<Exported>> {
    let wallet = find_wallet(&app, &principal, &wallet).await?;
    let exported = keys::export_key(&app.keys, &principal, &wallet.id, &key).await?;
    Ok(Json(exported))
}
