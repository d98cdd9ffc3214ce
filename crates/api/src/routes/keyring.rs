//! The data keys under which all secrets are sealed. They are the installation's, so they are for
//! its operators.

use crate::access::May;
use crate::{App, Error, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keys::{KeyringInfo, RotationState};
use serde::Serialize;
use types::{Principal, Time};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

permissions! {
    /// See the data keys, and how far a rotation is.
    KeyringRead = "keyring:read";
    /// Begin a new data key.
    KeyringRotate = "keyring:rotate";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(current))
        .routes(routes!(rotate))
}

/// The data keys. Nothing of a key itself is shown anywhere.
#[derive(Serialize, ToSchema)]
struct Keyring {
    /// The data key that seals now.
    version: u32,
    /// Every data key, oldest first.
    keys: Vec<DataKey>,
    /// The last rotation, or the one under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
}

/// A data key.
#[derive(Serialize, ToSchema)]
struct DataKey {
    version: u32,
    created: Time,
    /// Since when nothing is under it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired: Option<Time>,
}

/// A rotation of the data key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    /// The data key that it began.
    version: u32,
    /// `sealing`, `done`, or `broken`: all is sealed anew but what does not open.
    #[schema(value_type = String)]
    state: RotationState,
    /// Secrets that were to be sealed anew; absent before they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Secrets sealed anew so far.
    resealed: u64,
    /// Secrets that do not open, and stay as they are.
    broken: u64,
    /// Whose secrets are next: `wallets`, `policy`, `subscriptions`, `tasks`.
    #[serde(skip_serializing_if = "String::is_empty")]
    keeper: String,
    begun_by: String,
    begun: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
}

impl From<keys::Rotation> for Rotation {
    fn from(rotation: keys::Rotation) -> Self {
        let keys::Rotation {
            version,
            state,
            total,
            resealed,
            broken,
            keeper,
            begun_by,
            begun,
            ended,
            ..
        } = rotation;
        Self {
            version,
            state,
            total,
            resealed,
            broken,
            keeper,
            begun_by,
            begun,
            ended,
        }
    }
}

impl From<KeyringInfo> for Keyring {
    fn from(info: KeyringInfo) -> Self {
        let key = |key: store::secret::KeyInfo| DataKey {
            version: key.version,
            created: key.created,
            retired: key.retired,
        };
        let keys = info.keys.into_iter().map(key).collect();
        Self {
            version: info.version,
            keys,
            rotation: info.rotation.map(Rotation::from),
        }
    }
}

/// The data keys, and how far a rotation is.
#[utoipa::path(get, path = "/keyring", tag = "keyring", responses((status = 200, body = Keyring), Problem))]
async fn current(State(app): State<App>, who: May<KeyringRead>) -> Result<Json<Keyring>> {
    operators(&app, &who)?;
    Ok(Json(keys::keyring(&app.keys).await?.into()))
}

/// Begin a new data key, under which everything is sealed anew; or look at the rotation under way.
#[utoipa::path(post, path = "/keyring/rotate", tag = "keyring", responses((status = 202, body = Rotation), Problem))]
async fn rotate(
    State(app): State<App>,
    who: May<KeyringRotate>,
) -> Result<(StatusCode, Json<Rotation>)> {
    operators(&app, &who)?;
    Ok((
        StatusCode::ACCEPTED,
        Json(keys::rotate(&app.keys, &who).await?.into()),
    ))
}

fn operators(app: &App, who: &Principal) -> Result<()> {
    if who.namespace == app.operators {
        Ok(())
    } else {
        Err(Error::Operators)
    }
}
