//! Freezes, which stop all signing of a scope.

use crate::routes::prelude::*;
use crate::shapes::deserialize_reason;
use keys::{Freeze, Scope};
use types::WalletId;

permissions! {
    /// Read freezes.
    FreezeRead = "wallet:read";
    /// Freeze and unfreeze signing.
    FreezeWrite = "wallet:freeze";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, freeze))
        .routes(routes!(unfreeze))
}

/// A scope to freeze.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFreeze {
    /// The scope: `namespace`, or a wallet's id.
    #[schema(value_type = String)]
    scope: FreezeScope,
    /// Also stop cancel transactions. Defaults to false.
    #[serde(default)]
    hard: bool,
    /// The reason for the audit trail, 1 to 500 characters.
    #[serde(deserialize_with = "deserialize_reason")]
    reason: String,
}

/// A scope that a principal of the namespace can freeze: the namespace or one of its wallets.
#[derive(Clone, Copy)]
struct FreezeScope(Scope);

impl std::str::FromStr for FreezeScope {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let expected = |_| "expected namespace, or a wallet's id".to_owned();
        if text == "namespace" {
            Ok(Self(Scope::Namespace))
        } else {
            text.parse::<WalletId>()
                .map(|id| Self(Scope::Wallet(id)))
                .map_err(expected)
        }
    }
}

impl<'de> Deserialize<'de> for FreezeScope {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// List freezes.
///
/// Returns the freezes in force that affect the namespace.
#[utoipa::path(get, path = "/freezes", tag = "wallets", responses((status = 200, body = Items<Freeze>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<FreezeRead>,
) -> Result<Json<Items<Freeze>>> {
    Ok(Items::page(keys::freezes(&app.keys, &principal).await?))
}

/// Freeze signing.
///
/// Once this request returns, no key of the scope signs anything, except cancel transactions unless
/// `hard` is set.
#[utoipa::path(post, path = "/freezes", tag = "wallets", request_body = NewFreeze, responses((status = 204), Problem))]
async fn freeze(
    State(app): State<App>,
    principal: Authorized<FreezeWrite>,
    Body(new): Body<NewFreeze>,
) -> Result<StatusCode> {
    keys::freeze(&app.keys, &principal, new.scope.0, new.hard, &new.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The reason for lifting a freeze.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UnfreezeQuery {
    /// The reason for the audit trail, 1 to 500 characters.
    reason: String,
}

/// Lift a freeze.
///
/// Keys of the scope can sign again.
#[utoipa::path(delete, path = "/freezes/{scope}", tag = "wallets", params(("scope" = String, Path), UnfreezeQuery), responses((status = 204), Problem))]
async fn unfreeze(
    State(app): State<App>,
    principal: Authorized<FreezeWrite>,
    Path(scope): Path<FreezeScope>,
    Query(query): Query<UnfreezeQuery>,
) -> Result<StatusCode> {
    keys::unfreeze(&app.keys, &principal, scope.0, &query.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
