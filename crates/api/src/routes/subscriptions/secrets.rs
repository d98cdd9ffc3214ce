//! The secrets that sign the webhooks of a subscription.

use super::view::{LiveSecret, SigningSecret};
use super::{SubscriptionRead, SubscriptionWrite};
use crate::access::May;
use crate::extract::{Body, Path, Path2};
use crate::wire::Items;
use crate::{App, Error, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use types::SubscriptionId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The longest time for which two secrets sign: thirty days.
const MAX_OVERLAP_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// A day, in which a receiver can be taught the new secret.
const OVERLAP_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, rotate))
        .routes(routes!(retire))
}

/// How a secret is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotation {
    /// For how long both secrets sign, 0 to 2,592,000,000 (thirty days); a day if nothing is said.
    #[serde(default = "a_day")]
    overlap_ms: u64,
}

fn a_day() -> u64 {
    OVERLAP_MS
}

/// The secrets that sign now, without their text.
#[utoipa::path(get, path = "/subscriptions/{id}/secrets", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Items<LiveSecret>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Items<LiveSecret>>> {
    Ok(Items::of(streams::secrets(&app.streams, &who, id).await?))
}

/// Make a second secret, shown once, in this answer. Both sign for a time; then the older one signs
/// no more.
#[utoipa::path(post, path = "/subscriptions/{id}/secrets", tag = "subscriptions", params(("id" = String, Path)), request_body = Rotation,
    responses((status = 201, body = SigningSecret), Problem))]
async fn rotate(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(rotation): Body<Rotation>,
) -> Result<(StatusCode, Json<SigningSecret>)> {
    if rotation.overlap_ms > MAX_OVERLAP_MS {
        return Err(Error::field(
            "overlapMs",
            format!("at most {MAX_OVERLAP_MS}"),
        ));
    }
    let secret = streams::rotate_secret(&app.streams, &who, id, rotation.overlap_ms).await?;
    Ok((StatusCode::CREATED, Json(secret.into())))
}

/// Let a secret sign no more, at once.
#[utoipa::path(delete, path = "/subscriptions/{id}/secrets/{secret}", tag = "subscriptions",
    params(("id" = String, Path), ("secret" = String, Path)), responses((status = 204), Problem))]
async fn retire(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path2(id, secret): Path2<SubscriptionId, String>,
) -> Result<StatusCode> {
    streams::retire_secret(&app.streams, &who, id, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
