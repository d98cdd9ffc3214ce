//! Update, suspend, resume and delete subscriptions.

use crate::error::{Error, Result};
use crate::secrets::Secrets;
use crate::sink::Delivery;
use crate::state::{self, Event};
use crate::streams::Streams;
use crate::subscription::{Change, Subscription};
use crate::table::subscription::StoredSubscription;
use crate::table::{cursor, delivery, progress, subscription};
use crate::validate;
use store::Tx;
use types::{Principal, SubscriptionId};

/// Update a subscription. Waiting events use the new delivery; the new filter applies to facts that
/// are read after the change.
///
/// Errors: `streams.invalid` with the field, `streams.unknown_subscription`, `streams.name_taken`,
/// `streams.version_conflict`, `streams.delivery_type_mismatch`.
pub async fn update(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    change: Change,
) -> Result<Subscription> {
    validate::change(&change, streams.outbound.address_policy())?;
    let before = streams.find(principal, id).await?;
    if let Some(expected) = change
        .version
        .filter(|expected| *expected != before.version)
    {
        return Err(Error::VersionConflict {
            expected,
            actual: before.version,
        });
    }
    let version = before.version;
    let retries = change.delivery.is_some();
    let after = changed(streams, before, change)?;
    let write = streams.write(principal, after, move |tx, principal, after| {
        let actual = subscription::find(tx, id)?.version;
        if actual != version {
            return Err(Error::VersionConflict {
                expected: version,
                actual,
            });
        }
        if subscription::id_by_name(tx, &after.name)?.is_some_and(|other| other != id) {
            return Err(Error::NameTaken {
                name: after.name.clone(),
            });
        }
        let mut row = after.clone();
        subscription::save(tx, &mut row)?;
        if retries {
            retry_now(tx, &row)?;
        }
        let fact = row.fact("subscription.updated", principal);
        let updated = Subscription::from(row);
        tx.append(fact.payload(&updated));
        Ok(updated)
    });
    write.await
}

/// Stop reading and sending until the subscription is resumed. Calls in flight complete. Errors:
/// `streams.unknown_subscription`.
pub async fn suspend(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    set_suspended(streams, principal, id, true).await
}

/// End a suspension, and retry a waiting or held batch immediately. Errors:
/// `streams.unknown_subscription`.
pub async fn resume(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    let resumed = set_suspended(streams, principal, id, false).await?;
    streams.notify_ready();
    Ok(resumed)
}

/// Delete a subscription with its waiting events and dead letters. Errors:
/// `streams.unknown_subscription`.
pub async fn unsubscribe(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<()> {
    let write = streams.write(principal, id, |tx, principal, &id| {
        let mut row = subscription::find(tx, id)?;
        row.version += 1;
        delivery::delete(tx, id)?;
        cursor::delete(tx, id)?;
        progress::delete(tx, id)?;
        subscription::delete(tx, id)?;
        tx.append(row.fact("subscription.deleted", principal));
        Ok(())
    });
    write.await
}

/// The row after a change. Runs outside the transaction, because it encrypts secrets.
fn changed(
    streams: &Streams,
    mut row: StoredSubscription,
    change: Change,
) -> Result<StoredSubscription> {
    let settings = &mut row.settings;
    row.name = change.name.unwrap_or(row.name);
    settings.retry = change.retry.unwrap_or(settings.retry);
    settings.on_error = change.on_error.unwrap_or(settings.on_error);
    if let Some(filter) = change.filter {
        settings.filter = filter;
    }
    match change.delivery {
        Some(delivery) => change_delivery(streams, row, delivery),
        None => Ok(row),
    }
}

fn change_delivery(
    streams: &Streams,
    mut row: StoredSubscription,
    mut delivery: Delivery,
) -> Result<StoredSubscription> {
    row.settings.delivery.check_same_type(&delivery)?;
    let mut secrets = Secrets::decrypt(&streams.keyring, row.id, &row.encrypted)?;
    delivery.keep_secrets(&secrets.values);
    secrets.values = delivery.split_secrets();
    row.encrypted = secrets.encrypt(&streams.keyring, row.id, streams.entropy())?;
    row.settings.delivery = delivery;
    Ok(row)
}

async fn set_suspended(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    suspended: bool,
) -> Result<Subscription> {
    let write = streams.write(principal, id, move |tx, principal, &id| {
        let mut row = subscription::find(tx, id)?;
        row.suspended = suspended;
        row.why = None;
        subscription::save(tx, &mut row)?;
        if !suspended {
            retry_now(tx, &row)?;
        }
        let kind = if suspended {
            "subscription.suspended"
        } else {
            "subscription.resumed"
        };
        tx.append(row.fact(kind, principal));
        Ok(row.into())
    });
    write.await
}

/// Retry a waiting or held batch immediately.
fn retry_now(tx: &mut Tx<'_, '_>, row: &StoredSubscription) -> Result<()> {
    let (mut progress, now) = (progress::find(tx, row.id)?, tx.now());
    let rules = row.settings.rules();
    if let Ok(step) = state::step(progress.phase(), Event::Resumed, now, &rules, 0) {
        progress.enter(step.phase, now);
        progress.save(tx)?;
    }
    Ok(())
}
