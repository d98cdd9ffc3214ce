//! The keyring: the data keys that encrypt every secret. It belongs to the installation, so only
//! its operators have access.

use crate::routes::prelude::*;
use secrets::{KeyringInfo, Rotation};
use types::Time;

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

impl From<KeyringInfo> for Keyring {
    fn from(info: KeyringInfo) -> Self {
        let key = |key: secrets::DataKeyInfo| DataKey {
            version: key.version,
            created: key.created,
            retired: key.retired,
        };
        let keys = info.keys.into_iter().map(key).collect();
        Self {
            version: info.version,
            keys,
            rotation: info.rotation,
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
    app.require_operators(&principal)?;
    Ok(Json(secrets::keyring(&app.secrets).await?.into()))
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
    app.require_operators(&principal)?;
    Ok((
        StatusCode::ACCEPTED,
        Json(secrets::rotate(&app.secrets, &principal).await?),
    ))
}
