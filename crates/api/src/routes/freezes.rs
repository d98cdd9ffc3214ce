//! Freezes: signing stopped by one call. And permits, taken back.

use crate::access::May;
use crate::extract::{Body, Path, Query};
use crate::wire::{Items, Reason, spoken};
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keys::Scope;
use serde::{Deserialize, Serialize};
use types::{PermitId, Time, WalletId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// See what is frozen.
    FreezeRead = "wallet:read";
    /// Freeze, let go on, take back permits.
    FreezeWrite = "wallet:freeze";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, freeze))
        .routes(routes!(unfreeze))
        .routes(routes!(revoke))
}

/// A freeze in force.
#[derive(Serialize, ToSchema)]
struct Freeze {
    /// `namespace`, `installation`, or a wallet's id.
    scope: String,
    /// Whether cancels are stopped, too.
    hard: bool,
    reason: String,
    by: String,
    since: Time,
}

impl From<keys::Freeze> for Freeze {
    fn from(freeze: keys::Freeze) -> Self {
        let scope = match freeze.scope {
            Scope::Wallet(id) => id.to_string(),
            Scope::Namespace => "namespace".to_owned(),
            Scope::Installation => "installation".to_owned(),
        };
        Self {
            scope,
            hard: freeze.hard,
            reason: freeze.reason,
            by: freeze.by,
            since: freeze.since,
        }
    }
}

/// What is to be frozen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFreeze {
    /// `namespace`, or a wallet's id.
    #[schema(value_type = String)]
    scope: Frozen,
    /// Stop cancels, too.
    #[serde(default)]
    hard: bool,
    /// Why, for the record: 1 to 500 characters.
    #[serde(deserialize_with = "spoken")]
    reason: String,
}

/// A scope that people of a namespace can freeze.
#[derive(Clone, Copy)]
struct Frozen(Scope);

impl std::str::FromStr for Frozen {
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

impl<'de> Deserialize<'de> for Frozen {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What is frozen in the namespace.
#[utoipa::path(get, path = "/freezes", tag = "wallets", responses((status = 200, body = Items<Freeze>), Problem))]
async fn list(State(app): State<App>, who: May<FreezeRead>) -> Result<Json<Items<Freeze>>> {
    Ok(Items::of(keys::freezes(&app.keys, &who).await?))
}

/// Stop all signing of a scope. Once this is answered, nothing is signed there any more.
#[utoipa::path(post, path = "/freezes", tag = "wallets", request_body = NewFreeze, responses((status = 204), Problem))]
async fn freeze(
    State(app): State<App>,
    who: May<FreezeWrite>,
    Body(new): Body<NewFreeze>,
) -> Result<StatusCode> {
    keys::freeze(&app.keys, &who, new.scope.0, new.hard, &new.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why signing may go on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Because {
    /// For the record, 1 to 500 characters.
    reason: String,
}

/// Allow signing again.
#[utoipa::path(delete, path = "/freezes/{scope}", tag = "wallets", params(("scope" = String, Path), Because), responses((status = 204), Problem))]
async fn unfreeze(
    State(app): State<App>,
    who: May<FreezeWrite>,
    Path(scope): Path<Frozen>,
    Query(because): Query<Because>,
) -> Result<StatusCode> {
    keys::unfreeze(&app.keys, &who, scope.0, &because.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a permit was taken back by this call.
#[derive(Serialize, ToSchema)]
struct Revoked {
    /// False if it had been before.
    revoked: bool,
}

/// Take a permit back: it allows no signature any more.
#[utoipa::path(post, path = "/permits/{id}/revoke", tag = "wallets", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = Revoked), Problem))]
async fn revoke(
    State(app): State<App>,
    who: May<FreezeWrite>,
    Path(id): Path<PermitId>,
    Body(why): Body<Reason>,
) -> Result<Json<Revoked>> {
    Ok(Json(Revoked {
        revoked: keys::revoke(&app.keys, &who, &id, &why.reason).await?,
    }))
}
