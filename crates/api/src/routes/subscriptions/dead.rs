//! Events that never arrived.

use super::{SubscriptionRead, SubscriptionWrite};
use crate::access::May;
use crate::extract::{Body, Paging, Path, Query};
use crate::wire::Items;
use crate::{App, Error, Problem, Result};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use streams::Letters;
use types::{SubscriptionId, Time};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Dead letters that one call can name.
const MAX_NAMED: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// An event that never arrived, with its bytes.
#[derive(Serialize, ToSchema)]
struct DeadLetter {
    /// Its place in the subscription.
    sequence: i64,
    /// The event's id.
    id: String,
    /// The event's type.
    #[serde(rename = "type")]
    kind: String,
    /// The event as it would have been delivered.
    event: Option<types::Json>,
    /// When it was given up.
    at: Time,
    /// What the last attempt came to.
    error: Option<String>,
}

impl From<streams::DeadLetter> for DeadLetter {
    fn from(letter: streams::DeadLetter) -> Self {
        let streams::DeadLetter {
            sequence,
            id,
            kind,
            event,
            at,
            error,
        } = letter;
        Self {
            sequence,
            id,
            kind,
            event,
            at,
            error,
        }
    }
}

/// Dead letters, oldest first.
#[utoipa::path(get, path = "/subscriptions/{id}/dead-letters", tag = "subscriptions", params(("id" = String, Path), Paging),
    responses((status = 200, body = Items<DeadLetter>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<DeadLetter>>> {
    let page = paging.page()?;
    let letters = streams::dead_letters(&app.streams, &who, id, &page).await?;
    let next = crate::routes::cursor(
        &page,
        letters.len(),
        letters.last().map(|last| last.sequence),
    );
    Ok(Items::continued(letters, next))
}

/// Which dead letters go again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryLetters {
    /// By sequence, 1 to 1,000 of them; the oldest thousand if this is left out.
    #[serde(default)]
    sequences: Option<Vec<i64>>,
}

impl RetryLetters {
    fn into_command(self) -> Result<Letters> {
        match self.sequences {
            None => Ok(Letters::All),
            Some(these) if (1..=MAX_NAMED).contains(&these.len()) => Ok(Letters::These(these)),
            Some(_) => Err(Error::field(
                "sequences",
                format!("1 to {MAX_NAMED} of them"),
            )),
        }
    }
}

/// How many dead letters go again.
#[derive(Serialize, ToSchema)]
struct Retried {
    retried: u64,
}

/// Put dead letters back, behind all that waits: the same ids, new sequences, all their attempts.
#[utoipa::path(post, path = "/subscriptions/{id}/dead-letters/retry", tag = "subscriptions", params(("id" = String, Path)),
    request_body = RetryLetters, responses((status = 200, body = Retried), Problem))]
async fn retry(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(which): Body<RetryLetters>,
) -> Result<Json<Retried>> {
    let retried = streams::retry_dead(&app.streams, &who, id, which.into_command()?).await?;
    Ok(Json(Retried { retried }))
}

/// An event that is to be given up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Skip {
    /// Its place in the subscription.
    sequence: i64,
}

/// Give an event up for good: a dead letter, or the one that the subscription holds at, which then
/// goes on.
#[utoipa::path(post, path = "/subscriptions/{id}/skip", tag = "subscriptions", params(("id" = String, Path)), request_body = Skip,
    responses((status = 204), Problem))]
async fn skip(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(which): Body<Skip>,
) -> Result<StatusCode> {
    streams::skip(&app.streams, &who, id, which.sequence).await?;
    Ok(StatusCode::NO_CONTENT)
}
