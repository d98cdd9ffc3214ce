//! Wallets, their addresses and their keys.

mod keys;
mod new;
mod secret;
mod view;

use crate::access::May;
use crate::extract::{Body, Paging, Path, Query};
use crate::wire::Items;
use crate::{App, Problem, Result, access, permissions};
use ::keys::Wallet as Domain;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use new::{NewWallet, Patch, Wanted};
use secret::Secret;
use types::{Principal, WalletId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::{Address, Branch, OnChain, Wallet};

permissions! {
    /// See wallets, addresses and keys, without secrets.
    WalletRead = "wallet:read";
    /// Make, import and change wallets and keys.
    WalletWrite = "wallet:write";
    /// Hand out addresses.
    WalletDerive = "wallet:derive";
    /// Export a secret, where the configuration allows it at all.
    KeyExport = "key:export";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch))
        .routes(routes!(branches))
        .routes(routes!(addresses, hand_out))
        .routes(routes!(export))
        .merge(keys::routes())
}

/// A wallet by its id or name.
async fn found(app: &App, who: &Principal, named: &str) -> Result<Domain> {
    Ok(match named.parse::<WalletId>() {
        Ok(id) => ::keys::wallet(&app.keys, who, &id).await?,
        Err(_) => ::keys::wallet_named(&app.keys, who, named).await?,
    })
}

/// The wallets of the namespace.
#[utoipa::path(get, path = "/wallets", tag = "wallets", params(Paging), responses((status = 200, body = Items<Wallet>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<WalletRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Wallet>>> {
    let page = paging.behind::<WalletId>()?;
    let wallets = ::keys::wallets(&app.keys, &who, &page).await?;
    let next = super::cursor(&page, wallets.len(), wallets.last().map(|last| last.id));
    Ok(Items::continued(wallets, next))
}

/// Make a wallet, or import one.
#[utoipa::path(post, path = "/wallets", tag = "wallets", request_body = NewWallet, responses((status = 201, body = Wallet), Problem))]
async fn create(
    State(app): State<App>,
    who: May<WalletWrite>,
    Body(new): Body<NewWallet>,
) -> Result<(StatusCode, Json<Wallet>)> {
    let wallet = ::keys::create_wallet(&app.keys, &who, new.into_command()?).await?;
    Ok((StatusCode::CREATED, Json(wallet.into())))
}

/// A wallet by its id or name.
#[utoipa::path(get, path = "/wallets/{wallet}", tag = "wallets", params(("wallet" = String, Path)), responses((status = 200, body = Wallet), Problem))]
async fn get(
    State(app): State<App>,
    who: May<WalletRead>,
    Path(named): Path<String>,
) -> Result<Json<Wallet>> {
    Ok(Json(found(&app, &who, &named).await?.into()))
}

/// Change a wallet's name or metadata.
#[utoipa::path(patch, path = "/wallets/{wallet}", tag = "wallets", params(("wallet" = String, Path)), request_body = Patch,
    responses((status = 200, body = Wallet), Problem))]
async fn patch(
    State(app): State<App>,
    who: May<WalletWrite>,
    Path(named): Path<String>,
    Body(patch): Body<Patch>,
) -> Result<Json<Wallet>> {
    let wallet = found(&app, &who, &named).await?;
    Ok(Json(
        ::keys::patch_wallet(&app.keys, &who, &wallet.id, patch.into())
            .await?
            .into(),
    ))
}

/// The public nodes from which a wallet hands out addresses.
#[utoipa::path(get, path = "/wallets/{wallet}/branches", tag = "wallets", params(("wallet" = String, Path)),
    responses((status = 200, body = Items<Branch>), Problem))]
async fn branches(
    State(app): State<App>,
    who: May<WalletWrite>,
    Path(named): Path<String>,
) -> Result<Json<Items<Branch>>> {
    let wallet = found(&app, &who, &named).await?;
    Ok(Items::of(
        ::keys::branches(&app.keys, &who, &wallet.id).await?,
    ))
}

/// The addresses that a wallet has handed out on a chain.
#[utoipa::path(get, path = "/wallets/{wallet}/addresses", tag = "wallets", params(("wallet" = String, Path), OnChain),
    responses((status = 200, body = Items<Address>), Problem))]
async fn addresses(
    State(app): State<App>,
    who: May<WalletRead>,
    Path(named): Path<String>,
    Query(on): Query<OnChain>,
) -> Result<Json<Items<Address>>> {
    let chain = access::chain_or_default(app.db(), &who, on.chain).await?;
    let page = crate::extract::behind::<u32>(crate::extract::page(on.limit, on.skip, on.after)?)?;
    let wallet = found(&app, &who, &named).await?;
    let handed = ::keys::handed_out(&app.keys, &who, &wallet.id, &chain, &page).await?;
    let next = super::cursor(&page, handed.len(), handed.last().map(|last| last.index));
    Ok(Items::continued(handed, next))
}

/// Hand out the next addresses of a wallet on a chain.
#[utoipa::path(post, path = "/wallets/{wallet}/addresses", tag = "wallets", params(("wallet" = String, Path)), request_body = Wanted,
    responses((status = 201, body = Items<Address>), Problem))]
async fn hand_out(
    State(app): State<App>,
    who: May<WalletDerive>,
    Path(named): Path<String>,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Items<Address>>)> {
    let chain = access::chain_or_default(app.db(), &who, wanted.chain).await?;
    let wallet = found(&app, &who, &named).await?;
    let handed = ::keys::addresses(&app.keys, &who, &wallet.id, &chain, wanted.count).await;
    Ok((
        StatusCode::CREATED,
        Items::of(handed.map_err(|error| crate::Error::at("count", error))?),
    ))
}

/// Export a wallet's secret. Off unless the configuration allows it; on the record.
#[utoipa::path(post, path = "/wallets/{wallet}/export", tag = "wallets", params(("wallet" = String, Path)),
    responses((status = 200, body = Secret), Problem))]
async fn export(
    State(app): State<App>,
    who: May<KeyExport>,
    Path(named): Path<String>,
) -> Result<Json<Secret>> {
    let wallet = found(&app, &who, &named).await?;
    Ok(Json(
        ::keys::export(&app.keys, &who, &wallet.id).await?.into(),
    ))
}
