//! Change, suspend, resume, delete.

use super::create::without_values;
use super::rewind::version;
use crate::error::{Error, Result};
use crate::secrets::Secrets;
use crate::state::{self, Event, Rules};
use crate::streams::Streams;
use crate::subscription::{Change, Delivery, Subscription};
use crate::table::subscription::Stored;
use crate::table::{cursor, delivery, progress, subscription};
use crate::validate;
use std::collections::BTreeMap;
use store::{Fact, Tx};
use types::{Principal, SubscriptionId};

/// Change a subscription. Events that wait go by the new delivery; the new filter is for what is
/// read from now on.
///
/// Errors: `streams.invalid` naming the field, `streams.unknown_subscription`,
/// `streams.name_taken`, `streams.stale`, `streams.kind`.
pub async fn update(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    change: Change,
) -> Result<Subscription> {
    validate::change(&change, streams.outbound.guard())?;
    let before = read(streams, who, id).await?;
    if let Some(expected) = change
        .version
        .filter(|expected| *expected != before.version)
    {
        return Err(Error::Stale {
            expected,
            found: before.version,
        });
    }
    let after = changed(streams, &before, &change)?;
    let who = who.clone();
    let namespace = who.namespace.clone();
    let repaired = change.delivery.is_some();
    let write = streams.writer().write(&namespace, move |tx| {
        let found = subscription::find(tx, id)?;
        if found.version != before.version {
            return Err(Error::Stale {
                expected: before.version,
                found: found.version,
            });
        }
        if subscription::named(tx, &after.name)?.is_some_and(|other| other != id) {
            return Err(Error::NameTaken {
                name: after.name.clone(),
            });
        }
        let mut row = after.clone();
        subscription::save(tx, &mut row)?;
        if repaired {
            push(tx, &row)?;
        }
        tx.append(told("subscription.updated", &row, &who).says(&row.shown()));
        Ok(row.shown())
    });
    write.await
}

/// Read and send nothing until it is resumed. What is under way ends as it ends. Errors:
/// `streams.unknown_subscription`.
pub async fn suspend(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    set_suspended(streams, who, id, true).await
}

/// Go on: after a suspension, or at once with what waits for its next attempt or holds. Errors:
/// `streams.unknown_subscription`.
pub async fn resume(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    let resumed = set_suspended(streams, who, id, false).await?;
    streams.announce();
    Ok(resumed)
}

/// Delete a subscription with all that waits for it, and its dead letters. Errors:
/// `streams.unknown_subscription`.
pub async fn unsubscribe(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<()> {
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write(&namespace, move |tx| {
        let mut row = subscription::find(tx, id)?;
        row.version += 1;
        delivery::delete(tx, id)?;
        cursor::delete(tx, id)?;
        progress::delete(tx, id)?;
        subscription::delete(tx, id)?;
        tx.append(told("subscription.deleted", &row, &who));
        Ok(())
    });
    write.await
}

async fn read(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Stored> {
    streams
        .db
        .read(&who.namespace, move |tx| subscription::find(tx, id))
        .await
}

/// The row after a change: outside the transaction, since secrets are sealed anew.
fn changed(streams: &Streams, before: &Stored, change: &Change) -> Result<Stored> {
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
        Some(delivery) => redeliver(streams, after, delivery.clone()),
        None => Ok(after),
    }
}

fn redeliver(streams: &Streams, mut after: Stored, mut delivery: Delivery) -> Result<Stored> {
    let old = &after.settings.delivery;
    if old.kind() != delivery.kind() {
        return Err(Error::Kind {
            expected: old.kind(),
        });
    }
    let mut secrets = Secrets::open(&streams.keyring, after.id, &after.sealed)?;
    if let Delivery::Webhook { headers, .. } = &mut delivery {
        keep(headers, &secrets.headers);
    }
    let (shown, values) = without_values(delivery);
    secrets.headers = values;
    after.sealed = secrets.seal(&streams.keyring, after.id, streams.db.entropy().as_ref())?;
    after.settings.delivery = shown;
    Ok(after)
}

/// Values cannot be read, so whoever changes something else can leave them out.
fn keep(headers: &mut Option<BTreeMap<String, String>>, known: &BTreeMap<String, String>) {
    let headers = headers.get_or_insert_with(|| known.clone());
    for (name, value) in headers.iter_mut().filter(|(_, value)| value.is_empty()) {
        *value = known.get(name).cloned().unwrap_or_default();
    }
}

async fn set_suspended(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    suspended: bool,
) -> Result<Subscription> {
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write(&namespace, move |tx| {
        let mut row = subscription::find(tx, id)?;
        row.suspended = suspended;
        row.why = None;
        subscription::save(tx, &mut row)?;
        if !suspended {
            push(tx, &row)?;
        }
        let kind = if suspended {
            "subscription.suspended"
        } else {
            "subscription.resumed"
        };
        tx.append(told(kind, &row, &who));
        Ok(row.shown())
    });
    write.await
}

/// Let what waits for its next attempt, or holds, go now.
fn push(tx: &mut Tx<'_, '_>, row: &Stored) -> Result<()> {
    let mut found = progress::find(tx, row.id)?;
    let rules = Rules {
        retry: row.settings.retry,
        on_error: row.settings.on_error,
    };
    if let Ok(step) = state::step(found.phase, Event::Resumed, tx.now(), &rules, 0) {
        found.phase = step.phase;
        progress::save(tx, row.id, &found)?;
    }
    Ok(())
}

fn told(kind: &'static str, row: &Stored, who: &Principal) -> Fact {
    Fact::new(kind, 1).about(&row.id, version(row)).by(who)
}
