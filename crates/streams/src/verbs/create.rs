//! Create subscriptions.

use super::rewind::initial_cursors;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, Secrets};
use crate::streams::{Streams, shard_of};
use crate::subscription::{Configuration, NewSubscription, StartAt, Subscription};
use crate::table::cursor;
use crate::table::progress::{self, SubscriptionProgress};
use crate::table::subscription::{self, StoredSubscription};
use crate::validate;
use serde::Serialize;
use store::Tx;
use store::idempotency::{Claim, ClaimOutcome, claim};
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
    let from = new.from.clone();
    let (row, secret) = prepare(streams, new)?;
    let limit = streams.limits.subscriptions_per_namespace;
    let args = (principal.clone(), key.map(str::to_owned), row);
    let write = streams.writer().write_unscoped_with(args, move |tx, args| {
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
        let now = tx.now();
        let row = StoredSubscription {
            created: now,
            updated: now,
            ..row.clone()
        };
        if !subscription::insert(tx, &row)? {
            return Err(Error::NameTaken { name: row.name });
        }
        progress::insert(tx, SubscriptionProgress::new(row.id, row.shard, now))?;
        cursor::put(tx, row.id, row.shard, initial_cursors(&from, &heads)?)?;
        let fact = row.fact("subscription.created", principal);
        let subscription = Subscription::from(row);
        tx.append(fact.payload(&CreatedPayload {
            subscription: &subscription,
            from: &from,
        }));
        Ok(Created {
            subscription,
            secret: secret.clone(),
            replayed: false,
        })
    });
    write.await
}

#[derive(Serialize)]
struct CreatedPayload<'a> {
    subscription: &'a Subscription,
    from: &'a StartAt,
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
        encrypted: secrets.encrypt(&streams.keyring, id, entropy)?,
        suspended: new.suspended,
        why: None,
        created: now,
        updated: now,
    };
    Ok((row, secret))
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
