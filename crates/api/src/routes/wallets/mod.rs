//! Wallets, their addresses and their keys.

mod keys;
mod new;

use crate::access;
use crate::routes::prelude::*;
use ::keys::{Branch, Exported, KeyAddress, Patch, Wallet};
use new::{AddressQuery, IssueAddresses, NewWallet};
use types::{Principal, WalletId};

permissions! {
    /// Read wallets, addresses and keys, without secrets.
    WalletRead = "wallet:read";
    /// Create, import and update wallets and keys.
    WalletWrite = "wallet:write";
    /// Issue addresses.
    WalletDerive = "wallet:derive";
    /// Export secrets, if the configuration allows it.
    KeyExport = "key:export";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch))
        .routes(routes!(branches))
        .routes(routes!(addresses, issue_addresses))
        .routes(routes!(export))
        .merge(keys::routes())
}

/// The wallet with an id or name. Error: `keys.unknown_wallet`.
async fn find_wallet(app: &App, principal: &Principal, name_or_id: &str) -> Result<Wallet> {
    Ok(::keys::wallet(&app.keys, principal, name_or_id).await?)
}

/// List wallets.
#[utoipa::path(get, path = "/wallets", tag = "wallets", params(Paging), responses((status = 200, body = Items<Wallet>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<WalletRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Wallet>>> {
    let page = paging.page_after_id::<WalletId>()?;
    let wallets = ::keys::wallets(&app.keys, &principal, &page).await?;
    Ok(Items::after(&page, wallets, |wallet| wallet.id))
}

/// Create or import a wallet.
///
/// Generates a new secret, unless `secret` imports a mnemonic or a private key.
#[utoipa::path(post, path = "/wallets", tag = "wallets", request_body = NewWallet, responses((status = 201, body = Wallet), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<WalletWrite>,
    Body(new): Body<NewWallet>,
) -> Result<(StatusCode, Json<Wallet>)> {
    let wallet = ::keys::create_wallet(&app.keys, &principal, new.into_command()?).await?;
    Ok((StatusCode::CREATED, Json(wallet)))
}

/// Retrieve a wallet by id or name.
#[utoipa::path(get, path = "/wallets/{wallet}", tag = "wallets", params(("wallet" = String, Path)), responses((status = 200, body = Wallet), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<WalletRead>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Wallet>> {
    Ok(Json(find_wallet(&app, &principal, &name_or_id).await?))
}

/// Update a wallet.
///
/// Changes its name or metadata. Fields that are absent are not changed.
#[utoipa::path(patch, path = "/wallets/{wallet}", tag = "wallets", params(("wallet" = String, Path)), request_body = Patch,
    responses((status = 200, body = Wallet), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<WalletWrite>,
    Path(name_or_id): Path<String>,
    Body(patch): Body<Patch>,
) -> Result<Json<Wallet>> {
    let patched = ::keys::patch_wallet(&app.keys, &principal, &name_or_id, patch).await?;
    Ok(Json(patched))
}

/// List the branches of a wallet.
///
/// A branch is an extended public key from which the wallet's addresses are derived.
#[utoipa::path(get, path = "/wallets/{wallet}/branches", tag = "wallets", params(("wallet" = String, Path)),
    responses((status = 200, body = Items<Branch>), Problem))]
async fn branches(
    State(app): State<App>,
    principal: Authorized<WalletWrite>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Items<Branch>>> {
    let wallet = find_wallet(&app, &principal, &name_or_id).await?;
    Ok(Items::page(
        ::keys::branches(&app.keys, &principal, &wallet.id).await?,
    ))
}

/// List the addresses issued by a wallet on a chain.
#[utoipa::path(get, path = "/wallets/{wallet}/addresses", tag = "wallets", params(("wallet" = String, Path), AddressQuery),
    responses((status = 200, body = Items<KeyAddress>), Problem))]
async fn addresses(
    State(app): State<App>,
    principal: Authorized<WalletRead>,
    Path(name_or_id): Path<String>,
    Query(query): Query<AddressQuery>,
) -> Result<Json<Items<KeyAddress>>> {
    let chain = access::chain_or_default(app.db(), &principal, query.chain).await?;
    let page = crate::extract::check_cursor::<u32>(crate::extract::page(
        query.limit,
        query.skip,
        query.after,
    )?)?;
    let wallet = find_wallet(&app, &principal, &name_or_id).await?;
    let addresses =
        ::keys::issued_addresses(&app.keys, &principal, &wallet.id, &chain, &page).await?;
    Ok(Items::after(&page, addresses, |address| address.index))
}

/// Issue addresses.
///
/// Derives the next addresses of the wallet on a chain.
#[utoipa::path(post, path = "/wallets/{wallet}/addresses", tag = "wallets", params(("wallet" = String, Path)), request_body = IssueAddresses,
    responses((status = 201, body = Items<KeyAddress>), Problem))]
async fn issue_addresses(
    State(app): State<App>,
    principal: Authorized<WalletDerive>,
    Path(name_or_id): Path<String>,
    Body(request): Body<IssueAddresses>,
) -> Result<(StatusCode, Json<Items<KeyAddress>>)> {
    let chain = access::chain_or_default(app.db(), &principal, request.chain).await?;
    let wallet = find_wallet(&app, &principal, &name_or_id).await?;
    let addresses =
        ::keys::addresses(&app.keys, &principal, &wallet.id, &chain, request.count).await;
    Ok((
        StatusCode::CREATED,
        Items::page(addresses.map_err(|error| crate::Error::at("count", error))?),
    ))
}

/// Export the secret of a wallet.
///
/// Disabled unless the configuration allows it. Every export is recorded in the audit trail.
#[utoipa::path(post, path = "/wallets/{wallet}/export", tag = "wallets", params(("wallet" = String, Path)),
    responses((status = 200, body = Exported), Problem))]
async fn export(
    State(app): State<App>,
    principal: Authorized<KeyExport>,
    Path(name_or_id): Path<String>,
) -> Result<Json<Exported>> {
    let wallet = find_wallet(&app, &principal, &name_or_id).await?;
    let exported = ::keys::export(&app.keys, &principal, &wallet.id).await?;
    Ok(Json(exported))
}
