//! Subscribe.

use super::rewind::starting;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, Secrets};
use crate::streams::{Streams, shard_of};
use crate::subscription::{Delivery, From, NewSubscription, Subscription};
use crate::table::{cursor, progress, subscription};
use crate::validate;
use serde::Serialize;
use store::idempotency::{Claim, Claimed, claim};
use store::{Fact, Tx};
use types::{Digest, Principal, SubscriptionId, canonical_json};

const VERB: &str = "subscription.create";

/// A subscription that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    /// The subscription.
    pub subscription: Subscription,
    /// The secret that signs its webhooks. It is never shown again; none for other deliveries, and
    /// none in a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<NewSecret>,
    /// Whether an earlier command with the same idempotency key made it.
    #[serde(skip)]
    pub replayed: bool,
}

/// Make a subscription. `key` is the caller's idempotency key.
///
/// Errors: `streams.invalid` naming the field, `streams.name_taken`, `streams.too_many`,
/// `streams.key_reused`.
pub async fn subscribe(
    streams: &Streams,
    who: &Principal,
    new: NewSubscription,
    key: Option<&str>,
) -> Result<Created> {
    validate::new(&new, streams.outbound.guard())?;
    let command = hash(&new);
    let (row, secret) = prepare(streams, &new)?;
    let (streams_limits, who, key) = (streams.limits, who.clone(), key.map(str::to_owned));
    let namespace = who.namespace.clone();
    let write = streams.writer().write_unbound(move |tx| {
        let heads = store::partitions(tx)?;
        let tx = &mut tx.bound(&namespace);
        if let Some(made) = replayed(tx, key.as_deref(), command, row.id)? {
            return Ok(Created {
                subscription: subscription::find(tx, made)?.shown(),
                secret: None,
                replayed: true,
            });
        }
        if subscription::count(tx)? >= i64::from(streams_limits.subscriptions) {
            return Err(Error::TooMany {
                limit: streams_limits.subscriptions,
            });
        }
        if !subscription::insert(tx, &row)? {
            return Err(Error::NameTaken {
                name: row.name.clone(),
            });
        }
        progress::insert(tx, row.id, row.shard)?;
        cursor::put(tx, row.id, row.shard, &starting(&new.from, &heads)?)?;
        let made = subscription::find(tx, row.id)?.shown();
        tx.append(told(&made, &new.from, &who));
        Ok(Created {
            subscription: made,
            secret: secret.clone(),
            replayed: false,
        })
    });
    write.await
}

fn told(made: &Subscription, from: &From, who: &Principal) -> Fact {
    #[derive(Serialize)]
    struct Says<'a> {
        subscription: &'a Subscription,
        from: &'a From,
    }
    let says = Says {
        subscription: made,
        from,
    };
    Fact::new("subscription.created", 1)
        .about(&made.id, 1)
        .by(who)
        .says(&says)
}

fn hash(new: &NewSubscription) -> Digest {
    let value = serde_json::to_value(new).expect("a command is plain data and always serializes");
    Digest::of(canonical_json(&value).as_bytes())
}

/// The row, with its secrets sealed: outside the transaction.
fn prepare(
    streams: &Streams,
    new: &NewSubscription,
) -> Result<(subscription::New, Option<NewSecret>)> {
    let (now, entropy) = (streams.db.clock().now(), streams.db.entropy().as_ref());
    let id = SubscriptionId::new(now, entropy);
    let (delivery, headers) = without_values(new.delivery.clone());
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
    let row = subscription::New {
        id,
        shard: shard_of(id),
        name: new.name.clone(),
        settings,
        sealed: secrets.seal(&streams.keyring, id, entropy)?,
        suspended: new.suspended,
    };
    Ok((row, secret))
}

/// A delivery as it may be shown, and the values of its headers.
pub(super) fn without_values(
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
        command: Some(command),
        resource: id.to_string(),
    }];
    match claim(tx, VERB, &claims)?.pop() {
        Some(Claimed::Replayed { resource }) => Ok(resource.parse().ok()),
        Some(Claimed::Conflict { .. }) => Err(Error::KeyReused),
        Some(Claimed::Fresh) | None => Ok(None),
    }
}
