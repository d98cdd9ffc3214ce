//! Rotate signing secrets, and reencrypt the secrets of subscriptions.

use super::rewind::version;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, SecretInfo, Secrets, encryption_context};
use crate::streams::Streams;
use crate::subscription::Delivery;
use crate::table::subscription::{self, Reencrypted, StoredSubscription};
use store::secrets::ReencryptionStep;
use store::{Fact, UnscopedTx};
use types::{Namespace, Principal, SubscriptionId, Time};

/// Subscriptions reencrypted in one transaction.
const REENCRYPT_BATCH: u32 = 200;

/// Create a second secret, returned only here. Both sign for `overlap_ms`; then the older one
/// expires.
///
/// Errors: `streams.unknown_subscription`, `streams.delivery_type_mismatch` if the delivery is not
/// a webhook, `streams.rotation_in_progress`.
pub async fn rotate_secret(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    overlap_ms: u64,
) -> Result<NewSecret> {
    let entropy = streams.db.entropy().clone();
    change(
        streams,
        principal,
        id,
        "subscription.secret_rotated",
        move |secrets, now| {
            let new_secret = secrets.rotate(now, overlap_ms, entropy.as_ref())?;
            Ok((new_secret.id.clone(), new_secret))
        },
    )
    .await
}

/// Stop signing with a secret immediately. Errors: `streams.unknown_secret`, `streams.last_secret`,
/// and as [`rotate_secret`].
pub async fn retire_secret(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    secret: &str,
) -> Result<()> {
    let secret = secret.to_owned();
    change(
        streams,
        principal,
        id,
        "subscription.secret_retired",
        move |secrets, now| {
            secrets.retire(now, &secret)?;
            Ok((secret.clone(), ()))
        },
    )
    .await
}

/// List the live secrets, without their text. Errors: `streams.unknown_subscription`.
pub async fn secrets(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Vec<SecretInfo>> {
    let row = find(streams, principal, id).await?;
    Ok(Secrets::decrypt(&streams.keyring, id, &row.encrypted)?.infos(streams.db.clock().now()))
}

/// Count the subscriptions that are encrypted under an older data key than the newest.
pub async fn count_outdated_secrets(streams: &Streams) -> Result<u64> {
    let key_prefix = streams.keyring.current_prefix();
    Ok(streams
        .db
        .read_unscoped(move |tx| subscription::count_encrypted_before(tx, &key_prefix))
        .await?
        .max(0)
        .cast_unsigned())
}

/// Reencrypt the next batch of subscriptions under the newest data key. `after` is the position
/// that the previous call returned; empty at first.
pub async fn reencrypt(streams: &Streams, after: &str) -> Result<ReencryptionStep> {
    let (key_prefix, after) = (streams.keyring.current_prefix(), after.to_owned());
    let read = move |tx: &mut UnscopedTx<'_, '_>| {
        let after = after.split_once('/').unwrap_or_default();
        subscription::encrypted_before(tx, &key_prefix, after, REENCRYPT_BATCH)
    };
    let old = streams.db.read_unscoped(read).await?;
    let Some(after) = old.last().map(|row| format!("{}/{}", row.0, row.1)) else {
        return Ok(ReencryptionStep::default());
    };
    let read_count = old.len() as u64;
    let rows: Vec<Reencrypted> = old
        .into_iter()
        .filter_map(|row| reencrypt_row(streams, row))
        .collect();
    let (broken, version) = (
        read_count - rows.len() as u64,
        streams.keyring.current_version(),
    );
    let write = streams.writer().write_unscoped(move |tx| {
        let reencrypted = subscription::reencrypt(tx, &rows)?;
        if reencrypted > 0 {
            let payload = serde_json::json!({ "version": version, "of": "subscriptions", "reencrypted": reencrypted });
            let principal = Principal::system("rotation", Namespace::installation());
            tx.append(&Namespace::installation(), Fact::new("keyring.reencrypted", 1).actor(&principal).payload(&payload));
        }
        Ok::<_, Error>(reencrypted)
    });
    Ok(ReencryptionStep {
        reencrypted: write.await?,
        undecryptable: broken,
        after: Some(after),
    })
}

fn reencrypt_row(
    streams: &Streams,
    (namespace, id, old): (Namespace, SubscriptionId, Vec<u8>),
) -> Option<Reencrypted> {
    match streams.keyring.reencrypt(
        &encryption_context(&id.to_string()),
        &old,
        streams.db.entropy().as_ref(),
    ) {
        Ok(new) => Some((namespace, id, old, new)),
        Err(error) => {
            tracing::error!(event = "subscription.undecryptable", %namespace, subscription = %id, %error, "the secrets of a subscription cannot be decrypted");
            None
        }
    }
}

async fn find(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<StoredSubscription> {
    streams
        .db
        .read(&principal.namespace, move |tx| subscription::find(tx, id))
        .await
}

/// Decrypt, change, encrypt and store secrets. Only the last step is inside the transaction, which
/// fails if the version has changed since the read.
async fn change<T: Clone + Send + 'static>(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    kind: &'static str,
    mut action: impl FnMut(&mut Secrets, Time) -> Result<(String, T)>,
) -> Result<T> {
    let mut row = find(streams, principal, id).await?;
    if !matches!(row.settings.delivery, Delivery::Webhook { .. }) {
        return Err(Error::DeliveryTypeMismatch {
            expected: "webhook",
        });
    }
    let mut secrets = Secrets::decrypt(&streams.keyring, id, &row.encrypted)?;
    let (secret_id, result) = action(&mut secrets, streams.db.clock().now())?;
    row.encrypted = secrets.encrypt(&streams.keyring, id, streams.db.entropy().as_ref())?;
    drop(secrets);
    let principal = principal.clone();
    let namespace = principal.namespace;
    let write = streams.writer().write(&namespace, move |tx| {
        let actual = subscription::find(tx, id)?.version;
        if actual != row.version {
            return Err(Error::VersionConflict {
                expected: row.version,
                actual,
            });
        }
        let mut next = row.clone();
        subscription::save(tx, &mut next)?;
        let payload = serde_json::json!({ "secret": secret_id });
        tx.append(
            Fact::new(kind, 1)
                .subject(&id, version(&next))
                .actor(&principal)
                .payload(&payload),
        );
        Ok(result.clone())
    });
    write.await
}
