//! Subscriptions: which events an application wants to be told, and how.

mod dead;
mod new;
mod secrets;
mod socket;
mod talk;
mod view;

use crate::access::May;
use crate::extract::{Body, IdempotencyKey, Paging, Path, Query};
use crate::wire::{Accepted, Items};
use crate::{App, Problem, Result, permissions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use new::{NewSubscription, SubscriptionChange, named};
use serde::Deserialize;
use types::SubscriptionId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::{CreatedSubscription, Subscription, SubscriptionStatus};

permissions! {
    /// See subscriptions, how they go, and their dead letters.
    SubscriptionRead = "subscription:read";
    /// Make, change and steer subscriptions.
    SubscriptionWrite = "subscription:write";
    /// Fetch and acknowledge the events of a subscription.
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
        .merge(dead::routes())
        .routes(routes!(socket::open))
}

/// The subscriptions of the namespace.
#[utoipa::path(get, path = "/subscriptions", tag = "subscriptions", params(Paging), responses((status = 200, body = Items<Subscription>), Problem))]
async fn list(
    State(app): State<App>,
    who: May<SubscriptionRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<Items<Subscription>>> {
    let page = paging.behind::<types::SubscriptionId>()?;
    let found = streams::subscriptions(&app.streams, &who, &page).await?;
    let next = crate::routes::cursor(&page, found.len(), found.last().map(|last| last.id));
    Ok(Items::continued(found, next))
}

/// Make a subscription. The secret that signs its webhooks is shown once, in this answer.
/// Idempotent by the `Idempotency-Key` header.
#[utoipa::path(post, path = "/subscriptions", tag = "subscriptions", params(IdempotencyKey), request_body = NewSubscription,
    responses((status = 201, body = CreatedSubscription), (status = 200, body = CreatedSubscription, description = "Its key had made it before."), Problem))]
async fn create(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSubscription>,
) -> Result<Accepted<CreatedSubscription>> {
    let made = streams::subscribe(&app.streams, &who, new.into(), key.as_deref())
        .await
        .map_err(named)?;
    let replayed = made.replayed;
    Ok(Accepted {
        body: made.into(),
        replayed,
        fresh: StatusCode::CREATED,
    })
}

/// A subscription.
#[utoipa::path(get, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), responses((status = 200, body = Subscription), Problem))]
async fn get(
    State(app): State<App>,
    who: May<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::subscription(&app.streams, &who, id).await?.into(),
    ))
}

/// Change what is given. Events that wait go by the new delivery; the new filter is for what is
/// read from now on.
#[utoipa::path(patch, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), request_body = SubscriptionChange,
    responses((status = 200, body = Subscription), Problem))]
async fn patch(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(change): Body<SubscriptionChange>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::update(&app.streams, &who, id, change.into())
            .await
            .map_err(named)?
            .into(),
    ))
}

/// Delete a subscription with all that waits for it, and its dead letters.
#[utoipa::path(delete, path = "/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)), responses((status = 204), Problem))]
async fn delete(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<StatusCode> {
    streams::unsubscribe(&app.streams, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a subscription goes: how far it has read, what waits, why, when it is tried again, what can
/// be done.
#[utoipa::path(get, path = "/subscriptions/{id}/status", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = SubscriptionStatus), Problem))]
async fn status(
    State(app): State<App>,
    who: May<SubscriptionRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<SubscriptionStatus>> {
    Ok(Json(streams::status(&app.streams, &who, id).await?.into()))
}

/// Read and send nothing until it is resumed. Nothing is lost.
#[utoipa::path(post, path = "/subscriptions/{id}/suspend", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Subscription), Problem))]
async fn suspend(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(streams::suspend(&app.streams, &who, id).await?.into()))
}

/// Go on: after a suspension, or at once with what waits for its next attempt or holds.
#[utoipa::path(post, path = "/subscriptions/{id}/resume", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = Subscription), Problem))]
async fn resume(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<Subscription>> {
    Ok(Json(streams::resume(&app.streams, &who, id).await?.into()))
}

/// A place to read again from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rewind {
    /// `oldest`, `newest`, or cursors as events carry them, parted by commas.
    #[schema(value_type = String)]
    from: streams::From,
}

/// Read again from a place. What was delivered behind it comes again, with the same ids.
#[utoipa::path(post, path = "/subscriptions/{id}/rewind", tag = "subscriptions", params(("id" = String, Path)), request_body = Rewind,
    responses((status = 200, body = Subscription), Problem))]
async fn rewind(
    State(app): State<App>,
    who: May<SubscriptionWrite>,
    Path(id): Path<SubscriptionId>,
    Body(to): Body<Rewind>,
) -> Result<Json<Subscription>> {
    Ok(Json(
        streams::rewind(&app.streams, &who, id, to.from)
            .await?
            .into(),
    ))
}
