//! Update, suspend, resume and delete subscriptions.

use super::create::split_header_values;
use super::rewind::version;
use crate::error::{Error, Result};
use crate::secrets::Secrets;
use crate::state::{self, Event, Rules};
use crate::streams::Streams;
use crate::subscription::{Change, Delivery, Subscription};
use crate::table::subscription::StoredSubscription;
use crate::table::{cursor, delivery, progress, subscription};
use crate::validate;
use std::collections::BTreeMap;
use store::{Fact, Tx};
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
    let before = read(streams, principal, id).await?;
    if let Some(expected) = change
        .version
        .filter(|expected| *expected != before.version)
    {
        return Err(Error::VersionConflict {
            expected,
            actual: before.version,
        });
    }
    let after = changed(streams, &before, &change)?;
    let principal = principal.clone();
    let namespace = principal.namespace;
    let retry = change.delivery.is_some();
    let write = streams.writer().write(&namespace, move |tx| {
        let row = subscription::find(tx, id)?;
        if row.version != before.version {
            return Err(Error::VersionConflict {
                expected: before.version,
                actual: row.version,
            });
        }
        if subscription::id_by_name(tx, &after.name)?.is_some_and(|other| other != id) {
            return Err(Error::NameTaken {
                name: after.name.clone(),
            });
        }
        let mut row = after.clone();
        subscription::save(tx, &mut row)?;
        if retry {
            retry_now(tx, &row)?;
        }
        tx.append(fact("subscription.updated", &row, &principal).payload(&row.view()));
        Ok(row.view())
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
    let principal = principal.clone();
    let namespace = principal.namespace;
    let write = streams.writer().write(&namespace, move |tx| {
        let mut row = subscription::find(tx, id)?;
        row.version += 1;
        delivery::delete(tx, id)?;
        cursor::delete(tx, id)?;
        progress::delete(tx, id)?;
        subscription::delete(tx, id)?;
        tx.append(fact("subscription.deleted", &row, &principal));
        Ok(())
    });
    write.await
}

async fn read(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<StoredSubscription> {
    streams
        .db
        .read(&principal.namespace, move |tx| subscription::find(tx, id))
        .await
}

/// The row after a change. Runs outside the transaction, because it encrypts secrets.
fn changed(
    streams: &Streams,
    before: &StoredSubscription,
    change: &Change,
) -> Result<StoredSubscription> {
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name.clone_from(name);
    }
    if let Some(filter) = &change.filter {
        after.settings.filter = filter.clone();
    }
    after.settings.retry = change.retry.unwrap_or(after.settings.retry);
    after.settings.on_error = change.on_error.unwrap_or(after.settings.on_error);
    match &change.delivery {
        Some(delivery) => change_delivery(streams, after, delivery.clone()),
        None => Ok(after),
    }
}

fn change_delivery(
    streams: &Streams,
    mut after: StoredSubscription,
    mut delivery: Delivery,
) -> Result<StoredSubscription> {
    let old = &after.settings.delivery;
    if old.kind() != delivery.kind() {
        return Err(Error::DeliveryTypeMismatch {
            expected: old.kind(),
        });
    }
    let mut secrets = Secrets::decrypt(&streams.keyring, after.id, &after.encrypted)?;
    if let Delivery::Webhook { headers, .. } = &mut delivery {
        keep_header_values(headers, &secrets.headers);
    }
    let (delivery, values) = split_header_values(delivery);
    secrets.headers = values;
    after.encrypted = secrets.encrypt(&streams.keyring, after.id, streams.db.entropy().as_ref())?;
    after.settings.delivery = delivery;
    Ok(after)
}

/// Fill in current header values: a caller cannot read them, so it may omit them in a change.
fn keep_header_values(
    headers: &mut Option<BTreeMap<String, String>>,
    current: &BTreeMap<String, String>,
) {
    let headers = headers.get_or_insert_with(|| current.clone());
    for (name, value) in headers.iter_mut().filter(|(_, value)| value.is_empty()) {
        *value = current.get(name).cloned().unwrap_or_default();
    }
}

async fn set_suspended(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    suspended: bool,
) -> Result<Subscription> {
    let principal = principal.clone();
    let namespace = principal.namespace;
    let write = streams.writer().write(&namespace, move |tx| {
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
        tx.append(fact(kind, &row, &principal));
        Ok(row.view())
    });
    write.await
}

/// Retry a waiting or held batch immediately.
fn retry_now(tx: &mut Tx<'_, '_>, row: &StoredSubscription) -> Result<()> {
    let mut progress = progress::find(tx, row.id)?;
    let rules = Rules {
        retry: row.settings.retry,
        on_error: row.settings.on_error,
    };
    if let Ok(step) = state::step(progress.phase, Event::Resumed, tx.now(), &rules, 0) {
        progress.phase = step.phase;
        progress::save(tx, row.id, &progress)?;
    }
    Ok(())
}

fn fact(kind: &'static str, row: &StoredSubscription, principal: &Principal) -> Fact {
    Fact::new(kind, 1)
        .subject(&row.id, version(row))
        .actor(principal)
}
