//! Create subscriptions.

use super::rewind::initial_cursors;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, Secrets};
use crate::streams::{Streams, shard_of};
use crate::subscription::{Delivery, NewSubscription, StartAt, Subscription};
use crate::table::{cursor, progress, subscription};
use crate::validate;
use serde::Serialize;
use store::idempotency::{Claim, ClaimOutcome, claim};
use store::{Fact, Tx};
use types::{Digest, Principal, SubscriptionId, canonical_json};

const VERB: &str = "subscription.create";

/// The result of creating a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    pub subscription: Subscription,
    /// The secret that signs its webhooks, returned only here. `None` for other deliveries and in
    /// a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<NewSecret>,
    /// Whether an earlier call with the same idempotency key created it.
    #[serde(skip)]
    pub replayed: bool,
}

/// Create a subscription. `key` is the caller's idempotency key.
///
/// Errors: `streams.invalid` with the field, `streams.name_taken`, `streams.limit_exceeded`,
/// `streams.idempotency_key_reused`.
pub async fn subscribe(
    streams: &Streams,
    principal: &Principal,
    new: NewSubscription,
    key: Option<&str>,
) -> Result<Created> {
    validate::new(&new, streams.outbound.address_policy())?;
    let command = hash(&new);
    let (row, secret) = prepare(streams, &new)?;
    let (limits, principal, key) = (streams.limits, principal.clone(), key.map(str::to_owned));
    let namespace = principal.namespace;
    let write = streams.writer().write_unscoped(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.scoped(&namespace);
        if let Some(existing) = replayed(tx, key.as_deref(), command, row.id)? {
            return Ok(Created {
                subscription: subscription::find(tx, existing)?.view(),
                secret: None,
                replayed: true,
            });
        }
        if subscription::count(tx)? >= i64::from(limits.subscriptions_per_namespace) {
            return Err(Error::LimitExceeded {
                limit: limits.subscriptions_per_namespace,
            });
        }
        if !subscription::insert(tx, &row)? {
            return Err(Error::NameTaken {
                name: row.name.clone(),
            });
        }
        progress::insert(tx, row.id, row.shard)?;
        cursor::put(tx, row.id, row.shard, &initial_cursors(&new.from, &heads)?)?;
        let subscription = subscription::find(tx, row.id)?.view();
        tx.append(created(&subscription, &new.from, &principal));
        Ok(Created {
            subscription,
            secret: secret.clone(),
            replayed: false,
        })
    });
    write.await
}

fn created(subscription: &Subscription, from: &StartAt, principal: &Principal) -> Fact {
    #[derive(Serialize)]
    struct Payload<'a> {
        subscription: &'a Subscription,
        from: &'a StartAt,
    }
    let payload = Payload { subscription, from };
    Fact::new("subscription.created", 1)
        .subject(&subscription.id, 1)
        .actor(principal)
        .payload(&payload)
}

fn hash(new: &NewSubscription) -> Digest {
    let value = serde_json::to_value(new).expect("a request is plain data and always serializes");
    Digest::of(canonical_json(&value).as_bytes())
}

/// The row with its encrypted secrets. Runs outside the transaction.
fn prepare(
    streams: &Streams,
    new: &NewSubscription,
) -> Result<(subscription::NewRow, Option<NewSecret>)> {
    let (now, entropy) = (streams.db.clock().now(), streams.db.entropy().as_ref());
    let id = SubscriptionId::new(now, entropy);
    let (delivery, headers) = split_header_values(new.delivery.clone());
    let mut secrets = Secrets::new(headers);
    let is_webhook = matches!(delivery, Delivery::Webhook { .. });
    let secret = is_webhook
        .then(|| secrets.rotate(now, 0, entropy))
        .transpose()?;
    let settings = subscription::Settings {
        filter: new.filter.clone(),
        delivery,
        retry: new.retry,
        on_error: new.on_error,
    };
    let row = subscription::NewRow {
        id,
        shard: shard_of(id),
        name: new.name.clone(),
        settings,
        encrypted: secrets.encrypt(&streams.keyring, id, entropy)?,
        suspended: new.suspended,
    };
    Ok((row, secret))
}

/// Split a delivery into one with empty header values and the values.
pub(super) fn split_header_values(
    mut delivery: Delivery,
) -> (Delivery, std::collections::BTreeMap<String, String>) {
    let mut values = std::collections::BTreeMap::new();
    if let Delivery::Webhook {
        headers: Some(headers),
        ..
    } = &mut delivery
    {
        values.clone_from(headers);
        headers.values_mut().for_each(String::clear);
    }
    (delivery, values)
}

fn replayed(
    tx: &mut Tx<'_, '_>,
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
    match claim(tx, VERB, &claims)?.pop() {
        Some(ClaimOutcome::Replayed { resource }) => Ok(resource.parse().ok()),
        Some(ClaimOutcome::Conflict { .. }) => Err(Error::IdempotencyKeyReused),
        Some(ClaimOutcome::Fresh) | None => Ok(None),
    }
}
