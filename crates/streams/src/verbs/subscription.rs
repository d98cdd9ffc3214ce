//! Create, read, update, suspend, resume and delete subscriptions.

use super::position::initial_cursors;
use crate::engine::{Streams, shard_of};
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, Secrets};
use crate::state::{self, Event};
use crate::subscription::{Change, Configuration, NewSubscription, Subscription};
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use crate::table::{cursor, delivery};
use crate::validate;
use serde::Serialize;
use store::Tx;
use store::idempotency::{Claim, ClaimOutcome, claim};
use types::{Digest, Page, Principal, SubscriptionId, canonical_json};
use utoipa::ToSchema;

/// The scope of idempotency keys, as `<noun>.<verb>`.
const IDEMPOTENCY_SCOPE: &str = "subscription.create";

/// A subscription at the moment it is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CreatedSubscription)]
pub struct Created {
    pub subscription: Subscription,
    /// The secret that signs the webhooks. It cannot be retrieved later. Absent for WebSockets and
    /// in replayed responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<NewSecret>,
    /// Whether an earlier call with the same idempotency key created it.
    #[serde(skip)]
    pub replayed: bool,
}

/// Create a subscription. `key` is the caller's idempotency key.
///
/// Errors: `streams.invalid_field` with the field, `streams.name_taken`, `streams.limit_exceeded`,
/// `streams.idempotency_key_reused`.
pub async fn subscribe(
    streams: &Streams,
    principal: &Principal,
    new: NewSubscription,
    key: Option<&str>,
) -> Result<Created> {
    validate::new(&new, streams.parts.outbound.address_policy())?;
    let command = hash(&new);
    let from = new.from.clone();
    let (row, secret) = prepare(streams, new)?;
    let limit = streams.settings.subscriptions_per_namespace;
    let args = (principal.clone(), key.map(str::to_owned), row);
    let write = streams.on().write_unscoped_with(args, move |tx, args| {
        let (principal, key, row) = args;
        let heads = store::partitions(tx)?;
        let tx = &mut tx.scoped(&principal.namespace);
        if let Some(existing) = replayed(tx, key.as_deref(), command, row.id)? {
            return Ok(Created {
                subscription: subscription::find(tx, existing)?.into(),
                secret: None,
                replayed: true,
            });
        }
        if subscription::count(tx)? >= u64::from(limit) {
            return Err(Error::LimitExceeded { limit });
        }
        let (mut row, now) = (row.clone(), tx.now());
        (row.created, row.updated) = (now, now);
        if !subscription::insert(tx, &row)? {
            return Err(Error::NameTaken { name: row.name });
        }
        progress::insert(tx, SubscriptionProgress::new(row.id, row.shard, now))?;
        cursor::put(tx, row.id, row.shard, initial_cursors(&from, &heads)?)?;
        let fact = row.fact("subscription.created", principal);
        let subscription = Subscription::from(row);
        let payload = serde_json::json!({ "subscription": subscription, "from": from });
        tx.append(fact.payload(&payload));
        Ok(Created {
            subscription,
            secret: secret.clone(),
            replayed: false,
        })
    });
    write.await
}

fn hash(new: &NewSubscription) -> Digest {
    let value = serde_json::to_value(new).expect("a request is plain data and always serializes");
    Digest::of(canonical_json(&value).as_bytes())
}

/// The row with its encrypted secrets. Runs outside the transaction.
fn prepare(
    streams: &Streams,
    new: NewSubscription,
) -> Result<(StoredSubscription, Option<NewSecret>)> {
    let (now, entropy) = (streams.now(), streams.entropy());
    let id = SubscriptionId::new(now, entropy);
    let mut delivery = new.delivery;
    let mut secrets = Secrets::new(delivery.split_secrets());
    let secret = delivery
        .is_signed()
        .then(|| secrets.rotate(now, 0, entropy))
        .transpose()?;
    let row = StoredSubscription {
        id,
        version: 1,
        shard: shard_of(id),
        name: new.name,
        kind: delivery.sink().to_owned(),
        pushes: delivery.is_pushed(),
        settings: Configuration {
            filter: new.filter,
            delivery,
            retry: new.retry,
            on_error: new.on_error,
        },
        encrypted: secrets.encrypt(&streams.parts.keyring, id, entropy)?,
        suspended: new.suspended,
        why: None,
        created: now,
        updated: now,
    };
    Ok((row, secret))
}

