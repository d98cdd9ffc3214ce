//! Rotate the secrets that sign webhooks.

use super::rewind::version;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, SecretInfo, Secrets};
use crate::streams::Streams;
use crate::subscription::Delivery;
use crate::table::subscription::{self, Stored};
use store::Fact;
use types::{Page, Principal, SubscriptionId, Time};

/// Make a second secret, shown this once. Both sign for `overlap_ms`; then the older one signs no more.
///
/// Errors: `streams.unknown_subscription`, `streams.kind` if no webhook is signed, `streams.two_secrets`.
pub async fn rotate_secret(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    overlap_ms: u64,
) -> Result<NewSecret> {
    let entropy = streams.db.entropy().clone();
    change(streams, who, id, "subscription.secret_rotated", move |secrets, now| {
        let fresh = secrets.rotate(now, overlap_ms, entropy.as_ref())?;
        Ok((fresh.id.clone(), fresh))
    })
    .await
}

/// Let a secret sign no more, at once. Errors: `streams.unknown_secret`, `streams.last_secret`, as [`rotate_secret`].
pub async fn retire_secret(streams: &Streams, who: &Principal, id: SubscriptionId, secret: &str) -> Result<()> {
    let secret = secret.to_owned();
    change(streams, who, id, "subscription.secret_retired", move |secrets, now| {
        secrets.retire(now, &secret)?;
        Ok((secret.clone(), ()))
    })
    .await
}

/// The secrets that sign now, without their text. Errors: `streams.unknown_subscription`.
pub async fn secrets(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Vec<SecretInfo>> {
    let row = find(streams, who, id).await?;
    Ok(Secrets::open(&streams.keyring, id, &row.sealed)?.shown(streams.db.clock().now()))
}

/// Seal the secrets of a namespace anew that are not under the newest data key; how many those were.
pub async fn reseal(streams: &Streams, who: &Principal) -> Result<u64> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let from = after.clone();
        let read = streams.db.read(&who.namespace, move |tx| subscription::list(tx, &from, Page::MAX_LIMIT, 0));
        let rows = read.await?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.id.to_string();
        for row in rows.into_iter().filter(|row| !streams.keyring.is_current(&row.sealed)) {
            change(streams, who, row.id, "subscription.resealed", |_, _| Ok((String::new(), ()))).await?;
            count += 1;
        }
    }
}

/// [`reseal`] for all namespaces: after the keys of the installation were rotated.
pub async fn reseal_all(streams: &Streams) -> Result<u64> {
    let mut count = 0;
    for (namespace,) in streams.db.read_unbound(subscription::namespaces).await? {
        count += reseal(streams, &Principal::system("streams", namespace)).await?;
    }
    Ok(count)
}

async fn find(streams: &Streams, who: &Principal, id: SubscriptionId) -> Result<Stored> {
    streams.db.read(&who.namespace, move |tx| subscription::find(tx, id)).await
}

/// Open, change, seal and store: the first two outside the transaction, which then insists on the version that was read.
async fn change<T: Clone + Send + 'static>(
    streams: &Streams,
    who: &Principal,
    id: SubscriptionId,
    kind: &'static str,
    mut with: impl FnMut(&mut Secrets, Time) -> Result<(String, T)>,
) -> Result<T> {
    let mut row = find(streams, who, id).await?;
    if kind != "subscription.resealed" && !matches!(row.settings.delivery, Delivery::Webhook { .. }) {
        return Err(Error::Kind { expected: "webhook" });
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
            return Err(Error::Stale { expected: row.version, found });
        }
        let mut next = row.clone();
        subscription::save(tx, &mut next)?;
        let says = serde_json::json!({ "secret": about });
        tx.append(Fact::new(kind, 1).about(&id, version(&next)).by(&who).says(&says));
        Ok(answer.clone())
    });
    write.await
}
