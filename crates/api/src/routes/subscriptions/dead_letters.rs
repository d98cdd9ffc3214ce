//! Dead letters: events that could not be delivered.

use super::{SubscriptionRead, SubscriptionWrite};
use crate::routes::prelude::*;
use streams::{DeadLetter, DeadLetterSelection};
use types::SubscriptionId;

/// The largest number of dead letters that one request can name.
const MAX_SEQUENCES: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// List the dead letters of a subscription.
///
/// Oldest first.
#[utoipa::path(get, path = "/subscriptions/{id}/dead-letters", tag = "subscriptions", params(("id" = String, Path), Paging),
    responses((status = 200, body = Items<DeadLetter>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<DeadLetter>>> {
    let page = paging.page()?;
    let letters = streams::dead_letters(&app.streams, &principal, id, &page).await?;
    Ok(Items::after(&page, letters, |letter| letter.sequence))
}

/// The dead letters to retry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryDeadLetters {
    /// The sequence numbers of 1 to 1,000 dead letters. Defaults to the oldest 1,000.
    #[serde(default)]
    sequences: Option<Vec<i64>>,
}

impl RetryDeadLetters {
    fn into_command(self) -> Result<DeadLetterSelection> {
        match self.sequences {
            None => Ok(DeadLetterSelection::All),
            Some(sequences) if (1..=MAX_SEQUENCES).contains(&sequences.len()) => {
                Ok(DeadLetterSelection::Sequences(sequences))
            }
            Some(_) => Err(Error::field(
                "sequences",
                format!("expected 1 to {MAX_SEQUENCES} sequence numbers"),
            )),
        }
    }
}

/// The number of dead letters that are retried.
#[derive(Serialize, ToSchema)]
struct Retried {
    retried: u64,
}

/// Retry dead letters.
///
/// Queues dead letters behind all waiting events, with the same ids, new sequence numbers and the
/// full number of attempts.
#[utoipa::path(post, path = "/subscriptions/{id}/dead-letters/retry", tag = "subscriptions", params(("id" = String, Path)),
    request_body = RetryDeadLetters, responses((status = 200, body = Retried), Problem))]
async fn retry(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(body): Body<RetryDeadLetters>,
) -> Result<Json<Retried>> {
    let retried =
        streams::retry_dead_letters(&app.streams, &principal, id, body.into_command()?).await?;
    Ok(Json(Retried { retried }))
}

/// An event to discard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SkipEvent {
    /// The sequence number of the event in the subscription.
    sequence: i64,
}

/// Discard an event.
///
/// Discards a dead letter, or the event that a held subscription stopped at; the subscription then
/// resumes.
#[utoipa::path(post, path = "/subscriptions/{id}/skip", tag = "subscriptions", params(("id" = String, Path)), request_body = SkipEvent,
    responses((status = 204), Problem))]
async fn skip(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(body): Body<SkipEvent>,
) -> Result<StatusCode> {
    streams::skip_event(&app.streams, &principal, id, body.sequence).await?;
    Ok(StatusCode::NO_CONTENT)
}