fn replayed(
    tx: &mut Tx,
    key: Option<&str>,
    command: Digest,
    id: SubscriptionId,
) -> Result<Option<SubscriptionId>> {
    let Some(key) = key else { return Ok(None) };
    let claims = [Claim {
        key,
        command_hash: Some(command),
        resource: id.to_string(),
    }];
    match claim(tx, IDEMPOTENCY_SCOPE, &claims)?.pop() {
        Some(ClaimOutcome::Replayed { resource }) => Ok(resource.parse().ok()),
        Some(ClaimOutcome::Conflict { .. }) => Err(Error::IdempotencyKeyReused),
        Some(ClaimOutcome::Fresh) | None => Ok(None),
    }
}

/// Get a subscription. Errors: `streams.unknown_subscription`.
pub async fn subscription(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Subscription> {
    Ok(streams.find(principal, id).await?.into())
}

/// List the subscriptions of the namespace by id; `page.after` is the last id of the previous page.
pub async fn subscriptions(
    streams: &Streams,
    principal: &Principal,
    page: &Page,
) -> Result<Vec<Subscription>> {
    let page = page.clone();
    let rows = streams.db().read(&principal.namespace, move |tx| {
        subscription::list(tx, &page)
    });
    Ok(rows.await?.into_iter().map(Subscription::from).collect())
}

/// Update a subscription. Waiting events use the new delivery; the new filter applies to facts that
/// are read after the change.
///
/// Errors: `streams.invalid_field` with the field, `streams.unknown_subscription`,
/// `streams.name_taken`, `streams.version_conflict`, `streams.delivery_type_mismatch`.
pub async fn update(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    change: Change,
) -> Result<Subscription> {
    validate::change(&change, streams.parts.outbound.address_policy())?;
    let before = streams.find(principal, id).await?;
    let version = before.version;
    before.check_version(change.version.unwrap_or(version))?;
    let retries = change.delivery.is_some();
    let after = changed(streams, before, change)?;
    let write = streams
        .on()
        .write_as(principal, after, move |tx, principal, after| {
            subscription::find(tx, id)?.check_version(version)?;
            let mut row = after.clone();
            if subscription::id_by_name(tx, &row.name)?.is_some_and(|other| other != id) {
                return Err(Error::NameTaken { name: row.name });
            }
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
    let write = streams.on().write_as(principal, id, |tx, principal, &id| {
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
    if let Some(mut delivery) = change.delivery {
        settings.delivery.check_same_type(&delivery)?;
        let keyring = &streams.parts.keyring;
        let mut secrets = Secrets::decrypt(keyring, row.id, &row.encrypted)?;
        delivery.keep_secrets(&secrets.values);
        secrets.values = delivery.split_secrets();
        row.encrypted = secrets.encrypt(keyring, row.id, streams.entropy())?;
        settings.delivery = delivery;
    }
    Ok(row)
}

async fn set_suspended(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    suspended: bool,
) -> Result<Subscription> {
    let write = streams
        .on()
        .write_as(principal, id, move |tx, principal, &id| {
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
fn retry_now(tx: &mut Tx, row: &StoredSubscription) -> Result<()> {
    let (mut progress, now) = (progress::find(tx, row.id)?, tx.now());
    let rules = row.settings.rules();
    if let Ok(step) = state::step(progress.phase(), Event::Resumed, now, &rules, 0) {
        progress.enter(step.phase, now);
        progress.save(tx)?;
    }
    Ok(())
}
