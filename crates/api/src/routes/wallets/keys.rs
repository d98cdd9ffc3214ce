//! Keys with a name.

use super::new::{NewKey, Patch};
use super::secret::Secret;
use super::view::Key;
use super::{KeyExport, WalletRead, WalletWrite, found};
use crate::access::May;
use crate::extract::{Body, Paging, Path, Path2, Query};
use crate::wire::Items;
use crate::{App, Problem, Result, access};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keys::NamedKey;
use types::{KeyId, Principal};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch))
        .routes(routes!(export))
}

/// A key of this wallet by its id or name.
async fn found_key(app: &App, who: &Principal, wallet: &str, named: &str) -> Result<NamedKey> {
    let wallet = found(app, who, wallet).await?;
    let Ok(id) = named.parse::<KeyId>() else {
        return Ok(keys::key_named(&app.keys, who, &wallet.id, named).await?);
    };
    let key = keys::key(&app.keys, who, &id).await?;
    if key.wallet == wallet.id {
        Ok(key)
    } else {
        Err(keys::Error::KeyUnknown {
            key: named.to_owned(),
        }
        .into())
    }
}

/// The keys of a wallet that have a name.
#[utoipa::path(get, path = "/wallets/{wallet}/keys", tag = "wallets", params(("wallet" = String, Path), Paging),
    responses((status = 200, body = Items<Key>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<WalletRead>,
    Path(wallet): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Key>>> {
    let page = paging.behind::<types::KeyId>()?;
    let wallet = found(&app, &who, &wallet).await?;
    let found = keys::named_keys(&app.keys, &who, &wallet.id, &page).await?;
    let next = super::super::cursor(&page, found.len(), found.last().map(|last| last.id));
    Ok(Items::continued(found, next))
}

/// Make a key with a name: the next of the wallet's.
#[utoipa::path(post, path = "/wallets/{wallet}/keys", tag = "wallets", params(("wallet" = String, Path)), request_body = NewKey,
    responses((status = 201, body = Key), Problem))]
async fn create(
    State(app): State<App>,
    who: May<WalletWrite>,
    Path(wallet): Path<String>,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<Key>)> {
    let chain = access::chain_or_default(app.db(), &who, new.chain.clone()).await?;
    let wallet = found(&app, &who, &wallet).await?;
    let key = keys::create_key(&app.keys, &who, &wallet.id, new.into_command(chain)).await?;
    Ok((StatusCode::CREATED, Json(key.into())))
}

/// A key by its id or name.
#[utoipa::path(get, path = "/wallets/{wallet}/keys/{key}", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Key), Problem))]
async fn get(
    State(app): State<App>,
    who: May<WalletRead>,
    Path2(wallet, key): Path2<String, String>,
) -> Result<Json<Key>> {
    Ok(Json(found_key(&app, &who, &wallet, &key).await?.into()))
}

/// Change a key's name or metadata.
#[utoipa::path(patch, path = "/wallets/{wallet}/keys/{key}", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    request_body = Patch, responses((status = 200, body = Key), Problem))]
async fn patch(
    State(app): State<App>,
    who: May<WalletWrite>,
    Path2(wallet, key): Path2<String, String>,
    Body(patch): Body<Patch>,
) -> Result<Json<Key>> {
    let key = found_key(&app, &who, &wallet, &key).await?;
    Ok(Json(
        keys::patch_key(&app.keys, &who, &key.id, patch.into())
            .await?
            .into(),
    ))
}

/// Export an imported single key. The key of a child is never exported: with the account's public
/// node it gives away all others.
#[utoipa::path(post, path = "/wallets/{wallet}/keys/{key}/export", tag = "wallets", params(("wallet" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Secret), Problem))]
async fn export(
    State(app): State<App>,
    who: May<KeyExport>,
    Path2(wallet, key): Path2<String, String>,
) -> Result<Json<Secret>> {
    let key = found_key(&app, &who, &wallet, &key).await?;
    Ok(Json(
        keys::export_key(&app.keys, &who, &key.id).await?.into(),
    ))
}
