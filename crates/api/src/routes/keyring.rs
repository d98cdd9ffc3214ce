//! The keyring: the data keys that encrypt every secret. It belongs to the installation, so only
//! its operators have access.

use crate::access::Authorized;
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
    /// Read the data keys and the progress of a rotation.
    KeyringRead = "keyring:read";
    /// Rotate the data key.
    KeyringRotate = "keyring:rotate";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(current))
        .routes(routes!(rotate))
}

/// The data keys of the installation. Key material is never returned.
#[derive(Serialize, ToSchema)]
struct Keyring {
    /// The version of the data key that encrypts now.
    version: u32,
    /// All data keys, oldest first.
    keys: Vec<DataKey>,
    /// The current rotation, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
}

/// A data key.
#[derive(Serialize, ToSchema)]
struct DataKey {
    version: u32,
    created: Time,
    /// When the key was retired, after the last secret under it was re-encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired: Option<Time>,
}

/// A rotation of the data key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    /// The version of the data key that the rotation introduced.
    version: u32,
    /// `reencrypting`, `done`, or `broken` if some secrets could not be decrypted.
    #[schema(value_type = String)]
    state: RotationState,
    /// The number of secrets to re-encrypt. Absent until they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// The number of secrets re-encrypted so far.
    reencrypted: u64,
    /// The number of secrets that could not be decrypted. They are left unchanged.
    broken: u64,
    /// The secrets that are re-encrypted next: `wallets`, `policy`, `subscriptions` or `tasks`.
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    started_by: String,
    started: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
}

impl From<keys::Rotation> for Rotation {
    fn from(rotation: keys::Rotation) -> Self {
        Self {
            version: rotation.version,
            state: rotation.state,
            total: rotation.total,
            reencrypted: rotation.reencrypted,
            broken: rotation.broken,
            target: rotation.target,
            started_by: rotation.begun_by,
            started: rotation.begun,
            ended: rotation.ended,
        }
    }
}

impl From<KeyringInfo> for Keyring {
    fn from(info: KeyringInfo) -> Self {
        let key = |key: store::secrets::DataKeyInfo| DataKey {
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

/// Retrieve the keyring.
///
/// Returns the versions of the data key and the progress of a rotation. Requires a key of the
/// operators' namespace.
#[utoipa::path(get, path = "/keyring", tag = "keyring", responses((status = 200, body = Keyring), Problem))]
async fn current(
    State(app): State<App>,
    principal: Authorized<KeyringRead>,
) -> Result<Json<Keyring>> {
    require_operators(&app, &principal)?;
    Ok(Json(keys::keyring(&app.keys).await?.into()))
}

/// Rotate the data key.
///
/// Introduces a new data key and re-encrypts every secret under it in the background. While a
/// rotation is in progress, returns that rotation. Requires a key of the operators' namespace.
#[utoipa::path(post, path = "/keyring/rotate", tag = "keyring", responses((status = 202, body = Rotation), Problem))]
async fn rotate(
    State(app): State<App>,
    principal: Authorized<KeyringRotate>,
) -> Result<(StatusCode, Json<Rotation>)> {
    require_operators(&app, &principal)?;
    Ok((
        StatusCode::ACCEPTED,
        Json(keys::rotate(&app.keys, &principal).await?.into()),
    ))
}

fn require_operators(app: &App, principal: &Principal) -> Result<()> {
    if principal.namespace == app.operators_namespace {
        Ok(())
    } else {
        Err(Error::OperatorsOnly)
    }
}
