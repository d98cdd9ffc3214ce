//! Subscriptions: which events an application receives, and how they are delivered.

mod dead_letters;
mod messages;
mod secrets;
mod websocket;

use crate::routes::prelude::*;
use streams::{Change, Created, NewSubscription, Status, Subscription};
use types::SubscriptionId;

permissions! {
    /// Read subscriptions, their status and their dead letters.
    SubscriptionRead = "subscription:read";
    /// Create, change, suspend, resume, rewind and delete subscriptions.
    SubscriptionWrite = "subscription:write";
    /// Receive and acknowledge the events of a subscription.
    SubscriptionConsume = "subscription:consume";
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, patch, delete))
        .routes(routes!(status))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(rewind))
        .merge(secrets::routes())
        .merge(dead_letters::routes())
        .routes(routes!(websocket::open))
}

/// List subscriptions.
#[utoipa::path(get, path = "/subscriptions", tag = "subscriptions", params(Paging), responses((status = 200, body = Items<Subscription>), Problem))]
async fn list(
    State(app): State<App>,
    principal: Authorized<SubscriptionRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Subscription>>> {
    let page = paging.page_after_id::<SubscriptionId>()?;
    let subscriptions = streams::subscriptions(&app.streams, &principal, &page).await?;
    Ok(Items::after(&page, subscriptions, |last| last.id))
}

/// Create a subscription.
///
/// The response contains the secret that signs the webhooks. It cannot be retrieved later.
/// Idempotent with the `Idempotency-Key` header.
#[utoipa::path(post, path = "/subscriptions", tag = "subscriptions", params(IdempotencyKey), request_body = NewSubscription,
    responses((status = 201, body = Created), (status = 200, body = Created, description = "The subscription that was created earlier with this idempotency key, without its secret."), Problem))]
async fn create(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSubscription>,
) -> Result<Accepted<Created>> {
    let created = streams::subscribe(&app.streams, &principal, new, key.as_deref()).await?;
    Ok(Accepted {
        replayed: created.replayed,
        body: created,
        created_status: StatusCode::CREATED,
    })
}

/// Retrieve a subscription.
#[utoipa::path(get, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), responses((status = 200, body = Subscription), Problem))]
async fn get(
    State(app): State<App>,
    principal: Authorized<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::subscription(&app.streams, &principal, id).await?,
    ))
}

/// Update a subscription.
///
/// Fields that are absent are not changed. Events that are already queued use the new delivery; a
/// new filter applies only to events that are read from then on.
#[utoipa::path(patch, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), request_body = Change,
    responses((status = 200, body = Subscription), Problem))]
async fn patch(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(change): Body<Change>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::update(&app.streams, &principal, id, change).await?,
    ))
}

/// Delete a subscription.
///
/// Deletes its queued events and dead letters as well.
#[utoipa::path(delete, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<StatusCode> {
    streams::unsubscribe(&app.streams, &principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve the status of a subscription.
///
/// Returns how far the subscription has read, how many events are queued, why it is blocked, when
/// the next attempt is due, and what can be done.
#[utoipa::path(get, path = "/subscriptions/{id}/status", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Status), Problem))]
async fn status(
    State(app): State<App>,
    principal: Authorized<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Status>> {
    Ok(Json(streams::status(&app.streams, &principal, id).await?))
}

/// Suspend a subscription.
///
/// Nothing is read or delivered until the subscription is resumed. No event is lost.
#[utoipa::path(post, path = "/subscriptions/{id}/suspend", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Subscription), Problem))]
async fn suspend(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(streams::suspend(&app.streams, &principal, id).await?))
}

/// Resume a subscription.
///
/// Ends a suspension. A subscription that waits for its next attempt, or that is held, retries
/// immediately.
#[utoipa::path(post, path = "/subscriptions/{id}/resume", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Subscription), Problem))]
async fn resume(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(streams::resume(&app.streams, &principal, id).await?))
}

/// The position to rewind a subscription to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rewind {
    /// `oldest`, `newest`, or a comma-separated list of cursors from events.
    #[schema(value_type = String)]
    from: streams::StartAt,
}

/// Rewind a subscription.
///
/// Reads again from a position. Events after it are delivered again with the same ids.
#[utoipa::path(post, path = "/subscriptions/{id}/rewind", tag = "subscriptions", params(("id" = String, Path)), request_body = Rewind,
    responses((status = 200, body = Subscription), Problem))]
async fn rewind(
    State(app): State<App>,
    principal: Authorized<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(body): Body<Rewind>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::rewind(&app.streams, &principal, id, body.from).await?,
    ))
}
