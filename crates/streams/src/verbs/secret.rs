//! Rotate signing secrets, and reencrypt the secrets of subscriptions.

use crate::engine::Streams;
use crate::error::{Error, Result};
use crate::secrets::{NewSecret, SecretInfo, Secrets, encryption_context};
use crate::sink;
use crate::table::subscription::{self, Encrypted, Reencrypted};
use secrets::ReencryptionStep;
use store::{Fact, InNamespace};
use types::{Namespace, Principal, SubscriptionId, Time};

/// Subscriptions reencrypted in one transaction.
const REENCRYPT_BATCH: u32 = 200;

/// Create a second secret, returned only here. Both sign for `overlap_ms`; then the older one
/// expires.
///
/// Errors: `streams.unknown_subscription`, `streams.delivery_type_mismatch` if the delivery is not
/// signed, `streams.rotation_in_progress`.
pub async fn rotate_secret(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    overlap_ms: u64,
) -> Result<NewSecret> {
    let kind = "subscription.secret_rotated";
    change(streams, principal, id, kind, |secrets, now| {
        let new_secret = secrets.rotate(now, overlap_ms, streams.entropy())?;
        Ok((new_secret.id.clone(), new_secret))
    })
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
    let kind = "subscription.secret_retired";
    change(streams, principal, id, kind, |secrets, now| {
        secrets.retire(now, secret)?;
        Ok((secret.to_owned(), ()))
    })
    .await
}

/// List the live secrets, without their text. Errors: `streams.unknown_subscription`.
pub async fn secrets(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
) -> Result<Vec<SecretInfo>> {
    let row = streams.find(principal, id).await?;
    Ok(Secrets::decrypt(&streams.parts.keyring, id, &row.encrypted)?.infos(streams.now()))
}

/// Count the subscriptions that are encrypted under an older data key than the newest.
pub async fn count_outdated_secrets(streams: &Streams) -> Result<u64> {
    let key_prefix = streams.parts.keyring.current_prefix();
    streams
        .db()
        .read_unscoped(move |tx| subscription::count_encrypted_before(tx, &key_prefix))
        .await
}

/// Reencrypt the next batch of subscriptions under the newest data key. `after` is the position
/// that the previous call returned; empty at first.
pub async fn reencrypt(streams: &Streams, after: &str) -> Result<ReencryptionStep> {
    let args = (streams.parts.keyring.current_prefix(), after.to_owned());
    let read = streams
        .db()
        .read_unscoped_with(args, |tx, (key_prefix, after)| {
            let after = after.split_once('/').unwrap_or_default();
            subscription::encrypted_before(tx, key_prefix, after, REENCRYPT_BATCH)
        });
    let old = read.await?;
    let Some(last) = old.last() else {
        return Ok(ReencryptionStep::default());
    };
    let after = format!("{}/{}", last.namespace, last.row.id);
    let read_count = old.len() as u64;
    let rows: Vec<Reencrypted> = old
        .into_iter()
        .filter_map(|row| reencrypt_row(streams, row))
        .collect();
    let undecryptable = read_count - rows.len() as u64;
    let version = streams.parts.keyring.current_version();
    let write = streams.on().write_unscoped(move |tx| {
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
        undecryptable,
        after: Some(after),
    })
}

fn reencrypt_row(streams: &Streams, row: InNamespace<Encrypted>) -> Option<Reencrypted> {
    let InNamespace {
        namespace,
        row: old,
    } = row;
    let (id, keyring) = (old.id, &streams.parts.keyring);
    let key = id.to_string();
    match keyring.reencrypt(&encryption_context(&key), &old.encrypted, streams.entropy()) {
        Ok(new) => Some(Reencrypted {
            namespace,
            old,
            new,
        }),
        Err(error) => {
            tracing::error!(event = "subscription.undecryptable", %namespace, subscription = %id, %error, "the secrets of a subscription cannot be decrypted");
            None
        }
    }
}

/// Decrypt, change, encrypt and store secrets. Only the last step is inside the transaction, which
/// fails if the version has changed since the read.
async fn change<T>(
    streams: &Streams,
    principal: &Principal,
    id: SubscriptionId,
    kind: &'static str,
    action: impl FnOnce(&mut Secrets, Time) -> Result<(String, T)>,
) -> Result<T> {
    let mut row = streams.find(principal, id).await?;
    if !row.settings.delivery.is_signed() {
        return Err(Error::DeliveryTypeMismatch {
            expected: sink::names(|sink| sink.signs),
        });
    }
    let mut secrets = Secrets::decrypt(&streams.parts.keyring, id, &row.encrypted)?;
    let (secret, result) = action(&mut secrets, streams.now())?;
    row.encrypted = secrets.encrypt(&streams.parts.keyring, id, streams.entropy())?;
    drop(secrets);
    let payload = serde_json::json!({ "secret": secret });
    let write = streams.on().write_as(
        principal,
        (row, payload),
        move |tx, principal, (row, payload)| {
            subscription::find(tx, row.id)?.check_version(row.version)?;
            let mut next = row.clone();
            subscription::save(tx, &mut next)?;
            tx.append(next.fact(kind, principal).payload(payload));
            Ok::<_, Error>(())
        },
    );
    write.await?;
    Ok(result)
}
