//! Rotate the secrets that sign webhooks.

use super::rewind::version;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, SecretInfo, Secrets, place};
use crate::streams::Streams;
use crate::subscription::Delivery;
use crate::table::subscription::{self, Anew, Stored};
use store::secret::Resealed;
use store::{Fact, Unbound};
use types::{Namespace, Principal, SubscriptionId, Time};

/// Subscriptions sealed anew in one transaction.
const STEP: u32 = 200;

/// Make a second secret, shown this once. Both sign for `overlap_ms`; then the older one signs no
/// more.
///
/// Errors: `streams.unknown_subscription`, `streams.kind` if no webhook is signed,
/// `streams.two_secrets`.
pub async fn rotate_secret(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    overlap_ms: u64,
) -> Result<NewSecret> {
    let entropy = streams.db.entropy().clone();
    change(
        streams,
        who,
        id,
        "subscription.secret_rotated",
        move |secrets, now| {
            let fresh = secrets.rotate(now, overlap_ms, entropy.as_ref())?;
            Ok((fresh.id.clone(), fresh))
        },
    )
    .await
}

/// Let a secret sign no more, at once. Errors: `streams.unknown_secret`, `streams.last_secret`, as
/// [`rotate_secret`].
pub async fn retire_secret(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    secret: &str,
) -> Result<()> {
    let secret = secret.to_owned();
    change(
        streams,
        who,
        id,
        "subscription.secret_retired",
        move |secrets, now| {
            secrets.retire(now, &secret)?;
            Ok((secret.clone(), ()))
        },
    )
    .await
}

/// The secrets that sign now, without their text. Errors: `streams.unknown_subscription`.
pub async fn secrets(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
) -> Result<Vec<SecretInfo>> {
    let row = find(streams, who, id).await?;
    Ok(Secrets::open(&streams.keyring, id, &row.sealed)?.shown(streams.db.clock().now()))
}

/// How many subscriptions are sealed under an older data key than the newest.
pub async fn sealed_before(streams: &Streams) -> Result<u64> {
    let head = streams.keyring.head();
    Ok(streams
        .db
        .read_unbound(move |tx| subscription::count_before(tx, &head))
        .await?
        .max(0)
        .cast_unsigned())
}

/// Seal anew under the newest data key what is under older ones: a step, behind a place that the
/// step before has named.
pub async fn reseal(streams: &Streams, after: &str) -> Result<Resealed> {
    let (head, place) = (streams.keyring.head(), after.to_owned());
    let read = move |tx: &mut Unbound<'_, '_>| {
        subscription::sealed_before(tx, &head, place.split_once('/').unwrap_or_default(), STEP)
    };
    let old = streams.db.read_unbound(read).await?;
    let Some(after) = old.last().map(|row| format!("{}/{}", row.0, row.1)) else {
        return Ok(Resealed::default());
    };
    let seen = old.len() as u64;
    let rows: Vec<Anew> = old
        .into_iter()
        .filter_map(|row| anew(streams, row))
        .collect();
    let (broken, version) = (seen - rows.len() as u64, streams.keyring.version());
    let write = streams.writer().write_unbound(move |tx| {
        let resealed = subscription::reseal(tx, &rows)?;
        if resealed > 0 {
            let says = serde_json::json!({ "version": version, "of": "subscriptions", "resealed": resealed });
            let who = Principal::system("rotation", Namespace::installation());
            tx.append(&Namespace::installation(), Fact::new("keyring.resealed", 1).by(&who).says(&says));
        }
        Ok::<_, Error>(resealed)
    });
    Ok(Resealed {
        resealed: write.await?,
        broken,
        after: Some(after),
    })
}

fn anew(
    streams: &Streams,
    (namespace, id, old): (Namespace, SubscriptionId, Vec<u8>),
) -> Option<Anew> {
    match streams
        .keyring
        .reseal(&place(&id.to_string()), &old, streams.db.entropy().as_ref())
    {
        Ok(new) => Some((namespace, id, old, new)),
        Err(error) => {
            tracing::error!(%namespace, subscription = %id, %error, "the secrets of a subscription do not open");
            None
        }
    }
}

async fn find(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Stored> {
    streams
        .db
        .read(&who.namespace, move |tx| subscription::find(tx, id))
        .await
}

/// Open, change, seal and store: the first two outside the transaction, which then insists on the
/// version that was read.
async fn change<T: Clone + Send + 'static>(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    kind: &'static str,
    mut with: impl FnMut(&mut Secrets, Time) -> Result<(String, T)>,
) -> Result<T> {
    let mut row = find(streams, who, id).await?;
    if !matches!(row.settings.delivery, Delivery::Webhook { .. }) {
        return Err(Error::Kind {
            expected: "webhook",
        });
    }
    let mut open = Secrets::open(&streams.keyring, id, &row.sealed)?;
    let (about, answer) = with(&mut open, streams.db.clock().now())?;
    row.sealed = open.seal(&streams.keyring, id, streams.db.entropy().as_ref())?;
    drop(open);
    let who = who.clone();
    let namespace = who.namespace.clone();
    let write = streams.writer().write(&namespace, move |tx| {
        let found = subscription::find(tx, id)?.version;
        if found != row.version {
            return Err(Error::Stale {
                expected: row.version,
                found,
            });
        }
        let mut next = row.clone();
        subscription::save(tx, &mut next)?;
        let says = serde_json::json!({ "secret": about });
        tx.append(
            Fact::new(kind, 1)
                .about(&id, version(&next))
                .by(&who)
                .says(&says),
        );
        Ok(answer.clone())
    });
    write.await
}
