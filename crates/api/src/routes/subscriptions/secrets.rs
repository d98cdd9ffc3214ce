//! The signing secrets of a subscription's webhooks.

use super::{SubscriptionRead, SubscriptionWrite};
use crate::routes::prelude::*;
use streams::{NewSecret, SecretInfo};
use types::SubscriptionId;

/// The longest time for which two secrets are active: thirty days.
const MAX_OVERLAP_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// One day: enough time to deploy the new secret to a receiver.
const DEFAULT_OVERLAP_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, rotate))
        .routes(routes!(retire))
}

/// How to rotate a signing secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretRotation {
    /// How long both secrets sign, in milliseconds: 0 to 2,592,000,000 (thirty days). Defaults to
    /// one day.
    #[serde(default = "default_overlap")]
    overlap_ms: u64,
}

fn default_overlap() -> u64 {
    DEFAULT_OVERLAP_MS
}

/// List the active signing secrets of a subscription.
///
/// Returns their ids, not their values.
#[utoipa::path(get, path = "/subscriptions/{id}/secrets", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Items<SecretInfo>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Items<SecretInfo>>> {
    Ok(Items::page(
        streams::secrets(&app.streams, &principal, id).await?,
    ))
}

/// Rotate the signing secret of a subscription.
///
/// The response contains the new secret. It cannot be retrieved later. Both secrets sign until the
/// overlap ends; then the older one expires.
#[utoipa::path(post, path = "/subscriptions/{id}/secrets", tag = "subscriptions", params(("id" = String, Path)), request_body = SecretRotation,
    responses((status = 201, body = NewSecret), Problem))]
async fn rotate(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(rotation): Body<SecretRotation>,
) -> Result<(StatusCode, Json<NewSecret>)> {
    if rotation.overlap_ms > MAX_OVERLAP_MS {
        return Err(Error::field(
            "overlapMs",
            format!("at most {MAX_OVERLAP_MS}"),
        ));
    }
    let secret = streams::rotate_secret(&app.streams, &principal, id, rotation.overlap_ms).await?;
    Ok((StatusCode::CREATED, Json(secret)))
}

/// Retire a signing secret of a subscription.
///
/// The secret stops signing immediately. The last secret cannot be retired.
#[utoipa::path(delete, path = "/subscriptions/{id}/secrets/{secret}", tag = "subscriptions",
    params(("id" = String, Path), ("secret" = String, Path)), responses((status = 204), Problem))]
async fn retire(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path2(id, secret): Path2<SubscriptionId, String>,
) -> Result<StatusCode> {
    streams::retire_secret(&app.streams, &principal, id, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
